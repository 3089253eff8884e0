"""A report as Markdown of GitHub's kind, for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.report import bars, view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_pinterest_audiences.report.differences import Difference

MOST_LISTS = 50
MOST_CHANGES = 1000
MOST_LETTERS = 60_000
"""A comment on GitHub holds 65,536."""

_PLAIN = frozenset(" ,;()-+=?%")


def markdown(summary: Mapping[str, Any], json_name: str) -> Iterator[str]:
    """Return the text, a piece at a time.

    Args:
        summary: What ``docs/report.schema.json`` describes.
        json_name: The name of the file with the same as JSON.
    """
    outcome = view.outcome_of(summary)
    head = [*_head(outcome), *_totals(view.totals_of(summary)), *_lists(summary)]
    letters = sum(map(len, head))
    yield from head
    changes = view.Changes(summary, MOST_CHANGES)
    if not changes.counts:
        yield "\nNo changes.\n"
        return
    listed = []
    for row in changes.rows():
        line = _row(row)
        letters += len(line)
        if letters > MOST_LETTERS:
            break
        listed.append(line)
    yield "\n## Changes\n\n"
    if left_out := changes.counts.total() - len(listed):
        yield (
            f"> **{left_out:,} of {changes.counts.total():,} changes are not listed here.** "
            f"{value(json_name)} has them all.\n\n"
        )
    if listed:
        yield _line("Result", "Audience", "What, before → after") + _line("---", "---", "---")
        yield from listed


def value(text: str) -> str:
    """Return foreign text that no Markdown reads: neither markup, nor a link, nor a mention."""
    return f"<code>{''.join(map(_letter, text))}</code>" if text else ""


def _letter(letter: str) -> str:
    if letter.isalnum() or letter in _PLAIN or not letter.isascii():
        return letter
    return f"&#{ord(letter)};"


def _head(outcome: view.Outcome) -> Iterator[str]:
    yield f"# {outcome.title}\n\n"
    if outcome.dry_run:
        yield "> **DRY RUN: nothing was written to Pinterest**\n\n"
    yield f"{'❌' if outcome.is_bad else '✅'} **{outcome.verdict}**\n"
    yield "".join(f"\n- {value(reason)}" for reason in outcome.reasons)
    yield "\n" if outcome.reasons else ""


def _totals(totals: view.Totals) -> Iterator[str]:
    if totals.rows:
        yield "\n" + _line("Result", *map(value, totals.streams))
        yield _line("---", *("---:" for _ in totals.streams))
        for action, counts in totals.rows:
            yield _line(action, *(f"{count:,}" for count in counts))


def _lists(summary: Mapping[str, Any]) -> Iterator[str]:
    if lists := view.lists_of(summary, MOST_LISTS):
        sent = "To be sent" if summary["dry_run"] else "Sent"
        removed = "To be removed" if summary["dry_run"] else "Removed"
        yield "\n## Customer lists\n\n"
        yield _line("List", sent, "Already there", removed, "Matched by Pinterest", "Rejected")
        yield _line("---", "---:", "---:", "---:", "---", "---")
        yield from map(_list, lists)
    if notes := view.notes_on_lists(summary, MOST_LISTS):
        yield "\n"
        yield from (f"- {value(note)}\n" for note in notes)


def _list(each: view.ListRow) -> str:
    return _line(
        f"{value(each.name)}<br>{value(each.ids)}",
        f"{each.sent:,}",
        f"{each.already_there:,}",
        f"{each.removed:,}",
        f"{bars.text_bar(each)} {each.match}",
        "<br>".join(f"{count:,}: {value(reason)}" for reason, count in each.rejected),
    )


def _row(row: view.Row) -> str:
    audience = [value(text) for text in (row.name, row.ids) if text]
    what = [*map(_difference, row.differences), *map(value, row.notes)]
    result = f"**{row.action}**<br>{value(row.record)}"
    return _line(result, "<br>".join(audience), "<br>".join(what))


def _difference(each: Difference) -> str:
    sides = [value(each.old) or "(empty)"] if each.old is not None else []
    sides.append("(gone)" if each.new is None else value(each.new) or "(empty)")
    note = f" ({each.note})" if each.note else ""
    return f"{value(each.field)}: {' → '.join(sides)}{note}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"
