"""The sink of the stream ``audience_members``."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from pinterest_audiences.errors import redact
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.batch_files import read_files
from target_pinterest_audiences.input.column_names import is_blank_row
from target_pinterest_audiences.input.consent import shown_consent
from target_pinterest_audiences.input.deletions import ORIGIN_DELETED, shown_marks
from target_pinterest_audiences.input.values import UnreadableRecordError, id_in, is_blank
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.customer_lists import MembersError
from target_pinterest_audiences.members.identifiers import (
    LIST_TYPES,
    read_identifier,
    rejected_digest,
)
from target_pinterest_audiences.members.lookup import other_type
from target_pinterest_audiences.members.mirror import TableVersion
from target_pinterest_audiences.members.records import (
    DIGEST,
    KEY_DIGEST,
    MEMBER_COLUMNS,
    OPERATIONS,
    Member,
    MemberReader,
    may_be_somebody,
)
from target_pinterest_audiences.run.dead_letters import CODE, REASON
from target_pinterest_audiences.sinks.base import ContextSink

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from target_pinterest_audiences.members.records import ListRef
    from target_pinterest_audiences.sinks.base import HasContext

LOOKUP_BATCH_SIZE = 10_000
"""People that are taken in before the ledger is asked about them."""

_SAFE_COLUMNS = (
    "ad_account_id",
    "audience_name",
    "customer_list_id",
    "operation",
    "operation_type",
    DIGEST,
    KEY_DIGEST,
    ORIGIN_DELETED,
)


class AudienceMembersSink(ContextSink):
    """Brings people into customer lists and out of them, in batches."""

    def __init__(
        self,
        target: HasContext,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        """Prepare the sink; nothing is asked of Pinterest before the first record."""
        super().__init__(target, stream_name, schema, key_properties)
        self._reader = MemberReader(
            self.config.get("ad_account_id"), override=self.config["override_ad_account"]
        )
        self._records: list[Mapping[str, Any]] = []
        self._numbers: list[int] = []
        self._taken: dict[bytes, Member] = {}
        """By the key of a record that is kept: the member that was taken in since."""
        self._counted = 0
        self._mirrors = self.context.customer_lists.mirrors
        self._tables: dict[str, TableVersion] = {}
        self._table = TableVersion("")
        self._ended = False

    @property
    @override
    def current_size(self) -> int:
        """How many people came and were not sent yet."""
        return len(self._records) + self.context.customer_lists.pending

    @property
    def has_pending(self) -> bool:
        """Whether no state may pass yet: of a mirrored table only when the input has ended."""
        unfinished = self._mirrors and not self._ended
        return (unfinished and bool(self._tables)) or self.current_size > 0

    @property
    @override
    def is_full(self) -> bool:
        """Never: full batches are sent as they come."""
        return False

    @override
    def preprocess_record(self, record: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Keep what a stream map may have dropped: that the row is deleted, and its key."""
        return self.context.tracker.with_origin(record, KEY_DIGEST)

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Take a record in."""
        self._counted += 1  # the SDK does it
        message = self.context.tracker.message
        number = self.context.tracker.number(self.stream_name)
        self.add(message["stream"], record, message.get("version"), number)

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Send what is left."""
        self.flush()
        self.context.release_state()

    def note_table(self, stream: str) -> None:
        """Note that records of a stream are to come."""
        self._tables.setdefault(stream, TableVersion(stream))

    def take_files(self, message: Mapping[str, Any]) -> None:
        """Take in the records of the files that a BATCH message names."""
        for records in read_files(message, self.config, LOOKUP_BATCH_SIZE):
            if self._mirrors:
                self._turn_to(message["stream"], None, len(records))
            last = self.context.tracker.count(self.stream_name, len(records))
            self._numbers += range(last - len(records) + 1, last + 1)
            self._records += records
            self.process_buffer()

    def add(self, stream: str, record: Mapping[str, Any], version: object, number: int) -> bool:
        """Take a record in.

        Args:
            stream: The stream that it came from, as the tap calls it.
            record: The record.
            version: The version of the table that has it, if it is told.
            number: The place of the record in its stream; 1 is the first.

        Returns:
            Whether those that were taken in were looked up now.
        """
        if self._mirrors:
            self._turn_to(stream, version, 1)
        self._records.append(record)
        self._numbers.append(number)
        if len(self._records) < LOOKUP_BATCH_SIZE:
            return False
        self.process_buffer()
        return True

    def flush(self) -> None:
        """Send all that is left, but the removals of a mirror."""
        self.process_buffer()
        self.context.customer_lists.flush()
        self._settle_taken()

    def activate(self, stream: str, version: int) -> None:
        """Note that a version of a table is whole, if its records came before."""
        self.note_table(stream)
        table = self._tables[stream]
        if table.records and table.number in {None, version}:
            table.activated = True
        else:
            table.early = True

    def note_unread(self) -> None:
        """Note that a record came of which nobody can tell who it means."""
        message = self.context.tracker.message
        self._turn_to(message["stream"], message.get("version"), 1)
        self._table.unread += 1

    def end(self) -> None:
        """Remove those who are to go, now that the input has ended."""
        self.flush()
        self._ended = True
        if not self._mirrors:
            return
        for table in self._tables.values():
            if table.records:
                self._remove_absent(table)
            else:
                known = self.context.customer_lists.known_to_the_ledger()
                self._fail(mirror.empty_version(table.stream, known))
        self._settle_taken()
        for noted, held in self.context.customer_lists.unmentioned():
            self.context.report.add_unmentioned(noted, held)

    def _turn_to(self, stream: str, version: object, records: int) -> None:
        """Count records to come, and account for those of another table, or version, before."""
        number = version if isinstance(version, int) else None
        if stream != self._table.stream or number != self._table.number or self._table.activated:
            self.process_buffer()
            known = self._tables.get(stream)
            if known is None or number != known.number:
                if known and known.activated:
                    self.context.customer_lists.flush()
                    self._remove_absent(known)
                early = known is not None and known.early
                self._tables[stream] = TableVersion(stream, number, early=early)
            elif known.activated:
                known.activated, known.early = False, True
            self._table = self._tables[stream]
        self._table.records += records

    def _remove_absent(self, table: TableVersion) -> None:
        partial = self.context.partial(table.stream)
        for problem in self.context.customer_lists.remove_absent(table, partial):
            self._fail(problem)

    def _settle_taken(self) -> None:
        self.context.note_failed_lists()
        taken, self._taken = self._taken, {}
        for key, member in taken.items():
            members = self.context.customer_lists.lists[member.ref]
            if not members.failed and members.list_type == member.list_type:
                self.context.tracker.settle_member(key)

    def process_buffer(self) -> None:
        """Look up all who were taken in, and send the batches that are full."""
        records, self._records = self._records, []
        numbers, self._numbers = self._numbers, []
        if not records:
            return
        self.context.in_flight.turn_to("members")
        self.record_counter_metric.increment(len(records) - self._counted)
        self._counted = 0
        chunk = self._reader.read_all(records)
        # Who is in a list by its id and by its name ends as the last of these records says.
        lists = {key: self.context.customer_lists.list_of(*key) for key in chunk.people}
        others = {key for key, members in lists.items() if members.list_type != key[1]}
        in_any_order = len({(id(lists[key]), key[1]) for key in lists}) == len(lists)
        turns = chunk.people.items() if in_any_order else self._reader.read_in_turns(records)
        kept = self.context.tracker.kept_texts
        if kept and not all(kept.isdisjoint(map(hash, each)) for each in chunk.people.values()):
            self._note_kept(records, kept)
        reading = self.context.customer_lists.reading(self._table) if self._mirrors else None
        for key, people in turns:
            if key not in others:
                lists[key].add(people, reading)
                self.context.note_failed_lists()
        rejected = [*chunk.rejected, *(self._of_other_types(records, others) if others else ())]
        for position, record, reject in sorted(rejected, key=itemgetter(0)):
            if is_blank_row(record):
                self.context.report.skip(self.stream_name)
            else:
                self._reject(numbers[position], record, reject)

    def _of_other_types(
        self, records: Sequence[Mapping[str, Any]], others: Collection[tuple[ListRef, str]]
    ) -> Iterable[tuple[int, Mapping[str, Any], Reject]]:
        """Return the people whose list holds identifiers of another type, at their last record."""
        found = {}
        for position, member in enumerate(map(self._reader.read, records)):
            if isinstance(member, Member) and (member.ref, member.list_type) in others:
                holds = self.context.customer_lists.lists[member.ref].list_type
                reject = other_type(holds, member.list_type)
                found[member[:3]] = (position, as_record(member), reject)
        return found.values()

    def _note_kept(self, records: Iterable[Mapping[str, Any]], kept: AbstractSet[int]) -> None:
        """Note the records that are kept, as they came or as their list refused them.

        All others are forgotten here: there may be millions of them.
        """
        for record in records:
            member = self._reader.read(record)
            if isinstance(member, Reject) or hash(member.text) not in kept:
                continue
            for form in (record, as_record(member)):
                if key := self.context.tracker.key_of_kept(self._kept_form(form)):
                    self._taken[key] = member

    def _kept_form(self, record: Mapping[str, Any]) -> dict[str, Any]:
        kept = safe(record)
        if LIST_TYPES.keys().isdisjoint(kept):
            keys = self.context.tracker.key_digests(self.stream_name, record)
            kept |= {KEY_DIGEST: keys} if keys and KEY_DIGEST not in kept else {}
        return {"type": "RECORD", "stream": self.stream_name, "record": kept}

    def _fail(self, problem: str | None) -> None:
        if problem:
            self.context.fail(MembersError(problem))

    def _reject(self, number: int, record: Mapping[str, Any], reject: Reject) -> None:
        if record.get(DIGEST):
            reject = Reject(record.get(CODE) or reject.code, record.get(REASON) or reject.reason)
        elif may_be_somebody(reject):
            self._table.unread += 1
        ref = self._reader.ref(record)
        members = None if isinstance(ref, Reject) else self.context.customer_lists.lists.get(ref)
        if members:
            members.tally.rejected[reject.code] += 1
        message = self._kept_form(record)
        self.context.tracker.refuse_member(number, message, reject)


