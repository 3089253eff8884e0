"""Values of a record, read from whatever a warehouse made of them. No I/O in here."""

from __future__ import annotations

import json
import math
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pinterest_audiences.errors import redact
from target_pinterest_audiences.changes import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

LONGEST_ID = 20
"""Digits of the largest number of 64 bits. Pinterest OpenAPI 5.23 says 18, and 20 of businesses."""

_LONGEST_NUMBER = 100
_LONGEST_EXACT_FLOAT = 2**53
_OPERATIONS = ("operation", "operation_type")

_WORDS = ("null", "none", "nil", "nan", "nat", "undefined")
_SHEET_ERRORS = (
    *("ref", "value", "name", "null", "num", "div/0", "calc", "spill", "field", "error"),
    *("blocked", "connect", "unknown", "busy"),
)
NULL_WORDS = frozenset(
    {
        *_WORDS,
        *(f"{left}{word}{right}" for left, right in ("<>", "()", "[]", "{}") for word in _WORDS),
        *("<na>", "-nan", "n/a", "#n/a", "#na", "#n/a n/a", "#getting_data", "\\n"),
        *(f"#{error}{end}" for error in _SHEET_ERRORS for end in "!?"),
    }
)
"""What databases, data frames and spreadsheets write for a missing value, in lower case.

``NA`` is none of them: it may be North America.
"""


class UnreadableRecordError(Exception):
    """A record does not say what it wants, or says it in a way that cannot be right."""

    def __init__(self, reject: Reject) -> None:
        """Carry the rejection."""
        super().__init__(reject.reason)
        self.reject = reject


def trimmed(text: str) -> str:
    """Return text without spaces and invisible characters at its ends, of any kind."""
    if text.isascii() and text.isprintable():
        return text.strip()
    start, end = 0, len(text)
    while start < end and _is_invisible(text[start]):
        start += 1
    while end > start and _is_invisible(text[end - 1]):
        end -= 1
    return text[start:end]


def is_blank(value: object) -> bool:
    """Return whether a value is none: null, empty, nothing but spaces, or not a number."""
    match value:
        case None:
            return True
        case str():
            return not value.isalnum() and not trimmed(value)
        case list() | dict():
            return not value  # BigQuery sends [] for null
        case float():
            return math.isnan(value)
        case Decimal():
            return value.is_nan()
        case _:
            return False


def is_null_word(value: object) -> bool:
    """Return whether a value is text that stands for a missing one, such as ``NULL``."""
    return isinstance(value, str) and trimmed(value).casefold() in NULL_WORDS


def _is_invisible(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) in {"Cc", "Cf", "Zs"}


def id_in(record: Mapping[str, Any], field: str) -> str | None:
    """Read an id: text of digits or a whole number; None if there is none.

    Raises:
        UnreadableRecordError: If it is something else.
    """
    check_digits(record.get(field), field)
    match plain(record.get(field)):
        case value if is_blank(value):
            return None
        case bool():
            digits = ""
        case int(number):
            digits = str(number)
        case str(text):
            digits = trimmed(text)
        case _:
            digits = ""
    if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_ID:
        return digits
    raise UnreadableRecordError(
        Reject("bad_id", f"{field} must be digits, {LONGEST_ID} at most, as Pinterest's ids are")
    )


def check_digits(value: Any, field: str) -> None:  # noqa: ANN401
    """Make sure that an id, or a list of ids, has all its digits.

    A spreadsheet writes 2.54262E+12 for any id that begins with these digits: it may be the id of
    another audience.

    Raises:
        UnreadableRecordError: If it may lack some.
    """
    members = value if isinstance(value, list) else [value]
    if any(isinstance(one, float | Decimal) and _may_lack_digits(one) for one in members):
        raise UnreadableRecordError(
            Reject(
                "rounded_id",
                f"{field} is a number that may have lost digits, as a spreadsheet rounds it: send "
                "the id as text",
            )
        )


def _may_lack_digits(number: float | Decimal) -> bool:
    if isinstance(number, Decimal):
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int):  # no finite number, so no id
            return False
        return exponent > 0 or abs(number) >= _LONGEST_EXACT_FLOAT
    return abs(number) >= _LONGEST_EXACT_FLOAT


