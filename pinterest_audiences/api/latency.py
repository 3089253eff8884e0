"""Whether Pinterest is so slow that threads pay: they cost processor time as well. No I/O."""

from __future__ import annotations

import threading

FAST_SECONDS = 0.01
"""Requests that take no longer are not worth a thread."""

PATIENCE_SECONDS = 0.015
"""How much longer than that requests may take together."""


class Latency:
    """How late answers are.

    One that is a little late proves nothing, because this machine may be busy: the answers after it
    make up for it. Threads may share it.

    Attributes:
        is_high: Whether answers were slow; stays so.
    """

    def __init__(self) -> None:
        """Begin with no answer."""
        self.is_high = False
        self._late = 0.0
        self._lock = threading.Lock()

    def note(self, seconds: float) -> None:
        """Note how long it took until an answer was here, or an error instead of one."""
        with self._lock:
            self._late = max(self._late + seconds - FAST_SECONDS, 0.0)
            self.is_high |= self._late > PATIENCE_SECONDS
