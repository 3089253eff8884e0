"""Who received an audience, and what a business received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator import checks, errors, guesses, views
from pinterest_emulator.endpoints.ad_accounts import find_ad_account
from pinterest_emulator.endpoints.lists import page_of
from pinterest_emulator.operations import Operation
from pinterest_emulator.sharing import ACCOUNT_TYPES, BUSINESS_ACCOUNT

if TYPE_CHECKING:
    from pinterest_emulator.operations import Call, Result
    from pinterest_emulator.sharing import Business


def _list_shared_accounts(call: Call) -> Result:
    account = find_ad_account(call)
    query, store = call.request.query, call.state.store
    checks.require(query, ("audience_id",))
    audience_id = checks.id_in(query, "audience_id")
    kind = checks.choice(query, "account_type", ACCOUNT_TYPES, guesses.DEFAULT_ACCOUNT_TYPE)
    if store.audience(account.id, audience_id, call.now) is None:
        raise errors.shared_accounts_not_found()
    return page_of(
        call,
        f"shared_accounts|{audience_id}|{kind}",
        store.shares.recipients(audience_id, kind),
        lambda share: views.shared_account(store.recipient(share), share),
    )


def _find_business(call: Call) -> Business:
    business_id = checks.id_in(call.parameters, "business_id", checks.LONGEST_BUSINESS_ID)
    business = call.state.store.businesses.get(business_id)
    if business is None:
        raise errors.business_not_found()
    if not business.roles:
        raise errors.not_permitted()
    return business


def _list_of_business(call: Call) -> Result:
    business, store = _find_business(call), call.state.store
    return page_of(
        call,
        f"business_audiences|{business.id}",
        store.shares.received(BUSINESS_ACCOUNT, business.id),
        lambda share: views.received_audience(store.shared_audience(share, call.now), share),
        descending=checks.descending(call.request.query),
    )


OPERATIONS = (
    Operation(
        name="ad_accounts_audiences_shared_accounts/list",
        method="GET",
        path="/ad_accounts/{ad_account_id}/audiences/shared/accounts",
        category="ads_read",
        handler=_list_shared_accounts,
        scope="ads:read",
        client_credentials=True,
        paged=True,
    ),
    Operation(
        name="shared_audiences_for_business/list",
        method="GET",
        path="/businesses/{business_id}/audiences",
        category="ads_read",
        handler=_list_of_business,
        scope="biz_access:read",
        paged=True,
    ),
)
