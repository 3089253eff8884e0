"""SHARE and REVOKE of audiences (Pinterest OpenAPI 5.23)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pinterest_emulator import errors, guesses
from pinterest_emulator.checks import values as checks
from pinterest_emulator.data import views
from pinterest_emulator.data.sharing import AD_ACCOUNT, BUSINESS_ACCOUNT, Share
from pinterest_emulator.endpoints.ad_accounts import find_ad_account
from pinterest_emulator.endpoints.sharing import find_business
from pinterest_emulator.http.operations import Result, writes

if TYPE_CHECKING:
    from pinterest_emulator.data.models import Audience
    from pinterest_emulator.http.operations import Call

SHARE, REVOKE = "SHARE", "REVOKE"
OPERATION_TYPES = (SHARE, REVOKE)


@dataclass(frozen=True, slots=True)
class _Recipients:
    """Recipients of one type.

    Attributes:
        account_type: Their type.
        field: Field of the body with their ids.
        longest: Most digits of their ids.
        words: Their name in messages.
    """

    account_type: str
    field: str
    longest: int
    words: str


_AD_ACCOUNTS = _Recipients(AD_ACCOUNT, "recipient_account_ids", checks.LONGEST_ID, "ad account")
_BUSINESSES = _Recipients(
    BUSINESS_ACCOUNT, "recipient_business_ids", checks.LONGEST_BUSINESS_ID, "business"
)


@dataclass(frozen=True, slots=True)
class _Wish:
    """The recipients in a body, without repetitions, in their order."""

    audience_id: int
    recipient_ids: tuple[int, ...]
    operation_type: str


def _from_ad_account(call: Call, to: _Recipients) -> Result:
    """Shares an audience that the ad account owns."""
    account = find_ad_account(call)
    wish = _read(call, to)
    store = call.state.store
    audience = store.audience(account.id, wish.audience_id, call.now)
    if audience is None:
        raise _not_the_owner(call, wish.audience_id, AD_ACCOUNT, account.id)
    return _apply(call, audience, to, wish)


def _from_business(call: Call, to: _Recipients) -> Result:
    """Shares an audience of the business's ad accounts, or a received one with them."""
    business = find_business(call)
    wish = _read(call, to)
    store = call.state.store
    audience = store.any_audience(wish.audience_id, call.now)
    if audience is None:
        raise errors.audience_not_found()
    if not store.owns(business, audience):
        own = {account.id for account in store.ad_accounts if account.business_id == business.id}
        if to is not _AD_ACCOUNTS or not own.issuperset(wish.recipient_ids):
            raise _not_the_owner(call, audience.id, BUSINESS_ACCOUNT, business.id)
        if store.shares.find(audience.id, BUSINESS_ACCOUNT, business.id) is None:
            raise errors.audience_not_found()
    return _apply(call, audience, to, wish)


def _read(call: Call, to: _Recipients) -> _Wish:
    body = checks.json_object(call.request.body)
    checks.require(body, ("audience_id", to.field, "operation_type"))
    checks.require_one_of("operation_type", body["operation_type"], OPERATION_TYPES)
    ids = body[to.field]
    if not isinstance(ids, list) or not ids:
        errors.refuse(f"'{to.field}' must be an array with at least one id.")
    return _Wish(
        audience_id=checks.id_in(body, "audience_id"),
        recipient_ids=tuple(
            dict.fromkeys(checks.id_in({to.field: value}, to.field, to.longest) for value in ids)
        ),
        operation_type=body["operation_type"],
    )


def _apply(call: Call, audience: Audience, to: _Recipients, wish: _Wish) -> Result:
    """Shares with all recipients, or with none if one of them is invalid."""
    store = call.state.store
    shares = [
        Share(
            audience_id=audience.id,
            owner_id=audience.ad_account_id,
            account_type=to.account_type,
            account_id=recipient,
            shared_on_timestamp=int(call.now),
        )
        for recipient in wish.recipient_ids
    ]
    for share in shares:
        if not (
            store.has_recipient(share) and guesses.may_receive(share.account_id, share.owner_id)
        ):
            raise errors.invalid_recipient(to.words)
    for share in shares:
        existing = store.shares.find(audience.id, to.account_type, share.account_id)
        if wish.operation_type == SHARE and existing is None:
            store.add_share(share)
        elif wish.operation_type == REVOKE and existing is not None:
            store.shares.remove(existing)
    return Result(views.sharing(audience.id, to.field, wish.recipient_ids, wish.operation_type))


def _not_the_owner(
    call: Call, audience_id: int, account_type: str, account_id: int
) -> errors.ApiError:
    """403 for a recipient of the audience, 404 for others, who must not learn that it exists."""
    share = call.state.store.shares.find(audience_id, account_type, account_id)
    if share is not None and guesses.RECIPIENT_GETS_403:
        return errors.not_permitted()
    return errors.audience_not_found()


OPERATIONS = (
    writes(
        "update_ad_account_to_ad_account_shared_audience",
        "PATCH",
        "/ad_accounts/{ad_account_id}/audiences/ad_accounts/shared",
        partial(_from_ad_account, to=_AD_ACCOUNTS),
    ),
    writes(
        "update_ad_account_to_business_shared_audience",
        "PATCH",
        "/ad_accounts/{ad_account_id}/audiences/businesses/shared",
        partial(_from_ad_account, to=_BUSINESSES),
    ),
    writes(
        "update_business_to_ad_account_shared_audience",
        "PATCH",
        "/businesses/{business_id}/audiences/ad_accounts/shared",
        partial(_from_business, to=_AD_ACCOUNTS),
        scope="biz_access:write",
    ),
    writes(
        "update_business_to_business_shared_audience",
        "PATCH",
        "/businesses/{business_id}/audiences/businesses/shared",
        partial(_from_business, to=_BUSINESSES),
        scope="biz_access:write",
    ),
)
