"""Reading ahead keeps its promises whichever reader gets its page next."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tap_pinterest_audiences.prefetch import BYTES_AHEAD, ReadAhead

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = BYTES_AHEAD // 4
"""Bytes in a page: a few pages fill what may wait."""
_DEADLOCK_SECONDS = 30
"""Only a deadlock lasts so long."""

Taken = list[tuple[int, int | str]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: how many pages it has, whether it ends with an error, and how many are taken."""

    pages: int
    is_broken: bool
    taken: int


class Server:
    """Lists whose readers wait for each page until the server lets one of them go on."""

    def __init__(self, listings: Sequence[Listing], slow: int) -> None:
        self.reads = [
            functools.partial(self._pages, number, each) for number, each in enumerate(listings)
        ]
        self.most_in_flight = self.most_ahead = 0
        self._ahead = self._answered = 0
        self._slow = slow
        self._waiting: list[int] = []
        self._let_go: set[int] = set()
        self._changed = threading.Condition()
        self._done = False

    def is_slow(self) -> bool:
        return self._answered > self._slow

    def taken(self) -> None:
        with self._changed:
            self._ahead -= 1

    def done(self) -> None:
        with self._changed:
            self._done = True
            self._changed.notify_all()

    def serve(self, picks: Sequence[int]) -> None:
        """Answer one request after the other, in the order of ``picks``, until all are done."""
        turn = 0
        while True:
            with self._changed:
                assert self._changed.wait_for(
                    lambda: self._waiting or self._done, _DEADLOCK_SECONDS
                )
                if self._done:
                    self._let_go |= set(self._waiting)  # the readers that nobody waits for
                    self._changed.notify_all()
                    return
                pick = self._waiting.pop(picks[turn % len(picks)] % len(self._waiting))
                self._let_go.add(pick)
                self._changed.notify_all()
            turn += 1

    def _pages(self, number: int, listing: Listing) -> Iterator[tuple[int, int]]:
        for page in range(listing.pages):
            self._request(number)
            with self._changed:
                self._ahead += 1
                self.most_ahead = max(self.most_ahead, self._ahead)
            yield number, page
        if listing.is_broken:
            self._request(number)
            raise ValueError(number)

    def _request(self, number: int) -> None:
        with self._changed:
            self._waiting.append(number)
            self.most_in_flight = max(self.most_in_flight, len(self._waiting))
            self._changed.notify_all()
            assert self._changed.wait_for(
                lambda: number in self._let_go or self._done, _DEADLOCK_SECONDS
            )
            self._let_go.discard(number)
            self._answered += 1


def take(reader: ReadAhead[tuple[int, int]], listings: Sequence[Listing], server: Server) -> Taken:
    """Take of each list what is to be taken."""
    found: Taken = []
    for number, listing in enumerate(listings):
        pages = reader.take(number)
        try:
            for _ in range(listing.taken):
                found.append(next(pages))
                server.taken()
        except StopIteration:
            found.append((number, "end"))
        except ValueError:
            found.append((number, "error"))
    return found


def expected(listings: Sequence[Listing]) -> Taken:
    found: Taken = []
    for number, listing in enumerate(listings):
        found += [(number, page) for page in range(min(listing.pages, listing.taken))]
        if listing.taken > listing.pages:
            found.append((number, "error" if listing.is_broken else "end"))
    return found


def served(listings: Sequence[Listing], workers: int, slow: int, picks: Sequence[int]) -> Server:
    """Return the server after all was taken, in order."""
    server = Server(listings, slow)
    found: list[Taken] = []

    def run() -> None:
        try:
            with ReadAhead(server.reads, workers, lambda _: PAGE, server.is_slow) as reader:
                found.append(take(reader, listings, server))
        finally:
            server.done()

    taker = threading.Thread(target=run, daemon=True)
    taker.start()
    server.serve(picks)
    taker.join(_DEADLOCK_SECONDS)
    assert found == [expected(listings)]
    return server


_lengths, _broken = st.integers(0, 7), st.booleans()
_workers, _slow = st.integers(1, 4), st.integers(0, 12)
_picks = st.lists(st.integers(0, 3), min_size=1, max_size=30)


@given(
    st.lists(
        st.builds(Listing, _lengths, _broken, st.sampled_from([99, 99, 99, 0, 1, 3])), max_size=9
    ),
    _workers,
    _slow,
    _picks,
)
def test_pages_arrive_in_order_whoever_is_served_next(
    listings: list[Listing], workers: int, slow: int, picks: list[int]
) -> None:
    """Without a deadlock, or too many requests in flight."""
    assert served(listings, workers, slow, picks).most_in_flight <= workers


@given(
    st.lists(st.builds(Listing, _lengths, _broken, st.just(99)), min_size=3, max_size=9),
    _workers,
    _slow,
    _picks,
)
def test_memory_for_pages_is_bounded_whoever_is_served_next(
    listings: list[Listing], workers: int, slow: int, picks: list[int]
) -> None:
    # Those that wait, one more of the list that is being taken, one in the hand of each worker,
    # and one that was taken a moment ago.
    most = BYTES_AHEAD // PAGE + 1 + workers + 1
    assert served(listings, workers, slow, picks).most_ahead <= most
