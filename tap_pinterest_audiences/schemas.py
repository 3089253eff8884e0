"""What the tap adds to the fields of Pinterest, and how a record gets all fields of its SCHEMA."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from singer_sdk.mapper import CustomStreamMap

from pinterest_audiences.errors import PinterestError, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

DELETED_AT = "_sdc_deleted_at"
OTHER_FIELDS = "other_fields"

DELETED_AT_SCHEMA: dict[str, Any] = th.Property(
    DELETED_AT, th.DateTimeType, description="When it was found to be gone."
).to_dict()[DELETED_AT]
OTHER_FIELDS_SCHEMA: dict[str, Any] = {
    # No "properties": with an empty one, flattening would drop the column.
    "type": ["object", "null"],
    "additionalProperties": True,
    "description": "Fields that Pinterest sends and that this table has no column for.",
}


class StreamMapError(PinterestError):
    """A stream map fails on a record, or would lose what must not be lost."""


class Fields:
    """The fields that the records of a stream get."""

    def __init__(
        self,
        declared: Collection[str],
        is_selected: Callable[[str], bool],
        report: Callable[[str], None],
    ) -> None:
        """Read the schema and the selection of a stream.

        Args:
            declared: Fields of its SCHEMA.
            is_selected: Tells whether a field is selected.
            report: Is called once for each field that the SCHEMA lacks.
        """
        own = {DELETED_AT, OTHER_FIELDS}
        self._declared = {name for name in declared if name not in own}
        self._nulls = {name: None for name in declared if is_selected(name)}
        self._is_selected = is_selected
        self._report = report
        self._reported: set[str] = set()

    def complete(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record of what Pinterest sent: null is what it left out.

        What the SCHEMA lacks goes into the field ``other_fields``, because loaders drop it, or
        fail, if it comes as a field of its own.
        """
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


def stream_map_error(place: str, error: Exception) -> StreamMapError | None:
    """Explain an error that a stream map raised; None if another thing did.

    Args:
        place: The stream and the record.
        error: What was raised.
    """
    evaluate = CustomStreamMap._eval.__code__  # noqa: SLF001  (only its frame knows the field)
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is evaluate:
            field = frame.f_locals.get("property_name") or "__filter__"
            cause = error.__cause__ or error
            msg = (
                f"Stream map: {place}, field {field}: {type(cause).__name__}: {redact(str(cause))}"
                ". Correct the expression; a field that Pinterest left out is null"
            )
            return StreamMapError(msg)
    return None
