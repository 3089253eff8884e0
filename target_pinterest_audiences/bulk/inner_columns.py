"""The names of columns inside of columns. No I/O in here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


ANY_KEY = ".*"
"""What the name of a map ends with here: its keys are data, and may be anything."""


def inner_columns(schema: pa.Schema) -> list[str]:
    """Return the names of all that is inside of the columns, after the names of these.

    Args:
        schema: Of a table.
    """
    return [*dict.fromkeys(name for field in schema for name in _inner(field.name, field.type))]


def inner_columns_of_spark(schema: Mapping[str, Any]) -> list[str]:
    """Return what ``inner_columns`` returns, of a schema of Spark.

    Args:
        schema: Its ``jsonValue()``.
    """
    fields = ((field["name"], field["type"]) for field in schema["fields"])
    return [*dict.fromkeys(name for field in fields for name in _inner_of_spark(*field))]


def _inner(path: str, kind: pa.DataType) -> Iterator[str]:
    """Yield the names of all that a type holds, after the path to it."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_map(kind):
        yield path + ANY_KEY
    elif pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            field = kind.field(number)
            yield f"{path}.{field.name}"
            yield from _inner(f"{path}.{field.name}", field.type)
    elif hasattr(kind, "value_type"):  # a list, or values that are encoded
        yield from _inner(path, kind.value_type)


def _inner_of_spark(path: str, kind: object) -> Iterator[str]:
    match kind:
        case {"type": "map"}:
            yield path + ANY_KEY
        case {"type": "array", "elementType": element}:
            yield from _inner_of_spark(path, element)
        case {"type": "struct", "fields": [*fields]}:
            for field in fields:
                yield f"{path}.{field['name']}"
                yield from _inner_of_spark(f"{path}.{field['name']}", field["type"])
