"""Lets what a signal raises pass through DuckDB, which raises an error of its own instead."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def kept_interrupts() -> Iterator[None]:
    """Raise what the handler of a signal raised in the block, whatever became of it there.

    The handlers stay those of the program around this; only the main thread has any.

    Raises:
        BaseException: What the handler raised.
    """
    noted: list[BaseException] = []
    is_main = threading.current_thread() is threading.main_thread()
    found = {number: signal.getsignal(number) for number in _SIGNALS if is_main}
    before = {number: handler for number, handler in found.items() if callable(handler)}
    for number, handler in before.items():
        signal.signal(number, _noting(handler, noted))
    try:
        yield
    except Exception:
        if noted:
            raise noted[0] from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _noting(
    handler: Callable[[int, FrameType | None], object], noted: list[BaseException]
) -> Callable[[int, FrameType | None], None]:
    def note(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except BaseException as stop:
            noted.append(stop)
            raise

    return note
