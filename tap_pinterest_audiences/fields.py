"""The fields that records get, and the values that databases take. No I/O in here."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from tap_pinterest_audiences.schemas import DELETED_AT, OTHER_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which PostgreSQL refuses, and lone surrogates, which are no UTF-8."""


class Fields:
    """The fields that the records of a stream get."""

    def __init__(
        self,
        declared: Mapping[str, Mapping[str, Any]],
        is_selected: Callable[[str], bool],
        report: Callable[[str], None],
    ) -> None:
        """Read the schema and the selection of a stream.

        Args:
            declared: Fields of its SCHEMA, and their schemas.
            is_selected: Tells whether a field is selected.
            report: Is called once for each field that the SCHEMA lacks.
        """
        own = {DELETED_AT, OTHER_FIELDS}
        self._declared = {name for name in declared if name not in own}
        self._nulls = {name: None for name in declared if is_selected(name)}
        self._booleans = [
            name for name, schema in declared.items() if schema.get("type") == ["boolean", "null"]
        ]
        self._is_selected = is_selected
        self._report = report
        self._reported: set[str] = set()

    def complete(self, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return records of what Pinterest sent: null is what it left out.

        What the SCHEMA lacks goes into the field ``other_fields``, because loaders drop it, or
        fail, if it comes as a field of its own.
        """
        nulls, booleans = self._nulls, self._booleans
        most = len(nulls)
        records = []
        for item in items:
            record = {**nulls, **item}
            if len(record) > most or DELETED_AT in item or OTHER_FIELDS in item:
                record = self._sorted_out(item)
            for name in booleans:
                value = record.get(name)
                if value is not None and type(value) is not bool:
                    record[name] = value != 0
            records.append(record)
        return records

    def _sorted_out(self, item: Mapping[str, Any]) -> dict[str, Any]:
        record: dict[str, Any] = dict(self._nulls)
        others: dict[str, Any] = {}
        for name, value in item.items():
            if name not in self._declared:
                if self._is_selected(name):
                    others[name] = value
            elif name in record:
                record[name] = value
        if others and OTHER_FIELDS in record:
            record[OTHER_FIELDS] = others
            for name in others.keys() - self._reported:
                self._reported.add(name)
                self._report(name)
        return record

    def removal(self, keys: Mapping[str, str], removed_at: str) -> dict[str, Any]:
        """Return the record of something that is gone: its keys, and null for all else."""
        return {**self._nulls, **keys, DELETED_AT: removed_at}


def storable(value: Any) -> Any:  # noqa: ANN401
    """Return a JSON value in which ``U+FFFD`` stands for what databases and files refuse.

    JSON has no NaN and no infinity, so they become null.
    """
    match value:
        case str() if value.isascii() and value.isprintable():
            return value
        case str():
            return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
        case dict():
            return {storable(key): storable(inner) for key, inner in value.items()}
        case list():
            return [storable(inner) for inner in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
