"""Does a few things at a time, in threads."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, wait
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from pinterest_audiences.api.senders import Senders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")


def in_flight(most: int, things: Iterable[T], do: Callable[[T], R]) -> Iterator[R]:
    """Yield what was done, in the order in which it was.

    After an error nothing more is begun, and what is under way is waited for. Who leaves the
    iterator early, as after a signal, does not wait for it.

    Args:
        most: How many are under way at the most.
        things: What to do it to. They are taken in order, in the thread of the caller.
        do: Does it to one of them, in a thread.

    Raises:
        Exception: The first that ``do`` raised, when all that was under way has ended.
    """
    senders: Senders[R] = Senders(most)
    waiting = iter(things)
    under_way: set[Future[R]] = set()
    failed: BaseException | None = None

    def begin(number: int) -> None:
        for thing in islice(waiting, number):
            under_way.add(senders.submit(partial(do, thing)))

    try:
        begin(most)
        while under_way:
            ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            failed = failed or next(filter(None, (each.exception() for each in ended)), None)
            if not failed:
                begin(len(ended))
            yield from (each.result() for each in ended if not each.exception())
    finally:
        senders.close(0)
    if failed:
        raise failed
