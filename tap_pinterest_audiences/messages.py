"""What the streams write: SCHEMA, RECORD and STATE messages."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import Schema
from singer_sdk.singerlib.catalog import Metadata
from singer_sdk.streams import Stream
from typing_extensions import override

from pinterest_audiences.errors import redact
from tap_pinterest_audiences.schemas import (
    DELETED_AT,
    OTHER_FIELDS,
    OTHER_FIELDS_SCHEMA,
    Fields,
    StreamMapError,
    stream_map_error,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.batch import BaseBatchFileEncoding
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog, MetadataMapping, RecordMessage

    from tap_pinterest_audiences.session import Session


class MessageStream(Stream):
    """A stream whose records have all fields of their SCHEMA, and whose STATE is not too long."""

    # Values go out as Pinterest sent them, the free-form rule of an audience above all.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.ROOT_ONLY

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
            if explained := stream_map_error(self._place(record), error):
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

    @override
    def _write_state_message(self) -> None:
        """Write the state if it is due; the SDK asks for it at each partition."""
        self.session.write_due_state()

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        """End the stream; the last one writes the state, due or not."""
        super().finalize_state_progress_markers(state)
        self.session.end_stream(self.name)
