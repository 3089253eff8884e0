"""Reports as runs make them, for tests of what shows them to people."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from target_pinterest_audiences.run.report import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = Path(__file__).parents[1] / "docs" / "report.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text()))

FRAGMENTS = (
    *("<script>", "</script>", "<img src=x onerror=y>", "</td></tr>", "</style>", "<!--", "<em>"),
    *('" onclick="', "' onclick='", "&lt;", "&#60;", "&#124;", "\\|", "a | b", "``", "[a](b)"),
    *("**a**", "\n\n# a", "\n- ", "\n| a |", "~~a~~", "<b", "\x1b[2J", "\u202ea"),
)
ODD_TEXT = st.lists(st.sampled_from(FRAGMENTS) | st.characters(codec="utf-8"), max_size=6).map(
    "".join
)
"""Names as nobody should give them."""


def summary(
    changes: Sequence[dict[str, Any]] = (),
    lists: Sequence[dict[str, Any]] = (),
    **more: Any,
) -> dict[str, Any]:
    """A report with these changes and lists; ``more`` replaces what else it has."""
    numbers = Counter(change["action"] for change in changes)
    counts = {action: numbers[action] for action in ACTIONS}
    made = {
        "version": 1,
        "dry_run": False,
        "begun_at": "2026-11-28T20:00:00.123456+00:00",
        "seconds": 2.5,
        "error": None,
        "exit_code": 0,
        "failures": [],
        "counts": counts,
        "streams": {"audiences": counts},
        "requests": {"read": 1, "write": 2},
        "seconds_waited": 0,
        "seconds_for_writes_at_least": 0,
        "changes": [*changes],
        "customer_lists": [*lists],
        "unmentioned_lists": [],
        "blank_lines": 0,
        **more,
    }
    VALIDATOR.validate(made)
    return made


def change(action: str, record: int = 1, name: str | None = "A", **more: Any) -> dict[str, Any]:
    return {"stream": "audiences", "record": record, "name": name, "action": action, **more}


def updated(field: str, old: Any, new: Any, **more: Any) -> dict[str, Any]:
    return change("updated", fields={field: {"old": old, "new": new}}, **more)


def of_list(**more: Any) -> dict[str, Any]:
    return {
        "ad_account_id": "549",
        "customer_list_id": "4189",
        "audience_name": "Customers",
        "list_type": "EMAIL",
        "added": 0,
        "already_there": 0,
        "removed": 0,
        "removed_unknown": 0,
        "not_there": 0,
        "rejected": {},
        "status_before": None,
        "status": "PROCESSING",
        "size_before": None,
        "size": None,
        "people_missing": 100,
        **more,
    }
