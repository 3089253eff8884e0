"""The members that one customer list was sent, by what a ledger knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_pinterest_audiences.ledger.member_ledger import NotedList
from target_pinterest_audiences.members.identifiers import to_keys, to_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from target_pinterest_audiences.ledger.member_ledger import MemberLedger
    from target_pinterest_audiences.members.records import ListRef

_CHUNK = 10_000


def taken_out_of(list_id: str) -> str:
    """Return what the ledger calls those who were taken out of a list because a record said so."""
    return f"{list_id}, taken out"


class SentMembers:
    """The ledger's page of one list, in the words that are sent to Pinterest.

    Beside the list's members it has those who were taken out because a record said so, so that
    this is not sent again either. Who is noted as both may be in or out: a run ended between a
    request and the ledger. Then either is sent again.
    """

    def __init__(self, ledger: MemberLedger, ref: ListRef, list_id: str, list_type: str) -> None:
        """Open the page; the list was found, or made just now."""
        self._ledger = ledger
        self._list_id = list_id
        self._list_type = list_type
        self._taken_out = taken_out_of(list_id)
        self._any_taken_out = ledger.count(self._taken_out) > 0
        ledger.note_list(
            NotedList(list_id, ref.ad_account_id, ref.audience_name or "", list_type, None)
        )

    def unsent(self, texts: Sequence[str], version: int | None) -> Sequence[str]:
        """Return who is not in the list yet, in their order.

        Args:
            texts: Identifiers.
            version: Of the mirrored table that has them: that it does is noted.
        """
        keys = dict(zip(to_keys(self._list_type, texts), texts, strict=True))
        if version is None:
            unsent = self._ledger.unsent(self._list_id, keys)
        else:
            unsent = self._ledger.seen(self._list_id, keys, version)
        unsent |= self._among_taken_out(keys)
        return [text for key, text in keys.items() if key in unsent]

    def not_taken_out(self, texts: Sequence[str]) -> Sequence[str]:
        """Return whose removal was not sent yet, in their order."""
        keys = dict(zip(to_keys(self._list_type, texts), texts, strict=True))
        out = self._among_taken_out(keys)
        if out:
            out &= self._ledger.unsent(self._list_id, out)
        return [text for key, text in keys.items() if key not in out]

    def expect_added(self, texts: Sequence[str], version: int | None) -> None:
        """Note who is about to be added, of those who were taken out before.

        Args:
            texts: Identifiers.
            version: Of the mirrored table that has them.
        """
        if not self._any_taken_out:
            return
        if out := self._among_taken_out(to_keys(self._list_type, texts)):
            self._ledger.add(self._list_id, out, version or 0)

    def expect_removed(self, texts: Sequence[str]) -> int:
        """Note who is about to be removed, and return how many of them the list has."""
        keys = set(to_keys(self._list_type, texts))
        known = keys - self._ledger.unsent(self._list_id, keys)
        self._note_taken_out(known)
        return len(known)

    def note_added(self, texts: Sequence[str], version: int | None) -> None:
        """Note that Pinterest took them in."""
        keys = to_keys(self._list_type, texts)
        self._ledger.add(self._list_id, keys, version or 0)
        if self._any_taken_out:
            self._ledger.remove(self._taken_out, keys)

    def note_removed(self, texts: Sequence[str], *, by_record: bool) -> None:
        """Note that Pinterest took them out; ``by_record`` if a record said so."""
        keys = to_keys(self._list_type, texts)
        if by_record:
            self._note_taken_out(keys)
        self._ledger.remove(self._list_id, keys)
        if not by_record:
            self._ledger.remove(self._taken_out, keys)

    def count(self) -> int:
        """Return how many are in the list."""
        return self._ledger.count(self._list_id)

    def count_known(self, texts: Sequence[str]) -> int:
        """Return how many of these the list has."""
        keys = set(to_keys(self._list_type, texts))
        return len(keys) - len(self._ledger.unsent(self._list_id, keys))

    def count_absent(self, version: int) -> int:
        """Return how many in the list a version of the mirrored table does not have."""
        return self._ledger.count_stale(self._list_id, version)

    def absent(self, version: int) -> Iterator[Sequence[str]]:
        """Yield members that a version of the mirrored table lacks, some at a time."""
        for keys in self._ledger.stale(self._list_id, version, _CHUNK):
            yield [to_text(self._list_type, key) for key in keys]

    def _note_taken_out(self, keys: Collection[bytes]) -> None:
        if keys:
            self._ledger.add(self._taken_out, keys, 0)
            self._any_taken_out = True

    def _among_taken_out(self, keys: Collection[bytes]) -> set[bytes]:
        if not self._any_taken_out:
            return set()
        return set(keys) - self._ledger.unsent(self._taken_out, keys)
