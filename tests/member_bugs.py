"""Bugs in sending members that tests must find, planted in a fork; see `Fork`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.members.list_batches import ListBatches
from target_pinterest_audiences.run.in_flight import InFlight

if TYPE_CHECKING:
    from collections.abc import Callable

OUTCOME_FIRST = "outcome before response"
TOGETHER = "additions and removals together"
STATE_FIRST = "state passes a batch in flight"


def plant(bug: str) -> None:
    """Plant one of the bugs."""
    {
        OUTCOME_FIRST: _note_first,
        TOGETHER: _send_all_together,
        STATE_FIRST: _pass_states_at_once,
    }[bug]()


def _note_first() -> None:
    original = ListBatches.send

    def send(self: ListBatches, *arguments: Any, add: bool, finish: Any) -> None:
        finish(lambda: None)
        original(self, *arguments, add=add, finish=lambda wait: wait())

    ListBatches.send = send  # type: ignore[assignment]


def _send_all_together() -> None:
    ListBatches.make_room = lambda self, **_: self._queue.make_room()  # type: ignore[method-assign]


def _pass_states_at_once() -> None:
    def run(_: InFlight, run: Callable[[], None]) -> None:
        run()

    InFlight.run = run  # type: ignore[assignment,method-assign]
