"""What a record of the stream ``audience_members`` asks for. No I/O in here.

A record is one person, by one identifier, in or out of one customer list. There may be millions of
them, so what many records have in common is read once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.column_names import OPERATION_COLUMNS, Columns
from target_pinterest_audiences.input.consent import all_allow, unclear_consent
from target_pinterest_audiences.input.deletions import (
    KEY_ONLY_DELETION,
    MARKS,
    ORIGIN_DELETED,
    SUSPECTS,
    is_deleted,
    is_removal,
)
from target_pinterest_audiences.input.names import name_in, name_key
from target_pinterest_audiences.input.values import (
    UnreadableRecordError,
    id_in,
    is_blank,
    is_null_word,
)
from target_pinterest_audiences.members.identifiers import (
    LIST_TYPES,
    MISSING,
    STANDS_FOR_NOBODY,
    read_identifier,
    read_identifiers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STREAM = "audience_members"
OPERATIONS = ("ADD", "REMOVE")
MEMBER_COLUMNS = Columns(
    *("audience_name", "customer_list_id", "ad_account_id"), *LIST_TYPES, *OPERATION_COLUMNS
)
DIGEST = "identifier_sha256"
"""What a kept record has in the place of an identifier that is none."""

KEY_DIGEST = "key_sha256"
"""What a kept deletion has in the place of an identifier: digests of its row's key."""

_SHARED = (
    *("customer_list_id", "audience_name", "ad_account_id", "operation", "operation_type"),
    *(ORIGIN_DELETED, *MARKS, *SUSPECTS),
)
_COLUMNS = tuple(LIST_TYPES.items())
NO_IDENTIFIER = Reject(
    "no_identifier", f"the record has none of the identifiers {', '.join(LIST_TYPES)}"
)
_SEVERAL_IDENTIFIERS = Reject(
    "several_identifiers",
    "the record has several identifiers, and a customer list holds one type of them: leave all "
    "columns but one out, by a stream map or in the query",
)
_NOBODY = frozenset({*STANDS_FOR_NOBODY, NO_IDENTIFIER, KEY_ONLY_DELETION})


@dataclass(frozen=True, slots=True)
class ListRef:
    """A customer list as a record names it: by its id, or by the name of its audience."""

    ad_account_id: str
    customer_list_id: str | None
    audience_name: str | None


class Member(NamedTuple):
    """One person, in or out of one list.

    Attributes:
        ref: The list.
        list_type: Pinterest's ``list_type`` of the identifier.
        text: What is sent to Pinterest for the person.
        add: False if the person is to be out.
    """

    ref: ListRef
    list_type: str
    text: str
    add: bool


class Chunk(NamedTuple):
    """Many records, read.

    Attributes:
        people: By list and type of identifier: what is sent for a person, and whether the person
            is to be in. Where a person came twice, the last record counts.
        rejected: Position, record and reason of each record that cannot be read.
    """

    people: dict[tuple[ListRef, str], dict[str, bool]]
    rejected: list[tuple[int, Mapping[str, Any], Reject]]