def as_record(member: Member) -> dict[str, Any]:
    """Return a record that means one person in one list."""
    column = next(column for column, kind in LIST_TYPES.items() if kind == member.list_type)
    where = {
        "ad_account_id": member.ref.ad_account_id,
        "audience_name": member.ref.audience_name,
        "customer_list_id": member.ref.customer_list_id,
    }
    said = {key: value for key, value in where.items() if value}
    return {**said, column: member.text, "operation": "ADD" if member.add else "REMOVE"}


def safe(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record to be kept.

    Identifiers are as they would be sent, or a digest where nothing would.
    """
    try:
        record = MEMBER_COLUMNS.read(record)
    except UnreadableRecordError:
        return {}  # which of two columns counts cannot be told
    kept = _shown_columns(record) | shown_marks(record) | shown_consent(record)
    for column, list_type in LIST_TYPES.items():
        value = record.get(column)
        if is_blank(value):
            continue
        text = read_identifier(list_type, value)
        if isinstance(text, str):
            kept[column] = text
        else:
            kept[DIGEST] = rejected_digest(value)
    if LIST_TYPES.keys().isdisjoint(kept) and DIGEST not in kept:
        for value in (record[column] for column in LIST_TYPES if record.get(column) is not None):
            kept[DIGEST] = rejected_digest(value)
    return kept


def _shown_columns(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that name a list or an operation, without what may be a person's."""
    kept = {column: record[column] for column in _SAFE_COLUMNS if not is_blank(record.get(column))}
    for column in ("ad_account_id", "customer_list_id"):
        if column in kept and not _is_id(record, column):
            kept[column] = "[redacted]"
    for column in ("operation", "operation_type"):
        if column in kept and str(kept[column]).strip().upper() not in OPERATIONS:
            kept[column] = "[redacted]"
    name = kept.get("audience_name")
    if isinstance(name, str) and redact(name) != name:
        del kept["audience_name"]  # or else a list of another name would be made
    return kept


def _is_id(record: Mapping[str, Any], column: str) -> bool:
    try:
        return id_in(record, column) is not None
    except UnreadableRecordError:
        return False
