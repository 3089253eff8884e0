"""What the target needs of a ledger, and one for a dry run, which keeps its notes to itself."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_pinterest_audiences.ledger import NotedList

_NO_VERSION = -1


class MemberLedger(Protocol):
    """Which members were sent to which list; see ``ledger.Ledger``."""

    def note_list(self, noted: NotedList) -> None:
        """Keep what is known of a list."""

    def list_type(self, list_id: str) -> str | None:
        """Return the type of a list's members, if it was noted."""

    def unsent(self, list_id: str, digests: Iterable[bytes]) -> set[bytes]:
        """Return those who are not in a list."""

    def seen(self, list_id: str, digests: Iterable[bytes], version: int) -> set[bytes]:
        """Note who is in a version of the mirrored table, and return those not in the list."""

    def add(self, list_id: str, digests: Iterable[bytes], version: int) -> None:
        """Note that Pinterest took them in."""

    def remove(self, list_id: str, digests: Iterable[bytes]) -> None:
        """Note that Pinterest took them out."""

    def count(self, list_id: str) -> int:
        """Return how many are in a list."""

    def count_all(self, ad_account_id: str | None) -> int:
        """Return how many are in lists of an ad account, or of all of them."""

    def count_stale(self, list_id: str, version: int) -> int:
        """Return how many of them were not seen in a version."""

    def stale(self, list_id: str, version: int, chunk: int) -> Iterator[list[bytes]]:
        """Yield those who were not seen in a version."""


class DryLedger:
    """Reads a ledger, and keeps in memory what a run would have changed in it."""

    def __init__(self, ledger: MemberLedger) -> None:
        """Begin with what is in ``ledger``."""
        self._ledger = ledger
        self._added: defaultdict[str, set[bytes]] = defaultdict(set)
        self._removed: defaultdict[str, set[bytes]] = defaultdict(set)
        self._seen: defaultdict[str, set[bytes]] = defaultdict(set)

    def note_list(self, noted: NotedList) -> None:
        """Change nothing."""

    def list_type(self, list_id: str) -> str | None:
        """Return the type of a list's members, if it was noted."""
        return self._ledger.list_type(list_id)

    def unsent(self, list_id: str, digests: Iterable[bytes]) -> set[bytes]:
        """Return those who are not in a list."""
        digests = set(digests)
        absent = self._ledger.unsent(list_id, digests)
        return (absent | (digests & self._removed[list_id])) - self._added[list_id]

    def seen(self, list_id: str, digests: Iterable[bytes], version: int) -> set[bytes]:  # noqa: ARG002
        """Note who is in the version of this run, and return those not in the list."""
        digests = set(digests)
        self._seen[list_id] |= digests
        return self.unsent(list_id, digests)

    def add(self, list_id: str, digests: Iterable[bytes], version: int) -> None:  # noqa: ARG002
        """Pretend that Pinterest took them in."""
        digests = set(digests)
        self._added[list_id] |= digests
        self._seen[list_id] |= digests
        self._removed[list_id] -= digests

    def remove(self, list_id: str, digests: Iterable[bytes]) -> None:
        """Pretend that Pinterest took them out."""
        digests = set(digests)
        self._removed[list_id] |= digests
        self._added[list_id] -= digests

    def count(self, list_id: str) -> int:
        """Return how many are in a list."""
        new = self._ledger.unsent(list_id, self._added[list_id])
        gone = self._removed[list_id] - self._ledger.unsent(list_id, self._removed[list_id])
        return self._ledger.count(list_id) + len(new) - len(gone)

    def count_all(self, ad_account_id: str | None) -> int:
        """Return how many are in lists of an ad account, or of all of them."""
        return self._ledger.count_all(ad_account_id)

    def count_stale(self, list_id: str, version: int) -> int:
        """Return how many of them were not seen in this run."""
        return sum(len(keys) for keys in self.stale(list_id, version, 10_000))

    def stale(self, list_id: str, version: int, chunk: int) -> Iterator[list[bytes]]:  # noqa: ARG002
        """Yield those who were not seen in this run."""
        known = self._seen[list_id] | self._removed[list_id]
        for keys in self._ledger.stale(list_id, _NO_VERSION, chunk):
            left = [key for key in keys if key not in known]
            if left:
                yield left
