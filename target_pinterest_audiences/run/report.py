"""What a run did, or a dry run would do: counted, and reported to people and to programs."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.json import serialize_json

from pinterest_audiences.api.rate_limit import DAY_SECONDS
from pinterest_audiences.errors import PinterestError, redact, redact_json
from pinterest_audiences.files import write_atomically
from target_pinterest_audiences.audiences.writer import is_planned
from target_pinterest_audiences.changes import (
    Change,
    Create,
    Defer,
    Reject,
    Remove,
    Share,
    Unchanged,
    Update,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pinterest_audiences.api.client import PinterestAPI
    from target_pinterest_audiences.changes import Entry
    from target_pinterest_audiences.ledger.member_ledger import NotedList

VERSION = 1
ALWAYS_SAID = ("created", "updated", "unchanged", "removed", "rejected")
ACTIONS = (
    *(*ALWAYS_SAID, "deferred", "added", "removed_unknown", "shared", "revoked"),
    "skipped",
)


class RejectedRecordsError(PinterestError):
    """Some records were not applied; all others were."""


class ReportError(PinterestError):
    """The report cannot be written."""


class Report:
    """Counts what became of each record, and names what was not left alone."""

    def __init__(self, logger: logging.Logger, *, dry_run: bool) -> None:
        """Report rejected records to ``logger`` as they come."""
        self.counts: dict[str, Counter[str]] = {}
        self.changes: list[dict[str, Any]] = []
        self.customer_lists: list[dict[str, Any]] = []
        self.unmentioned_lists: list[dict[str, Any]] = []
        self.blank_lines = 0
        self._logger = logger
        self._dry_run = dry_run
        self._reasons: Counter[str] = Counter()
        self._begun = dt.datetime.now(dt.UTC)

    def total(self, action: str) -> int:
        """Return how many records came to an end so far."""
        return sum(counts[action] for counts in self.counts.values())

    def add(self, change: Change, entry: Entry) -> None:
        """Count a record's outcome."""
        outcome = described(change)
        self.counts.setdefault(entry.stream, Counter())[outcome["action"]] += 1
        if isinstance(change, Unchanged):
            return
        where = {"stream": entry.stream, "record": entry.position, "name": entry.name}
        self.changes.append({**where, **outcome})
        for warning in outcome.get("warnings", ()):
            self._logger.warning("%s: %s", entry, warning)
        if isinstance(change, Reject | Defer):
            self._say(outcome["action"], str(entry), change)
        elif self._dry_run:
            self._logger.info("Would be %s: %s", outcome["action"], entry)

    def refused(self, stream: str, reject: Reject, position: int) -> None:
        """Count a record that is not named in the report, because there may be millions of them."""
        self.counts.setdefault(stream, Counter())["rejected"] += 1
        self._say("rejected", f"{stream} record {position}", reject)

    def skip(self, stream: str) -> None:
        """Count a record that is blank in every column."""
        self.counts.setdefault(stream, Counter())["skipped"] += 1

    def add_unmentioned(self, noted: NotedList, held: int) -> None:
        """Report a mirrored list that no record of the run names: everybody in it stays."""
        entry = {
            "ad_account_id": noted.ad_account_id,
            "customer_list_id": noted.customer_list_id,
            "audience_name": redact(noted.name) or None,
            "members": held,
        }
        self.unmentioned_lists.append(entry)
        self._logger.warning(
            "No record names customer list %s (%s): its %d members stay. To empty it, send records "
            "with operation REMOVE",
            noted.customer_list_id,
            entry["audience_name"] or "without a name",
            held,
        )

    def add_members(self, counts: Mapping[str, int], lists: list[dict[str, Any]]) -> None:
        """Add what became of the members of customer lists, in all and list by list."""
        if lists:
            self.counts.setdefault("audience_members", Counter()).update(counts)
            self.customer_lists = lists

    def summary(
        self,
        api: PinterestAPI,
        planned_requests: int,
        *,
        error: str | None,
        exit_code: int,
        failures: list[str],
    ) -> dict[str, Any]:
        """Return the whole report; ``docs/report.schema.json`` describes it.

        Args:
            api: Knows how many requests were sent.
            planned_requests: Requests that a dry run did not send.
            error: Why the run ended early, if it did.
            exit_code: The exit code of a program that is this run.
            failures: Why the run failed although it went on.
        """
        writes = api.requests["ads_write"] + planned_requests
        now = dt.datetime.now(dt.UTC)
        return {
            "version": VERSION,
            "dry_run": self._dry_run,
            "begun_at": self._begun.isoformat(),
            "seconds": round((now - self._begun).total_seconds(), 3),
            "error": error,
            "exit_code": exit_code,
            "failures": failures,
            "counts": {action: self.total(action) for action in ACTIONS},
            "streams": {
                stream: {action: counts[action] for action in ACTIONS}
                for stream, counts in self.counts.items()
            },
            "requests": {
                "read": sum(api.requests.values()) - writes + planned_requests,
                "write": writes,
            },
            "seconds_waited": round(api.seconds_waited, 3),
            "seconds_for_writes_at_least": api.least_seconds("ads_write", writes),
            "changes": self.changes,
            "customer_lists": self.customer_lists,
            "unmentioned_lists": self.unmentioned_lists,
            "blank_lines": self.blank_lines,
        }

    def _say(self, action: str, record: str, why: Reject | Defer) -> None:
        """Log the first record with a reason; ``log`` says how many there were."""
        self._reasons[why.reason] += 1
        if self._reasons[why.reason] == 1:
            level = self._logger.error if action == "rejected" else self._logger.warning
            level("%s %s: %s", action.capitalize(), record, why.reason)

    def log(self, summary: Mapping[str, Any]) -> None:
        """Write one line with all counts to the log."""
        for reason, times in self._reasons.items():
            if times > 1:
                self._logger.error("%d records in all: %s", times, reason)
        if self.blank_lines:
            self._logger.warning("%d blank lines of the input were skipped", self.blank_lines)
        counts, requests = summary["counts"], summary["requests"]
        listed = ", ".join(
            f"{count} {action.replace('_', ' ')}"
            for action, count in counts.items()
            if count or action in ALWAYS_SAID
        )
        head = "Planned, and nothing written" if self._dry_run else "Done"
        seconds = summary["seconds_for_writes_at_least"]
        days = seconds // DAY_SECONDS + 1
        self._logger.info(
            "%s: %s; %d requests to read and %d to write, %.0f s waited, %.1f s in all; the writes "
            "take %d s at least at Pinterest's rate limit%s",
            head,
            listed,
            requests["read"],
            requests["write"],
            summary["seconds_waited"],
            summary["seconds"],
            seconds,
            f", so they need {days} days" if days > 1 else "",
        )

    def check(self, max_rejected: int, *, kept: bool) -> None:
        """Make sure that no more records were left undone than allowed.

        Args:
            max_rejected: How many may be rejected, if they are kept.
            kept: Whether they are kept in a file.

        Raises:
            RejectedRecordsError: With the numbers.
        """
        rejected, deferred = self.total("rejected"), self.total("deferred")
        if not kept and rejected + deferred:
            msg = (
                f"{rejected} records were rejected and {deferred} deferred, see above; the state "
                "stays before the first of them. Correct them and run again, or set rejected_path "
                "to keep them in a file"
            )
            raise RejectedRecordsError(msg)
        if rejected > max_rejected:
            msg = (
                f"{rejected} records were rejected, see above, and max_rejected allows "
                f"{max_rejected}. Correct those that rejected_path has, and pipe it in again"
            )
            raise RejectedRecordsError(msg)


