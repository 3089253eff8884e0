"""What a test does to a fork that sends members before it begins; see `Fork`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from no_waits import skip_waits

from target_pinterest_audiences.members.list_batches import ListBatches
from target_pinterest_audiences.run import in_flight
from target_pinterest_audiences.run.in_flight import InFlight

if TYPE_CHECKING:
    from collections.abc import Callable

OUTCOME_FIRST = "outcome before response"
TOGETHER = "additions and removals together"
STATE_FIRST = "state passes a batch in flight"


def send_together(slow: float) -> None:
    """Send batches together when one took so many seconds."""
    in_flight.SLOW_SECONDS = slow


def hurry(_: object) -> None:
    """Send batches together in any case, and repeat requests at once."""
    send_together(0)
    skip_waits(None)


def plant(bug: str) -> None:
    """Plant one of the bugs, or none, and send batches together in any case."""
    send_together(0)
    {
        "": lambda: None,
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
