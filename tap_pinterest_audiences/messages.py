"""What the streams write: SCHEMA, RECORD and STATE messages.

Only this module of the tap uses private names of the SDK.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
import sys
import traceback
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import CustomStreamMap, RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import RecordMessage, Schema, StateMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, Metadata
from singer_sdk.singerlib.encoding import SimpleSingerWriter
from singer_sdk.streams import Stream
from typing_extensions import override

from pinterest_audiences.errors import PinterestError, redact
from tap_pinterest_audiences.schemas import DELETED_AT, OTHER_FIELDS, OTHER_FIELDS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.batch import BaseBatchFileEncoding
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog, MetadataMapping
    from singer_sdk.singerlib.encoding.simple import Message

    from tap_pinterest_audiences.session import Session

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which PostgreSQL refuses, and lone surrogates, which are no UTF-8."""
_NUL = r"\u0000"
"""NUL as JSON writes it."""


class StreamMapError(PinterestError):
    """A stream map fails on a record, or would lose what must not be lost."""


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
        for name in self._booleans:
            if record.get(name) is not None:
                record[name] = record[name] != 0
        if others and OTHER_FIELDS in record:
            record[OTHER_FIELDS] = others
            for name in others.keys() - self._reported:
                self._reported.add(name)
                self._report(name)
        return record

    def removal(self, keys: Mapping[str, str], removed_at: str) -> dict[str, Any]:
        """Return the record of something that is gone: its keys, and null for all else."""
        return {**self._nulls, **keys, DELETED_AT: removed_at}


class MessageWriter(SimpleSingerWriter):
    """Writes messages as the SDK does, but several times as fast."""

    _encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode

    @override
    def serialize_message(self, message: Message) -> str:
        """Return a message as JSON."""
        if isinstance(message, StateMessage):
            # The SDK would copy the whole state first.
            try:
                return self._encode({"type": "STATE", "value": message.value}).decode()
            except UnicodeEncodeError:  # half of a character, which a state keeps
                return super().serialize_message(message)
        fields = message.to_dict()
        if extracted := fields.get("time_extracted"):
            fields["time_extracted"] = extracted.isoformat()  # msgspec would write Z for +00:00
        try:
            text = self._encode(fields).decode()
        except UnicodeEncodeError:
            text = _NUL
        return self._encode(storable(fields)).decode() if _NUL in text else text

    @override
    def write_message(self, message: Message) -> None:
        """Write a message; a RECORD may wait in a buffer for the next other one."""
        sys.stdout.write(f"{self.serialize_message(message)}\n")
        if not isinstance(message, RecordMessage):
            sys.stdout.flush()