class MemberReader:
    """Reads records."""

    def __init__(self, default_account: str | None, *, override: bool = False) -> None:
        """Begin.

        Args:
            default_account: The ad account of a record that names none.
            override: Write everything to ``default_account``.
        """
        self._default_account = default_account
        self._override = override
        self._refs: dict[tuple[object, ...], ListRef | Reject] = {}
        self._names: dict[tuple[str, str], str] = {}

    def read_all(self, records: Sequence[Mapping[str, Any]]) -> Chunk:
        """Read records, as ``read`` does one by one, but faster where they are alike."""
        chunk = Chunk({}, [])
        if not self._read_alike(records, chunk):
            for position, record in enumerate(records):
                member = self.read(record)
                if isinstance(member, Reject):
                    chunk.rejected.append((position, record, member))
                else:
                    ref, list_type, text, add = member
                    chunk.people.setdefault((ref, list_type), {})[text] = add
        return chunk

    def read_in_turns(
        self, records: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[tuple[ListRef, str], dict[str, bool]]]:
        """Yield the people of neighbouring records that name one list in one way, in order."""
        read = (self.read(record) for record in records)
        members = [member for member in read if not isinstance(member, Reject)]
        for key, turn in itertools.groupby(members, lambda member: (member.ref, member.list_type)):
            yield key, {member.text: member.add for member in turn}

    def _read_alike(self, records: Sequence[Mapping[str, Any]], chunk: Chunk) -> bool:
        """Read records that differ in one identifier and in nothing else that means anything.

        Returns:
            Whether they are like that; if not, nothing was read.
        """
        column = _only_difference(records)
        if column is None:
            return False
        values = [record.get(column) for record in records]
        list_type, first = LIST_TYPES[column], records[0]
        ref = self._ref(first)
        try:
            add = not is_removal(first, OPERATIONS)
        except UnreadableRecordError:
            return False
        if isinstance(ref, Reject) or not set(map(type, values)) <= {str, NoneType}:
            return False
        texts = read_identifiers(list_type, values)
        if set(map(type, texts)) != {str}:
            for position, (text, record) in enumerate(zip(texts, records, strict=True)):
                if isinstance(text, Reject):
                    reject = _nobody(record) if text == MISSING else text
                    chunk.rejected.append((position, record, reject))
            texts = [text for text in texts if isinstance(text, str)]
        people = dict.fromkeys(cast("Sequence[str]", texts), add)
        if people:
            chunk.people[ref, list_type] = people
        return True

    def read(self, record: Mapping[str, Any]) -> Member | Reject:
        """Return what a record asks for, or why it cannot be read.

        No reason holds any part of an identifier.
        """
        try:
            return self._read(MEMBER_COLUMNS.read(record))
        except UnreadableRecordError as error:
            return error.reject

    def _read(self, record: Mapping[str, Any]) -> Member | Reject:
        if record.get(DIGEST):
            return NO_IDENTIFIER
        add = not is_removal(record, OPERATIONS)
        found = [
            (kind, value)
            for column, kind in _COLUMNS
            if (value := record.get(column)) is not None and not is_blank(value)
        ]
        if len(found) > 1:
            found = [(kind, value) for kind, value in found if not is_null_word(value)]
        if not found and is_deleted(record):
            return KEY_ONLY_DELETION
        ref = self._ref(record)
        if isinstance(ref, Reject):
            return ref
        if len(found) > 1:
            return _SEVERAL_IDENTIFIERS
        if not found:
            return _nobody(record)
        list_type, value = found[0]
        text = read_identifier(list_type, value)
        if not isinstance(text, Reject) and add:
            text = unclear_consent(record) or text
        return text if isinstance(text, Reject) else Member(ref, list_type, text, add)

    def ref(self, record: Mapping[str, Any]) -> ListRef | Reject:
        """Return which list a record means, or why it cannot be read."""
        try:
            return self._ref(MEMBER_COLUMNS.read(record))
        except UnreadableRecordError as error:
            return error.reject

    def _ref(self, record: Mapping[str, Any]) -> ListRef | Reject:
        list_id, account = record.get("customer_list_id"), record.get("ad_account_id")
        # To a dictionary, true is 1.
        key = (list_id, type(list_id), record.get("audience_name"), account, type(account))
        try:
            return self._refs[key]
        except KeyError:
            self._refs[key] = found = self._read_ref(record)
            return found
        except TypeError:  # a list or an object, which is no name and no id
            return self._read_ref(record)

    def _read_ref(self, record: Mapping[str, Any]) -> ListRef | Reject:
        try:
            account = id_in(record, "ad_account_id")
            list_id = id_in(record, "customer_list_id")
            name = None if list_id else name_in(record, "audience_name")
        except UnreadableRecordError as error:
            return error.reject
        account = (self._default_account if self._override else account) or self._default_account
        if account is None:
            return Reject(
                "no_ad_account",
                "the record has no ad_account_id: add the column, or set the setting ad_account_id",
            )
        if list_id is None and name is None:
            return Reject(
                "no_list",
                "the record names no list: it needs customer_list_id or audience_name",
            )
        if name:
            # Names that look the same mean one list, which is called as the first of them.
            name = self._names.setdefault((account, name_key(name)), name)
        return ListRef(account, list_id, name)


def _only_difference(records: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the column of an identifier, if records differ in nothing else that means anything."""
    columns = set().union(*records)
    if DIGEST in columns or not MEMBER_COLUMNS.are_plain(columns):
        return None
    if not all_allow(columns, records):
        return None
    used = [
        column
        for column in LIST_TYPES
        if column in columns and any(not is_blank(record.get(column)) for record in records)
    ]
    try:
        shared = [
            {record.get(column) for record in records} for column in _SHARED if column in columns
        ]
    except TypeError:
        return None
    # To a set, true is 1.
    if len(used) != 1 or any(len(values) > 1 or values & {0, 1} for values in shared):
        return None
    return used[0]


def may_be_somebody(reject: Reject) -> bool:
    """Return whether a record that was rejected for this may mean somebody who is in a list."""
    return reject not in _NOBODY


def _nobody(record: Mapping[str, Any]) -> Reject:
    """Reject a record that names nobody."""
    if is_deleted(record):
        return KEY_ONLY_DELETION
    empty = any(isinstance(record.get(column), str) for column in LIST_TYPES)
    return MISSING if empty else NO_IDENTIFIER


def batches(texts: Sequence[str], most: int, most_bytes: int) -> Iterator[Sequence[str]]:
    """Cut identifiers into requests.

    Args:
        texts: What is sent, one for each person.
        most: So many at the most in one request.
        most_bytes: So many bytes at the most, with the commas between them.
    """
    start = 0
    while start < len(texts):
        batch = texts[start : start + most]
        if not _fits(batch, most_bytes):
            batch = batch[: _how_many(batch, most_bytes)]
        yield batch
        start += len(batch)


def _fits(texts: Sequence[str], most_bytes: int) -> bool:
    """Return whether texts fit into so many bytes, which nearly always they do."""
    return all(map(str.isascii, texts)) and sum(map(len, texts)) + len(texts) - 1 <= most_bytes


def _how_many(texts: Sequence[str], most_bytes: int) -> int:
    """Return how many of the first texts fit into so many bytes; one does in any case."""
    size = -1
    for position, text in enumerate(texts):
        size += 1 + len(text.encode())
        if position and size > most_bytes:
            return position
    return len(texts)
