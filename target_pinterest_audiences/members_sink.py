"""The sink of the stream ``audience_members``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.sinks import Sink
from typing_extensions import override

from target_pinterest_audiences import mirror
from target_pinterest_audiences.batch_files import read_files
from target_pinterest_audiences.decisions import Reject
from target_pinterest_audiences.identifiers import LIST_TYPES, read_identifier, rejected_digest
from target_pinterest_audiences.list_finder import other_type
from target_pinterest_audiences.members import DIGEST, OPERATIONS, Member, MemberReader
from target_pinterest_audiences.rejects import CODE, REASON
from target_pinterest_audiences.roster import MembersError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_pinterest_audiences.members import ListRef
    from target_pinterest_audiences.target import TargetPinterestAudiences

INTAKE = 10_000
"""People that are taken in before the ledger is asked about them."""

_SAFE_COLUMNS = (
    "ad_account_id",
    "audience_name",
    "customer_list_id",
    "operation",
    "_sdc_deleted_at",
    DIGEST,
)


class AudienceMembersSink(Sink):
    """Brings people into customer lists and out of them, in batches."""

    def __init__(
        self,
        target: TargetPinterestAudiences,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,  # noqa: ARG002
    ) -> None:
        """Prepare the sink; nothing is asked of Pinterest before the first record."""
        super().__init__(target, stream_name, schema, None)
        self.schema = {"properties": {}, "additionalProperties": True}
        self.target = target
        self._reader = MemberReader(
            self.config.get("ad_account_id"), override=self.config["override_ad_account"]
        )
        self._records: list[Mapping[str, Any]] = []
        self._taken: list[Mapping[str, Any]] = []
        self._read = self._counted = 0
        self._mirrors = target.roster.mirrors
        self._version: int | None = None
        self._early = self._ended = False
        self._in_version = self._unread = 0

    @property
    @override
    def include_sdc_metadata_properties(self) -> bool:
        """Keep ``_sdc_deleted_at`` and ``_sdc_table_version``."""
        return True

    @override
    def get_validator(self) -> None:
        """Leave the checks to the reader."""

    @property
    @override
    def current_size(self) -> int:
        """How many people came and were not sent yet."""
        return len(self._records) + self.target.roster.pending

    @property
    def waits(self) -> bool:
        """Whether no state may pass yet: of a mirrored table only after a whole version."""
        unfinished = self._mirrors and not self._ended and (self._early or self._in_version > 0)
        return unfinished or self.current_size > 0

    @property
    @override
    def is_full(self) -> bool:
        """Never: full batches are sent as they come."""
        return False

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Take a record in."""
        self._counted += 1  # the SDK does it
        self.take(record, record.get("_sdc_table_version"))

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Send what is left."""
        self.flush()
        self.target.release_state()

    def take_files(self, message: Mapping[str, Any]) -> None:
        """Take in the records of the files that a BATCH message names."""
        for records in read_files(message, self.batch_config, INTAKE):
            if self._mirrors and self._version is not None:
                self._begin_version(None)
            self._in_version += len(records)
            self._records += records
            self.sort_out()

    def take(self, record: Mapping[str, Any], version: object) -> bool:
        """Take a record in.

        Args:
            record: The record.
            version: The version of the table that has it, if it is told.

        Returns:
            Whether those that were taken in were looked up now.
        """
        if self._mirrors and version != self._version:
            self._begin_version(version)
        self._in_version += 1
        self._records.append(record)
        if len(self._records) < INTAKE:
            return False
        self.sort_out()
        return True

    def flush(self) -> None:
        """Send all that is left."""
        self.sort_out()
        self.target.roster.flush()
        self._note_failures()
        taken, self._taken = self._taken, []
        for record in taken:
            self._settle(record)

    @override
    def activate_version(self, new_version: int) -> None:
        """Remove from each list whom the new version of the table does not have."""
        if not self._mirrors:
            return
        self.flush()
        if self._in_version == 0 or self._version not in {None, new_version}:
            self._early = True
            return
        roster, version = self.target.roster, self._table_version
        problem = mirror.unread_version(self._unread, roster.count_stale(version))
        self._fail(problem or roster.remove_stale(version))
        self._note_failures()
        self._early = False
        self._in_version = self._unread = 0
        self.target.release_state()

    def note_unread(self) -> None:
        """Note that a record came of which nobody can tell whom it means."""
        self._in_version += 1
        self._unread += 1

    def end(self) -> None:
        """Send what is left, and tell what could not be mirrored, now that the input has ended."""
        self.flush()
        self._ended = True
        if not self._mirrors:
            return
        roster = self.target.roster
        if self._early and self._in_version:
            self._fail(mirror.early_version(roster.count_stale(self._table_version)))
        elif self._early:
            self._fail(mirror.empty_version(roster.known_to_the_ledger()))
        elif self._in_version:
            self.logger.warning(
                "No ACTIVATE_VERSION came after %s: nobody was removed", self.stream_name
            )

    @property
    def _table_version(self) -> int:
        """What tells this reading of the table from all others."""
        return self.target.roster.run_number if self._version is None else self._version

    def _begin_version(self, version: object) -> None:
        self.sort_out()
        self._version = version if isinstance(version, int) else None
        self._in_version = self._unread = 0

    def sort_out(self) -> None:
        """Look up all who were taken in, and send the batches that are full."""
        records, self._records = self._records, []
        if not records:
            return
        self.record_counter_metric.increment(len(records) - self._counted)
        self._counted = 0
        chunk = self._reader.read_all(records)
        if self.target.books.keeps_any:
            refused = {position for position, _, _ in chunk.rejected}
            self._taken += [
                record for position, record in enumerate(records) if position not in refused
            ]
        # Who is in a list by its id and by its name ends as the last of these records says.
        lists = {(id(self.target.roster.list_of(*key)), key[1]) for key in chunk.people}
        in_any_order = len(lists) == len(chunk.people)
        turns = chunk.people.items() if in_any_order else self._reader.read_in_turns(records)
        for (ref, list_type), people in turns:
            self._take_in(ref, list_type, people)
        for position, record, reject in chunk.rejected:
            self._reject(self._read + position + 1, record, reject)
        self._read += len(records)

    def _take_in(self, ref: ListRef, list_type: str, people: dict[str, bool]) -> None:
        members = self.target.roster.list_of(ref, list_type)
        if members.list_type == list_type:
            members.take(people, self._table_version if self._mirrors else None)
            self._note_failures()
            return
        reject = other_type(members.list_type, list_type)
        for text, add in people.items():
            self._reject(self._read + 1, as_record(Member(ref, list_type, text, add)), reject)

    def _note_failures(self) -> None:
        if any(members.failed for members in self.target.roster.lists.values()):
            self.target.books.lost = True

    def _settle(self, record: Mapping[str, Any]) -> None:
        """Let go of a record that was kept, as it came or as its list refused it."""
        member = self._reader.read(record)
        if isinstance(member, Reject):
            return
        members = self.target.roster.lists.get(member.ref)
        if not members or members.failed or members.list_type != member.list_type:
            return
        self.target.books.settle_member(self._kept_form(record))
        self.target.books.settle_member(self._kept_form(as_record(member)))

    def _kept_form(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": "RECORD", "stream": self.stream_name, "record": safe(record)}

    def _fail(self, problem: str | None) -> None:
        if problem:
            self.target.fail(MembersError(problem))

    def _reject(self, position: int, record: Mapping[str, Any], reject: Reject) -> None:
        if record.get(DIGEST):
            reject = Reject(record.get(CODE) or reject.code, record.get(REASON) or reject.reason)
        elif self._reader.may_be_member(record, reject):
            self._unread += 1
        ref = self._reader.ref(record)
        members = None if isinstance(ref, Reject) else self.target.roster.lists.get(ref)
        if members:
            members.tally.rejected[reject.code] += 1
        message = self._kept_form(record)
        self.target.books.refuse_member(position, message, reject)


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
    kept = {column: record[column] for column in _SAFE_COLUMNS if record.get(column) is not None}
    if "operation" in kept and kept["operation"] not in OPERATIONS:
        kept["operation"] = "[redacted]"  # it may be anything
    for column, list_type in LIST_TYPES.items():
        value = record.get(column)
        if value is None:
            continue
        text = read_identifier(list_type, value)
        if isinstance(text, str):
            kept[column] = text
        else:
            kept[DIGEST] = rejected_digest(value)
    return kept
