"""`/ad_accounts/{ad_account_id}/audiences`: list, get, create, update and the custom create."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pinterest_emulator import audience_checks, checks, errors, guesses, views
from pinterest_emulator.endpoints.ad_accounts import find_ad_account
from pinterest_emulator.endpoints.lists import page_of
from pinterest_emulator.models import as_of
from pinterest_emulator.operations import Operation, Result
from pinterest_emulator.references import check_references
from pinterest_emulator.sharing import AD_ACCOUNT
from pinterest_emulator.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from pinterest_emulator.models import Audience
    from pinterest_emulator.operations import Call
    from pinterest_emulator.sharing import Share

_PATH = "/ad_accounts/{ad_account_id}/audiences"


def _list(call: Call) -> Result:
    account = find_ad_account(call)
    query, store = call.request.query, call.state.store
    descending = checks.descending(query)
    if "ownership_type" not in query and call.state.settings.lists_received_by_default:
        return page_of(
            call,
            f"audiences|{account.id}",
            _owned_and_received(call, account.id),
            lambda view: view(),
            descending=descending,
        )
    ownership = checks.choice(query, "ownership_type", ("OWNED", "RECEIVED"), "OWNED")
    context = f"audiences|{account.id}|{ownership}"
    if ownership == "RECEIVED":
        return page_of(
            call,
            context,
            store.shares.received(AD_ACCOUNT, account.id),
            partial(_received, call),
            descending=descending,
        )
    return page_of(
        call,
        context,
        store.audiences(account.id),
        partial(_owned, call),
        descending=descending,
    )


def _owned(call: Call, audience: Audience) -> dict[str, Any]:
    return views.listed_audience(as_of(audience, call.now))


def _received(call: Call, share: Share) -> dict[str, Any]:
    return views.received_audience(call.state.store.shared_audience(share, call.now), share)


def _owned_and_received(call: Call, ad_account_id: int) -> Table[Callable[[], dict[str, Any]]]:
    """The views of both kinds, by the id of their audience."""
    store = call.state.store
    both: Table[Callable[[], dict[str, Any]]] = Table()
    for audience in store.audiences(ad_account_id):
        both.put(audience.id, partial(_owned, call, audience))
    for share in store.shares.received(AD_ACCOUNT, ad_account_id):
        both.put(share.audience_id, partial(_received, call, share))
    return both


def _find(call: Call) -> Audience:
    account = find_ad_account(call)
    audience = call.state.store.audience(
        account.id, checks.id_in(call.parameters, "audience_id"), call.now
    )
    if audience is None:
        raise errors.audience_not_found()
    return audience


def _get(call: Call) -> Result:
    return Result(views.audience(_find(call)))


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
    check_references(
        call.state.store, ad_account_id, fields["audience_type"], fields["rule"], call.now
    )
    now = int(call.now)
    audience = call.state.store.create_audience(
        ad_account_id, fields, now=now, ready_at=now + settings.processing_seconds
    )
    view = views.created_audience(as_of(audience, call.now))
    return Result(view, status=settings.create_status)


def _update(call: Call) -> Result:
    audience = _find(call)
    body = checks.json_object(call.request.body)
    audience_checks.check_update(body, audience.audience_type)
    changed = _changed(audience, body, int(call.now))
    if changed.rule != audience.rule:
        check_references(
            call.state.store,
            audience.ad_account_id,
            audience.audience_type,
            changed.rule,
            call.now,
        )
    if body.get("operation_type") == "REMOVE":
        changed = guesses.removed(changed)
        call.state.store.remove_audience(changed)
    else:
        call.state.store.put_audience(changed)
    return Result(views.updated_audience(changed))


def _changed(audience: Audience, body: dict[str, Any], now: int) -> Audience:
    """The audience after an update at `now`, in Unix seconds, which bumps its time (seen live)."""
    fields: dict[str, Any] = {name: body[name] for name in ("name", "description") if name in body}
    if "rule" in body:
        fields["rule"] = guesses.updated_rule(audience.rule, body["rule"])
    return replace(audience, **fields, updated_timestamp=now)


CUSTOM_OPERATIONS = (
    Operation(
        name="audiences/create_custom",
        method="POST",
        path=f"{_PATH}/custom",
        category="ads_write",
        handler=_create_custom,
        scope="ads:write",
    ),
)
OPERATIONS = (
    Operation(
        name="audiences/list",
        method="GET",
        path=_PATH,
        category="ads_read",
        handler=_list,
        scope="ads:read",
        client_credentials=True,
        paged=True,
    ),
    Operation(
        name="audiences/create",
        method="POST",
        path=_PATH,
        category="ads_write",
        handler=_create,
        scope="ads:write",
    ),
    Operation(
        name="audiences/get",
        method="GET",
        path=f"{_PATH}/{{audience_id}}",
        category="ads_read",
        handler=_get,
        scope="ads:read",
        client_credentials=True,
    ),
    Operation(
        name="audiences/update",
        method="PATCH",
        path=f"{_PATH}/{{audience_id}}",
        category="ads_write",
        handler=_update,
        scope="ads:write",
    ),
)
