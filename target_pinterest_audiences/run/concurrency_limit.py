"""How many requests may be on their way at a time. No I/O in here."""

from __future__ import annotations

RECOVERS_AFTER = 20
"""Responses in a row without a limit, after which one more request may be on its way."""


class ConcurrencyLimit:
    """Halves at each rate limit that no quota explains, and recovers slowly.

    Attributes:
        now: How many requests may be on their way now.
    """

    def __init__(self, most: int) -> None:
        """Begin with the most that there may ever be."""
        self.most = most
        self.now = most
        self._good = 0

    def note_limited(self) -> None:
        """Note a rate limit that no quota explains: it may be about requests at one time."""
        self.now = max(self.now // 2, 1)
        self._good = 0

    def note_answered(self) -> None:
        """Note any other response."""
        self._good += 1
        if self._good == RECOVERS_AFTER:
            self.now = min(self.now + 1, self.most)
            self._good = 0
