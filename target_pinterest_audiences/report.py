"""What a run did: counted for the log, and for the exit code."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tap_pinterest_audiences.errors import PinterestError
from target_pinterest_audiences.decisions import Create, Decision, Reject, Remove, Unchanged, Update

if TYPE_CHECKING:
    import logging

    from tap_pinterest_audiences.client import PinterestAPI

_WORDS: dict[type[Decision], str] = {
    Create: "created",
    Update: "updated",
    Unchanged: "unchanged",
    Remove: "removed",
    Reject: "rejected",
}


class RejectedRecordsError(PinterestError):
    """Some records were refused; all others were applied."""


class Report:
    """Counts what became of each record."""

    def __init__(self, logger: logging.Logger) -> None:
        """Report rejected records to ``logger`` as they come."""
        self._logger = logger
        self._counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    @property
    def rejected(self) -> int:
        """How many records were rejected so far."""
        return self._counts["rejected"]

    def add(self, decision: Decision, record: str) -> None:
        """Count a record's outcome.

        Args:
            decision: What was done.
            record: How to find the record, for a person: stream, position, id or name.
        """
        self._counts[_WORDS[type(decision)]] += 1
        if isinstance(decision, Reject):
            self._reasons[decision.reason] += 1
            if self._reasons[decision.reason] == 1:
                self._logger.error("Rejected %s: %s", record, decision.reason)

    def log(self, api: PinterestAPI) -> None:
        """Write one line with all counts to the log."""
        for reason, times in self._reasons.items():
            if times > 1:
                self._logger.error("Rejected %d records in all: %s", times, reason)
        counts = ", ".join(f"{self._counts[word]} {word}" for word in _WORDS.values())
        self._logger.info(
            "Audiences: %s; %d requests, %.0f s waited", counts, api.requests, api.seconds_waited
        )

    def check(self) -> None:
        """Make sure that no record was rejected.

        Raises:
            RejectedRecordsError: With the number of those that were.
        """
        if self.rejected:
            msg = (
                f"{self.rejected} records were rejected, see above; the state stays before the "
                "first of them, so mend them and run again"
            )
            raise RejectedRecordsError(msg)
