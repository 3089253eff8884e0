"""`/ad_accounts`: list and get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator import errors, guesses
from pinterest_emulator.checks import values as checks
from pinterest_emulator.data import views
from pinterest_emulator.data.table import Table
from pinterest_emulator.endpoints.lists import page_of
from pinterest_emulator.http.operations import Result, reads

if TYPE_CHECKING:
    from pinterest_emulator.data.models import AdAccount
    from pinterest_emulator.http.operations import Call


def find_ad_account(call: Call) -> AdAccount:
    """The account that the path names.

    Raises:
        ApiError: 400 for an invalid id, 404 for an unknown account, 403 for somebody else's.
    """
    account = call.state.store.ad_accounts.get(checks.id_in(call.parameters, "ad_account_id"))
    if account is None:
        raise errors.ad_account_not_found()
    if not account.visible:
        raise errors.not_permitted()
    return account


def _list(call: Call) -> Result:
    query = guesses.truth_values(call.request.query, "include_shared_accounts")
    shared = checks.choice(query, "include_shared_accounts", ("true", "false"), "true") == "true"
    accounts: Table[AdAccount] = Table()
    for account in call.state.store.ad_accounts:
        if account.visible and (shared or account.owned):
            accounts.put(account.id, account)
    return page_of(call, f"ad_accounts|{shared}", accounts, views.ad_account)


def _get(call: Call) -> Result:
    return Result(views.ad_account(find_ad_account(call)))


OPERATIONS = (
    reads("ad_accounts/list", "/ad_accounts", _list, client_credentials=True, paged=True),
    reads("ad_accounts/get", "/ad_accounts/{ad_account_id}", _get, client_credentials=True),
)
