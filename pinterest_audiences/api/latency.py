"""Whether Pinterest is so slow that threads pay: they cost processor time as well. No I/O."""

from __future__ import annotations

import threading

FAST_SECONDS = 0.01
"""Requests that take no longer are not worth a thread."""

PATIENCE_SECONDS = 0.015
"""How much longer than that requests may take together."""

_MOST_SECONDS = 1.0
"""The most lateness that counts, so that a server may become fast again."""


class Latency:
    """How late answers are.

    One that is late proves nothing, because this machine may be busy: the answers after it make up
    for it. Threads may share it.
    """

    def __init__(self) -> None:
        """Begin with no answer."""
        self._late = 0.0
        self._lock = threading.Lock()

    @property
    def is_high(self) -> bool:
        """Whether answers are slow."""
        return self._late > PATIENCE_SECONDS

    def note(self, seconds: float) -> None:
        """Note how long it took until an answer was here, or an error instead of one."""
        with self._lock:
            late = self._late + seconds - FAST_SECONDS
            self._late = min(max(late, 0.0), _MOST_SECONDS)