def described(change: Change) -> dict[str, Any]:
    """Return what a change did, or would do, as JSON values that are safe to print."""
    match change:
        case Create(ad_account_id=account, body=body, audience_id=key, warnings=warnings):
            done = _audience("created", account, key)
            return _written(done, body, {}, warnings)
        case Update(ad_account_id=account, audience_id=key, body=body, old=old, warnings=warnings):
            done = _audience("updated", account, key)
            return _written(done, body, old, warnings)
        case Remove(ad_account_id=account, audience_id=key):
            return _audience("removed", account, key)
        case Share(owner=owner, audience_id=key, recipients=recipients, revoke=revoke):
            done = _audience("revoked" if revoke else "shared", owner.account_id, key)
            return {**done, "recipients": {kind: list(ids) for kind, ids in recipients.items()}}
        case Unchanged(audience_id=key):
            return {"action": "unchanged", "audience_id": key}
        case Reject(code=code, reason=reason) | Defer(code=code, reason=reason):
            action = "rejected" if isinstance(change, Reject) else "deferred"
            return {"action": action, "code": code, "reason": reason}


def write(path: Path, summary: Mapping[str, Any]) -> None:
    """Write a report as JSON, whole or not at all.

    Raises:
        ReportError: If it cannot be written.
    """
    write_lines(path, [json.dumps(json.loads(serialize_json(summary)), indent=1) + "\n"])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a file of a report, whole or not at all.

    Raises:
        ReportError: If it cannot be written.
    """
    try:
        write_atomically(path, lines, public=True)
    except OSError as error:
        msg = f"report_path {path} cannot be written ({error.strerror})"
        raise ReportError(msg) from None


def _written(
    done: dict[str, Any],
    body: Mapping[str, Any],
    old: Mapping[str, Any],
    warnings: tuple[str, ...],
) -> dict[str, Any]:
    return {
        **done,
        "fields": {
            field: {"old": redact_json(old.get(field)), "new": redact_json(value)}
            for field, value in body.items()
        },
        **({"warnings": list(warnings)} if warnings else {}),
    }


def _audience(action: str, account: str, audience_id: str | None) -> dict[str, Any]:
    known = None if audience_id is None or is_planned(audience_id) else audience_id
    return {"action": action, "ad_account_id": account, "audience_id": known}
