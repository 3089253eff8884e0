"""The ledger of a dry run, which keeps its notes to itself."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_pinterest_audiences.ledger.member_ledger import MemberLedger, NotedList

_CHUNK = 10_000


class DryLedger:
    """Reads a ledger, and keeps in memory what a run would have changed in it."""

    def __init__(self, ledger: MemberLedger) -> None:
        """Begin with what is in ``ledger``."""
        self._ledger = ledger
        self._versions: defaultdict[str, dict[bytes, int | None]] = defaultdict(dict)
        """By list: the version of each member that the run added; None for each it removed."""

    def note_list(self, noted: NotedList) -> None:
        """Change nothing."""

    def list_type(self, list_id: str) -> str | None:
        """Return the type of a list's members, if it was noted."""
        return self._ledger.list_type(list_id)

    def unsent(self, list_id: str, digests: Iterable[bytes]) -> set[bytes]:
        """Return those who are not in a list."""
        digests = set(digests)
        noted = self._versions[list_id]
        absent = self._ledger.unsent(list_id, digests - noted.keys())
        return absent | {key for key in digests & noted.keys() if noted[key] is None}

    def seen(self, list_id: str, digests: Iterable[bytes], version: int) -> set[bytes]:
        """Note who is in a version of the mirrored table, and return those not in the list."""
        digests = set(digests)
        absent = self.unsent(list_id, digests)
        self.add(list_id, digests - absent, version)
        return absent

    def add(self, list_id: str, digests: Iterable[bytes], version: int) -> None:
        """Pretend that Pinterest took them in."""
        self._versions[list_id].update(dict.fromkeys(digests, version))

    def remove(self, list_id: str, digests: Iterable[bytes]) -> None:
        """Pretend that Pinterest took them out."""
        self._versions[list_id].update(dict.fromkeys(digests))

    def count(self, list_id: str) -> int:
        """Return how many are in a list."""
        noted = self._versions[list_id]
        before = len(noted) - len(self._ledger.unsent(list_id, noted))
        now = sum(version is not None for version in noted.values())
        return self._ledger.count(list_id) + now - before

    def count_all(self, ad_account_id: str | None) -> int:
        """Return how many were in lists of an ad account, or of all of them, before the run."""
        return self._ledger.count_all(ad_account_id)

    def mirrored_lists(self, ad_account_id: str | None) -> list[tuple[NotedList, int]]:
        """Return the lists that a mirrored table filled before the run, and how many they held."""
        return self._ledger.mirrored_lists(ad_account_id)

    def count_stale(self, list_id: str, version: int) -> int:
        """Return how many of them were not seen in a version."""
        return sum(len(keys) for keys in self.stale(list_id, version, _CHUNK))

    def stale(self, list_id: str, version: int, chunk: int) -> Iterator[list[bytes]]:
        """Yield those who were not seen in a version."""
        noted = dict(self._versions[list_id])
        for keys in self._ledger.stale(list_id, version, chunk):
            left = [key for key in keys if key not in noted]
            if left:
                yield left
        stale = [key for key, seen in noted.items() if seen not in {None, version}]
        for start in range(0, len(stale), chunk):
            yield stale[start : start + chunk]
