"""What a person sees of a report, whatever it is shown in: the same words, rows and limits."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from pinterest_audiences.errors import EXIT_SIGNAL, EXIT_TRY_LATER
from target_pinterest_audiences.members.match_stats import SMALLEST_AUDIENCE
from target_pinterest_audiences.members.reject_codes import REJECTS
from target_pinterest_audiences.report.differences import (
    Difference,
    cut,
    differences,
    printable,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What somebody must not miss comes first, so it is the last to be left out.
ACTIONS = ("removed", "revoked", "rejected", "deferred", "created", "updated", "shared")
_MEMBERS = "audience_members"
_MOST_FIELDS = 50
_MOST_REASONS = 20


class Outcome(NamedTuple):
    """How the run ended.

    Attributes:
        title: What the report shows.
        dry_run: Whether nothing was written.
        is_bad: Whether the run failed.
        verdict: One sentence with the exit code.
        reasons: Why it failed.
    """

    title: str
    dry_run: bool
    is_bad: bool
    verdict: str
    reasons: tuple[str, ...]


class Row(NamedTuple):
    """A record that was not left alone.

    Attributes:
        action: What became of it.
        record: Its stream, and its number.
        name: The name of its audience.
        ids: Ids of the audience and its ad account, with what they are.
        differences: The fields that were sent.
        notes: Why it was rejected, warnings, and accounts that it is shared with.
    """

    action: str
    record: str
    name: str
    ids: str
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


class ListRow(NamedTuple):
    """A customer list.

    Attributes:
        name: The name of its audience, or its id.
        ids: Its ids and what its members are.
        sent: People that were sent to Pinterest.
        already_there: People who had been sent before.
        removed: People whose removal was sent.
        size: People that Pinterest had matched; None if that is not known.
        size_before: The same before the run.
        missing: How many of the people that Pinterest needs are missing.
        rejected: By reason.
        status: Pinterest's status of the list, before and after.
    """

    name: str
    ids: str
    sent: int
    already_there: int
    removed: int
    size: int | None
    size_before: int | None
    missing: int
    rejected: tuple[tuple[str, int], ...]
    status: str

    @property
    def known(self) -> int:
        """How many people are in the list as far as this run knows."""
        return self.sent + self.already_there

    @property
    def refused(self) -> int:
        """How many records were rejected."""
        return sum(count for _, count in self.rejected)

    @property
    def match(self) -> str:
        """What Pinterest matched, and what is missing."""
        if self.size is None:
            return f"not known yet; {SMALLEST_AUDIENCE} are needed"
        was = "" if self.size_before in {None, self.size} else f" (before: {self.size_before:,})"
        if not self.missing:
            return f"{self.size:,}{was}; enough, {SMALLEST_AUDIENCE} are needed"
        return f"{self.size:,}{was}; {self.missing:,} missing to {SMALLEST_AUDIENCE}"


class Totals(NamedTuple):
    """Counts of records.

    Attributes:
        streams: The streams. Those of people and of audiences have no common sum.
        rows: By result, a count for each stream.
    """

    streams: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


class Changes:
    """The rows of a report, the most important ones first.

    Attributes:
        counts: How many there are, by action.
        listed: How many of them are listed, by action.
    """

    def __init__(self, summary: Mapping[str, Any], most: int) -> None:
        """Choose at most ``most`` rows."""
        ranks = {action: rank for rank, action in enumerate(ACTIONS)}
        changes = sorted(summary["changes"], key=lambda change: ranks[change["action"]])
        self._changes = changes[:most]
        self.counts = Counter(change["action"] for change in changes)
        self.listed = Counter(change["action"] for change in self._changes)

    @property
    def left_out(self) -> int:
        """How many are not listed."""
        return self.counts.total() - self.listed.total()

    def rows(self) -> Iterator[Row]:
        """Return the rows that are listed, one after the other: there may be many."""
        return map(_row, self._changes)


def outcome_of(summary: Mapping[str, Any]) -> Outcome:
    """Return how a run ended."""
    code, dry_run, error = summary["exit_code"], summary["dry_run"], summary["error"]
    if error:
        verdict = "The run ended early, so this report is not complete"
        if code == EXIT_TRY_LATER:
            verdict += ". Run it again later to go on"
        elif code > EXIT_SIGNAL:
            verdict += ". Run it again to go on"
    elif code:
        verdict = "Not all would be done" if dry_run else "Not all was done"
    else:
        verdict = "All would be done" if dry_run else "All was done"
    reasons = [*([error] if error else []), *summary["failures"]]
    if (more := len(reasons) - _MOST_REASONS) > 0:
        reasons[_MOST_REASONS:] = [f"{more:,} more reasons"]
    return Outcome(
        "What would change at Pinterest" if dry_run else "What changed at Pinterest",
        dry_run,
        code != 0,
        f"{verdict}. Exit code {code}.",
        tuple(map(printable, reasons)),
    )


def facts_of(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what else there is to know of a run: names and values."""
    requests, least = summary["requests"], summary["seconds_for_writes_at_least"]
    planned = " planned" if summary["dry_run"] else ""
    facts = [
        ("Began", f"{summary['begun_at'][:19].replace('T', ' ')} UTC"),
        (
            "Took",
            f"{summary['seconds']:,.0f} s, of which {summary['seconds_waited']:,.0f} s waiting",
        ),
        ("Requests", f"{requests['read']:,} to read, {requests['write']:,}{planned} to write"),
    ]
    if least:
        facts.append(("The writes take", f"{least:,} s at least, at Pinterest's rate limit"))
    if summary["blank_lines"]:
        facts.append(("Blank lines of the input", f"{summary['blank_lines']:,}, skipped"))
    return facts


