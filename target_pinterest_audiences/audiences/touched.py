"""What a record has to do with, so that records without anything in common need not wait. No I/O.

Only what two records both have to do with can make one of them end otherwise: an audience by its
id, or a name. What a record reads counts as well as what it writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_pinterest_audiences.audiences.rule_fields import as_list
from target_pinterest_audiences.input.names import name_key

if TYPE_CHECKING:
    from target_pinterest_audiences.audiences.claims import Claims
    from target_pinterest_audiences.audiences.desired import Desired
    from target_pinterest_audiences.audiences.existing import Inventory


def touched(
    desired: Desired, inventory: Inventory | None, claims: Claims
) -> frozenset[object] | None:
    """Return the ids and names that a record has to do with.

    Args:
        desired: What the record wants.
        inventory: What its ad account has, if that was read.
        claims: What earlier records ask for.

    Returns:
        None if that cannot be known: the record is a copy, or Pinterest has to be asked.
    """
    unknown = desired.audience_id and not (inventory and inventory.get(desired.audience_id))
    if inventory is None or desired.source or unknown:
        return None
    rule = desired.rule or {}
    ids = _texts(desired.audience_id, rule.get("seed_id"))
    names = _texts(desired.name, rule.get("seed_name"))
    ids |= {str(audience["id"]) for name in names for audience in inventory.named(name)}
    audiences = filter(None, map(inventory.get, ids))
    names |= {str(audience.get("name")) for audience in audiences}
    account = desired.ad_account_id
    return frozenset([*ids, *((account, name_key(name)) for name in names), *claims.names_of(ids)])


def _texts(own: str | None, seeds: object) -> set[str]:
    values = [own, *as_list(seeds)]
    return {str(value).strip() for value in values if value is not None}
