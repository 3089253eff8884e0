"""The sink of ``audience_members`` with a ledger of files: all is planned, then all is sent."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from target_pinterest_audiences.bulk.alike import alike
from target_pinterest_audiences.bulk.interrupts import kept_interrupts
from target_pinterest_audiences.bulk.sync_spooled import SpooledSync, Table
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.batch_files import as_records, read_tables
from target_pinterest_audiences.input.column_names import is_blank_row
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.customer_lists import MembersError
from target_pinterest_audiences.members.identifiers import to_keys, to_text
from target_pinterest_audiences.members.lookup import other_type
from target_pinterest_audiences.sinks.members import AudienceMembersSink, as_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_pinterest_audiences.members.customer_list import CustomerList
    from target_pinterest_audiences.members.records import ListRef
    from target_pinterest_audiences.sinks.base import HasContext

_ROWS = 100_000
"""Rows of a file that are read at a time."""


class BulkMembersSink(AudienceMembersSink):
    """Notes who comes, and brings the lists up to date when the input has ended."""

    def __init__(
        self,
        target: HasContext,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        """Prepare the sink; nothing is asked of Pinterest before the first record."""
        super().__init__(target, stream_name, schema, key_properties)
        self._mirrors = self.config["member_mode"] == "mirror"
        self._sync = SpooledSync(self.context, self.config["ledger_url"], mirrors=self._mirrors)
        self._came = 0

    @property
    @override
    def has_pending(self) -> bool:
        """Whether no state may pass yet: once records may come, only when the input has ended."""
        return not self._ended and (bool(self._tables) or self.current_size > 0)

    @override
    def take_files(self, message: Mapping[str, Any]) -> None:
        """Take in the records of the files that a BATCH message names, parquet by columns."""
        if message["encoding"].get("format") != "parquet":
            super().take_files(message)
            return
        for rows in read_tables(message, self.config, _ROWS):
            self.process_buffer()
            if self._mirrors:
                self._turn_to(message["stream"], None, rows.num_rows)
            self._take_rows(rows)

    @override
    def flush(self) -> None:
        """Note who came; nothing is sent before the input has ended."""
        self.process_buffer()

    @override
    def process_buffer(self) -> None:
        """Note who came in records."""
        records, self._records = self._records, []
        numbers, self._numbers = self._numbers, []
        if not records:
            return
        self.record_counter_metric.increment(len(records) - self._counted)
        self._counted = 0
        order = self._came
        self._came += len(records)
        chunk = self._reader.read_all(records)
        lists = [self._list_of(*key).list_type == key[1] for key in chunk.people]
        if lists not in ([], [True]):
            # One list may have several names, and who comes twice ends as the last record says.
            self._take_each(records, numbers, range(order, order + len(records)))
            return
        for (ref, list_type), people in chunk.people.items():
            for is_in in (True, False):
                texts = [text for text, add in people.items() if add is is_in]
                self._note(self._list_of(ref, list_type), texts, [order] * len(texts), is_in=is_in)
            self._note_kept_of(people, records)
        self._reject_all(
            (numbers[place], record, reject) for place, record, reject in chunk.rejected
        )

    @override
    def end(self) -> None:
        """Plan and send, now that the input has ended."""
        self.process_buffer()
        with kept_interrupts(), self._sync:
            self._send()
        self._ended = True
        self._settle_taken()

    def _send(self) -> None:
        if not self._mirrors:
            self._sync.sync(None)
            return
        for table in self._tables.values():
            if table.records:
                self._sync.sync(Table(table, self.context.partial(table.stream)))
            else:
                known = sum(held.members for held in self._sync.held())
                self._fail(mirror.empty_version(table.stream, known))
        named = {members.list_id for members in self.context.customer_lists.lists.values()}
        for held in self._sync.held():
            if held.mirrored and held.noted.customer_list_id not in named:
                self.context.report.add_unmentioned(held.noted, held.members)

    @override
    def _turn_to(self, stream: str, version: object, records: int) -> None:
        """Count records to come.

        Raises:
            MembersError: If they are of another table, or version, than those before: a mirror
                compares a list with one of them.
        """
        number = version if isinstance(version, int) else None
        table = self._table
        if self._mirrors and table.records and (stream, number) != (table.stream, table.number):
            msg = (
                f"Mirror of {table.stream}: with a ledger of files, a run mirrors one version of "
                "one stream, and records of another came: nothing was sent. Send each stream in a "
                "run of its own, with one version and either BATCH messages or records, or use a "
                "ledger_url of a database"
            )
            raise MembersError(msg)
        super()._turn_to(stream, version, records)

    @override
    def _settle_taken(self) -> None:
        """Let go of kept records, but for those of a list that Pinterest refused a batch of."""
        lists = self.context.customer_lists.lists
        whole = {
            key: member
            for key, member in self._taken.items()
            if not lists[member.ref].tally.refused
        }
        self._taken = whole
        super()._settle_taken()

    def _take_rows(self, rows: pa.RecordBatch) -> None:
        """Note who came in rows: those that are alike together, and each other by itself."""
        last = self.context.tracker.count(self.stream_name, rows.num_rows)
        self.record_counter_metric.increment(rows.num_rows)
        taken = [pa.array([], pa.int64())]
        for member, keys, places in alike(rows, self._reader):
            members = self._list_of(member.ref, member.list_type)
            if members.list_type != member.list_type:
                continue
            self._sync.add(members, keys, pc.add(places, self._came), is_in=member.add)
            taken.append(places)
            if kept := self.context.tracker.kept_texts:
                texts = (to_text(member.list_type, key) for key in keys.to_pylist())
                among = places.filter(pa.array([hash(text) in kept for text in texts], pa.bool_()))
                self._note_kept(as_records(rows.take(among)), kept)
        if sum(map(len, taken)) < rows.num_rows:
            every = pa.array(range(rows.num_rows), pa.int64())
            left = every.filter(pc.invert(pc.is_in(every, pa.concat_arrays(taken))))
            records, places = as_records(rows.take(left)), left.to_pylist()
            numbers = [last - rows.num_rows + 1 + place for place in places]
            self._take_each(records, numbers, [self._came + place for place in places])
        self._came += rows.num_rows

    def _take_each(
        self, records: Sequence[Mapping[str, Any]], numbers: Sequence[int], orders: Sequence[int]
    ) -> None:
        """Note who came in records, one by one.

        Args:
            records: The records.
            numbers: Their places in the stream.
            orders: What says which of them came first.
        """
        found: dict[tuple[int, bool], tuple[CustomerList, dict[str, int]]] = {}
        rejected = []
        for record, number, order in zip(records, numbers, orders, strict=True):
            member = self._reader.read(record)
            if isinstance(member, Reject):
                rejected.append((number, record, member))
                continue
            members = self._list_of(member.ref, member.list_type)
            if members.list_type != member.list_type:
                reject = other_type(members.list_type, member.list_type)
                rejected.append((number, as_record(member), reject))
                continue
            _, people = found.setdefault((id(members), member.add), (members, {}))
            people[member.text] = order
        for (_, is_in), (members, people) in found.items():
            self._note(members, [*people], [*people.values()], is_in=is_in)
            self._note_kept_of(people, records)
        self._reject_all(rejected)

    def _list_of(self, ref: ListRef, list_type: str) -> CustomerList:
        members = self.context.customer_lists.list_of(ref, list_type)
        if members.failed:
            self.context.note_failed_lists()
        return members

    def _note(
        self, members: CustomerList, texts: Sequence[str], orders: Sequence[int], *, is_in: bool
    ) -> None:
        if texts:
            keys = pa.array(to_keys(members.list_type, texts), pa.binary())
            self._sync.add(members, keys, pa.array(orders, pa.int64()), is_in=is_in)

    def _note_kept_of(self, people: Iterable[str], records: Iterable[Mapping[str, Any]]) -> None:
        kept = self.context.tracker.kept_texts
        if kept and not kept.isdisjoint(map(hash, people)):
            self._note_kept(records, kept)

    def _reject_all(self, rejected: Iterable[tuple[int, Mapping[str, Any], Reject]]) -> None:
        for number, record, reject in sorted(rejected, key=itemgetter(0)):
            if is_blank_row(record):
                self.context.report.skip(self.stream_name)
            else:
                self._reject(number, record, reject)
