"""Writes on their way, and all that has to come after them in the order of the input.

Several writes may be on their way at a time. But what became of each record, and the STATE messages
between them, are taken up one after the other, as if each had been waited for.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from pinterest_audiences.errors import PinterestError
from target_pinterest_audiences.run.concurrency_limit import ConcurrencyLimit

if TYPE_CHECKING:
    from collections.abc import Callable

    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_audiences.api.senders import Answer
    from target_pinterest_audiences.changes import Change, Pending

GRACE_SECONDS = 5.0
"""How long a run that is asked to end waits for the answers to what is on its way."""

_END_SECONDS = 1.0
"""For threads to end, which takes next to no time unless they wait for an answer."""

SLOW_SECONDS = 0.15
"""Of a request. At 400 writes a minute, faster ones reach the rate limit one after the other."""

_MOST_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Started:
    """A write on its way.

    Attributes:
        answer: What Pinterest answers.
        touched: What the record has to do with; see ``audiences.touched``.
        finish: Does what is left to do once the answer is there, and returns what became of the
            record.
    """

    answer: Answer
    touched: frozenset[object]
    finish: Callable[[], Change | Pending]


@dataclass(frozen=True, slots=True)
class _Step:
    run: Callable[[], None]
    answer: Answer | None = None
    touched: frozenset[object] = frozenset()

    def wait(self, seconds: float | None = None) -> None:
        if self.answer:
            wait([self.answer], seconds)


class InFlight:
    """A queue of writes on their way and of what has to come after them."""

    def __init__(self, api: PinterestAPI, most: int) -> None:
        """Have at most so many writes on their way."""
        self._api = api
        self._limit = ConcurrencyLimit(most)
        self._steps: deque[_Step] = deque()
        self._writes = 0
        self._is_taking_up = False
        self._kind = ""
        self._is_slow = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        return not self._steps

    @property
    def is_possible(self) -> bool:
        """Whether more than one write may be on its way."""
        return self._limit.most > 1

    @property
    def is_worth_it(self) -> bool:
        """Whether more than one write may be on its way, and a write was slow."""
        return self.is_possible and self._is_slow

    def note_seconds(self, seconds: float) -> None:
        """Note how long a write took that was waited for."""
        self._is_slow = seconds >= SLOW_SECONDS

    def touches(self, keys: frozenset[object]) -> bool:
        """Return whether a write on its way has to do with one of some ids and names."""
        return any(not step.touched.isdisjoint(keys) for step in self._steps)

    def turn_to(self, kind: str) -> None:
        """Wait for all that is on its way if what comes now is of another kind.

        Records may name what batches of members make, and the other way round.
        """
        if kind != self._kind:
            self.settle()
            self._kind = kind

    def make_room(self) -> None:
        """Wait until one more write may be on its way."""
        while self._writes >= self._limit.now:
            self._take_up()

    def start(self, answer: Answer, touched: frozenset[object], run: Callable[[], None]) -> None:
        """Note a write on its way.

        Args:
            answer: What Pinterest answers.
            touched: What the write has to do with; see ``touches``.
            run: What to do in its turn, once the answer is there.
        """
        self._steps.append(_Step(run, answer, touched))
        self._writes += 1

    def run(self, run: Callable[[], None]) -> None:
        """Do something once all writes before it are done."""
        if self._steps:
            self._steps.append(_Step(run))
            while self._steps and (self._is_first_done() or len(self._steps) > _MOST_STEPS):
                self._take_up()
        else:
            run()

    def settle(self) -> None:
        """Wait for all that is on its way.

        Raises:
            PinterestError: If one of the writes ends the run.
        """
        while self._steps:
            self._take_up()

    def settle_touching(self, keys: frozenset[object]) -> None:
        """Wait for what is on its way up to the last write that has to do with one of ``keys``.

        Raises:
            PinterestError: If one of the writes ends the run.
        """
        while self.touches(keys):
            self._take_up()

    def settle_after(self, error: PinterestError) -> PinterestError:
        """Settle what is on its way before the run ends.

        Args:
            error: What ended the run: one of the writes, or something that came after them.

        Returns:
            The first error in the order of the input.
        """
        if not self._is_taking_up:
            try:
                self.settle()
            except PinterestError as earlier:
                error = earlier
        self.abandon()
        return error

    def abandon(self) -> None:
        """Wait a little for the answers to what is on its way, and send nothing any more.

        What has no answer then stays unknown. No STATE passes it, and of what comes after it only
        writes that are done are noted.
        """
        self._api.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        is_complete = not self._is_taking_up
        if self._is_taking_up:
            self._steps.popleft()
            self._is_taking_up = False
        while self._steps:
            step = self._steps.popleft()
            step.wait(max(deadline - time.monotonic(), 0.0))
            try:
                if step.answer.done() if step.answer else is_complete:
                    step.run()
                else:
                    is_complete = False
            except PinterestError:
                is_complete = False
        self._writes = 0

    def close(self) -> None:
        """End the threads; what still waits for an answer is left to itself."""
        self._api.senders.close(_END_SECONDS)

    def _is_first_done(self) -> bool:
        answer = self._steps[0].answer
        return answer is None or answer.done()

    def _take_up(self) -> None:
        """Take up what is first. It stays first until that is done: a signal may come."""
        step = self._steps[0]
        step.wait()
        self._is_taking_up = True
        if step.answer and not step.answer.exception():
            was_limited = _was_limited(step.answer.result())
            (self._limit.note_limited if was_limited else self._limit.note_answered)()
        step.run()
        self._steps.popleft()
        self._writes -= step.answer is not None
        self._is_taking_up = False


def _was_limited(response: requests.Response) -> bool:
    """Return whether Pinterest limited a request although its headers say that some are left."""
    limited = response.status_code == requests.codes.too_many_requests
    return limited and response.headers.get("x-ratelimit-remaining") != "0"
