"""Whether people may be removed because a new version of a table does not have them. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Reading(NamedTuple):
    """One reading of a table: its stream, and the mark that the ledger keeps of it."""

    stream: str
    mark: int


@dataclass(slots=True)
class TableVersion:
    """What came of one version of a table.

    Attributes:
        stream: The table's stream, as the tap calls it.
        number: The version, if its records have one.
        records: How many came.
        unread: How many of them may mean somebody that cannot be identified.
        activated: Whether ACTIVATE_VERSION came after the last record.
        early: Whether ACTIVATE_VERSION came before records.
    """

    stream: str
    number: int | None = None
    records: int = 0
    unread: int = 0
    activated: bool = False
    early: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """What would be removed from one list.

    Attributes:
        name: The list, for a person.
        known: People that the ledger had before the new version.
        absent: How many of them the new version does not have.
        by_record: How many of them records ask to remove.
    """

    name: str
    known: int
    absent: int
    by_record: int = 0

    @property
    def total(self) -> int:
        """How many people the list would lose."""
        return self.absent + self.by_record

    @property
    def ratio(self) -> Fraction:
        """The part of the list that would go, 0 to 1."""
        return Fraction(self.total, max(self.known, self.total, 1))


def by_record_only(removals: Iterable[Removal]) -> list[Removal]:
    """Return the removals that records ask for."""
    return [replace(removal, absent=0) for removal in removals]


def objection(removals: Sequence[Removal], max_removal_ratio: float) -> str | None:
    """Return why nobody may be removed; None if all of them may.

    If one list objects, none is touched: what is wrong with a table is seldom wrong for one list.
    One person may leave a list of any size, or small lists could never change.

    Args:
        removals: Of all lists that the new version has members of.
        max_removal_ratio: The largest part of a list that may go at once, 0 to 1; 0 keeps all.
    """
    allowed = Fraction(str(max_removal_ratio))  # as it was written, not as a float is
    floor = 1 if allowed else 0
    over = [item for item in removals if item.total > floor and item.ratio > allowed]
    worst = max(over, key=lambda removal: removal.ratio, default=None)
    if worst is None:
        return None
    return (
        f"Mirror: {worst.total} of {worst.known} members of {worst.name} would be removed "
        f"({worst.absent} are not in the new version, {worst.by_record} by records), more than "
        f"max_removal_ratio {max_removal_ratio} allows: none of them was removed. If that is "
        f"right, set max_removal_ratio to {ceil(100 * worst.ratio) / 100} or more for one run"
    )


def why_absent_stay(
    table: TableVersion, removals: Sequence[Removal], partial: str | None, shared: Sequence[str]
) -> str | None:
    """Return why people who are not in a version stay; None if they may go, or there are none.

    Args:
        table: The version.
        removals: What it would remove.
        partial: Why the version does not hold the whole table, if anything says so.
        shared: Lists that records of another table name too.
    """
    absent = sum(removal.absent for removal in removals)
    if not absent:
        return None
    head = f"Mirror of {table.stream}: {absent} members are not in the new version, but "
    if partial:
        return (
            f"{head}{partial}, so it may hold a part of the table only: nobody was removed for "
            "being absent. Replicate the table in full (FULL_TABLE), or use member_mode add and "
            "records with operation REMOVE"
        )
    if table.unread:
        return (
            f"{head}{table.unread} of its records cannot be read and may be theirs: nobody was "
            "removed for being absent. Correct these records and run again"
        )
    if shared:
        return (
            f"{head}another table fills {' and '.join(shared)} as well: nobody was removed for "
            "being absent. Give each table lists of its own"
        )
    if table.activated:
        return None
    what = "ACTIVATE_VERSION came before its records" if table.early else "no ACTIVATE_VERSION came"
    return (
        f"{head}{what}, so it is unknown whether all of them came: nobody was removed for being "
        "absent. Use a tap that sends ACTIVATE_VERSION after the last record, or records with "
        "operation REMOVE"
    )


def why_unlocked_stay(
    table: TableVersion, removals: Sequence[Removal], unlocked: Sequence[str]
) -> str | None:
    """Return why absent people stay in lists that another run could change; None if they may go.

    Args:
        table: The version.
        removals: What it would remove.
        unlocked: Lists that were not locked all the time while the version was read.
    """
    absent = sum(removal.absent for removal in removals)
    if not absent or not unlocked:
        return None
    return (
        f"Mirror of {table.stream}: {absent} members are not in the new version, but another run "
        f"could change {' and '.join(unlocked)} while this run waited for it: nobody was removed "
        "for being absent. Run again"
    )


def empty_version(stream: str, known: int, records: int = 0) -> str | None:
    """Return why a table without a person removes nobody; None if there is nobody to remove.

    Args:
        stream: The table's stream.
        known: People that the ledger has.
        records: How many records came, of which none names a person.
    """
    if not known:
        return None
    what = f"none of {records} records names a person" if records else "no record came"
    return (
        f"Mirror of {stream}: {what}, so the table is empty, and the ledger has {known} "
        "members: nobody was removed. No setting allows that: send records with operation REMOVE "
        "instead"
    )


_LOG_COLUMN = re.compile(
    r"_sdc_lsn\w*|_ab_cdc_\w+|__(?:op|lsn|source_ts_\w+)|_change_type|metadata\$action"
)


def partial_schema(message: Mapping[str, Any]) -> str | None:
    """Return what in a SCHEMA message says that its stream is no whole table, if anything does."""
    if bookmarks := message.get("bookmark_properties"):
        return f"the stream is read incrementally by {', '.join(map(str, bookmarks))}"
    return partial_columns(message["schema"]["properties"])


def partial_columns(columns: Iterable[str]) -> str | None:
    """Return which column says that a stream is read from a log of changes, if any does."""
    found = next((name for name in columns if _LOG_COLUMN.fullmatch(str(name).casefold())), None)
    if found is None:
        return None
    return (
        f"the column {found} says that the stream is read from a log of changes (leave it out if "
        "the table is read in full)"
    )


def partial_state(state: Mapping[str, Any], stream: str) -> str | None:
    """Return what in a state says that a stream is not read in full, if anything does."""
    bookmarks = state.get("bookmarks")
    bookmark = bookmarks.get(stream) if isinstance(bookmarks, dict) else None
    if not isinstance(bookmark, dict):
        return None
    partitions = bookmark.get("partitions")
    for part in [bookmark, *(partitions if isinstance(partitions, list) else [])]:
        if not isinstance(part, dict):
            continue
        methods = {part.get("replication_method"), part.get("last_replication_method")}
        if part.get("replication_key") or part.get("replication_key_value") is not None:
            return "its state has a replication key, so the stream is read incrementally"
        if part.get("lsn") or not methods.isdisjoint({"INCREMENTAL", "LOG_BASED"}):
            return "its state says that the stream is read incrementally or from a log of changes"
    return None
