"""Reading several lists in parallel and returning their pages in order."""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from forks import until

from tap_pinterest_audiences.prefetch import BYTES_AHEAD, ReadAhead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


PAGE = BYTES_AHEAD // 40
"""Bytes in a page of the tests."""


def reading(lists: Sequence[Callable[[], Iterator[Any]]], workers: int) -> ReadAhead[Any]:
    """Read lists that are slow from the start."""
    return ReadAhead(lists, workers, lambda _: PAGE, lambda: True)


class Lists:
    """Lists of pages that record their readers."""

    def __init__(self, lengths: list[int]) -> None:
        self.read = [0] * len(lengths)
        self.readers = 0
        self.most_readers = 0
        self._lock = threading.Lock()
        self.all = [functools.partial(self._pages, *item) for item in enumerate(lengths)]

    def _pages(self, number: int, length: int) -> Iterator[tuple[int, int]]:
        with self._lock:
            self.readers += 1
            self.most_readers = max(self.most_readers, self.readers)
        for page in range(length):
            time.sleep(0.0005)
            self.read[number] += 1
            yield number, page
        with self._lock:
            self.readers -= 1


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("lengths", [[], [0], [3], [2, 0, 5, 1, 40], [1] * 300, [700] * 3])
def test_pages_arrive_in_order(lengths: list[int], workers: int) -> None:
    lists = Lists(lengths)
    with reading(lists.all, workers) as reader:
        taken = [page for number in range(len(lengths)) for page in reader.take(number)]
    assert taken == [(n, page) for n, length in enumerate(lengths) for page in range(length)]
    assert lists.most_readers <= workers


@pytest.mark.parametrize("lengths", [[1] * 1000, [1000, 1000, 1000], [1000, 1]])
def test_number_of_records_read_ahead_is_limited(lengths: list[int]) -> None:
    lists = Lists(lengths)
    workers = 4
    with reading(lists.all, workers) as reader:
        first = reader.take(0)
        assert next(first) == (0, 0)
        until(lambda: sum(lists.read[1:]) > 0)
        time.sleep(0.5)  # so that they could read too far
        assert sum(lists.read) * PAGE <= BYTES_AHEAD + (workers + 1) * PAGE


def test_one_worker_reads_nothing_in_advance() -> None:
    lists = Lists([5, 5])
    with reading(lists.all, 1) as reader:
        first = reader.take(0)
        assert lists.read == [0, 0]
        assert next(first) == (0, 0)
        time.sleep(0.05)
        assert lists.read == [1, 0]


@pytest.mark.parametrize("slow", range(9))
def test_threads_go_on_in_the_middle_of_a_list_once_it_is_slow(slow: int) -> None:
    lengths = [3, 0, 4, 5]
    lists = Lists(lengths)
    reader = ReadAhead(lists.all, 3, lambda _: PAGE, lambda: sum(lists.read) > slow)
    taken: list[tuple[int, int]] = []
    with reader:
        for number in range(len(lengths)):
            for page in reader.take(number):
                taken.append(page)
                if len(taken) <= slow:
                    assert sum(lists.read) == len(taken)  # so far, nothing is read ahead
                elif len(taken) <= 11:
                    until(lambda: sum(lists.read) > len(taken))
    assert taken == [(n, page) for n, length in enumerate(lengths) for page in range(length)]
    assert lists.most_readers <= 3


def test_fast_lists_are_read_without_threads() -> None:
    lists = Lists([2] * 20)
    before = threading.active_count()
    with ReadAhead(lists.all, 8, lambda _: PAGE, lambda: False) as reader:
        for number in range(20):
            assert list(reader.take(number)) == [(number, 0), (number, 1)]
            assert threading.active_count() == before
            assert sum(lists.read) == 2 * (number + 1)


def test_lists_after_a_slow_error_are_read_ahead() -> None:
    lists, refused = Lists([1, 1]), threading.Event()

    def refusal() -> Iterator[Any]:
        refused.set()
        return map(int, ["refused"])

    reads: list[Callable[[], Iterator[Any]]] = [refusal, *lists.all]
    with ReadAhead(reads, 3, lambda _: PAGE, refused.is_set) as reader:
        with pytest.raises(ValueError, match="refused"):
            next(reader.take(0))
        assert next(reader.take(1)) == (0, 0)
        until(lambda: sum(lists.read) == 2)


def test_error_comes_after_earlier_pages_and_other_lists_continue() -> None:
    def broken() -> Iterator[str]:
        yield "page"
        msg = "broken"
        raise ValueError(msg)

    with reading([broken, lambda: iter(["good"])], 2) as reader:
        pages = reader.take(0)
        assert next(pages) == "page"
        with pytest.raises(ValueError, match="broken"):
            next(pages)
        assert list(reader.take(1)) == ["good"]


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("taken", [0, 1])
def test_unfinished_lists_do_not_stop_later_ones(workers: int, taken: int) -> None:
    """Each list has more records than all lists together may read ahead."""
    pages = BYTES_AHEAD // PAGE + 5
    lists = Lists([pages] * 30)
    with reading(lists.all, workers) as reader:
        for number in range(29):
            for _ in range(taken):
                assert next(reader.take(number)) == (number, 0)
        assert len(list(reader.take(29))) == pages


def test_abandoned_lists_are_not_read_further() -> None:
    lists = Lists([5000] * 3)
    with reading(lists.all, 2) as reader:
        next(reader.take(0))
        assert len(list(reader.take(2))) == 5000
    assert lists.read[0] < 5000


def test_threads_end_on_close() -> None:
    lists = Lists([10_000] * 4)
    before = threading.active_count()
    with reading(lists.all, 4) as reader:
        next(reader.take(0))
    until(lambda: threading.active_count() <= before)
