"""The rule of an audience: what may be in it, how Pinterest wants it, and when two mean the same.

No I/O in here. Facts about Pinterest: its OpenAPI descriptions 5.23 and 5.28. ``{"engager_type":
1}`` alone makes an ENGAGEMENT audience in Pinterest's own tests, in spite of the text that requires
``engagement_domain``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.audiences.rule_fields import (
    RULE_FIELDS,
    Fault,
    as_list,
    fault_in,
    formed,
    number_text,
    shown,
)
from target_pinterest_audiences.changes import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

REFERENCES = {"seed_name": "seed_id", "customer_list_name": "customer_list_id"}
"""Fields that name what another field has the id of. They are resolved before a rule is checked."""

_REQUIRED = {
    "ACTALIKE": ("seed_id", "country", "percentage"),
    "CUSTOMER_LIST": ("customer_list_id",),
    "VISITOR": ("visitor_source_id",),
}
_DEFAULTS = {"prefill": "true", "retention_days": "180"}
"""What Pinterest takes a rule to say that does not say it."""


def check_rule(
    rule: Mapping[str, Any], audience_type: str | None, known: Mapping[str, Any] | None = None
) -> Reject | tuple[str, ...]:
    """Find what Pinterest would refuse in a rule, before a request is spent on it.

    Fields that mean nothing for the type are let through, and so is whatever ``normalised`` puts
    right. Null is the same as absent. What Pinterest itself returned is never refused, because no
    description has all that Pinterest knows: only what differs from it is.

    Args:
        rule: A rule with JSON values, and ``REFERENCES`` resolved.
        audience_type: Pinterest's ``audience_type``. None if it has none, as custom audiences:
            then no field is required.
        known: The rule that Pinterest returned for this audience, if it did.

    Returns:
        The first thing that is wrong, or warnings about faults that ``known`` has as well. The code
        is ``bad_rule_field`` (Pinterest does not describe the field), ``bad_rule_value`` or
        ``rule_incomplete`` (a field is missing).
    """
    given, returned = normalised(rule), normalised(known or {})
    warnings = []
    for field, value in given.items():
        fault = _fault(field, value)
        if fault:
            new = _new_in(value, returned.get(field))
            new_fault = None if new is None else _fault(field, new)
            if new_fault:
                return Reject(new_fault.code, f"{new_fault.what}: {new_fault.remedy}")
            warnings.append(fault.what)
    gaps, excused = _gaps(given, audience_type), _gaps(returned, audience_type)
    new_gaps = [gap for gap in gaps if known is None or gap not in excused]
    if new_gaps:
        return Reject("rule_incomplete", "; ".join(new_gaps))
    return tuple(
        f"{what}; the target sends it all the same, because Pinterest itself returned it"
        for what in (*warnings, *gaps)
    )


def normalised(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule in the forms that Pinterest's schema describes, where that loses nothing.

    Ids become text and whole numbers integers; one value becomes a list where the schema has
    lists, and the list of one tag id that Pinterest's example has becomes the id. Of the two forms
    that some fields have since 5.28 it is the older one. Nulls go.
    Anything else, right or wrong, stays as it is.
    """
    forms = {field: formed(field, value) for field, value in rule.items() if value is not None}
    return {field: value for field, value in forms.items() if value is not None}


def same_rule(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Compare two rules by what they mean.

    ``"10"`` is 10, one value is a list of one, the order of a list means nothing, and a default
    that is spelled out is no difference: Pinterest's description and its examples disagree on all
    of these.
    """
    return _meaning(one) == _meaning(other)


def _fault(field: str, value: Any) -> Fault | None:  # noqa: ANN401
    if field in RULE_FIELDS:
        return fault_in(field, value)
    return Fault(
        "bad_rule_field",
        f"rule has the field {shown(field)}, which Pinterest does not describe",
        f"it knows {', '.join(sorted(RULE_FIELDS))}",
    )


def _gaps(rule: Mapping[str, Any], audience_type: str | None) -> list[str]:
    """Say what a rule lacks."""
    gaps = [
        f"rule lacks {field}, which audience_type {audience_type} requires"
        for field in _REQUIRED.get(audience_type or "", ())
        if field not in rule
    ]
    if "event_data" in rule and "event" not in rule:
        gaps.append("rule.event_data needs `event`: without it Pinterest does not look at it")
    return gaps


def _new_in(value: Any, known: Any) -> Any:  # noqa: ANN401
    """Return the part of a value that a known one does not have; None if it has all of it."""
    if known is None:
        return value
    if _value(value) == _value(known):
        return None
    if value in ({}, []):
        return value
    if isinstance(value, dict) and isinstance(known, dict):
        parts = {key: _new_in(inner, known.get(key)) for key, inner in value.items()}
        return {key: part for key, part in parts.items() if part is not None} or None
    there = [_value(member) for member in as_list(known)]
    new = [member for member in as_list(value) if _value(member) not in there]
    return (new if isinstance(value, list) else value) if new else None


def _meaning(rule: Mapping[str, Any]) -> dict[str, Any]:
    meaning = {field: _value(value) for field, value in normalised(rule).items()}
    return {field: value for field, value in meaning.items() if _DEFAULTS.get(field) != value}


def _value(value: Any) -> Any:  # noqa: ANN401
    match value:
        case dict():
            # In one order, because a list of objects is sorted by how they are written.
            return {key: _value(value[key]) for key in sorted(value) if value[key] is not None}
        case [only]:
            return _value(only)
        case list():
            return sorted((_value(inner) for inner in value), key=repr)
        case bool():
            return str(value).lower()
        case int() | float() | Decimal():
            return number_text(value)
        case _:
            return value
