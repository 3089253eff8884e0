"""Text as databases can store it."""

from __future__ import annotations

import re
from typing import Any

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which PostgreSQL refuses, and lone surrogates, which are no UTF-8."""


def storable(value: Any) -> Any:  # noqa: ANN401
    """Return a JSON value in which ``U+FFFD`` stands for what databases and files refuse."""
    match value:
        case str():
            return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
        case dict():
            return {storable(key): storable(inner) for key, inner in value.items()}
        case list():
            return [storable(inner) for inner in value]
        case _:
            return value
