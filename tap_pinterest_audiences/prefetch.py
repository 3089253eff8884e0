"""Reads several lists at a time and hands out their pages in order."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

T = TypeVar("T")

BYTES_AHEAD = 8 * 1024 * 1024
"""JSON, of all lists together, that may wait to be taken; then one more page of each list."""


class _End:
    """Ends a list: as it should, or with an error."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class ReadAhead(Generic[T]):
    """Lists that are read by ``workers`` threads, each list by one of them, page by page.

    The lists are begun in order and have to be taken in order. A list that is not taken to its
    end is dropped when a later one is taken. When ``BYTES_AHEAD`` wait, only the list that is being
    taken is read on, a page at a time, so memory is bounded however many lists there are and
    however long they are. With one worker, or until reading is slow, nothing is read ahead.
    """

    def __init__(
        self,
        lists: Sequence[Callable[[], Iterator[T]]],
        workers: int,
        size: Callable[[T], int],
        is_slow: Callable[[], bool],
    ) -> None:
        """Get ready to read.

        Args:
            lists: Each is called once, in a thread if there are several.
            workers: How many lists are read at a time.
            size: Tells how many bytes of JSON a page has.
            is_slow: Tells whether threads pay; asked until they do.
        """
        self._lists = list(lists)
        self._is_slow = is_slow
        self._size = size
        self._pages: defaultdict[int, deque[T | _End]] = defaultdict(deque)
        self._waiting = 0
        self._begun = 0
        self._taken = 0
        self._stopped = False
        lock = threading.Lock()
        self._arrived = threading.Condition(lock)  # a page of the list that is being taken
        self._room = threading.Condition(lock)  # for another page, or a reason to stop
        self._workers = 0 if workers == 1 else min(workers, len(self._lists))
        self._reads_ahead = False

    def take(self, number: int) -> Iterator[T]:
        """Yield the pages of the list with that number.

        Raises:
            Exception: What reading the list raised, after the pages before it.
        """
        if not self._reads_ahead:
            yield from self._pages_here(number)
        if not self._reads_ahead:
            return
        while not isinstance(page := self._next(number), _End):
            yield page
        if page.error:
            raise page.error

    def close(self) -> None:
        """Stop reading; what was read and not taken is forgotten."""
        with self._room:
            self._stopped = True
            self._room.notify_all()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop reading."""
        self.close()

    def _pages_here(self, number: int) -> Iterator[T]:
        """Yield the pages of a list until reading is slow: then threads go on with it."""
        pages = iter(self._lists[number]())
        self._start_if_slow(number, pages)
        while not self._reads_ahead:
            try:
                page = next(pages)
            except StopIteration:
                return
            self._start_if_slow(number, pages)
            yield page

    def _start_if_slow(self, number: int, pages: Iterator[T]) -> None:
        """Let threads read, the first of them the rest of the list that is being taken."""
        if not (self._workers and self._is_slow()):
            return
        self._lists[number] = lambda: pages
        self._begun = self._taken = number
        self._reads_ahead = True
        for _ in range(min(self._workers, len(self._lists) - number)):
            threading.Thread(target=self._work, name="read-ahead", daemon=True).start()

    def _next(self, number: int) -> T | _End:
        with self._arrived:
            if number != self._taken:
                self._taken = number
                self._drop_before(number)
                self._room.notify_all()
            self._arrived.wait_for(lambda: self._pages[number])
            page = self._pages[number].popleft()
            self._waiting -= self._weight(page)
            if not self._pages[number]:
                self._room.notify_all()  # only its own worker can go on, and it may be any
            elif self._waiting < BYTES_AHEAD:
                self._room.notify()
            return page

    def _work(self) -> None:
        while (number := self._begin()) is not None:
            end = _End()
            try:
                for page in self._lists[number]():
                    if not self._put(number, page):
                        break
            except BaseException as error:  # noqa: BLE001  (raised where the list is taken)
                end = _End(error)
            self._put(number, end)

    def _begin(self) -> int | None:
        with self._room:
            self._begun = max(self._begun, self._taken)  # nobody takes those before it any more
            if self._stopped or self._begun == len(self._lists):
                return None
            self._begun += 1
            return self._begun - 1

    def _put(self, number: int, page: T | _End) -> bool:
        with self._room:
            self._room.wait_for(
                lambda: (
                    self._stopped
                    or self._waiting < BYTES_AHEAD
                    or number < self._taken
                    or (number == self._taken and not self._pages[number])
                )
            )
            if number < self._taken:
                return False
            self._pages[number].append(page)
            self._waiting += self._weight(page)
            if number == self._taken:
                self._arrived.notify()
            if self._waiting < BYTES_AHEAD:
                self._room.notify()
            return not self._stopped

    def _drop_before(self, number: int) -> None:
        """Drop the pages of earlier lists: they would hold back the lists that are still wanted."""
        for earlier in [each for each in self._pages if each < number]:
            self._waiting -= sum(self._weight(page) for page in self._pages.pop(earlier))

    def _weight(self, page: T | _End) -> int:
        return 0 if isinstance(page, _End) else self._size(page)
