"""What all streams have in common."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams import Stream
from typing_extensions import override

from tap_pinterest_audiences.errors import RequestFailedError, SettingsError
from tap_pinterest_audiences.incremental import Bookmark, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_pinterest_audiences.client import Page
    from tap_pinterest_audiences.operations import Operation
    from tap_pinterest_audiences.tap import TapPinterestAudiences

DEFAULT_LOOKBACK_SECONDS = 60

_NOT_TO_BE_READ = {403, 404}


class PinterestStream(Stream):
    """A stream that reads one list operation through the tap's ``PinterestAPI``.

    It is no ``RESTStream``: requests, retries, authentication and paging are the API's, which the
    target uses as well, and the hooks of a ``RESTStream`` for them would have no effect.
    """

    operation: ClassVar[Operation]
    """The list that the stream reads."""

    # Values go out as Pinterest sent them, the free-form rule of an audience above all.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.ROOT_ONLY

    def __init__(self, tap: TapPinterestAudiences) -> None:
        """Attach the stream to ``tap``."""
        super().__init__(tap)
        self.tap = tap

    def params(self) -> dict[str, Any]:
        """Return the query of every page."""
        return {"page_size": self.config["page_size"]}

    def pages(self, context: Context | None) -> Iterator[Page]:
        """Read the list that ``context`` names to its end."""
        with metrics.http_request_counter(self.name, endpoint=self.operation.path) as counter:
            counter.with_context(context)
            for page in self.tap.api.pages(self.operation, context, self.params()):
                counter.increment()
                yield page

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read all records of a partition."""
        for page in self.pages(context):
            yield from page.items


class IncrementalStream(PinterestStream):
    """A list per ad account, of which only what changed since the last run is emitted."""

    @property
    @override
    def partitions(self) -> list[dict[str, str]]:
        """One partition for each ad account."""
        return [{"ad_account_id": account} for account in self.tap.ad_account_ids]

    def params(self) -> dict[str, Any]:
        """Return the query of every page: new items come last, so none is skipped."""
        return {**super().params(), "order": "ASCENDING"}

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read an ad account's list and emit what is new; an unreadable account is reported.

        The bookmark moves when the list was read to its end. An account that Pinterest does not
        let us read keeps its bookmark and makes the run fail in the end.
        """
        # What the partitions before this one finished must not be lost if this one fails. Records
        # that go into batch files are not out yet; there the SDK writes the state with each file.
        if not self.config.get("batch_config"):
            self._write_state_message()
        account = (context or {})["ad_account_id"]
        try:
            if self.replication_method == REPLICATION_INCREMENTAL:
                yield from self._changed_records(context)
            else:
                yield from super().get_records(context)
        except RequestFailedError as error:
            if error.status not in _NOT_TO_BE_READ:
                raise
            self.tap.note_unread(f"ad account {account}, stream {self.name}: {error}")

    def _changed_records(self, context: Context | None) -> Iterator[Record]:
        state = self.get_context_state(context)
        key = str(self.replication_key)
        scan = Scan(
            Bookmark.read(state, key),
            replication_key=key,
            start=start_time(self.config.get("start_date")),
            lookback=self.config["lookback"],
        )
        begun = False
        for page in self.pages(context):
            if not begun and page.moment:
                scan.begin(int(page.moment.timestamp()))
            begun = True
            yield from (record for record in page.items if scan.is_new(record))
        scan.end().write(state, key)

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the bookmark alone: it comes from the scan, not from the records."""


def start_time(start_date: str | None) -> int | None:
    """Read the setting ``start_date`` as Unix seconds; without a time zone it is UTC.

    Raises:
        SettingsError: If it is no ISO 8601 date.
    """
    if not start_date:
        return None
    try:
        moment = dt.datetime.fromisoformat(start_date)
    except ValueError:
        msg = f"Settings: start_date {start_date!r} is no ISO 8601 date like 2026-01-31T00:00:00Z"
        raise SettingsError(msg) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp())
