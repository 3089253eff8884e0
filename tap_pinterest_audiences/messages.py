"""What the streams write: SCHEMA, RECORD and STATE messages.

Only this module of the tap uses private names of the SDK.
"""

from __future__ import annotations

import functools
import traceback
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import CustomStreamMap, RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import Schema
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, Metadata
from singer_sdk.streams import Stream
from typing_extensions import override

from pinterest_audiences.errors import PinterestError, redact
from tap_pinterest_audiences.fields import Fields, storable
from tap_pinterest_audiences.message_writer import PageWriter
from tap_pinterest_audiences.schemas import DELETED_AT, OTHER_FIELDS, OTHER_FIELDS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from singer_sdk import Tap, metrics
    from singer_sdk.batch import BaseBatchFileEncoding
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog, MetadataMapping, RecordMessage

    from tap_pinterest_audiences.session import Session


class StreamMapError(PinterestError):
    """A stream map fails on a record, or would lose what must not be lost."""


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
        self._writer = tap.message_writer
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
    def page_writer(self) -> PageWriter | None:
        """What writes pages of records past the SDK, if the SDK would write the same.

        It would not if there is a stream map, flattening, a part of a field that is not selected,
        or batch files; a dry run counts records; and another writer may know nothing of pages.
        """
        maps = self.stream_maps
        same = (
            len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and not maps[0].flattening_enabled
            and all(ok for path, ok in self.mask.items() if len(path) > len(("properties", "")))
            and not self.config.get("batch_config")
            and self.ABORT_AT_RECORD_COUNT is None
        )
        writer = self._writer
        return writer if same and isinstance(writer, PageWriter) else None

    def record_pages(self, context: Context | None) -> Iterator[list[Record]]:
        """Read a partition; yield its records, some at a time."""
        raise NotImplementedError

    @override
    def get_record_counter(self, **options: Any) -> metrics.Counter:
        """Return the SDK's counter of records, which the pages count into as well."""
        self._counter = super().get_record_counter(**options)
        return self._counter

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read a partition; yield the records that the SDK has to write."""
        for records in self.record_pages(context):
            self.session.records[self.name] += len(records)
            if self.page_writer:
                self.page_writer.write_records(self.name, records, self._stream_version)
                self.session.records_since_state += len(records)
                self._counter.increment(len(records))
            else:
                yield from records

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
        """Replace the characters that would stop a load."""
        record: Record = storable(row)
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
