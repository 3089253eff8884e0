"""Generates ad accounts with their content, in any number and always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator import guesses
from pinterest_emulator.data.models import READY, AdAccount, Audience, CustomerList

if TYPE_CHECKING:
    from pinterest_emulator.data.store import Store

UPDATED_TIMESTAMP = 1_740_787_200
"""2025-03-01T00:00:00Z, in Unix seconds."""

_DAY = 86_400


def fill(
    store: Store,
    ad_accounts: int,
    audiences: int,
    customer_lists: int = 0,
    *,
    updated_timestamp: int = UPDATED_TIMESTAMP,
) -> list[int]:
    """Adds accounts that the user may see, and distributes the rest evenly among them.

    Args:
        store: Where to add them.
        ad_accounts: How many accounts.
        audiences: How many audiences altogether; all VISITOR and READY.
        customer_lists: How many customer lists altogether; all READY.
        updated_timestamp: Of every audience and every customer list, Unix seconds.

    Returns:
        The ids of the accounts.
    """
    account_ids = []
    for number in range(ad_accounts):
        account = _ad_account(store.next_ad_account_id(), number)
        store.add_ad_account(account)
        account_ids.append(account.id)
        for index in range(_part(audiences, ad_accounts, number)):
            audience_id = store.next_audience_id()
            store.put_audience(_audience(audience_id, account.id, index, updated_timestamp))
        for index in range(_part(customer_lists, ad_accounts, number)):
            list_id = store.next_customer_list_id()
            store.put_customer_list(_customer_list(list_id, account.id, index, updated_timestamp))
    return account_ids


def _part(total: int, parts: int, number: int) -> int:
    """Size of one part if `total` is split as evenly as possible."""
    return total // parts + (number < total % parts)


def _ad_account(account_id: int, number: int) -> AdAccount:
    return AdAccount(
        id=account_id,
        name=f"Generated Shop {number + 1}",
        owner_username="generatedshops",
        owner_id="1099300700000000002",
        country="US",
        currency="USD",
        permissions=("OWNER",),
        created_time=UPDATED_TIMESTAMP - _DAY,
        updated_time=UPDATED_TIMESTAMP - _DAY,
    )


def _audience(audience_id: int, ad_account_id: int, index: int, updated_timestamp: int) -> Audience:
    return Audience(
        id=audience_id,
        ad_account_id=ad_account_id,
        name=f"Generated visitors {index + 1}",
        audience_type="VISITOR",
        description=f"Visitors of page {index + 1}",
        rule={"retention_days": 1 + index % 540, "visitor_source_id": "2612511566001"},
        size=guesses.SMALLEST_READY_SIZE + index,
        status=READY,
        created_timestamp=updated_timestamp - _DAY,
        updated_timestamp=updated_timestamp,
        created_by_company_name=guesses.COMPANY_NAME,
    )


def _customer_list(
    list_id: int, ad_account_id: int, index: int, updated_timestamp: int
) -> CustomerList:
    return CustomerList(
        id=list_id,
        ad_account_id=ad_account_id,
        name=f"Generated customers {index + 1}",
        status=READY,
        created_time=updated_timestamp - _DAY,
        updated_time=updated_timestamp,
        num_batches=1,
        num_uploaded_user_records=guesses.SMALLEST_READY_SIZE + index,
        num_removed_user_records=0,
    )
