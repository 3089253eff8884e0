"""The fields of a rule, one by one: what may be in them, and in which form Pinterest wants it.

No I/O in here. Facts about Pinterest: its OpenAPI descriptions 5.5 to 5.28, whose schemas of a rule
and whose examples disagree; all are let through.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from pinterest_audiences.errors import redact
from target_pinterest_audiences.input.values import is_null_word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LONGEST_ID = 100  # digits; Pinterest names no limit for the ids of a rule
_LONGEST_WHOLE = 18  # digits of percentage and the like, zeros in front included
_LONGEST_SHOWN = 60
# Python refuses to write integers of more than 4300 digits as text.
_LONGEST_NUMBER = 4000
_DEEPEST_DATA = 50  # levels of event_data; Pinterest's examples have 3
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])

# No union of text with a pattern and lists: with it, msgspec 0.22 crashes. So values are listed.
_Id = Annotated[str, Meta(pattern=rf"\A[0-9]{{1,{_LONGEST_ID}}}\Z")]
_Ids = Annotated[list[_Id], Meta(min_length=1)]
_OpenId = Annotated[str, Meta(pattern=rf"\A[0-9A-Za-z_-]{{1,{_LONGEST_ID}}}\Z")]
_OpenIds = Annotated[list[_OpenId], Meta(min_length=1)]
_Text = Annotated[str, Meta(pattern=r"\S")]
_Texts = Annotated[list[_Text], Meta(min_length=1)]
_Domains = Annotated[
    list[Annotated[str, Meta(pattern=r"""\A\s*[^\s,;"'\[\](){}<>|]+\s*\Z""")]], Meta(min_length=1)
]
_Country = Annotated[str, Meta(pattern=r"\A[A-Z]{2}\Z")]
_Engagement = Literal["click", "save", "closeup", "comment", "like"]
_Objective = Literal[
    "AWARENESS",
    "CONSIDERATION",
    "WEB_CONVERSION",
    "CATALOG_SALES",
    "VIDEO_COMPLETION",
    "SALES",  # since 5.28
    # Until 5.15, so older audiences have them:
    "VIDEO_VIEW",
    "WEB_SESSIONS",
    # In the list of a business's audiences:
    "APP_INSTALL",
    "CTV_CONSIDERATION",
]
_Objectives = Annotated[list[_Objective], Meta(min_length=1)]
_LISTS = (_Ids, _OpenIds, _Texts, _Domains, _Objectives)
_EventSource = Literal["web", "mobile", "offline"]
_IngestionSource = Literal["tag", "mmp", "file_upload", "conversions_api"]


class _EventSources(Struct, forbid_unknown_fields=True, rename={"equal": "="}):
    equal: Annotated[list[_EventSource], Meta(min_length=1)]


class _IngestionSources(Struct, forbid_unknown_fields=True, rename={"equal": "="}):
    equal: Annotated[list[_IngestionSource], Meta(min_length=1)]


class _Urls(Struct, forbid_unknown_fields=True, rename={"equal": "=", "unequal": "!="}):
    equal: _Texts | None = None
    unequal: _Texts | None = None
    contains: _Texts | None = None
    not_contains: _Texts | None = None

    def __post_init__(self) -> None:
        if not any((self.equal, self.unequal, self.contains, self.not_contains)):
            raise ValueError


class _Field(NamedTuple):
    """What may be in a field.

    Attributes:
        type: What msgspec accepts, with lists of values.
        allowed: The same for a person.
        formed: Puts a value in form.
        operators: What an object may be, if the field may be one as well.
    """

    type: Any
    allowed: str
    formed: Callable[[Any], Any] = lambda value: value
    operators: type[Struct] | None = None


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