class MessageStream(Stream):
    """A stream whose records have all fields of their SCHEMA, and whose STATE is not too long."""

    # Values go out as Pinterest sent them, the free-form rule of an audience above all.
    # ``Fields`` and ``storable`` do what the SDK would do, in a third of the time.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: Tap, session: Session) -> None:
        """Put the tap's own fields into the stream's schema.

        Args:
            tap: For the SDK, which writes the messages through it.
            session: The run.
        """
        super().__init__(tap)
        self.session = session
        fields = {**self.schema["properties"], **self.own_fields()}
        self.schema = {**self.schema, "properties": fields}  # type: ignore[misc]

    def own_fields(self) -> dict[str, Any]:
        """Return the schemas of the fields that are not Pinterest's."""
        return {OTHER_FIELDS: OTHER_FIELDS_SCHEMA}

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over a catalog, which gets the tap's own fields if it is older than they are."""
        if entry := catalog.get_stream(self.name):
            entry.schema.properties = entry.schema.properties or {}
            for name, schema in self.own_fields().items():
                entry.schema.properties.setdefault(name, Schema.from_dict(schema))
        super().apply_catalog(catalog)
        _ = self.metadata

    @property
    @override
    def metadata(self) -> MetadataMapping:
        """What is selected. The mark of a removal always is: the row would look alive."""
        found = super().metadata
        if DELETED_AT in self.own_fields():
            found["properties", DELETED_AT].inclusion = Metadata.InclusionType.AUTOMATIC
        return found

    @functools.cached_property
    def fields(self) -> Fields:
        """The fields that the records get."""
        return Fields(
            self.effective_schema["properties"],
            lambda name: self.mask["properties", name],
            self._report_other_field,
        )

    @functools.cached_property
    def is_plain(self) -> bool:
        """Whether records go out as ``Fields`` returns them: no map, and no part deselected."""
        maps = self.stream_maps
        parts_selected = all(
            ok for path, ok in self.mask.items() if len(path) > len(("properties", ""))
        )
        same = len(maps) == 1 and type(maps[0]) is SameRecordTransform
        plain = same and not maps[0].flattening_enabled
        return plain and parts_selected and not self.config.get("batch_config")

    def _report_other_field(self, name: str) -> None:
        self.logger.warning(
            "Stream %s: Pinterest sends the field %s, which is not in the catalog; it is in the "
            "field %s%s",
            self.name,
            redact(name),
            OTHER_FIELDS,
            ". Make a new catalog with --discover" if name in self.schema["properties"] else "",
        )

    @override
    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterable[Context | None]:
        """Return none: for child streams the SDK would apply the filter of a stream map here."""
        del record, context
        return ()

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record:
        """Replace the characters that would stop a load, if the writer does not do it."""
        record: Record = row if self.is_plain else storable(row)
        return record

    @override
    def _write_schema_message(self) -> None:
        """Write the SCHEMA.

        Raises:
            StreamMapError: If a stream map would emit removals without their mark.
        """
        for stream_map in self.stream_maps:
            if DELETED_AT in self.own_fields() and not (
                isinstance(stream_map, RemoveRecordTransform)
                or DELETED_AT in stream_map.transformed_schema["properties"]
            ):
                msg = (
                    f"Stream map: stream {self.name}: it removes the field {DELETED_AT}, so rows "
                    f"that are gone would look alive. Add {DELETED_AT}: {DELETED_AT} to the map, "
                    "or set detect_removed to false"
                )
                raise StreamMapError(msg)
        super()._write_schema_message()

    @override
    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage]:
        """Apply the stream maps, and emit no removal that a map took the mark from."""
        removed = record.get(DELETED_AT)
        for message in self._mapped(record):
            if removed and not message.record.get(DELETED_AT):
                msg = f"Stream map: {self._place(record)}: it empties {DELETED_AT}; keep its value"
                raise StreamMapError(msg)
            yield message

    def _mapped(self, record: Record) -> Iterator[RecordMessage]:
        if self.is_plain:
            yield RecordMessage(
                self.name,
                record,
                version=self._stream_version,
                time_extracted=dt.datetime.now(dt.UTC),
            )
            return
        try:
            yield from super()._generate_record_messages(record)
        except Exception as error:
            if explained := _stream_map_error(self._place(record), error):
                raise explained from None
            raise

    def _place(self, record: Record) -> str:
        keys = ", ".join(f"{key} {record.get(key)}" for key in self.primary_keys)
        return f"stream {self.name}, record {redact(keys)}"

    @override
    def _write_record_message(self, record: Record) -> None:
        super()._write_record_message(record)
        self.session.records_since_state += 1

    @override
    def _write_batch_message(self, encoding: BaseBatchFileEncoding, manifest: list[str]) -> None:
        super()._write_batch_message(encoding, manifest)
        self.session.write_state()

    def activate_version(self) -> None:
        """Declare that what was not emitted is gone, if a setting says so and all was read."""
        if (
            self.emit_activate_version_messages
            and self.replication_method == REPLICATION_FULL_TABLE
            and self._stream_version is not None
        ):
            super()._write_activate_version_message(self._stream_version)

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Wait: the SDK would do it before the first record, whatever can be read then."""

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the bookmark alone: it comes from the scan, not from the records."""

    @override
    def _write_state_message(self) -> None:
        """Write the state if it is due; the SDK asks for it at each partition."""
        self.session.write_due_state()

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        """End the stream; the last one writes the state, due or not."""
        super().finalize_state_progress_markers(state)
        self.session.end_stream(self.name)


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


def _stream_map_error(place: str, error: Exception) -> StreamMapError | None:
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
