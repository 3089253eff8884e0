"""`/ad_accounts/{ad_account_id}/customer_lists`: list, get, create and update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_emulator import errors, guesses
from pinterest_emulator.checks import values as checks
from pinterest_emulator.data import members, record_rows, views
from pinterest_emulator.data.models import list_as_of
from pinterest_emulator.data.table import Table
from pinterest_emulator.endpoints.ad_accounts import find_ad_account
from pinterest_emulator.endpoints.lists import excludes_nca, page_of
from pinterest_emulator.http.operations import Result, reads, writes

if TYPE_CHECKING:
    from pinterest_emulator.data.models import CustomerList
    from pinterest_emulator.http.operations import Call

_PATH = "/ad_accounts/{ad_account_id}/customer_lists"


def find_customer_list(call: Call) -> CustomerList:
    """The customer list that the path names, as it is now.

    Raises:
        ApiError: 400 for an invalid id, 404 for an unknown one, 403 for somebody else's account.
    """
    account = find_ad_account(call)
    customer_list = call.state.store.customer_list(
        account.id, checks.id_in(call.parameters, "customer_list_id"), call.now
    )
    if customer_list is None:
        raise errors.customer_list_not_found()
    return customer_list


def _list(call: Call) -> Result:
    account = find_ad_account(call)
    rows, without_nca = call.state.store.customer_lists(account.id), excludes_nca(call)
    if without_nca:
        kept: Table[CustomerList] = Table()
        for row in rows:
            if not row.is_nca:
                kept.put(row.id, row)
        rows = kept
    return page_of(
        call,
        f"customer_lists|{account.id}|{without_nca}",
        rows,
        lambda row: views.listed_customer_list(list_as_of(row, call.now)),
        descending=checks.descending(call.request.query),
    )


def _get(call: Call) -> Result:
    return Result(views.customer_list(find_customer_list(call), call.state.settings))


def _create(call: Call) -> Result:
    account = find_ad_account(call)
    body = _body(call)
    checks.require(body, ("name",))
    if not isinstance(body["name"], str) or not body["name"]:
        errors.refuse("'name' must be a string and not empty.")
    # Null means the default, because the generated clients send null for missing values.
    list_type = body.get("list_type") or members.EMAIL
    checks.require_one_of("list_type", list_type, members.LIST_TYPES)
    is_nca = _is_nca(call, body)
    keys = _read(call, body, list_type)
    now, ready_at = _times(call)
    fields = {"name": body["name"], "list_type": list_type, "is_nca": is_nca}
    empty = call.state.store.create_customer_list(account.id, fields, now=now, ready_at=ready_at)
    filled = _change(call, empty, members.ADD, keys)
    return Result(filled, status=call.state.settings.create_status)


def _update(call: Call) -> Result:
    customer_list = find_customer_list(call)
    body = _body(call)
    checks.require(body, ("operation_type",))
    checks.require_one_of("operation_type", body["operation_type"], members.OPERATIONS)
    keys = _read(call, body, customer_list.list_type)
    return Result(_change(call, customer_list, body["operation_type"], keys))


def _body(call: Call) -> dict[str, Any]:
    """The body of a write.

    Raises:
        ApiError: 400, or for a body that is too large the status in the settings.
    """
    settings, size = call.state.settings, len(call.request.body)
    if settings.most_body_bytes is not None and size > settings.most_body_bytes:
        raise errors.body_too_large(settings.too_large_status, size, settings.most_body_bytes)
    return checks.json_object(call.request.body)


def _is_nca(call: Call, body: dict[str, Any]) -> bool:
    """`is_nca`, which a create may set (Pinterest OpenAPI 5.28).

    Raises:
        ApiError: 400.
    """
    value = body.get("is_nca") if call.state.settings.follows_5_28 else None
    if value is not None and not isinstance(value, bool):
        errors.refuse("'is_nca' must be true or false.")
    return bool(value)


def _read(call: Call, body: dict[str, Any], list_type: str) -> list[bytes]:
    """The members that a body names, in `records` or, since 5.28, in `records_v2`.

    Raises:
        ApiError: 400; it names the position of a record, because the record may be personal data.
    """
    if call.state.settings.follows_5_28 and body.get("records_v2") is not None:
        field, records = "records_v2", _rows(body, list_type)
    else:
        field, records = "records", _records(body)
    if not records and guesses.EMPTY_BATCHES_ARE_REFUSED:
        errors.refuse(f"'{field}' must have at least one record.")
    reading = members.read(records, list_type)
    if reading.invalid:
        places = f"{reading.invalid[0]} of {len(records)}"
        errors.refuse(f"'{field}': number {places} is not a valid record of type {list_type}.")
    return reading.keys


def _records(body: dict[str, Any]) -> list[str]:
    checks.require(body, ("records",))
    if not isinstance(body["records"], str):
        errors.refuse("'records' must be a string.")
    return members.split(body["records"])


def _rows(body: dict[str, Any], list_type: str) -> list[str]:
    if body.get("records") is not None:
        errors.refuse("exactly one of 'records' and 'records_v2' must be there.")
    if not isinstance(body["records_v2"], list):
        errors.refuse("'records_v2' must be an array.")
    records = []
    for number, row in enumerate(body["records_v2"], 1):
        record = record_rows.record_of(row, list_type)
        if record is None:
            errors.refuse(f"'records_v2': number {number} is not a valid row.")
        records.append(record)
    return records


def _change(
    call: Call, customer_list: CustomerList, operation: str, keys: list[bytes]
) -> dict[str, Any]:
    now, ready_at = _times(call)
    changed = call.state.store.change_members(
        customer_list, operation, keys, now=now, ready_at=ready_at
    )
    return views.customer_list(list_as_of(changed, call.now), call.state.settings)


def _times(call: Call) -> tuple[int, int]:
    """The current time, and the time at which processing that begins now ends, in Unix seconds."""
    now = int(call.now)
    return now, now + call.state.settings.processing_seconds


OPERATIONS = (
    reads("customer_lists/list", _PATH, _list, paged=True),
    writes("customer_lists/create", "POST", _PATH, _create),
    reads("customer_lists/get", f"{_PATH}/{{customer_list_id}}", _get, client_credentials=True),
    writes("customer_lists/update", "PATCH", f"{_PATH}/{{customer_list_id}}", _update),
)
