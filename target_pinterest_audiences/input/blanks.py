"""Values that stand for no value. No I/O in here."""

from __future__ import annotations

import math
import unicodedata
from decimal import Decimal

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
