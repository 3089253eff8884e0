"""Whether people may be removed because a new version of a table does not have them. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Removal:
    """What mirroring would remove from one list.

    Attributes:
        name: The list, for a person.
        known: People that the ledger had before the new version.
        stale: How many of them the new version does not have.
    """

    name: str
    known: int
    stale: int

    @property
    def ratio(self) -> Fraction:
        """The part of the list that would go, 0 to 1."""
        return Fraction(self.stale, max(self.known, self.stale, 1))


def objection(removals: Sequence[Removal], max_removal_ratio: float) -> str | None:
    """Return why nothing may be removed; None if it may.

    If one list objects, none is touched: what is wrong with a table is seldom wrong for one list.

    Args:
        removals: Of all lists that the new version has members of.
        max_removal_ratio: The largest part of a list that may go at once, 0 to 1.
    """
    allowed = Fraction(str(max_removal_ratio))  # as it was written, not as a float is
    worst = max(removals, key=lambda removal: removal.ratio, default=None)
    if worst is None or worst.ratio <= allowed:
        return None
    return (
        f"Mirror: {worst.stale} of {worst.known} members of {worst.name} are not in "
        f"the new version, more than max_removal_ratio {max_removal_ratio} allows: "
        "nothing was removed. If that is right, set max_removal_ratio to "
        f"{ceil(100 * worst.ratio) / 100} or more for one run"
    )


def empty_version(known: int) -> str | None:
    """Return why an empty version removes nothing; None if there is nothing to be removed."""
    if not known:
        return None
    return (
        f"Mirror: the new version of the table is empty, and the ledger has {known} members: "
        "nothing was removed. No setting allows that: send records with operation REMOVE instead"
    )


def early_version(stale: int) -> str | None:
    """Return why a version that was activated before its records removes nothing."""
    if not stale:
        return None
    return (
        f"Mirror: {stale} members are not in the new version, but ACTIVATE_VERSION came before "
        "its records, so nobody can tell whether all of them came: nothing was removed. Use a tap "
        "that sends it after the last record, or records with operation REMOVE"
    )


def unread_version(unread: int, stale: int) -> str | None:
    """Return why a version with records that can not be read removes nothing."""
    if not unread or not stale:
        return None
    return (
        f"Mirror: {stale} members are not in the new version, but {unread} of its records can not "
        "be read and may be theirs: nothing was removed. Mend these records and run again"
    )