def normalised(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule in the forms that Pinterest's schema describes, where that loses nothing.

    Ids become text and whole numbers integers; one value becomes a list where the schema has
    lists, and the list of one tag id that Pinterest's example has becomes the id. Of the two forms
    that seed_id, percentage and visitor_source_id have since 5.28 it is the older one. Nulls go.
    Anything else, right or wrong, stays as it is.
    """
    forms = {field: _formed(field, value) for field, value in rule.items() if value is not None}
    return {field: value for field, value in forms.items() if value is not None}


def meaning(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a rule says, without the defaults that it spells out, in one way."""
    values = {field: meant(value) for field, value in normalised(rule).items()}
    return {field: value for field, value in values.items() if _DEFAULTS.get(field) != value}


def meant(value: Any) -> Any:  # noqa: ANN401
    """Return a value in one way, whatever its form: numbers as text, a list of one as the one."""
    match value:
        case dict():
            # In one order, because a list of objects is sorted by how they are written.
            return {key: meant(value[key]) for key in sorted(value) if value[key] is not None}
        case [only]:
            return meant(only)
        case list():
            return sorted((meant(inner) for inner in value), key=repr)
        case bool():
            return str(value).lower()
        case int() | float() | Decimal():
            return _number_text(value)
        case _:
            return value


def faults_in(rule: Mapping[str, Any]) -> dict[str, Fault]:
    """Return what is wrong with the fields of a rule in the form that ``normalised`` returns."""
    found = {field: fault_in(field, value) for field, value in rule.items()}
    return {field: fault for field, fault in found.items() if fault}


def fault_in(field: str, value: Any) -> Fault | None:  # noqa: ANN401
    """Return what is wrong with a field; of a list, its value may be a part."""
    if field not in _FIELDS:
        return Fault(
            "bad_rule_field",
            f"rule has the field {_shown(field)}, which Pinterest does not describe",
            f"it knows {', '.join(sorted(_FIELDS))}",
        )
    known = _FIELDS[field]
    form = known.operators if known.operators and isinstance(value, dict) else known.type
    value = _listed(value, form)
    try:
        msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        what = _explained(field, value, str(error))
        return Fault("bad_rule_value", what, f"send {known.allowed}")
    if field == "event_data":
        return _fault_in_data(value)
    texts = chain.from_iterable(
        map(as_list, value.values() if isinstance(value, dict) else [value])
    )
    if word := next(filter(is_null_word, texts), None):
        what = f"rule.{field} is {word!r}, which stands for a missing value"
        return Fault("bad_rule_value", what, f"send {known.allowed}")
    return None


def as_list(value: Any) -> list[Any]:  # noqa: ANN401
    """Return a list as it is, and anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def _listed(value: Any, form: Any) -> Any:  # noqa: ANN401
    """Return a value with lists where its form has lists."""
    if isinstance(form, type) and issubclass(form, Struct) and isinstance(value, dict):
        return {key: as_list(operand) for key, operand in value.items()}
    return as_list(value) if form in _LISTS else value


def _explained(field: str, value: Any, error: str) -> str:  # noqa: ANN401
    """Say which part of a value msgspec refuses, without what it may hold of a person."""
    name = f"rule.{field}"
    found = re.search(r"at `\$(.*)`$", error)
    for key, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", found[1] if found else ""):
        value = value[key or int(index)]
        name += f".{key}" if key else ""
    if unknown := re.search(r"unknown field `(.*)`", error, re.DOTALL):
        return f"{name} has the operator {_shown(unknown[1])}"
    return f"{name} is {_shown(value)}"


def _fault_in_data(value: Mapping[str, Any]) -> Fault | None:
    """Accept any object, as partners may define their own data, if it can be sent as JSON."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST_DATA):
        below: list[Any] = []
        for member in level:
            if isinstance(member, int | float | Decimal) and not _is_sendable(member):
                what = f"rule.event_data holds {_shown(member)}"
                return Fault("bad_rule_value", what, "send numbers that JSON can carry")
            if isinstance(member, dict | list):
                below += member.values() if isinstance(member, dict) else member
        level = below
    if not level:
        return None
    return Fault(
        "bad_rule_value",
        "rule.event_data is nested too deeply",
        f"send objects and lists of {_DEEPEST_DATA} levels at most",
    )


def _formed(field: str, value: Any) -> Any:  # noqa: ANN401
    return _FIELDS[field].formed(value) if field in _FIELDS else value


def _as_id(value: Any) -> Any:  # noqa: ANN401
    return _digits(value) or value


def _as_tag(value: Any) -> Any:  # noqa: ANN401
    tags = _as_ids(value)
    return tags[0] if len(tags) == 1 and not isinstance(tags[0], list) else tags


def _as_whole(value: Any) -> Any:  # noqa: ANN401
    digits = _digits(value)
    return int(digits) if digits and len(digits) <= _LONGEST_WHOLE else value


def _as_ids(value: Any) -> list[Any]:  # noqa: ANN401
    return [_as_id(member) for member in as_list(value)]


def _as_source(value: Any) -> Any:  # noqa: ANN401
    is_object = isinstance(value, dict) and "=" in value
    return {**value, "=": as_list(value["="])} if is_object else value


_URL_OPERATORS = " ".join(_Urls.__struct_encode_fields__)
_AN_ID = "an id, which has digits only"
_AN_OPEN_ID = "an id, which has digits, letters, - and _ only"
_LISTED = ", one value or more, or leave the field out"


def _whole(low: int, high: int) -> _Field:
    number = Annotated[int, Meta(ge=low, le=high)]
    return _Field(number, f"a whole number from {low} to {high}", _as_whole)


def _words(literal: Any) -> str:  # noqa: ANN401
    return f"exactly one of {', '.join(literal.__args__)}"


def _sources(form: type[Struct], literal: Any) -> _Field:  # noqa: ANN401
    example = f'{{"=": ["{literal.__args__[0]}"]}}'
    return _Field(form, f"an object like {example}, with {_words(literal)}{_LISTED}", _as_source)


_FIELDS: dict[str, _Field] = {
    **dict.fromkeys(("ad_account_id", "customer_list_id"), _Field(_Id, _AN_ID, _as_id)),
    "seed_id": _Field(_Ids, _AN_ID + _LISTED, _as_ids),
    # Ids that need not be digits since Pinterest OpenAPI 5.28.
    **dict.fromkeys(
        ("ad_id", "campaign_id", "pin_id"), _Field(_OpenIds, _AN_OPEN_ID + _LISTED, _as_ids)
    ),
    "visitor_source_id": _Field(_OpenIds, _AN_OPEN_ID + _LISTED, _as_tag),
    "engager_type": _whole(1, 2),
    "percentage": _whole(1, 10),
    "retention_days": _whole(1, 540),
    "event_source": _sources(_EventSources, _EventSource),
    "ingestion_source": _sources(_IngestionSources, _IngestionSource),
    "country": _Field(_Country, "exactly two capital letters, as in US"),
    "engagement_domain": _Field(_Domains, f"a domain, without spaces and commas{_LISTED}", as_list),
    "engagement_type": _Field(_Engagement, _words(_Engagement)),
    "event": _Field(_Text, "text that is not empty"),
    "event_data": _Field(dict, "an object"),
    "objective_type": _Field(_Objectives, _words(_Objective) + _LISTED, as_list),
    "prefill": _Field(bool, "true or false, without quotes"),
    "url": _Field(
        _Texts,
        f"text, texts, or an object with any of {_URL_OPERATORS}; none of it empty",
        operators=_Urls,
    ),
}
ID_FIELDS = frozenset(
    field for field, known in _FIELDS.items() if known.formed in {_as_id, _as_ids, _as_tag}
)
RULE_FIELDS = frozenset(_FIELDS)
"""All that Pinterest describes (Pinterest OpenAPI 5.5 to 5.28)."""

_DEFAULTS = {"prefill": "true", "retention_days": "180"}
"""What Pinterest takes a rule to say that does not say it."""


def _digits(value: object) -> str | None:
    """Return the digits of an id or of a whole number; None for anything else."""
    match value:
        case bool():
            return None
        case str():
            text = value.strip()
        case int() | float() | Decimal():
            text = _number_text(value)
        case _:
            return None
    return text if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID else None


def _number_text(value: float | Decimal) -> str:
    """Write a number in one way, whatever it was read as: 30 and 30.0 as 30, 1.50 as 1.5."""
    if isinstance(value, int) and abs(value) <= sys.maxsize:
        return str(value)
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if exact.is_finite() and exact.adjusted() < _LONGEST_NUMBER and exact == int(exact):
        return str(int(exact))
    return str(_EXACT.normalize(exact))


def _is_sendable(number: float | Decimal) -> bool:
    """Return whether a reader that has nothing but doubles, as most have, can read a number."""
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
            written = _number_text(value)
            return written if redact(written) == written else "a number with many digits"
        case list():
            return "a list" if value else "an empty list"
        case dict():
            return "an object" if value else "an empty object"
        case _:
            return "null" if value is None else "no JSON value"
