"""What the API refuses in a path, a query and a body. Pure: nothing is looked up."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pinterest_emulator.errors import refuse, refuse_number

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

LARGEST_PAGE = 250
DEFAULT_PAGE = 25
LONGEST_ID = 18
LONGEST_BUSINESS_ID = 20
_DIGITS = re.compile(r"[0-9]+")


def is_digits(value: object) -> bool:
    r"""Whether a value matches `^\d+$`, the form of every id (Pinterest OpenAPI 5.23)."""
    return isinstance(value, str) and _DIGITS.fullmatch(value) is not None


def id_in(parameters: Mapping[str, str], name: str, longest: int = LONGEST_ID) -> int:
    """An id in a path or a query: digits, at most `longest` (Pinterest OpenAPI 5.23).

    Raises:
        ApiError: 400.
    """
    value = parameters[name]
    if not is_digits(value):
        refuse(rf"'{name}' value '{value}' must match the pattern: ^\d+$")
    if len(value) > longest:
        refuse(f"'{name}' value '{value}' is longer than {longest} digits.")
    return int(value)


def descending(query: Mapping[str, str]) -> bool:
    """`order`: ASCENDING or DESCENDING (Pinterest OpenAPI 5.23).

    Raises:
        ApiError: 400.
    """
    return choice(query, "order", ("ASCENDING", "DESCENDING"), "ASCENDING") == "DESCENDING"


def page_size(query: Mapping[str, str]) -> int:
    """`page_size`: 1 to 250, default 25 (Pinterest OpenAPI 5.23).

    Raises:
        ApiError: 400.
    """
    value = query.get("page_size")
    if value is None:
        return DEFAULT_PAGE
    if _DIGITS.fullmatch(value.removeprefix("-")) is None:
        refuse_number("page_size", value)
    size = int(value)
    if not 1 <= size <= LARGEST_PAGE:
        refuse(f"'page_size' must be between 1 and {LARGEST_PAGE} (was {size}).")
    return size


def choice(query: Mapping[str, str], name: str, allowed: Collection[str], default: str) -> str:
    """An enum in a query, case-sensitive (Pinterest OpenAPI 5.23).

    Raises:
        ApiError: 400.
    """
    value = query.get(name, default)
    require_one_of(name, value, allowed)
    return value


def require_one_of(name: str, value: object, allowed: Collection[str]) -> None:
    """Refuses a value that an enum does not have.

    Raises:
        ApiError: 400.
    """
    if not isinstance(value, str) or value not in allowed:
        refuse(f"'{name}' value {value!r} is not one of {', '.join(allowed)}.")


def json_object(body: bytes) -> dict[str, Any]:
    """The body of a write: one JSON object (seen live 2026-07; the spec says so too).

    Raises:
        ApiError: 400.
    """
    try:
        value = json.loads(body)
    except ValueError:
        refuse("the body is not valid JSON.")
    if not isinstance(value, dict):
        refuse("the body must be a JSON object.")
    return value


def require(body: Mapping[str, Any], names: Collection[str], prefix: str = "") -> None:
    """Refuses a body in which a key is missing or null.

    Raises:
        ApiError: 400, naming the first of them.
    """
    for name in names:
        if body.get(name) is None:
            refuse(f"'{prefix}{name}' is a required property.")
