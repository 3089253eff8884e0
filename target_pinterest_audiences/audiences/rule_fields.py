"""The fields of a rule, one by one: what may be in them, and in which form Pinterest wants it.

No I/O in here. Facts about Pinterest: its OpenAPI descriptions 5.5 to 5.28, whose schemas of a rule
and whose examples disagree; all are let through.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from pinterest_audiences.errors import redact

if TYPE_CHECKING:
    from collections.abc import Callable

_ID_LISTS = ("ad_id", "campaign_id", "pin_id", "seed_id")
_IDS = ("ad_account_id", "customer_list_id")
_OPEN_IDS = ("ad_id", "campaign_id", "pin_id", "visitor_source_id")
"""Ids that need not be digits since Pinterest OpenAPI 5.28."""
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
    "SALES",  # since 5.28
    *("VIDEO_VIEW", "WEB_SESSIONS"),  # until 5.15: older audiences have them
    *("APP_INSTALL", "CTV_CONSIDERATION"),  # in the list of a business's audiences
)
_URL_OPERATORS = ("=", "!=", "contains", "not_contains")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LONGEST_ID = 100  # digits; Pinterest names no limit for the ids of a rule
_OPEN_ID = re.compile(rf"[0-9A-Za-z_-]{{1,{_LONGEST_ID}}}")
_LONGEST_WHOLE = 18  # digits of percentage and the like, zeros in front included
_LONGEST_SHOWN = 60
# Python refuses to write integers of more than 4300 digits as text.
_LONGEST_NUMBER = 4000
_DEEPEST_DATA = 50  # levels of event_data; Pinterest's examples have 3
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field of a rule.

    Attributes:
        code: A word for the kind of fault.
        what: The field, and what is wrong with it.
        remedy: What to do.
    """

    code: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong with a value: ``problem`` follows its field's name, ``path`` is within it."""

    problem: str
    allowed: str
    path: str = ""


_Check: TypeAlias = "Callable[[Any], _Fault | None]"


def fault_in(field: str, value: Any) -> Fault | None:  # noqa: ANN401
    """Find what is wrong with the value of a field, in the form that ``formed`` returns.

    Raises:
        KeyError: If Pinterest does not describe the field.
    """
    fault = _CHECKS[field](value)
    if fault is None:
        return None
    return Fault(
        "bad_rule_value", f"rule.{field}{fault.path} {fault.problem}", f"send {fault.allowed}"
    )


def formed(field: str, value: Any) -> Any:  # noqa: ANN401
    """Return the value of a field in the form that Pinterest describes, where that loses nothing.

    Of the two forms that seed_id, percentage and visitor_source_id have in answers since 5.28 it
    is the older one, which requests had before.
    """
    return _FORMS[field](value) if field in _FORMS else value


def _must(be: Callable[[Any], bool], allowed: str) -> _Check:
    """Make a check of one value."""
    return lambda value: None if be(value) else _Fault(f"is {shown(value)}", allowed)


def _all_must(check: _Check) -> _Check:
    """Make a check of a list of values, which may be a lone value where nothing made it a list."""

    def check_all(value: object) -> _Fault | None:
        if value == []:
            return _Fault(f"is {shown(value)}", "one value or more, or leave the field out")
        return next((fault for member in as_list(value) if (fault := check(member))), None)

    return check_all


def _operands_must(check: _Check, operators: tuple[str, ...], form: str) -> _Check:
    """Make a check of an object that has an operand for each of some operators."""

    def check_operands(value: object) -> _Fault | None:
        if not isinstance(value, dict) or not value:
            return _Fault(f"is {shown(value)}", form)
        for operator, operand in value.items():
            if operator not in operators:
                return _Fault(f"has the operator {shown(operator)}", form)
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
        return _Fault(f"is {shown(value)}", "an object")
    level: list[Any] = [value]
    for _ in range(_DEEPEST_DATA):
        below: list[Any] = []
        for member in level:
            if isinstance(member, int | float | Decimal) and not _is_sendable(member):
                return _Fault(f"holds {shown(member)}", "numbers that JSON can carry")
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
    tags = _as_ids(value)
    return tags[0] if len(tags) == 1 and not isinstance(tags[0], list) else tags


def _as_whole(value: Any) -> Any:  # noqa: ANN401
    digits = _digits(value)
    return int(digits) if digits and len(digits) <= _LONGEST_WHOLE else value


def as_list(value: Any) -> list[Any]:  # noqa: ANN401
    """Return a list as it is, and anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def _as_ids(value: Any) -> list[Any]:  # noqa: ANN401
    return [_as_id(member) for member in as_list(value)]


def _as_source(value: Any) -> Any:  # noqa: ANN401
    is_object = isinstance(value, dict) and "=" in value
    return {**value, "=": as_list(value["="])} if is_object else value


_check_id = _must(
    lambda value: isinstance(value, str) and _digits(value) == value, "an id, which has digits only"
)
_check_open_id = _must(
    lambda value: isinstance(value, str) and _OPEN_ID.fullmatch(value) is not None,
    "an id, which has digits, letters, - and _ only",
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
    **dict.fromkeys(_OPEN_IDS, _all_must(_check_open_id)),
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
    **dict.fromkeys(("engagement_domain", "objective_type"), as_list),
}
RULE_FIELDS = frozenset(_CHECKS)
"""All that Pinterest describes (Pinterest OpenAPI 5.5 to 5.28)."""


def _digits(value: object) -> str | None:
    """Return the digits of an id or of a whole number; None for anything else."""
    match value:
        case bool():
            return None
        case str():
            text = value.strip()
        case int() | float() | Decimal():
            text = number_text(value)
        case _:
            return None
    return text if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID else None


def number_text(value: float | Decimal) -> str:
    """Write a number in one way, whatever it was read as: 30 and 30.0 as 30, 1.50 as 1.5."""
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if exact.is_finite() and exact.adjusted() < _LONGEST_NUMBER and exact == int(exact):
        return str(int(exact))
    return str(_EXACT.normalize(exact))


def _is_sendable(number: float | Decimal) -> bool:
    """Return whether a reader that has nothing but doubles, as most have, can read a number."""
    exact = Decimal(number)
    return exact.is_finite() and exact.adjusted() < sys.float_info.max_10_exp


def shown(value: object) -> str:
    """Describe a value in a few words, without what it may hold of a person."""
    match value:
        case str():
            safe = redact(value)
            return repr(safe if len(safe) <= _LONGEST_SHOWN else f"{safe[:_LONGEST_SHOWN]}…")
        case bool():
            return str(value).lower()
        case int() | float() | Decimal():
            written = number_text(value)
            return written if redact(written) == written else "a number with many digits"
        case list():
            return "a list" if value else "an empty list"
        case dict():
            return "an object" if value else "an empty object"
        case _:
            return "null" if value is None else "no JSON value"
