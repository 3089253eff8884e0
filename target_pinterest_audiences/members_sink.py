"""The sink of the stream ``audience_members``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from singer_sdk.sinks import Sink
from typing_extensions import override

from target_pinterest_audiences import mirror
from target_pinterest_audiences.batch_files import read_files
from target_pinterest_audiences.decisions import Reject
from target_pinterest_audiences.identifiers import LIST_TYPES, read_identifier, rejected_digest
from target_pinterest_audiences.list_finder import other_type
from target_pinterest_audiences.members import MemberReader
from target_pinterest_audiences.rejects import CODE, REASON
from target_pinterest_audiences.roster import MembersError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_pinterest_audiences.members import ListRef
    from target_pinterest_audiences.target import TargetPinterestAudiences

INTAKE = 10_000
"""People that are taken in before the ledger is asked about them."""

DIGEST = "identifier_sha256"
"""What a kept record has in the place of an identifier that is none."""

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
        self._early = False
        self._in_version = 0

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
        roster = self.target.roster
        roster.flush()
        taken, self._taken = self._taken, []
        for record in taken:
            members = roster.lists.get(cast("ListRef", self._reader.ref(record)))
            if members and not members.failed:
                self.target.books.settle_member(self._kept_form(record))
        self.target.release_state()

    @override
    def activate_version(self, new_version: int) -> None:
        """Remove from each list whom the new version of the table does not have."""
        if not self._mirrors:
            return
        self.flush()
        if self._in_version == 0 or self._version not in {None, new_version}:
            self._early = True
            return
        self._early = False
        self._in_version = 0
        self._fail(self.target.roster.remove_stale(self._table_version))

    def end(self) -> None:
        """Send what is left, and tell what could not be mirrored, now that the input has ended."""
        self.flush()
        if not self._mirrors:
            return
        roster = self.target.roster
        if self._early and self._in_version:
            stale = sum(removal.stale for removal in roster.removals(self._table_version))
            self._fail(mirror.early_version(stale))
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
        self._in_version = 0

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
        for (ref, list_type), people in chunk.people.items():
            self._take_in(ref, list_type, people)
        for position, record, reject in chunk.rejected:
            self._reject(self._read + position + 1, record, reject)
        self._read += len(records)

    def _take_in(self, ref: ListRef, list_type: str, people: dict[str, bool]) -> None:
        members = self.target.roster.list_of(ref, list_type)
        if members.list_type == list_type:
            members.take(people, self._table_version if self._mirrors else None)
            return
        reject = other_type(members.list_type, list_type)
        for text, add in people.items():
            operation = "ADD" if add else "REMOVE"
            record = {**as_record(ref, list_type, text), "operation": operation}
            self._reject(self._read + 1, record, reject)

    def _kept_form(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": "RECORD", "stream": self.stream_name, "record": safe(record)}

    def _fail(self, problem: str | None) -> None:
        if problem:
            self.target.fail(MembersError(problem))

    def _reject(self, position: int, record: Mapping[str, Any], reject: Reject) -> None:
        if record.get(DIGEST):
            reject = Reject(record.get(CODE) or reject.code, record.get(REASON) or reject.reason)
        ref = self._reader.ref(record)
        members = None if isinstance(ref, Reject) else self.target.roster.lists.get(ref)
        if members:
            members.tally.rejected[reject.code] += 1
        message = self._kept_form(record)
        self.target.books.refuse_member(position, message, reject)


def as_record(ref: ListRef, list_type: str, text: str) -> dict[str, Any]:
    """Return a record that means one person in one list."""
    column = next(column for column, kind in LIST_TYPES.items() if kind == list_type)
    where = {
        "ad_account_id": ref.ad_account_id,
        "audience_name": ref.audience_name,
        "customer_list_id": ref.customer_list_id,
    }
    return {**{key: value for key, value in where.items() if value}, column: text}


def safe(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record to be kept.

    Identifiers are as they would be sent, or a digest where nothing would.
    """
    kept = {column: record[column] for column in _SAFE_COLUMNS if record.get(column) is not None}
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
