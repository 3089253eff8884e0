"""A report as one page of HTML, which needs no other file and has no script."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.report import bars, view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_pinterest_audiences.report.differences import Difference

MOST_LISTS = 200
MOST_CHANGES = 5000
"""More of them make a browser slow."""


def page(summary: Mapping[str, Any], json_name: str) -> Iterator[str]:
    """Return a page, a piece at a time.

    Args:
        summary: What ``docs/report.schema.json`` describes.
        json_name: The name of the file with the same as JSON.
    """
    outcome = view.outcome_of(summary)
    changes = view.Changes(summary, MOST_CHANGES)
    yield from _head(outcome)
    yield from _verdict(outcome)
    yield "<dl>"
    for name, value in view.facts_of(summary):
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>\n"
    yield "</dl></header>\n<main>\n"
    yield from _totals(view.totals_of(summary))
    yield from _lists(summary)
    yield from _changes(changes, json_name)
    yield (
        f'<footer class="soft"><p>{escape(json_name)} has the same as JSON. Unchanged records are '
        "counted, not listed.</p></footer>\n</main></body></html>\n"
    )


def _head(outcome: view.Outcome) -> Iterator[str]:
    hidden = "".join(
        f"main:has(fieldset :checked):not(:has(#only-{action}:checked)) tr.{action}"
        " { display: none }\n"
        for action in view.ACTIONS
    )
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8") + hidden
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    yield f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{escape(outcome.title)}</title>
<style>{style}</style></head>
<body>
"""


def _verdict(outcome: view.Outcome) -> Iterator[str]:
    if outcome.dry_run:
        yield '<p class="dry" role="note">DRY RUN: nothing was written to Pinterest</p>\n'
    yield f"<header><h1>{escape(outcome.title)}</h1>\n"
    yield f'<div class="verdict{" bad" if outcome.is_bad else ""}"><p>{escape(outcome.verdict)}</p>'
    if outcome.reasons:
        yield f"<ul>{''.join(f'<li>{_value(reason)}</li>' for reason in outcome.reasons)}</ul>"
    yield "</div>\n"


def _totals(totals: view.Totals) -> Iterator[str]:
    yield "<h2>Totals</h2>\n"
    if not totals.rows:
        yield "<p>The run read no record.</p>\n"
        return
    heads = "".join(f'<th scope="col">{_breakable(name)}</th>' for name in totals.streams)
    yield '<div class="scroll"><table class="totals"><caption>Records by result and stream; '
    yield 'people, for members</caption><thead><tr><th scope="col">Result</th>'
    yield f"{heads}</tr></thead><tbody>\n"
    for action, counts in totals.rows:
        cells = "".join(f"<td>{count:,}</td>" for count in counts)
        yield f'<tr><th scope="row">{escape(action)}</th>{cells}</tr>\n'
    yield "</tbody></table></div>\n"


def _breakable(name: str) -> str:
    return escape(name).replace("_", "_<wbr>")


def _lists(summary: Mapping[str, Any]) -> Iterator[str]:
    lists, notes = view.lists_of(summary, MOST_LISTS), view.notes_on_lists(summary, MOST_LISTS)
    if not (lists or notes):
        return
    yield "<h2>Customer lists</h2>\n"
    if lists:
        yield f'{bars.LEGEND}<div class="lists">\n'
        for each in lists:
            yield _list(each, dry_run=summary["dry_run"])
        yield "</div>\n"
    if notes:
        yield f'<ul class="notes">{"".join(f"<li>{_value(note)}</li>" for note in notes)}</ul>\n'


def _list(each: view.ListRow, *, dry_run: bool) -> str:
    facts = [
        ("To be sent" if dry_run else "Sent", f"{each.sent:,}"),
        ("Already there", f"{each.already_there:,}"),
        ("To be removed" if dry_run else "Removed", f"{each.removed:,}"),
        ("Rejected", f"{each.refused:,}"),
        ("Matched by Pinterest", each.match),
        ("Status", each.status or "new"),
    ]
    shown = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts
    )
    rejected = "".join(
        f"<li>{count:,} rejected: {_value(reason)}</li>" for reason, count in each.rejected
    )
    return (
        f'<section class="list"><h3>{_value(each.name)}</h3>'
        f'<span class="ids">{escape(each.ids)}</span>\n{bars.bar(each)}<dl>{shown}</dl>'
        f"{f'<ul>{rejected}</ul>' if rejected else ''}</section>\n"
    )


def _changes(changes: view.Changes, json_name: str) -> Iterator[str]:
    yield "<h2>Changes</h2>\n"
    if not changes.counts:
        yield "<p>None.</p>\n"
        return
    if changes.left_out:
        yield (
            f'<p class="loud">{changes.left_out:,} of {changes.counts.total():,} changes are not '
            f"listed here. {escape(json_name)} has them all.</p>\n"
        )
    yield from _filter(changes)
    yield (
        '<table class="changes" role="table"><caption class="unseen">Changes, the most important '
        'ones first</caption><thead role="rowgroup"><tr role="row">'
    )
    for head in ("Result", "Audience", "What, before → after"):
        yield f'<th scope="col" role="columnheader">{head}</th>'
    yield '</tr></thead><tbody role="rowgroup">\n'
    yield from map(_row, changes.rows())
    yield "</tbody></table>\n"


def _filter(changes: view.Changes) -> Iterator[str]:
    """A filter that style alone applies, so it needs no script."""
    yield '<form method="dialog"><fieldset><legend>Show only</legend>\n'
    for action in view.ACTIONS:
        if count := changes.counts[action]:
            listed = changes.listed[action]
            number = f"{count:,}" if listed == count else f"{listed:,} of {count:,}"
            yield (
                f'<label><input type="checkbox" id="only-{action}" autocomplete="off">{action} '
                f"<b>{number}</b></label>\n"
            )
    yield '<button type="reset">Show all</button></fieldset></form>\n'


def _row(row: view.Row) -> str:
    what = "".join(
        (
            *(f"<li>{_difference(each)}</li>" for each in row.differences),
            *(f'<li class="why">{_value(note)}</li>' for note in row.notes),
        )
    )
    name = _value(row.name) if row.name else '<span class="soft">no name</span>'
    ids = f'<span class="ids">{escape(row.ids)}</span>' if row.ids else ""
    return (
        f'<tr role="row" class="{escape(row.action)}"><td role="cell"><span class="action">'
        f'{escape(row.action)}</span><span class="record">{escape(row.record)}</span></td>'
        f'<th scope="row" role="rowheader"><span class="name">{name}</span>{ids}</th>'
        f'<td role="cell">{f"<ul>{what}</ul>" if what else ""}</td></tr>\n'
    )


def _difference(each: Difference) -> str:
    old = "" if each.old is None else f"<del>{_value(each.old)}</del>"
    new = "" if each.new is None else f"<ins>{_value(each.new)}</ins>"
    arrow = ' <span aria-hidden="true">→</span> ' if old and new else ""
    before = '<span class="unseen">before: </span>' if old else ""
    after = '<span class="unseen">, now: </span>' if old else ""
    gone = "" if new else ' <span class="note">(gone)</span>'
    note = f' <span class="note">({escape(each.note)})</span>' if each.note else ""
    return (
        f'<span class="field">{_value(each.field)}:</span> {before}{old}{arrow}'
        f"{after if new else ''}{new}{gone}{note}"
    )


def _value(text: str) -> str:
    """Return foreign text, which turns no other text around, in whatever language it is."""
    return f"<bdi>{escape(text)}</bdi>" if text else '<span class="note">(empty)</span>'