def totals_of(summary: Mapping[str, Any]) -> Totals:
    """Return the counts, without rows of zeros."""
    streams = summary["streams"]
    rows = (
        (action.replace("_", " "), tuple(counts[action] for counts in streams.values()))
        for action, count in summary["counts"].items()
        if count
    )
    return Totals(tuple(map(printable, streams)), tuple(rows))


def lists_of(summary: Mapping[str, Any], most: int) -> list[ListRow]:
    """Return the customer lists of a run, at most ``most`` of them."""
    return [_list_row(entry) for entry in summary["customer_lists"][:most]]


def notes_on_lists(summary: Mapping[str, Any], most: int) -> list[str]:
    """Return what ``lists_of`` does not say."""
    notes = []
    if (more := len(summary["customer_lists"]) - most) > 0:
        notes.append(f"{more:,} more lists are not shown here")
    if without := _members_without_list(summary):
        notes.append(f"{without:,} rejected records of members belong to no list of this run")
    unmentioned = summary["unmentioned_lists"]
    notes += [
        f"No record names {_called(entry)}: its {entry['members']:,} members stay"
        for entry in unmentioned[:most]
    ]
    if (more := len(unmentioned) - most) > 0:
        notes.append(f"No record names {more:,} more lists: their members stay")
    return notes


def _members_without_list(summary: Mapping[str, Any]) -> int:
    of_lists = sum(sum(each["rejected"].values()) for each in summary["customer_lists"])
    rejected: int = summary["streams"].get(_MEMBERS, {}).get("rejected", 0)
    return max(rejected - of_lists, 0)


def _row(change: Mapping[str, Any]) -> Row:
    fields = change.get("fields", {}).items()
    found = [each for name, both in fields for each in _of_field(name, both)]
    notes = [_because(change)] if "reason" in change else []
    if len(found) > _MOST_FIELDS:
        notes.append(f"{len(found) - _MOST_FIELDS:,} more fields differ")
    notes += [f"Warning: {warning}" for warning in change.get("warnings", ())]
    notes += [f"{kind}: {', '.join(ids)}" for kind, ids in change.get("recipients", {}).items()]
    known = (("audience", change.get("audience_id")), ("account", change.get("ad_account_id")))
    record = "" if change["record"] is None else f" {change['record']:,}"
    return Row(
        change["action"],
        printable(f"{change['stream']}{record}"),
        printable(change["name"] or ""),
        ", ".join(f"{what} {printable(value)}" for what, value in known if value),
        tuple(found[:_MOST_FIELDS]),
        tuple(cut(printable(note)) for note in notes),
    )


def _of_field(name: str, both: Mapping[str, Any]) -> list[Difference]:
    return differences(name, both["old"], both["new"])


def _because(change: Mapping[str, Any]) -> str:
    return f"{text_of(change['reason'])} ({change['code']})"


def _list_row(entry: Mapping[str, Any]) -> ListRow:
    statuses = [entry["status_before"], entry["status"]]
    known = dict.fromkeys(status for status in statuses if status)
    return ListRow(
        name=_called(entry),
        ids=printable(f"{entry['list_type']}, account {entry['ad_account_id']}"),
        sent=entry["added"],
        already_there=entry["already_there"],
        removed=entry["removed"] + entry["removed_unknown"],
        size=entry["size"],
        size_before=entry["size_before"],
        missing=entry["people_missing"],
        rejected=tuple((_reason(code), count) for code, count in entry["rejected"].items()),
        status=printable(" → ".join(known)),
    )


def _called(entry: Mapping[str, Any]) -> str:
    names = [entry["audience_name"]] if entry["audience_name"] else []
    ids = [f"list {entry['customer_list_id']}"] if entry["customer_list_id"] else []
    return printable(", ".join(names + ids))


def _reason(code: str) -> str:
    return REJECTS[code].reason if code in REJECTS else printable(code).replace("_", " ")
