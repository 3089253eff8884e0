"""Checks that the customer lists and seeds of a rule exist.

No response of Pinterest to a rule with a missing reference was recorded. The 400 is a guess, see
`guesses.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_emulator import guesses
from pinterest_emulator.data.models import READY
from pinterest_emulator.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinterest_emulator.data.store import Store


def check_references(
    store: Store, ad_account_id: int, audience_type: str, rule: Mapping[str, Any], now: float
) -> None:
    """Refuses a rule with a customer list or seeds that the ad account does not have.

    Args:
        store: The data of the emulator.
        ad_account_id: The account of the audience.
        audience_type: Its type; only CUSTOMER_LIST and ACTALIKE have references.
        rule: Its rule, already checked.
        now: Unix seconds.

    Raises:
        ApiError: 400.
    """
    if audience_type == "CUSTOMER_LIST" and guesses.CUSTOMER_LIST_MUST_EXIST:
        list_id = rule["customer_list_id"]
        if store.customer_list(ad_account_id, int(list_id), now) is None:
            refuse(f"'rule.customer_list_id': there is no customer list {list_id}.")
    if audience_type == "ACTALIKE":
        for seed_id in rule["seed_id"]:
            seed = store.audience(ad_account_id, int(seed_id), now)
            if seed is None:
                refuse(f"'rule.seed_id': there is no audience {seed_id}.")
            if guesses.SEED_MUST_BE_READY and seed.status != READY:
                refuse(f"'rule.seed_id': audience {seed_id} is {seed.status}, not READY.")
