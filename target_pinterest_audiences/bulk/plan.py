"""What a plan is, and whether it may be sent. No I/O in here.

A plan is a folder ``runs/<run>`` of a ledger. Whoever makes one, DuckDB or Spark, writes these
files and never changes them:

- ``add/*.parquet`` and ``remove/*.parquet``: columns ``KEY_COLUMNS``. Within an operation, keys
  are unique and ascend as bytes, through the files in the order of their names. No key is in both.
- ``taken_out/*.parquet``, if records ask for removals: likewise, those of ``remove`` who are out
  because a record says so.
- ``rejects/*.parquet``: columns ``REJECT_COLUMNS``, one row for each row that has no key and is not
  null.
- ``plan.json``: a ``Plan``, written last. A folder without it is no plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from target_pinterest_audiences.input.names import name_key
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.records import ListRef, batches
from target_pinterest_audiences.members.reject_limit import (
    FEW_REJECTED,
    MOST_REJECTED,
    are_too_many,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FORMAT = 1
"""Of ``plan.json``. Add 1 to it whenever the meaning of a field or of a file changes."""

KEY_COLUMNS = ("customer_list_id", "key")
"""Text, empty while the list is yet to be created, and binary, as ``identifiers.to_key``."""

REJECT_COLUMNS = ("code", "digest")
"""Text, and binary, the SHA-256 of the value, as ``identifiers.rejected_digest``."""

Mode = Literal["append", "mirror"]
OperationType = Literal["ADD", "REMOVE"]
OPERATIONS: tuple[OperationType, ...] = ("ADD", "REMOVE")
"""In the order of sending: the additions of a list are done before its removals begin."""

FOLDERS = {"ADD": "add", "REMOVE": "remove"}
TAKEN_OUT = "taken_out"


class PlannedList(msgspec.Struct, frozen=True, kw_only=True):
    """The one list of a plan.

    Attributes:
        ad_account_id: Its ad account.
        customer_list_id: Pinterest's id; None if the list is yet to be created.
        audience_name: The name of its audience; None if the list is only known by its id.
        list_type: Pinterest's ``UserListType``.
    """

    ad_account_id: str
    customer_list_id: str | None
    audience_name: str | None
    list_type: str

    @property
    def ref(self) -> ListRef:
        """How a record would name it."""
        return ListRef(self.ad_account_id, self.customer_list_id, self.audience_name)

    def is_of(self, ref: ListRef) -> bool:
        """Return whether a list that is named by id, by name or by both is this one."""
        if self.customer_list_id and ref.customer_list_id:
            return self.customer_list_id == ref.customer_list_id
        names = (self.audience_name, ref.audience_name)
        return None not in names and len({name_key(str(name)) for name in names}) == 1


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan counted.

    Attributes:
        rows: Rows of the customers' table.
        rejected: How many have no key, by code.
        unread: How many of these may mean somebody who is in the list.
        wanted: Different people of the table.
        known: People that the ledger had in the list.
        add: People to add.
        absent: People in the list who are not in the table; 0 unless the mode is ``mirror``.
        taken_out: People to remove because a record says so.
        unknown: How many of these the ledger does not have in the list.
    """

    rows: int
    rejected: dict[str, int]
    unread: int
    wanted: int
    known: int
    add: int
    absent: int
    taken_out: int = 0
    unknown: int = 0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``plan.json``.

    Attributes:
        format: ``FORMAT``.
        run: The name of the folder.
        target: The list.
        mode: ``append`` removes nobody.
        max_removal_ratio: The setting.
        batch_members: Most members in a request; batches are counted by it.
        batch_bytes: Most bytes of identifiers in a request, likewise.
        counts: What was counted.
        absent_stay: Why people who are absent from the table stay, if they do. Then none of them
            is in ``remove``.
        layers: The ledger's state that was planned against: its base, and its runs after that.
        made_by: Versions of the programs that made the plan.
        made_at: When, as ISO 8601.
    """

    format: int
    run: str
    target: PlannedList
    mode: Mode
    max_removal_ratio: float
    batch_members: int
    batch_bytes: int
    counts: Counts
    absent_stay: str | None
    layers: list[str]
    made_by: dict[str, str]
    made_at: str

    @property
    def removes(self) -> int:
        """How many people the plan removes."""
        return self.counts.taken_out + (0 if self.absent_stay else self.counts.absent)

    def people(self, operation: OperationType) -> int:
        """Return how many people an operation of the plan is about."""
        return self.counts.add if operation == "ADD" else self.removes


class Verdict(NamedTuple):
    """Whether a plan may be sent.

    Attributes:
        refused: Why nothing may be sent at all.
        absent_stay: Why people who are absent from the table stay; additions may be sent.
    """

    refused: str | None
    absent_stay: str | None


def judge(counts: Counts, mode: Mode, max_removal_ratio: float, label: str) -> Verdict:
    """Decide whether a plan may be sent, by the rules of the target's mirror.

    Args:
        counts: What was counted.
        mode: Whether people who are absent from the table are removed.
        max_removal_ratio: The setting.
        label: The list, for a person.
    """
    if refused := _too_many_rejected(counts):
        return Verdict(refused, None)
    if mode != "mirror":
        return Verdict(None, None)
    if not counts.wanted and not counts.unread:
        return Verdict(mirror.empty_version(_TABLE, counts.known, counts.rows), None)
    table = mirror.TableVersion(_TABLE, None, counts.rows, counts.unread, activated=True)
    removals = [mirror.Removal(label, counts.known, counts.absent)]
    if stay := mirror.why_absent_stay(table, removals, None, []):
        return Verdict(None, stay)
    return Verdict(mirror.objection(removals, max_removal_ratio), None)


_TABLE = "customers"


def _too_many_rejected(counts: Counts) -> str | None:
    rejected = sum(counts.rejected.values())
    if not are_too_many(rejected, counts.rows):
        return None
    by_code = ", ".join(f"{code} {rows}" for code, rows in sorted(counts.rejected.items()))
    return (
        f"{rejected} of {counts.rows} rows have no identifier that can be sent ({by_code}), more "
        f"than {FEW_REJECTED} and {float(MOST_REJECTED):.0%} of them: nothing was sent. Look "
        "whether this is the right table and the right column"
    )


class Batch(NamedTuple):
    """What one request sends.

    Attributes:
        operation: ``ADD`` or ``REMOVE``.
        number: Its place among the batches of the operation, from 0.
        texts: What is sent, one for each person, in the order of the keys.
    """

    operation: OperationType
    number: int
    texts: Sequence[str]


def batches_of(
    plan: Plan, operation: OperationType, texts: Iterable[Sequence[str]]
) -> Iterator[Batch]:
    """Cut what a plan sends into batches, the same ones each time.

    Args:
        plan: The plan.
        operation: One of its operations.
        texts: All that the operation sends, in order, some at a time.
    """
    number, rest = 0, list[str]()
    for some in texts:
        rest += some
        *full, last = [*batches(rest, plan.batch_members, plan.batch_bytes)] or [()]
        for batch in full:  # but the last, which may still grow
            yield Batch(operation, number, batch)
            number += 1
        rest = list(last)
    if rest:
        yield Batch(operation, number, rest)
