"""Who cannot be in a list that was empty when this run came to it. No I/O in here.

To look up somebody who is not in a large table costs more than all else that a first run does.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLACES = 2**23


class FreshLists:
    """Lists that were empty, and marks of those who were added to them since.

    Whoever has no mark is not in such a list. Whoever has one may be: several members share a mark.
    All marks together take ``_PLACES`` bits, however many members there are.
    """

    def __init__(self) -> None:
        """Begin without any list."""
        self._lists: set[str] = set()
        self._asked: set[str] = set()
        self._moment: object = None
        self._marks = bytearray()

    def forget_unless(self, moment: object) -> None:
        """Forget all lists unless ``moment`` is as before: another process may have added to them.

        Args:
            moment: What stays equal as long as nobody else writes; None if that is unknown.
        """
        if moment is None or moment != self._moment:
            self._lists.clear()
        self._moment = moment

    def must_ask(self, list_id: str) -> bool:
        """Return whether to find out now if a list is empty, which is worth it once."""
        if self._moment is None or list_id in self._asked:
            return False
        self._asked.add(list_id)
        return True

    def note_empty(self, list_id: str) -> None:
        """Note that nobody is in a list now."""
        self._marks = self._marks or bytearray(_PLACES // 8)
        self._lists.add(list_id)

    def note_added(self, list_id: str, members: Iterable[bytes]) -> None:
        """Note who comes into a list."""
        if list_id in self._lists:
            marks, salt = self._marks, zlib.crc32(list_id.encode())
            for member in members:
                place = zlib.crc32(member, salt) % _PLACES
                marks[place >> 3] |= 1 << (place & 7)

    def may_hold(self, list_id: str, members: set[bytes]) -> set[bytes]:
        """Return those who may be in a list; the others are not in it."""
        if list_id not in self._lists:
            return members
        marks, salt = self._marks, zlib.crc32(list_id.encode())
        places = ((member, zlib.crc32(member, salt) % _PLACES) for member in members)
        return {member for member, place in places if marks[place >> 3] >> (place & 7) & 1}
