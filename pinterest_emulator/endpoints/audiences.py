"""`/ad_accounts/{ad_account_id}/audiences`: list, get, create, update and the custom create."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec.structs import replace

from pinterest_emulator import errors, guesses
from pinterest_emulator.checks import audiences as audience_checks
from pinterest_emulator.checks import strict as strict_checks
from pinterest_emulator.checks import values as checks
from pinterest_emulator.checks.references import check_references
from pinterest_emulator.data import views
from pinterest_emulator.data.models import as_of
from pinterest_emulator.data.sharing import AD_ACCOUNT
from pinterest_emulator.data.table import Table
from pinterest_emulator.endpoints.ad_accounts import find_ad_account
from pinterest_emulator.endpoints.lists import excludes_nca, page_of
from pinterest_emulator.http.operations import Result, reads, writes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pinterest_emulator.data.models import Audience
    from pinterest_emulator.data.sharing import Share
    from pinterest_emulator.http.operations import Call

OWNED, RECEIVED = "OWNED", "RECEIVED"
"""Values of `ownership_type` (Pinterest OpenAPI 5.23)."""

_BOTH = "BOTH"
_PATH = "/ad_accounts/{ad_account_id}/audiences"

_Row: TypeAlias = "tuple[Audience, Share | None]"
"""An audience, and the share by which it was received, if any."""


def _list(call: Call) -> Result:
    account = find_ad_account(call)
    query, settings = call.request.query, call.state.settings
    descending = checks.descending(query)
    ownership = checks.choice(query, "ownership_type", (OWNED, RECEIVED), OWNED)
    if "ownership_type" not in query and settings.lists_received_by_default:
        ownership = _BOTH
    without_nca = excludes_nca(call)
    context = f"audiences|{account.id}|{ownership}|{without_nca}"
    if ownership == OWNED and not without_nca:
        # A page of a large account is read without looking at the other rows.
        return page_of(
            call,
            context,
            call.state.store.audiences(account.id),
            lambda audience: _listed(call, (audience, None)),
            descending=descending,
        )
    rows: Table[_Row] = Table()
    for key, row in _rows(call, account.id, ownership):
        if not (without_nca and row[0].is_nca):
            rows.put(key, row)
    return page_of(call, context, rows, partial(_listed, call), descending=descending)


def _rows(call: Call, ad_account_id: int, ownership: str) -> Iterator[tuple[int, _Row]]:
    """Rows of a list by sort key; owned and received ones together are ordered by id."""
    store = call.state.store
    if ownership != RECEIVED:
        for audience in store.audiences(ad_account_id):
            yield audience.id, (audience, None)
    if ownership != OWNED:
        for share in store.shares.received(AD_ACCOUNT, ad_account_id):
            key = share.position if ownership == RECEIVED else share.audience_id
            yield key, (store.shared_audience(share, call.now), share)


def _listed(call: Call, row: _Row) -> dict[str, Any]:
    audience, share = row
    if share is None:
        return views.listed_audience(as_of(audience, call.now), call.state.settings)
    return views.received_audience(audience, share, call.state.settings)


def _find(call: Call) -> Audience:
    account = find_ad_account(call)
    audience = call.state.store.audience(
        account.id, checks.id_in(call.parameters, "audience_id"), call.now
    )
    if audience is None:
        raise errors.audience_not_found()
    return audience


def _get(call: Call) -> Result:
    return Result(views.audience(_find(call), call.state.settings))


def _create(call: Call) -> Result:
    account = find_ad_account(call)
    body = checks.json_object(call.request.body)
    audience_checks.check_create(body)
    return _store_new(call, account.id, body)


def _create_custom(call: Call) -> Result:
    account = find_ad_account(call)
    body = checks.json_object(call.request.body)
    audience_checks.check_create_custom(body)
    kind = guesses.custom_audience_type(body["rule"])
    return _store_new(call, account.id, {**body, "audience_type": kind})


def _store_new(call: Call, ad_account_id: int, fields: dict[str, Any]) -> Result:
    settings = call.state.settings
    if settings.strict:
        strict_checks.check_rule(fields["rule"], settings.spec)
    rule = guesses.answered_rule(fields["rule"])
    check_references(call.state.store, ad_account_id, fields["audience_type"], rule, call.now)
    now = int(call.now)
    audience = call.state.store.create_audience(
        ad_account_id,
        {**fields, "rule": rule},
        now=now,
        ready_at=now + settings.processing_seconds,
    )
    view = views.created_audience(as_of(audience, call.now), settings)
    return Result(view, status=settings.create_status)


def _update(call: Call) -> Result:
    audience = _find(call)
    settings, store = call.state.settings, call.state.store
    body = checks.json_object(call.request.body)
    audience_checks.check_update(body, audience.audience_type)
    if settings.strict:
        strict_checks.check_update(body, settings.spec)
    changed = _changed(audience, body, int(call.now))
    if changed.rule != audience.rule:
        where = (audience.ad_account_id, audience.audience_type, changed.rule)
        check_references(store, *where, call.now)
        changed = replace(changed, is_nca=store.is_nca(*where))
    if body.get("operation_type") == "REMOVE":
        changed = guesses.removed(changed)
        store.remove_audience(changed)
    else:
        store.put_audience(changed)
    return Result(views.updated_audience(changed, settings))


def _changed(audience: Audience, body: dict[str, Any], now: int) -> Audience:
    """The audience after an update at `now`, in Unix seconds, its new update time (seen live)."""
    fields: dict[str, Any] = {name: body[name] for name in ("name", "description") if name in body}
    if "rule" in body:
        fields["rule"] = guesses.updated_rule(audience.rule, body["rule"])
    return replace(audience, **fields, updated_timestamp=now)


CUSTOM_OPERATIONS = (writes("audiences/create_custom", "POST", f"{_PATH}/custom", _create_custom),)
OPERATIONS = (
    reads("audiences/list", _PATH, _list, client_credentials=True, paged=True),
    writes("audiences/create", "POST", _PATH, _create),
    reads("audiences/get", f"{_PATH}/{{audience_id}}", _get, client_credentials=True),
    writes("audiences/update", "PATCH", f"{_PATH}/{{audience_id}}", _update),
)
