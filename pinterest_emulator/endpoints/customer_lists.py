"""`/ad_accounts/{ad_account_id}/customer_lists`: list and get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator import checks, errors, views
from pinterest_emulator.endpoints.ad_accounts import find_ad_account
from pinterest_emulator.endpoints.lists import page_of
from pinterest_emulator.models import list_as_of
from pinterest_emulator.operations import Operation, Result

if TYPE_CHECKING:
    from pinterest_emulator.operations import Call

_PATH = "/ad_accounts/{ad_account_id}/customer_lists"


def _list(call: Call) -> Result:
    account = find_ad_account(call)
    return page_of(
        call,
        f"customer_lists|{account.id}",
        call.state.store.customer_lists(account.id),
        lambda row: views.listed_customer_list(list_as_of(row, call.now)),
        descending=checks.descending(call.request.query),
    )


def _get(call: Call) -> Result:
    account = find_ad_account(call)
    customer_list = call.state.store.customer_list(
        account.id, checks.id_in(call.parameters, "customer_list_id"), call.now
    )
    if customer_list is None:
        raise errors.customer_list_not_found()
    return Result(views.customer_list(customer_list))


OPERATIONS = (
    Operation(
        name="customer_lists/list",
        method="GET",
        path=_PATH,
        category="ads_read",
        handler=_list,
        scope="ads:read",
        paged=True,
    ),
    Operation(
        name="customer_lists/get",
        method="GET",
        path=f"{_PATH}/{{customer_list_id}}",
        category="ads_read",
        handler=_get,
        scope="ads:read",
        client_credentials=True,
    ),
)
