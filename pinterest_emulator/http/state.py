"""All data of one emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator.clock import Clock
from pinterest_emulator.data.store import Store
from pinterest_emulator.data.uploads import Uploads
from pinterest_emulator.http.consents import Consents
from pinterest_emulator.http.faults import Faults
from pinterest_emulator.http.rate_limits import RateLimiter
from pinterest_emulator.http.request_log import RequestLog
from pinterest_emulator.http.tokens import Tokens

if TYPE_CHECKING:
    from pinterest_emulator.settings import Settings


class EmulatorState:
    """The mutable parts of one emulator.

    Only the event loop changes them, and never across an `await`, so they need no lock.
    """

    def __init__(self, settings: Settings) -> None:
        """Starts without accounts and tokens."""
        self.settings = settings
        self.clock = Clock()
        self.store = Store()
        self.tokens = Tokens()
        self.consents = Consents()
        self.limiter = RateLimiter(settings.access)
        self.uploads = Uploads()
        self.faults = Faults()
        self.log = RequestLog()

    def settle(self, now: float) -> None:
        """Finishes the uploads that are due at `now`, in Unix seconds."""
        self.uploads.settle(self.store, now)
