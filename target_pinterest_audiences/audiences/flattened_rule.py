"""A rule that arrives as one column a field, as flattening makes it. No I/O in here.

The SDK and most loaders turn ``{"rule": {"retention_days": 30}}`` into a column
``rule__retention_days``, and lists into their JSON text. Other separators are ``_`` and ``.``.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.audiences.rule_fields import RULE_FIELDS, meaning
from target_pinterest_audiences.audiences.rules import REFERENCES
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.column_names import squeezed
from target_pinterest_audiences.input.values import UnreadableRecordError, is_blank, json_in

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "rule__"
_FIELDS = RULE_FIELDS | REFERENCES.keys()
_COMMON_NAMES = {"ad_account_id", "ad_id", "campaign_id", "country", "event", "pin_id", "url"}
"""Of fields whose columns may well be about something else."""

_BARE = {squeezed(field): field for field in RULE_FIELDS - _COMMON_NAMES}


def rule_column(column: str) -> str | None:
    """Return the name under which ``unflattened`` looks for a column; None if it is not one."""
    head, rest = column[:4], column[4:]
    if head.casefold() != "rule":
        return None
    rest = rest.lower() if head.isupper() else rest
    if rest.startswith("__"):
        return f"{_PREFIX}{rest[2:]}"
    if rest[:1] in {".", "_"} and rest[1:].partition(".")[0].lower() in _FIELDS:
        return f"{_PREFIX}{rest[1:].replace('.', '__')}"
    return None


def unflattened(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the rule that the columns of a record make up; None if none of them has a value.

    Raises:
        UnreadableRecordError: If the columns contradict each other, or one is no JSON text.
    """
    rule: dict[str, Any] = {}
    for column, value in record.items():
        if not column.startswith(_PREFIX) or is_blank(value):
            continue
        *parents, field = column.removeprefix(_PREFIX).split("__")
        place = rule
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                _refuse(column)
        if field in place:
            _refuse(column)
        text = isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}
        place[field] = json_in(value, column) if text else value
    return rule or None


def check_bare_columns(record: Mapping[str, Any], rule: Mapping[str, Any]) -> None:
    """Make sure that no field of the rule is in a column of its own name, which is not read.

    Args:
        record: The record.
        rule: The rule that it has in other columns.

    Raises:
        UnreadableRecordError: If a column says something else than the rule.
    """
    for column, value in record.items():
        field = _bare_field(column)
        if field is None or is_blank(value):
            continue
        if meaning({field: value}).get(field) != meaning(rule).get(field):
            raise UnreadableRecordError(
                Reject(
                    "bare_rule_field",
                    f"the column {field} is not read, and a rule has a field of this name: call it "
                    f"rule__{field}, or drop it",
                )
            )


@functools.lru_cache(10_000)
def _bare_field(column: str) -> str | None:
    return _BARE.get(squeezed(column))


def _refuse(column: str) -> None:
    raise UnreadableRecordError(
        Reject("conflicting_columns", f"{column} and another column both hold one part of the rule")
    )
