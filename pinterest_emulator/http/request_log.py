"""The request log, for tests and for people."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

LONGEST_LOG = 100_000
DROPPED = -1


@dataclass(slots=True)
class Entry:
    """One request to the API, whose body has arrived.

    Attributes:
        method: HTTP method.
        path: With `/v5`, without the query.
        query: The parameters; the last one of a name counts.
        operation: Such as `audiences/list`, None for a path or method that does not exist.
        body: The redacted body, see `logged_body`.
        received_at: Unix seconds of the emulator's clock.
        seq: 1 for the first request since the start.
        in_flight: Number of running requests when it arrived, including itself.
        status: HTTP status of the response; None before it, -1 after a dropped connection.
        fault: Kind of the fault that it triggered.
        last_seq: Number of the last request that arrived before it ended; None before that.
    """

    method: str
    path: str
    query: dict[str, str]
    operation: str | None
    body: Any
    received_at: float
    seq: int = 0
    in_flight: int = 0
    status: int | None = None
    fault: str | None = None
    last_seq: int | None = None


class RequestLog:
    """The latest requests, at most `LONGEST_LOG`."""

    def __init__(self) -> None:
        """Starts empty."""
        self._entries: deque[Entry] = deque(maxlen=LONGEST_LOG)
        self._seq = 0
        self._in_flight = 0

    def arrive(self, entry: Entry) -> Entry:
        """Numbers and records a request that just arrived."""
        self._seq += 1
        self._in_flight += 1
        entry.seq, entry.in_flight = self._seq, self._in_flight
        self._entries.append(entry)
        return entry

    def leave(self, entry: Entry) -> None:
        """Records the end of a request; without a response it counts as dropped."""
        self._in_flight -= 1
        entry.last_seq = self._seq
        if entry.status is None:
            entry.status = DROPPED

    def clear(self) -> None:
        """Deletes the entries; the numbers continue."""
        self._entries.clear()

    def as_dicts(self) -> list[dict[str, Any]]:
        """The entries for the control endpoint, oldest first."""
        return [{name: getattr(entry, name) for name in Entry.__slots__} for entry in self._entries]
