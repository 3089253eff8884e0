"""What all streams have in common."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import metrics
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from pinterest_audiences.errors import RequestFailedError, SettingsError
from tap_pinterest_audiences.incremental import Bookmark, Scan, ScanOptions
from tap_pinterest_audiences.messages import MessageStream
from tap_pinterest_audiences.prefetch import ReadAhead
from tap_pinterest_audiences.progress import Progress
from tap_pinterest_audiences.schemas import DELETED_AT, DELETED_AT_SCHEMA
from tap_pinterest_audiences.session import Unread

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context, Record

    from pinterest_audiences.api.operations import Operation
    from pinterest_audiences.api.responses import Page

DEFAULT_LOOKBACK_SECONDS = 60

_NOT_FOUND = 404
_NOT_TO_BE_READ = {403, _NOT_FOUND}


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list to be read, page after page.

    Attributes:
        ids: Values for the path of the stream's operation.
        params: What the query has on top of the stream's own.
        fields: What its records get on top of what Pinterest answers.
    """

    ids: Mapping[str, str]
    params: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)


class PinterestStream(MessageStream):
    """A stream that reads one operation through the session's ``PinterestAPI``.

    It is no ``RESTStream``: requests, retries, authentication and paging are the API's, which the
    target uses as well, and the hooks of a ``RESTStream`` for them would have no effect.
    """

    operation: ClassVar[Operation]
    """What the stream reads."""

    def params(self) -> dict[str, Any]:
        """Return the query of every page."""
        return {"page_size": self.config["page_size"]}

    def pages(self, list_request: ListRequest) -> Iterator[Page]:
        """Read a list to its end."""
        return self.session.api.pages(
            self.operation, list_request.ids, {**self.params(), **list_request.params}
        )

    def read_ahead(self, list_requests: Sequence[ListRequest]) -> ReadAhead[Page]:
        """Begin to read several lists at a time."""
        reads = [functools.partial(self.pages, list_request) for list_request in list_requests]
        api = self.session.api
        return ReadAhead(
            reads, self.config["concurrency"], lambda page: page.size, lambda: api.is_slow
        )


class PartitionedStream(PinterestStream):
    """A list, or several, for each ad account (or business), some of them at a time."""

    partition_key: ClassVar[str] = "ad_account_id"
    """The field that identifies a partition."""

    _progress: Progress
    _whole: bool

    @property
    @override
    def partitions(self) -> list[dict[str, str]]:
        """One partition for each ad account."""
        return [{self.partition_key: account} for account in self.session.ad_account_ids]

    def list_requests(self, partition: str) -> Sequence[ListRequest]:
        """Return the lists of a partition."""
        return [ListRequest({"ad_account_id": partition})]

    def probe_request(self, partition: str) -> ListRequest | None:
        """Return a list that shows whether a partition can be read, if there is any."""
        return self.list_requests(partition)[0]

    def place(self, partition: str) -> str:
        """Name a partition of this stream for a person."""
        kind = self.partition_key.removeprefix("recipient_").removesuffix("_id").replace("_", " ")
        return f"{kind} {partition}, stream {self.name}"

    def unread(self, partition: str, error: RequestFailedError) -> Unread:
        """Describe a partition that Pinterest does not let us read."""
        return Unread(self.name, self.place(partition), str(error))

    @override
    def record_pages(self, context: Context | None) -> Iterator[list[Record]]:
        """Read a partition; one that Pinterest does not let us read is reported and left out."""
        # What the partitions before this one finished must not be lost if this one fails. Records
        # that go into batch files are not out yet; there the SDK writes the state with each file.
        if not self.config.get("batch_config"):
            self.session.write_due_state()
        if not context:
            self.logger.info("Nothing to read for '%s': no %s", self.name, self.partition_key)
            return
        partition = context[self.partition_key]
        if partition == self.partitions[0][self.partition_key]:
            # A tap may be synced more than once, and what was read ahead has been handed out.
            self.__dict__.pop("_plan", None)
            self._progress = Progress(self.name, len(self.partitions), self.logger)
            self._whole = True
        try:
            with metrics.http_request_counter(self.name, endpoint=self.operation.path) as counter:
                counter.with_context(context)
                yield from self.partition_pages(partition, context, counter)
        except RequestFailedError as error:
            if error.status not in _NOT_TO_BE_READ:
                raise
            if partition in self.session.lost_ad_account_ids:
                self.logger.warning("Rows stay as they are: %s: %s", self.place(partition), error)
            else:
                self.session.record_read_failure(self.unread(partition, error))
            self._whole = False
        self._progress.partition(self.place(partition))
        if self._whole and partition == self.partitions[-1][self.partition_key]:
            self.activate_version()

    def partition_pages(
        self, partition: str, context: Context | None, counter: metrics.Counter
    ) -> Iterator[list[Record]]:
        """Read and emit all records of a partition, page by page."""
        del context
        for list_request, page in self.pages_of(partition, counter):
            self._progress.page(len(page.items))
            items = page.items
            if more := list_request.fields:
                items = [{**item, **more} for item in items]
            yield self.completed(items, partition)

    def completed(self, items: Iterable[Mapping[str, Any]], partition: str) -> list[Record]:
        """Return records of what Pinterest sent, with the partition if Pinterest left it out."""
        records = self.fields.complete(items)
        for record in records:
            if record.get(self.partition_key) is None:
                record[self.partition_key] = partition
        return records

    def pages_of(
        self, partition: str, counter: metrics.Counter
    ) -> Iterator[tuple[ListRequest, Page]]:
        """Yield the pages of a partition, while those of the next ones are being read."""
        numbers, list_requests, reader = self._plan
        try:
            for number in numbers[partition]:
                for page in reader.take(number):
                    counter.increment()
                    yield list_requests[number], page
        except GeneratorExit:
            reader.close()
            raise

    @functools.cached_property
    def _plan(self) -> tuple[dict[str, list[int]], list[ListRequest], ReadAhead[Page]]:
        """Where each partition's lists are among all lists, and who reads them."""
        numbers: dict[str, list[int]] = {}
        list_requests: list[ListRequest] = []
        for partition in self.partitions:
            own = self.list_requests(partition[self.partition_key])
            numbers[partition[self.partition_key]] = [
                *range(len(list_requests), len(list_requests) + len(own))
            ]
            list_requests.extend(own)
        return numbers, list_requests, self.read_ahead(list_requests)


