"""The report as a table, for a person at a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.report.differences import printable, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_ROWS = 200
_STYLES = {"created": "green", "removed": "red", "revoked": "red", "rejected": "bold red"}


def print_table(summary: Mapping[str, Any]) -> None:
    """Print what changed to standard error, if that is a terminal."""
    if not sys.stderr.isatty() or not summary["changes"]:
        return
    # Most runs have no terminal, and need not import it.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    title = "What would change" if summary["dry_run"] else "What changed"
    table = Table("", "record", "name", "what", title=title)
    for change in summary["changes"][:MOST_ROWS]:
        action = Text(change["action"], style=_STYLES.get(change["action"], ""))
        record = f"{change['stream']} {change['record'] or ''}"
        name = printable(change["name"] or "")
        table.add_row(action, Text(record), Text(name), Text(what(change)))
    more = len(summary["changes"]) - MOST_ROWS
    if more > 0:
        table.caption = f"and {more} more: report_path has them all"
    Console(stderr=True).print(table)


def what(change: Mapping[str, Any]) -> str:
    """Describe one change in a few words."""
    lines = [
        f"{field}: {text_of(values['new'])}"
        if values["old"] is None
        else f"{field}: {text_of(values['old'])} → {text_of(values['new'])}"
        for field, values in change.get("fields", {}).items()
    ]
    lines += [f"{kind}: {', '.join(ids)}" for kind, ids in change.get("recipients", {}).items()]
    lines += change.get("warnings", ())
    if "reason" in change:
        lines.append(change["reason"])
    return "\n".join(map(printable, lines))
