"""Threads that do nothing but wait for answers; what an answer means is decided elsewhere."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    Answer = Future[requests.Response]
    """The answer to a request that is on its way, or the error instead of one."""


T = TypeVar("T")


class Senders(Generic[T]):
    """At most so many threads, each of which has one request on its way at a time."""

    def __init__(self, most: int) -> None:
        """Start no thread yet."""
        self._most = most
        self._threads: list[threading.Thread] = []
        self._calls: SimpleQueue[tuple[Future[T], Callable[[], T]] | None] = SimpleQueue()

    def submit(self, send: Callable[[], T]) -> Future[T]:
        """Have a thread send a request."""
        if len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name="sender", daemon=True)
            self._threads.append(thread)
            thread.start()
        answer: Future[T] = Future()
        self._calls.put((answer, send))
        return answer

    def close(self, seconds: float) -> None:
        """End the threads; one that still waits for an answer ends when its request does.

        Args:
            seconds: The longest time to wait for all of them.
        """
        threads, self._threads = self._threads, []
        for _ in threads:
            self._calls.put(None)
        for thread in threads:
            thread.join(seconds / len(threads))

    def _work(self) -> None:
        while call := self._calls.get():
            answer, send = call
            try:
                answer.set_result(send())
            except BaseException as error:  # noqa: BLE001  (raised where the answer is read)
                answer.set_exception(error)
