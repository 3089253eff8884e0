"""Which record of a run claims what of which audience. No I/O in here.

Two records that want different things of one audience would undo each other's work in every run.
So the first record of the input wins, and a later one that contradicts it is rejected. What a name
means belongs to that: a record that looks an audience up by name also claims that the name goes on
meaning this audience. Otherwise the next run would find another one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.audiences.rules import same_rule
from target_pinterest_audiences.changes import Pending, Reject
from target_pinterest_audiences.input.names import name_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_pinterest_audiences.audiences.desired import Desired, Source
    from target_pinterest_audiences.changes import Entry

    Key = tuple[str, str]
    """An ad account and a name, as ``name_key`` returns it."""

CONFLICT = "conflicting_records"
DEPENDS_ON_NAMES = {CONFLICT, "ambiguous_name", "ambiguous_reference", "type_differs"}
"""Rejections that end when a name means something else. These records claim what names mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one record wants of one audience.

    Attributes:
        key: The name by which the record looks the audience up; None if it does not.
        ids: What is meant: one audience, none yet, or all that an ambiguous name may mean.
        source: The audience of another ad account of which this one is the copy.
        wishes: Values by field.
        exists: Whether the audience is to be there; None if the record does not care.
        waiting: Whether the record waits for the end of the input.
    """

    key: Key | None = None
    ids: frozenset[str] = frozenset()
    source: Source | None = None
    wishes: Mapping[str, Any] = field(default_factory=dict)
    exists: bool | None = True
    waiting: bool = False

    def name_only(self) -> Claim:
        """Return the part that says what the name means."""
        return replace(self, wishes={}, source=None, exists=None, waiting=False)

    def clash(self, other: Claim) -> str | None:
        """Return in what two claims of one audience differ."""
        if {self.exists, other.exists} == {True, False}:
            return "whether the audience is to be there"
        for name in self.wishes.keys() & other.wishes.keys():
            one, two = self.wishes[name], other.wishes[name]
            if not (same_rule(one, two) if name == "rule" else one == two):
                return name
        return None

    def is_part_of(self, other: Claim) -> bool:
        """Return whether ``other`` claims all of this for good."""
        same = (self.key, self.ids, self.source, self.exists) == (
            (other.key, other.ids, other.source, other.exists)
        )
        mentioned = self.wishes.keys() <= other.wishes.keys() and not self.clash(other)
        return same and mentioned and not (other.waiting or self.waiting)


def claim_of(desired: Desired, meant: Sequence[Mapping[str, Any]]) -> Claim:
    """Return what a record claims.

    Args:
        desired: What the record wants.
        meant: The audiences that it may mean.
    """
    key = (desired.ad_account_id, name_key(str(desired.name)))
    by_name = desired.audience_id is None and desired.source is None
    ids = [desired.audience_id] if desired.audience_id else [str(item["id"]) for item in meant]
    wishes = {
        "name": key if desired.name else None,
        "description": desired.description,
        "audience_type": None if desired.sharing else desired.audience_type,
        "rule": desired.rule,
        "sharing_type": desired.sharing,
    }
    given = {name: value for name, value in wishes.items() if value is not None}
    return Claim(
        key=key if by_name else None,
        ids=frozenset(ids),
        source=desired.source,
        wishes={} if desired.remove else given,
        exists=not desired.remove,
    )


class Claims:
    """The claims of all records of a run."""

    def __init__(self) -> None:
        """Begin without any."""
        self._order: dict[Entry, int] = {}
        self._of_record: dict[Entry, list[Claim]] = {}
        self._by_handle: dict[object, dict[Entry, list[Claim]]] = {}

    def release(self, entry: Entry) -> None:
        """Let go of what a record claimed; the record that comes here first is the first."""
        self._order.setdefault(entry, len(self._order))
        for claim in self._of_record.pop(entry, ()):
            for handle in _handles(claim):
                self._by_handle[handle].pop(entry, None)

    def hold(self, entry: Entry, claim: Claim) -> None:
        """Note what a record claims."""
        handles = _handles(claim)
        if any(claim.is_part_of(other) for other in self._at(handles[:1])):
            return
        self._of_record.setdefault(entry, []).append(claim)
        for handle in handles:
            self._by_handle.setdefault(handle, {}).setdefault(entry, []).append(claim)

    def names_of(self, ids: Iterable[str]) -> Iterator[Key]:
        """Yield the names that records want audiences to have."""
        for claim in self._at([*ids]):
            if "name" in claim.wishes:
                yield claim.wishes["name"]

    def conflict(
        self,
        entry: Entry,
        claim: Claim,
        *,
        to_name: Key | None = None,
        from_name: Key | None = None,
    ) -> Reject | Pending | None:
        """Find a record whose claim forbids what a record wants.

        Args:
            entry: The record.
            claim: What it wants.
            to_name: The name that an audience would get.
            from_name: The name that an audience would lose.

        Returns:
            Why the record is rejected, unless the other one, which still waits, comes to nothing.
        """
        same = [*self._others(entry, [*claim.ids])] if len(claim.ids) == 1 else []
        names = {one.wishes.get("name") for one in (claim, *(other for _, other in same))}
        handles = [*_handles(claim), *names, from_name]
        for other_entry, other in self._others(entry, handles):
            awaited = other.key in names and not other.ids
            what = _difference(claim, other, to_name, from_name, awaited=awaited)
            if what is None and awaited and other.key == to_name:
                # The record would make one audience of two that were claimed apart.
                what = next(filter(None, (other.clash(third) for _, third in same)), None)
            if what:
                reject = Reject(
                    CONFLICT,
                    f"{other_entry}, of the same run, contradicts this record ({what}), and the "
                    "first of the two counts: leave one of them out",
                )
                return Pending(reject) if other.waiting else reject
        return None

    def _others(self, entry: Entry, handles: list[object]) -> Iterator[tuple[Entry, Claim]]:
        """Yield the claims of other records; of those that wait, only earlier ones count."""
        order = self._order[entry]
        for handle in dict.fromkeys(handles):
            for other, claims in self._by_handle.get(handle, {}).items():
                if other == entry:
                    continue
                earlier = self._order[other] < order
                yield from ((other, one) for one in claims if earlier or not one.waiting)

    def _at(self, handles: list[object]) -> Iterator[Claim]:
        for handle in handles:
            for claims in self._by_handle.get(handle, {}).values():
                yield from claims


def _handles(claim: Claim) -> list[object]:
    name = claim.wishes.get("name") if claim.source else None
    return [handle for handle in (claim.key, *claim.ids, claim.source, name) if handle is not None]


def _removes_copy(removal: Claim, copy: Claim) -> bool:
    """Return whether a removal by name may mean what another record copies from elsewhere."""
    by_name = removal.exists is False and removal.key is not None
    return by_name and copy.source is not None and copy.wishes.get("name") == removal.key


def _difference(
    claim: Claim, other: Claim, to_name: Key | None, from_name: Key | None, *, awaited: bool
) -> str | None:
    """Return what another claim has against a claim; ``awaited`` if it waits for this audience."""
    same_audience = len(claim.ids) == 1 and claim.ids == other.ids
    same_name = awaited or (other.key is not None and other.key == claim.key)
    same_source = claim.source is not None and claim.source == other.source
    if (same_audience or same_name or same_source) and (what := claim.clash(other)):
        return what
    if _removes_copy(claim, other) or _removes_copy(other, claim):
        return "whether the audience is to be there"
    if other.key is None:
        return None
    gets_it = other.key == to_name and other.ids and other.ids != claim.ids
    loses_it = other.key == from_name and claim.ids <= other.ids
    both_without = claim.ids == other.ids and claim.exists is False and other.exists is not True
    if gets_it or (loses_it and not both_without):
        return "which audience the name means"
    return None
