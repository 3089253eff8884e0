"""Rows in the order of their ids."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Table(Generic[T]):
    """Rows by id. A page costs the logarithm of the rows, wherever it starts."""

    def __init__(self) -> None:
        """Starts empty."""
        self._ids: list[int] = []
        self._rows: dict[int, T] = {}

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._ids)

    def __iter__(self) -> Iterator[T]:
        """The rows, by ascending id."""
        return (self._rows[row_id] for row_id in self._ids)

    def get(self, row_id: int) -> T | None:
        """The row of that id, or None."""
        return self._rows.get(row_id)

    def put(self, row_id: int, row: T) -> None:
        """Adds a row or replaces the one of that id."""
        if row_id not in self._rows:
            insort(self._ids, row_id)
        self._rows[row_id] = row

    def remove(self, row_id: int) -> T:
        """Takes a row out and returns it.

        Raises:
            KeyError: There is no row of that id.
        """
        row = self._rows.pop(row_id)
        del self._ids[bisect_left(self._ids, row_id)]
        return row

    def page(
        self, *, after: int | None, size: int, descending: bool = False
    ) -> tuple[list[T], bool]:
        """At most `size` rows that come after the id `after`, and whether more follow.

        The position is an id, which need not exist (any more), so rows that come and go
        elsewhere neither shift nor repeat what follows.
        """
        if descending:
            stop = len(self._ids) if after is None else bisect_left(self._ids, after)
            start = max(stop - size, 0)
            ids, more = self._ids[start:stop][::-1], start > 0
        else:
            start = 0 if after is None else bisect_right(self._ids, after)
            stop = start + size
            ids, more = self._ids[start:stop], stop < len(self._ids)
        return [self._rows[row_id] for row_id in ids], more
