"""Airbyte's catalogs and Singer's. No I/O."""

from __future__ import annotations

import copy
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pinterest_audiences.errors import SettingsError, redact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

T = TypeVar("T")

FULL_REFRESH, INCREMENTAL = "full_refresh", "incremental"
OVERWRITE = "overwrite"
DELETED_AT = "_ab_cdc_deleted_at"
"""Airbyte's SQL destinations delete a row whose newest record has it."""

_SINGER_DELETED_AT = "_sdc_deleted_at"
_DRAFT_07 = "http://json-schema.org/draft-07/schema#"


class Stream(msgspec.Struct):
    """A stream as a source offers it."""

    name: str
    json_schema: dict[str, Any] = {}
    namespace: str | None = None
    supported_sync_modes: list[str] | None = None


class Configured(msgspec.Struct):
    """A stream as a connection uses it."""

    stream: Stream
    sync_mode: str
    destination_sync_mode: str | None = None
    primary_key: list[list[str]] | None = None

    @property
    def is_incremental(self) -> bool:
        """Whether its records may be a part of its table.

        PyAirbyte says incremental also of a stream that cannot be.
        """
        can = self.stream.supported_sync_modes
        return self.sync_mode == INCREMENTAL and (can is None or INCREMENTAL in can)


class _Catalog(msgspec.Struct):
    streams: list[Configured]


def read_catalog(content: object) -> list[Configured]:
    """Read a configured catalog.

    Raises:
        SettingsError: If it is none, or has a stream twice.
    """
    what = "Catalog: this is no configured catalog"
    streams = converted(content, _Catalog, what).streams
    if not {each.sync_mode for each in streams} <= {FULL_REFRESH, INCREMENTAL}:
        msg = f"{what} (sync_mode is neither {FULL_REFRESH} nor {INCREMENTAL})"
        raise SettingsError(msg)
    names = Counter(each.stream.name for each in streams)
    if twice := [redact(name) for name, count in names.items() if count > 1]:
        msg = (
            f"Catalog: several streams are called {' and '.join(twice)}, and only their names tell "
            "records apart: use one connection for each of them"
        )
        raise SettingsError(msg)
    return streams


def converted(content: object, shape: type[T], what: str) -> T:
    """Return JSON as a struct.

    Raises:
        SettingsError: If it has another shape. Its values are not shown.
    """
    try:
        return msgspec.convert(content, shape)
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as error:
        msg = f"{what} ({redact(str(error))})"
        raise SettingsError(msg) from None


def airbyte_stream(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stream of an entry of a Singer catalog."""
    schema = copy.deepcopy(entry["schema"])
    properties = schema["properties"]
    if _SINGER_DELETED_AT in properties:
        properties[DELETED_AT] = properties.pop(_SINGER_DELETED_AT)
    cursor = entry.get("replication_key")
    stream = {
        "name": entry["tap_stream_id"],
        "json_schema": {**schema, "$schema": _DRAFT_07},
        "supported_sync_modes": [FULL_REFRESH, *([INCREMENTAL] if cursor else [])],
        "source_defined_primary_key": [[key] for key in entry["key_properties"]],
        "is_resumable": bool(cursor),
    }
    if cursor:
        stream |= {"source_defined_cursor": True, "default_cursor_field": [cursor]}
    return stream


def singer_catalog(
    discovered: Mapping[str, Any], configured: Sequence[Configured]
) -> dict[str, Any]:
    """Return the Singer catalog in which the streams of a connection are selected.

    Raises:
        SettingsError: If there is no such stream.
    """
    modes = {each.stream.name: each.sync_mode for each in configured}
    catalog = copy.deepcopy(dict(discovered))
    unknown = modes.keys() - {entry["tap_stream_id"] for entry in catalog["streams"]}
    if unknown:
        msg = (
            f"Catalog: there is no stream {', '.join(sorted(map(redact, unknown)))}: refresh the "
            "schema of the connection"
        )
        raise SettingsError(msg)
    for entry in catalog["streams"]:
        mode = modes.get(entry["tap_stream_id"])
        if mode != INCREMENTAL:
            entry["replication_method"] = "FULL_TABLE"
            entry["replication_key"] = None
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"]["selected"] = mode is not None
    return catalog


def cursors(catalog: Mapping[str, Any]) -> dict[str, str]:
    """Return the cursor of each stream of a Singer catalog that is read incrementally."""
    keys = {entry["tap_stream_id"]: entry.get("replication_key") for entry in catalog["streams"]}
    return {name: key for name, key in keys.items() if key}


def airbyte_record(record: dict[str, Any], cursor: str | None, now: int) -> dict[str, Any]:
    """Return a record as Airbyte knows it.

    A destination applies a removal only if its cursor is not null and not older than the row's.

    Args:
        record: A Singer record.
        cursor: The cursor of its stream, if it is read incrementally.
        now: The time in Unix seconds.
    """
    if _SINGER_DELETED_AT not in record:
        return record
    deleted_at = record.pop(_SINGER_DELETED_AT)
    if deleted_at and cursor and record.get(cursor) is None:
        record[cursor] = now
    return {**record, DELETED_AT: deleted_at}


def without_airbyte_columns(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without the columns that PyAirbyte's cache adds."""
    return {key: value for key, value in data.items() if not _is_airbytes(key)}


def singer_schema(configured: Configured) -> dict[str, Any]:
    """Return the SCHEMA message of a stream."""
    schema = configured.stream.json_schema
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    keys: Collection[list[str]] = configured.primary_key or ()
    return {
        "type": "SCHEMA",
        "stream": configured.stream.name,
        "schema": {**schema, "properties": without_airbyte_columns(properties)},
        "key_properties": [path[0] for path in keys if len(path) == 1],
    }


def _is_airbytes(column: str) -> bool:
    return column[:9].casefold() == "_airbyte_"