class IncrementalStream(PartitionedStream):
    """A list per ad account, of which only what changed since the last run is emitted."""

    compare_by_digest: ClassVar[bool] = False
    """Whether a record can come into the list without being updated, and only digests show it."""

    @override
    def own_fields(self) -> dict[str, Any]:
        """Return the schemas of the fields that are not Pinterest's, the mark of a removal too."""
        mark = {DELETED_AT: DELETED_AT_SCHEMA} if self.config.get("detect_removed") else {}
        return {**super().own_fields(), **mark}

    @property
    @override
    def partitions(self) -> list[dict[str, str]]:
        """One partition for each ad account, and to detect what is removed, for each lost one."""
        lost = [{self.partition_key: account} for account in self.session.lost_ad_account_ids]
        return [*super().partitions, *(lost if self.config["detect_removed"] else ())]

    @override
    def params(self) -> dict[str, Any]:
        """Return the query of every page: new items come last, so none is skipped."""
        return {**super().params(), "order": "ASCENDING"}

    @override
    def partition_pages(
        self, partition: str, context: Context | None, counter: metrics.Counter
    ) -> Iterator[list[Record]]:
        """Read an ad account's list and emit what is new.

        The bookmark moves when the list was read to its end.
        """
        if self.replication_method != REPLICATION_INCREMENTAL:
            yield from super().partition_pages(partition, context, counter)
            return
        state = self.get_context_state(context)
        key = str(self.replication_key)
        options = ScanOptions(
            replication_key=key,
            lookback=self.config["lookback"],
            start=start_time(self.config.get("start_date")),
            compare_by_digest=self.config["compare_by_digest"] or self.compare_by_digest,
            detect_removed=self.config["detect_removed"],
        )
        scan = Scan(Bookmark.read(state, key, recent_is_all=self.compare_by_digest), options)
        gone = yield from self._new_pages(scan, partition, counter)
        removed = scan.removed()
        if removed and not self.config.get("batch_config"):
            scan.before_removal().write(state, key)
            self.session.write_state()
        removed_at = dt.datetime.now(dt.UTC).isoformat()
        yield [
            self.fields.removal({"id": record_id, self.partition_key: partition}, removed_at)
            for record_id in removed
        ]
        if gone:
            self.logger.warning("%s is gone: %d removed", self.place(partition), len(removed))
            for name in state.keys() - {"context"}:
                del state[name]
        else:
            scan.end().write(state, key)

    def _new_pages(
        self, scan: Scan, partition: str, counter: metrics.Counter
    ) -> Generator[list[Record], None, bool]:
        """Read an ad account's list; return True if instead of it, there is no such account."""
        begun = False
        try:
            for _, page in self.pages_of(partition, counter):
                self._progress.page(len(page.items))
                if not begun:
                    self._begin(scan, page, partition)
                begun = True
                yield self.completed(scan.new(page.items), partition)
        except RequestFailedError as error:
            # 403 may be a lost role: only 404 says that the account is gone.
            lost = partition in self.session.lost_ad_account_ids
            if begun or not lost or error.status != _NOT_FOUND:
                raise
            return True
        return False

    def _begin(self, scan: Scan, page: Page, partition: str) -> None:
        """Begin a scan by Pinterest's clock, or by this machine's if that is behind."""
        future = scan.drop_future_bookmark(page.clock)
        if future is not None:
            self.logger.warning(
                "State: replication_key_value %d of %s is later than the clock, so it is not used "
                "and the whole list is emitted again. It has to be in seconds, not milliseconds",
                future,
                self.place(partition),
            )
        if page.server_time:
            self.session.compare_clocks(page.server_time, page.received)
            scan.begin(page.clock)


def start_time(start_date: str | None) -> int | None:
    """Read the setting ``start_date`` as Unix seconds; without a time zone it is UTC.

    Raises:
        SettingsError: If it is no ISO 8601 date, or later than now: nothing would be read.
    """
    if not start_date:
        return None
    moment = None
    with contextlib.suppress(ValueError):
        moment = dt.datetime.fromisoformat(start_date)
    if moment is None:
        msg = f"Settings: start_date {start_date!r} is no ISO 8601 date like 2026-01-31T00:00:00Z"
        raise SettingsError(msg)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    if moment > dt.datetime.now(dt.UTC):
        msg = (
            f"Settings: start_date {start_date!r} is in the future, so nothing would be read: "
            "choose an earlier one"
        )
        raise SettingsError(msg)
    return int(moment.timestamp())
