"""Recipients of an audience, and the audiences that a business received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator import errors, guesses
from pinterest_emulator.checks import values as checks
from pinterest_emulator.data import views
from pinterest_emulator.data.sharing import ACCOUNT_TYPES, AD_ACCOUNT, BUSINESS_ACCOUNT
from pinterest_emulator.data.table import Table
from pinterest_emulator.endpoints.ad_accounts import find_ad_account
from pinterest_emulator.endpoints.lists import page_of
from pinterest_emulator.http.operations import reads

if TYPE_CHECKING:
    from pinterest_emulator.data.sharing import Business, Share
    from pinterest_emulator.http.operations import Call, Result


def _list_shared_accounts(call: Call) -> Result:
    account = find_ad_account(call)
    audience_id, kind = _what(call)
    if call.state.store.audience(account.id, audience_id, call.now) is None:
        raise errors.shared_accounts_not_found()
    shares = call.state.store.shares.recipients(audience_id, kind)
    return _page(call, f"shared_accounts|{audience_id}|{kind}", shares)


def _list_shared_accounts_of_business(call: Call) -> Result:
    """The owner sees all recipients, a recipient only its own ad accounts."""
    business, store = find_business(call), call.state.store
    audience_id, kind = _what(call)
    audience = store.any_audience(audience_id, call.now)
    shares = store.shares.recipients(audience_id, kind)
    if audience is None or not store.owns(business, audience):
        if store.shares.find(audience_id, BUSINESS_ACCOUNT, business.id) is None:
            raise errors.shared_accounts_not_found()
        shares = _of_business(call, business, shares)
    return _page(call, f"business_shared_accounts|{business.id}|{audience_id}|{kind}", shares)


def _what(call: Call) -> tuple[int, str]:
    """The audience and the account type in a query.

    Raises:
        ApiError: 400.
    """
    query = call.request.query
    checks.require(query, ("audience_id",))
    kind = checks.choice(query, "account_type", ACCOUNT_TYPES, guesses.DEFAULT_ACCOUNT_TYPE)
    return checks.id_in(query, "audience_id"), kind


def _of_business(call: Call, business: Business, shares: Table[Share]) -> Table[Share]:
    kept: Table[Share] = Table()
    for share in shares:
        account = call.state.store.ad_accounts.get(share.account_id)
        if share.account_type == AD_ACCOUNT and account and account.business_id == business.id:
            kept.put(guesses.shared_account_position(share.account_id), share)
    return kept


def _page(call: Call, context: str, shares: Table[Share]) -> Result:
    return page_of(
        call,
        context,
        shares,
        lambda share: views.shared_account(call.state.store.recipient(share), share),
    )


def find_business(call: Call) -> Business:
    """The business that the path names.

    Raises:
        ApiError: 400 for an invalid id, 404 for an unknown business, 403 for somebody else's.
    """
    business_id = checks.id_in(call.parameters, "business_id", checks.LONGEST_BUSINESS_ID)
    business = call.state.store.businesses.get(business_id)
    if business is None:
        raise errors.business_not_found()
    if not business.roles:
        raise errors.not_permitted()
    return business


def _list_of_business(call: Call) -> Result:
    business, store = find_business(call), call.state.store
    return page_of(
        call,
        f"business_audiences|{business.id}",
        store.shares.received(BUSINESS_ACCOUNT, business.id),
        lambda share: views.received_audience(
            store.shared_audience(share, call.now), share, call.state.settings
        ),
        descending=checks.descending(call.request.query),
    )


OPERATIONS = (
    reads(
        "ad_accounts_audiences_shared_accounts/list",
        "/ad_accounts/{ad_account_id}/audiences/shared/accounts",
        _list_shared_accounts,
        client_credentials=True,
        paged=True,
    ),
    reads(
        "shared_audiences_for_business/list",
        "/businesses/{business_id}/audiences",
        _list_of_business,
        scope="biz_access:read",
        paged=True,
    ),
    reads(
        "business_account_audiences_shared_accounts/list",
        "/businesses/{business_id}/audiences/shared/accounts",
        _list_shared_accounts_of_business,
        scope="biz_access:read",
        paged=True,
    ),
)