def text_in(record: Mapping[str, Any], field: str) -> str | None:
    """Read text; None if there is none or nothing but spaces.

    Raises:
        UnreadableRecordError: If it is something else.
    """
    value = record.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnreadableRecordError(
            Reject(
                "not_text",
                f"{field} must be text, not {type(value).__name__}: cast it in the query",
            )
        )
    _check_characters(value, field)
    return value if trimmed(value) else None


def sendable(value: Any, field: str) -> Any:  # noqa: ANN401
    """Return a JSON value as ``plain`` does.

    Raises:
        UnreadableRecordError: If it cannot be sent as UTF-8.
    """
    _check_characters(value, field)
    return plain(value)


def _check_characters(value: Any, field: str) -> None:  # noqa: ANN401
    """Make sure that a JSON value can be sent as UTF-8: halves of surrogate pairs cannot.

    Raises:
        UnreadableRecordError: If it cannot.
    """
    if isinstance(value, str) and value.isascii():
        return
    try:
        msgspec.json.encode(value, enc_hook=str)
    except UnicodeEncodeError:
        raise UnreadableRecordError(
            Reject(
                "bad_characters",
                f"{field} holds half a character (a lone surrogate), which cannot be sent: correct "
                "its encoding at the source",
            )
        ) from None


def one_of(*allowed: str) -> Callable[[Mapping[str, Any], str], str | None]:
    """Return a function that reads a word of an enum, in its case; None if there is none.

    It raises ``UnreadableRecordError`` if the word is another one.
    """

    def word_in(record: Mapping[str, Any], field: str) -> str | None:
        value = text_in(record, field)
        if value is None or value in allowed:
            return value
        raise UnreadableRecordError(
            Reject(f"bad_{field}", f"{field} {redact(value)!r} is not one of {', '.join(allowed)}")
        )

    return word_in


def read_columns(
    record: Mapping[str, Any], readers: Mapping[str, Callable[[Mapping[str, Any], str], T]]
) -> dict[str, T]:
    """Read several columns, each with a function like ``text_in``.

    Raises:
        UnreadableRecordError: If one of them cannot be read.
    """
    return {field: reader(record, field) for field, reader in readers.items()}


def ids_in(record: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """Read several ids: a list, its JSON text as SQL taps send it, or one id alone.

    Raises:
        UnreadableRecordError: If it is something else.
    """
    value = record.get(field)
    if isinstance(value, str) and value.strip().startswith("["):
        value = json_in(value, field)
    members = value if isinstance(value, list) else [value]
    found = (id_in({field: member}, field) for member in members)
    return tuple(dict.fromkeys(member for member in found if member is not None))


def json_in(text: str, field: str) -> Any:  # noqa: ANN401
    """Read JSON text; numbers with a fraction become ``Decimal``.

    Raises:
        UnreadableRecordError: If it is none.
    """
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError):  # Decimal's errors are arithmetic
        raise UnreadableRecordError(
            Reject(
                f"{field}_not_json",
                f"{field} is text but not JSON: send the value itself, or its JSON text",
            )
        ) from None


def operation_in(record: Mapping[str, Any], allowed: tuple[str, ...]) -> str | None:
    """Read ``operation`` or ``operation_type``, in any case; None if there is none.

    Raises:
        UnreadableRecordError: If it is another word, or the two columns disagree.
    """
    found = {
        text.strip().upper()
        for field in _OPERATIONS
        if record.get(field) is not None and (text := text_in(record, field))
    }
    if len(found) > 1:
        raise UnreadableRecordError(
            Reject("conflicting_operations", "operation and operation_type disagree: send one")
        )
    operation = next(iter(found), None)
    if operation is None or operation in allowed:
        return operation
    raise UnreadableRecordError(
        Reject("bad_operation", f"operation is not one of {', '.join(allowed)}")
    )


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a JSON value without nulls in objects, and with whole numbers as integers.

    Singer carries numbers with a fraction as ``Decimal``; ``30.0`` is meant as 30.
    """
    match value:
        case dict():
            return {key: plain(inner) for key, inner in value.items() if inner is not None}
        case list():
            return [plain(inner) for inner in value]
        case Decimal() if _is_short(value) and value == int(value):
            return int(value)
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _is_short(number: Decimal) -> bool:
    return number.is_finite() and number.adjusted() < _LONGEST_NUMBER


def _no_constant(name: str) -> None:
    raise ValueError(name)
