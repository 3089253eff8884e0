"""Does what a signal must not leave half-done."""

from __future__ import annotations

import atexit
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

GRACE_SECONDS = 10.0
"""How long a process that is asked to end waits for the work."""


def uninterrupted(work: Callable[[], T]) -> T:
    """Return what ``work`` returns. If a signal ends the process meanwhile, it ends later.

    Python raises what a signal asks for in the main thread only. So the work is done in another
    one, and the process waits for that thread before it ends.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001  (raised again below)
            outcome.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    atexit.register(thread.join, GRACE_SECONDS)
    thread.start()
    try:
        return outcome.result()
    finally:
        if outcome.done():
            atexit.unregister(thread.join)
