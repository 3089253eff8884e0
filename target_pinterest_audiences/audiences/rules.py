"""The rule of an audience: what may be in it, how Pinterest wants it, and when two mean the same.

No I/O in here. Facts about Pinterest: its OpenAPI descriptions 5.23 and 5.28. ``{"engager_type":
1}`` alone makes an ENGAGEMENT audience in Pinterest's own tests, in spite of the text that requires
``engagement_domain``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.audiences.rule_fields import (
    as_list,
    fault_in,
    faults_in,
    meaning,
    meant,
    normalised,
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
    for field, fault in faults_in(given).items():
        new = _new_in(given[field], returned.get(field))
        new_fault = None if new is None else fault_in(field, new)
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


def same_rule(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Compare two rules by what they mean.

    ``"10"`` is 10, one value is a list of one, the order of a list means nothing, and a default
    that is spelled out is no difference: Pinterest's description and its examples disagree on all
    of these.
    """
    return _are_written_alike(one, other) or meaning(one) == meaning(other)


def _are_written_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Compare quickly, as nearly all rules allow; unlike in ``one == other``, true is not 1.

    Pinterest and warehouses return the fields in an order of their own.
    """
    try:
        return repr(one) == repr(other) or (
            one.keys() == other.keys() and repr(sorted(one.items())) == repr(sorted(other.items()))
        )
    except ValueError:  # a whole number with more digits than Python writes
        return False


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
    if meant(value) == meant(known):
        return None
    if value in ({}, []):
        return value
    if isinstance(value, dict) and isinstance(known, dict):
        parts = {key: _new_in(inner, known.get(key)) for key, inner in value.items()}
        return {key: part for key, part in parts.items() if part is not None} or None
    there = [meant(member) for member in as_list(known)]
    new = [member for member in as_list(value) if meant(member) not in there]
    return (new if isinstance(value, list) else value) if new else None
