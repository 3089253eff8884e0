"""The rule of an audience: what may be in it, how Pinterest wants it, and when two mean the same.

No I/O in here. Facts about Pinterest: its OpenAPI description 5.23, whose schema of a rule and
whose examples disagree; both are let through. ``{"engager_type": 1}`` alone makes an ENGAGEMENT
audience in Pinterest's own tests, in spite of the text that requires ``engagement_domain``.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_pinterest_audiences.errors import redact
from target_pinterest_audiences.decisions import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REFERENCES = {"seed_name": "seed_id", "customer_list_name": "customer_list_id"}
"""Fields that name what another field has the id of. They are resolved before a rule is checked."""

_ID_LISTS = ("ad_id", "campaign_id", "pin_id", "seed_id")
_IDS = ("ad_account_id", "customer_list_id", "visitor_source_id")
_RANGES = {"engager_type": (1, 2), "percentage": (1, 10), "retention_days": (1, 540)}
_SOURCES = {
    "event_source": ("web", "mobile", "offline"),
    "ingestion_source": ("tag", "mmp", "file_upload", "conversions_api"),
}
_ENGAGEMENTS = ("click", "save", "closeup", "comment", "like")
_OBJECTIVES = (
    "AWARENESS",
    "CONSIDERATION",
    "WEB_CONVERSION",
    "CATALOG_SALES",
    "VIDEO_COMPLETION",
)
_URL_OPERATORS = ("=", "!=", "contains", "not_contains")
_REQUIRED = {
    "ACTALIKE": ("seed_id", "country", "percentage"),
    "CUSTOMER_LIST": ("customer_list_id",),
    "VISITOR": ("visitor_source_id",),
}
_DEFAULTS = {"prefill": "true", "retention_days": "180"}
"""What Pinterest takes a rule to say that does not say it."""

_COUNTRY = re.compile(r"[A-Z]{2}")
_LONGEST_ID = 18
_LONGEST_SHOWN = 60
# Python refuses to write integers of more than 4300 digits as text.
_LONGEST_NUMBER = 4000
_DEEPEST_DATA = 50  # levels of event_data; Pinterest's examples have 3
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong with a value: ``said`` follows the name of its field, ``path`` is within it."""

    said: str
    allowed: str
    path: str = ""


_Check: TypeAlias = "Callable[[Any], _Fault | None]"


def check_rule(rule: Mapping[str, Any], audience_type: str | None) -> Reject | None:
    """Find what Pinterest would refuse in a rule, before a request is spent on it.

    Fields that mean nothing for the type are let through, and so is whatever ``normalised`` puts
    right. Null is the same as absent.

    Args:
        rule: A rule with JSON values, and ``REFERENCES`` resolved.
        audience_type: Pinterest's ``audience_type``. None if it has none, as custom audiences:
            then no field is required.

    Returns:
        The first thing that is wrong, or None. The code is ``bad_rule_field`` (Pinterest does not
        describe the field), ``bad_rule_value`` or ``rule_incomplete`` (a field is missing).
    """
    said = normalised(rule)
    unknown = sorted(set(said) - RULE_FIELDS)
    if unknown:
        return Reject(
            "bad_rule_field",
            f"rule has the field {_shown(unknown[0])}, which Pinterest does not describe: "
            f"it knows {', '.join(sorted(RULE_FIELDS))}",
        )
    for field, value in said.items():
        fault = _CHECKS[field](value)
        if fault:
            return Reject(
                "bad_rule_value", f"rule.{field}{fault.path} {fault.said}: send {fault.allowed}"
            )
    return _check_complete(said, audience_type)


