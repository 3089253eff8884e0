"""`…/customer_lists/{customer_list_id}/uploads`: create, get and run (OpenAPI 5.22)."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from pinterest_emulator import errors, guesses
from pinterest_emulator.checks import values as checks
from pinterest_emulator.data import members, views
from pinterest_emulator.data.uploads import MOST_PARTS, NOT_STARTED, Upload
from pinterest_emulator.endpoints import s3
from pinterest_emulator.endpoints.customer_lists import find_customer_list
from pinterest_emulator.http.operations import Result, reads, writes

if TYPE_CHECKING:
    from pinterest_emulator.data.models import CustomerList
    from pinterest_emulator.http.operations import Call

_PATH = "/ad_accounts/{ad_account_id}/customer_lists/{customer_list_id}/uploads"


def _create(call: Call) -> Result:
    customer_list = find_customer_list(call)
    body = checks.json_object(call.request.body)
    checks.require(body, ("operation", "total_parts"))
    checks.require_one_of("operation", body["operation"], members.OPERATIONS)
    total = body["total_parts"]
    if type(total) is not int or not 1 <= total <= MOST_PARTS:
        errors.refuse(f"'total_parts' must be between 1 and {MOST_PARTS} (was {total!r}).")
    now = int(call.now)
    upload = Upload(
        id=call.state.uploads.next_id(),
        ad_account_id=customer_list.ad_account_id,
        customer_list_id=customer_list.id,
        operation=body["operation"],
        total_parts=total,
        secret=token_hex(32),
        state=NOT_STARTED,
        creation_time=now,
        updated_time=now,
    )
    call.state.uploads.put(upload)
    parts = [
        {"part_number": number, "presigned_url": call.request.origin + s3.part_path(upload, number)}
        for number in range(1, total + 1)
    ]
    return Result(
        {
            "customer_list_upload": views.upload(upload),
            "s3_multipart_upload_data": {"file_parts": parts},
        }
    )


def _get(call: Call) -> Result:
    return Result(views.upload(_find(call, find_customer_list(call))))


def _run(call: Call) -> Result:
    customer_list = find_customer_list(call)
    upload = _find(call, customer_list)
    if upload.state != NOT_STARTED and guesses.UPLOAD_RUNS_ONCE:
        errors.refuse(f"the upload is {upload.state}, not {NOT_STARTED}.")
    state, now = call.state, int(call.now)
    ready_at = now + state.settings.processing_seconds
    state.uploads.run(upload, customer_list.list_type, now=now, ready_at=ready_at)
    state.settle(call.now)
    return Result(views.upload(_find(call, customer_list)))


def _find(call: Call, customer_list: CustomerList) -> Upload:
    """The upload that the path names.

    Raises:
        ApiError: 400 for an invalid id, 404 if the list has no such upload.
    """
    upload = call.state.uploads.get(checks.id_in(call.parameters, "customer_list_upload_id"))
    if upload is None or upload.customer_list_id != customer_list.id:
        raise errors.customer_list_upload_not_found()
    return upload


OPERATIONS = (
    writes("customer_list_uploads/create", "POST", _PATH, _create),
    reads("customer_list_uploads/get", f"{_PATH}/{{customer_list_upload_id}}", _get),
    writes("customer_list_uploads/run", "POST", f"{_PATH}/{{customer_list_upload_id}}/run", _run),
)
