"""Which customer list a record means. No I/O in here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.audiences.references import newest
from target_pinterest_audiences.changes import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_pinterest_audiences.audiences.existing import Inventory
    from target_pinterest_audiences.audiences.references import OnAmbiguous
    from target_pinterest_audiences.members.records import ListRef


def find_list(
    ref: ListRef, inventory: Inventory, on_ambiguous: OnAmbiguous
) -> Mapping[str, Any] | Reject | None:
    """Return the list that is meant; None if it is to be made.

    A name is that of an audience made of a list, else that of a list: what a person sees at
    Pinterest is the audience.
    """
    lists = inventory.customer_lists
    if ref.customer_list_id:
        return lists.by_id.get(ref.customer_list_id) or Reject(
            "unknown_list",
            f"ad account {ref.ad_account_id} has no customer list {ref.customer_list_id}: give "
            "another id, or audience_name to have one made",
        )
    name = str(ref.audience_name)
    audiences = inventory.named(name)
    over_lists = [item for item in audiences if item.get("audience_type") == "CUSTOMER_LIST"]
    if audiences and not over_lists:
        return Reject(
            "name_taken",
            f"audience {audiences[0]['id']} of this name is of audience_type "
            f"{audiences[0].get('audience_type')} and has no members: choose another name",
        )
    ids = {str((item.get("rule") or {}).get("customer_list_id")) for item in over_lists}
    found = [lists.by_id[key] for key in ids if key in lists.by_id] or lists.named(name)
    if len(found) > 1 and on_ambiguous == "reject":
        shown = ", ".join(sorted(str(item["id"]) for item in found))
        return Reject(
            "ambiguous_name",
            f"{len(found)} customer lists in ad account {ref.ad_account_id} have this name (ids "
            f"{shown}): give customer_list_id, or set on_ambiguous to newest",
        )
    return newest(found) if found else None


def other_type(holds: str, sent: str) -> Reject:
    """Reject a member whose identifier is of another type than those of its list."""
    return Reject(
        "other_type",
        f"the list holds identifiers of type {holds}, and Pinterest takes one type a list: send "
        f"{sent} to a list of its own",
    )
