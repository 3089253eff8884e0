"""The demo's customer lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator.data.models import PROCESSING, READY, TOO_SMALL, UPLOADING, CustomerList

if TYPE_CHECKING:
    from pinterest_emulator.data.store import Store

_HOUR = 3600
_STATUSES = (READY, TOO_SMALL, READY, PROCESSING, READY, UPLOADING, READY)
_NAMES = ("Newsletter", "Loyalty card", "Lapsed", "Trade fair", "Web shop", "Gift givers")


def fill(store: Store, ad_account_id: int, count: int, epoch: int) -> list[int]:
    """Adds the customer lists of one ad account and returns their ids.

    Args:
        store: Where to add them.
        ad_account_id: The account.
        count: How many.
        epoch: Unix seconds after which they were made.
    """
    list_ids = []
    for index in range(count):
        customer_list = _customer_list(store.next_customer_list_id(), ad_account_id, index, epoch)
        store.put_customer_list(customer_list)
        list_ids.append(customer_list.id)
    return list_ids


def _customer_list(list_id: int, ad_account_id: int, index: int, epoch: int) -> CustomerList:
    """A list, created hours before its first audience. If it is PROCESSING, it stays so."""
    status = _STATUSES[index % len(_STATUSES)]
    created = epoch + index * 21 * _HOUR + index
    return CustomerList(
        id=list_id,
        ad_account_id=ad_account_id,
        name=f"{_NAMES[index % len(_NAMES)]} {2024 + index // 16}",
        status=status,
        created_time=created,
        updated_time=created + (44 if status == UPLOADING else 1800 + index % 10 * 24 * _HOUR),
        num_batches=1 + index % 3,
        num_uploaded_user_records=48 if status == TOO_SMALL else 1200 + index * 317,
        num_removed_user_records=index % 3 * 4,
    )
