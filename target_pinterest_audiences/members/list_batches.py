"""The batches of one customer list that are on their way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pinterest_audiences.api.senders import Answer
    from target_pinterest_audiences.members.writer import ListWriter


class Queue(Protocol):
    """Takes up responses in order, in the main thread; see ``run.in_flight.InFlight``."""

    @property
    def is_worth_it(self) -> bool:
        """Whether more than one request may be on its way, and a request was slow."""

    def note_seconds(self, seconds: float) -> None:
        """Note how long a request took that was waited for."""

    def make_room(self) -> None:
        """Wait until one more request may be on its way."""

    def start(self, answer: Answer, touched: frozenset[object], run: Callable[[], None]) -> None:
        """Note a request on its way, and what to do once the answer is there."""

    def settle(self) -> None:
        """Wait for all that is on its way."""

    def settle_touching(self, keys: frozenset[object]) -> None:
        """Wait for what is on its way and touches one of ``keys``."""


class ListBatches:
    """Sends batches to one list: additions together, or removals together, and never both.

    The first batch of a run is alone, because most refusals are about the whole list.
    """

    def __init__(self, writer: ListWriter, queue: Queue) -> None:
        """Begin with nothing on its way."""
        self._writer = writer
        self._queue = queue
        self._texts: set[str] = set()
        self._add = True
        self._is_proven = False
        self._touched = frozenset[object]([self])

    def settle(self) -> None:
        """Wait for all batches of the list."""
        self._queue.settle_touching(self._touched)

    def settle_those_with(self, texts: Iterable[str]) -> None:
        """Wait for all batches of the list if one of some members is on its way."""
        if self._texts and not self._texts.isdisjoint(texts):
            self.settle()

    def make_room(self, *, add: bool) -> None:
        """Wait until a batch of additions, or of removals, may be sent."""
        goes_along = add is self._add and self._is_proven and self._queue.is_worth_it
        if self._texts and not goes_along:
            self.settle()
        self._queue.make_room()

    def send(
        self,
        ad_account_id: str,
        list_id: str,
        texts: Sequence[str],
        *,
        add: bool,
        finish: Callable[[Callable[[], None]], None],
    ) -> None:
        """Send a batch, after ``make_room``.

        Args:
            ad_account_id: The ad account.
            list_id: The list.
            texts: Its members.
            add: Whether to add them, or to remove them.
            finish: Called in the batch's turn with what waits for Pinterest's response, or raises
                what it means.
        """
        send_ahead = self._writer.send_ahead if self._queue.is_worth_it else _send_nothing
        sent = send_ahead(ad_account_id, list_id, texts, add=add)

        def wait() -> None:
            begun = time.monotonic()
            self._writer.change(ad_account_id, list_id, texts, add=add, sent=sent)
            self._is_proven = True
            if not sent:
                self._queue.note_seconds(time.monotonic() - begun)

        def take_up() -> None:
            self._texts.difference_update(texts)
            finish(wait)

        if sent:
            self._add = add
            self._texts.update(texts)
            self._queue.start(sent.answer, self._touched, take_up)
        else:
            self._queue.settle()
            finish(wait)


def _send_nothing(*_: object, add: bool) -> None:
    """Take the place of ``send_ahead`` where requests follow one another."""