def normalised(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule in the forms that Pinterest's schema describes, where that loses nothing.

    Ids become text and whole numbers integers; one value becomes a list where the schema has
    lists, and the list of one tag id that Pinterest's example has becomes the id. Nulls go.
    Anything else, right or wrong, stays as it is.
    """
    return {
        field: _FORMS[field](value) if field in _FORMS else value
        for field, value in rule.items()
        if value is not None
    }


def same_rule(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Compare two rules by what they mean.

    ``"10"`` is 10, one value is a list of one, the order of a list means nothing, and a default
    that is spelled out is no difference: Pinterest's description and its examples disagree on all
    of these.
    """
    return _meaning(one) == _meaning(other)


def _check_complete(rule: Mapping[str, Any], audience_type: str | None) -> Reject | None:
    lacking = [field for field in _REQUIRED.get(audience_type or "", ()) if field not in rule]
    if lacking:
        return Reject(
            "rule_incomplete",
            f"rule lacks {', '.join(lacking)}, which audience_type {audience_type} requires",
        )
    if "event_data" in rule and "event" not in rule:
        return Reject(
            "rule_incomplete",
            "rule.event_data needs `event` to be set: without it Pinterest does not look at it",
        )
    return None


def _must(be: Callable[[Any], bool], allowed: str) -> _Check:
    """Make a check of one value."""
    return lambda value: None if be(value) else _Fault(f"is {_shown(value)}", allowed)


def _all_must(check: _Check) -> _Check:
    """Make a check of a list of values, which may be a lone value where nothing made it a list."""

    def check_all(value: object) -> _Fault | None:
        if value == []:
            return _Fault(f"is {_shown(value)}", "one value or more, or leave the field out")
        return next((fault for member in _as_list(value) if (fault := check(member))), None)

    return check_all


def _operands_must(check: _Check, operators: tuple[str, ...], form: str) -> _Check:
    """Make a check of an object that has an operand for each of some operators."""

    def check_operands(value: object) -> _Fault | None:
        if not isinstance(value, dict) or not value:
            return _Fault(f"is {_shown(value)}", form)
        for operator, operand in value.items():
            if operator not in operators:
                return _Fault(f"has the operator {_shown(operator)}", form)
            fault = check(operand)
            if fault:
                return replace(fault, path=f".{operator}")
        return None

    return check_operands


def _must_be_whole(low: int, high: int) -> _Check:
    return _must(
        lambda value: type(value) is int and low <= value <= high,
        f"a whole number from {low} to {high}",
    )


def _must_be_word(words: tuple[str, ...]) -> _Check:
    return _must(
        lambda value: isinstance(value, str) and value in words,
        f"exactly one of {', '.join(words)}",
    )


def _must_be_source(words: tuple[str, ...]) -> _Check:
    form = f'an object like {{"=": ["{words[0]}"]}}'
    return _operands_must(_all_must(_must_be_word(words)), ("=",), form)


def _check_url(value: object) -> _Fault | None:
    return (_check_url_operands if isinstance(value, dict) else _check_urls)(value)


def _check_data(value: object) -> _Fault | None:
    """Accept any object, as partners may define their own data, if it can be sent as JSON."""
    if not isinstance(value, dict):
        return _Fault(f"is {_shown(value)}", "an object")
    level: list[Any] = [value]
    for _ in range(_DEEPEST_DATA):
        below: list[Any] = []
        for member in level:
            if isinstance(member, int | float | Decimal) and not _is_sendable(member):
                return _Fault(f"holds {_shown(member)}", "numbers that JSON can carry")
            if isinstance(member, dict | list):
                below += member.values() if isinstance(member, dict) else member
        level = below
    if level:
        return _Fault(
            "is nested too deeply", f"objects and lists of {_DEEPEST_DATA} levels at most"
        )
    return None


def _as_id(value: Any) -> Any:  # noqa: ANN401
    return _digits(value) or value


def _as_tag(value: Any) -> Any:  # noqa: ANN401
    only = value[0] if isinstance(value, list) and len(value) == 1 else value
    return _digits(only) or value


def _as_whole(value: Any) -> Any:  # noqa: ANN401
    digits = _digits(value)
    return int(digits) if digits else value


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


def _as_ids(value: Any) -> list[Any]:  # noqa: ANN401
    return [_as_id(member) for member in _as_list(value)]


def _as_source(value: Any) -> Any:  # noqa: ANN401
    said = isinstance(value, dict) and "=" in value
    return {**value, "=": _as_list(value["="])} if said else value


_check_id = _must(
    lambda value: isinstance(value, str) and _digits(value) == value,
    f"an id: digits, {_LONGEST_ID} at most",
)
_check_text = _must(
    lambda value: isinstance(value, str) and bool(value.strip()), "text that is not empty"
)
_check_urls = _all_must(_check_text)
_check_url_operands = _operands_must(
    _check_urls, _URL_OPERATORS, f"text, texts, or an object with any of {' '.join(_URL_OPERATORS)}"
)
_CHECKS: dict[str, _Check] = {
    **dict.fromkeys(_IDS, _check_id),
    **dict.fromkeys(_ID_LISTS, _all_must(_check_id)),
    **{field: _must_be_whole(low, high) for field, (low, high) in _RANGES.items()},
    **{field: _must_be_source(words) for field, words in _SOURCES.items()},
    "country": _must(
        lambda value: isinstance(value, str) and _COUNTRY.fullmatch(value) is not None,
        "exactly two capital letters, as in US",
    ),
    "engagement_domain": _all_must(_check_text),
    "engagement_type": _must_be_word(_ENGAGEMENTS),
    "event": _check_text,
    "event_data": _check_data,
    "objective_type": _all_must(_must_be_word(_OBJECTIVES)),
    "prefill": _must(lambda value: isinstance(value, bool), "true or false, without quotes"),
    "url": _check_url,
}
_FORMS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_IDS, _as_id),
    "visitor_source_id": _as_tag,
    **dict.fromkeys(_ID_LISTS, _as_ids),
    **dict.fromkeys(_RANGES, _as_whole),
    **dict.fromkeys(_SOURCES, _as_source),
    **dict.fromkeys(("engagement_domain", "objective_type"), _as_list),
}
RULE_FIELDS = frozenset(_CHECKS)
"""All that Pinterest describes (Pinterest OpenAPI 5.23)."""


def _digits(value: object) -> str | None:
    """Return the digits of an id or of a small whole number; None for anything else."""
    match value:
        case bool():
            return None
        case str():
            text = value.strip()
        case int() | float() | Decimal():
            text = _number(value)
        case _:
            return None
    return text if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID else None


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
            return _number(value)
        case _:
            return value


def _number(value: float | Decimal) -> str:
    """Write a number in one way, whatever it was read as: 30 and 30.0 as 30, 1.50 as 1.5."""
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if exact.is_finite() and exact.adjusted() < _LONGEST_NUMBER and exact == int(exact):
        return str(int(exact))
    return str(_EXACT.normalize(exact))


def _is_sendable(number: float | Decimal) -> bool:
    """Tell whether a reader that has nothing but doubles, as most have, can read a number."""
    exact = Decimal(number)
    return exact.is_finite() and exact.adjusted() < sys.float_info.max_10_exp


def _shown(value: object) -> str:
    """Describe a value in a few words, without what it may hold of a person."""
    match value:
        case str():
            safe = redact(value)
            return repr(safe if len(safe) <= _LONGEST_SHOWN else f"{safe[:_LONGEST_SHOWN]}…")
        case bool():
            return str(value).lower()
        case int() | float() | Decimal():
            written = _number(value)
            return written if redact(written) == written else "a number with many digits"
        case list():
            return "a list" if value else "an empty list"
        case dict():
            return "an object" if value else "an empty object"
        case _:
            return "null" if value is None else "no JSON value"
