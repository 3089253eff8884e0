"""The emulator's clock, which a control endpoint can move forward."""

from __future__ import annotations

import time


class Clock:
    """Real time plus an offset.

    Attributes:
        offset: Seconds that this clock is ahead of real time.
    """

    def __init__(self, offset: float = 0.0) -> None:
        """Starts `offset` seconds ahead of real time."""
        self.offset = offset

    def now(self) -> float:
        """Unix time in seconds."""
        return time.time() + self.offset

    def timestamp(self) -> int:
        """Unix time in whole seconds, as Pinterest writes it (seen live 2026-07)."""
        return int(self.now())

    def advance(self, seconds: float) -> None:
        """Moves forward by `seconds`, at least 0."""
        self.offset += seconds
