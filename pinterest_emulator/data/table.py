"""Rows in the order of their keys."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Table(Generic[T]):
    """Rows by key: their id, or another number that defines their order.

    Reading a page costs the logarithm of the number of rows, at any position.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self._keys: list[int] = []
        self._rows: dict[int, T] = {}

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._keys)

    def __iter__(self) -> Iterator[T]:
        """The rows, by ascending key."""
        return (self._rows[key] for key in self._keys)

    def __getitem__(self, key: int) -> T:
        """The row of that key.

        Raises:
            KeyError: There is no row of that key.
        """
        return self._rows[key]

    def get(self, key: int) -> T | None:
        """The row of that key, or None."""
        return self._rows.get(key)

    def put(self, key: int, row: T) -> None:
        """Adds a row or replaces the one of that key."""
        if key not in self._rows:
            insort(self._keys, key)
        self._rows[key] = row

    def remove(self, key: int) -> T:
        """Removes a row and returns it.

        Raises:
            KeyError: There is no row of that key.
        """
        row = self._rows.pop(key)
        del self._keys[bisect_left(self._keys, key)]
        return row

    def page(
        self, *, after: int | None, size: int, descending: bool = False
    ) -> tuple[list[tuple[int, T]], bool]:
        """At most `size` keys and rows that come after `after`, and whether more follow.

        The position is a key, which may no longer exist. So rows that are added or removed
        elsewhere do not shift or repeat the rows that follow.
        """
        if descending:
            stop = len(self._keys) if after is None else bisect_left(self._keys, after)
            start = max(stop - size, 0)
            keys, more = self._keys[start:stop][::-1], start > 0
        else:
            start = 0 if after is None else bisect_right(self._keys, after)
            stop = start + size
            keys, more = self._keys[start:stop], stop < len(self._keys)
        return [(key, self._rows[key]) for key in keys], more
