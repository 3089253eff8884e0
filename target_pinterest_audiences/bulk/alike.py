"""Finds rows of members that differ in their identifier only, so that one of them speaks for all.

``MemberReader`` alone says what a row means: it reads one row of each kind.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from target_pinterest_audiences.bulk.inner_columns import ANY_KEY, inner_columns
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.batch_files import as_records
from target_pinterest_audiences.input.consent import columns_read
from target_pinterest_audiences.input.deletions import ORIGIN_DELETED
from target_pinterest_audiences.members.identifiers import LIST_TYPES, read_identifiers, to_keys
from target_pinterest_audiences.members.records import DIGEST, MEMBER_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_pinterest_audiences.members.records import Member, MemberReader

_FEWEST = 500
"""Rows of one kind that are worth it; all others are read one by one."""

_MOST_TRIED = 3


class Alike(NamedTuple):
    """Rows that differ only in the person.

    Attributes:
        member: What one of them means.
        keys: The people, as the ledger has them.
        places: Where their rows are among all rows.
    """

    member: Member
    keys: pa.Array
    places: pa.Array


def alike(rows: pa.RecordBatch, reader: MemberReader) -> Iterator[Alike]:
    """Yield rows that differ in their identifier only.

    A row that is in none of them has to be read by itself: as its identifier is odd, or as few
    rows are like it.

    Args:
        rows: Rows, with any columns.
        reader: Says what a row means.
    """
    found = _columns(rows)
    if found is None:
        return
    identifier, others = found
    column = rows.column(identifier)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type not in (pa.string(), pa.large_string()):
        return
    places = pa.array(range(rows.num_rows), pa.int64())
    kinds = functools.reduce(_combined, map(rows.column, others), None)
    if kinds is None:
        parts = [(column, places)] if rows.num_rows >= _FEWEST else []
    else:
        counted = pc.value_counts(kinds)
        large = [kind["values"] for kind in counted.to_pylist() if kind["counts"] >= _FEWEST]
        masks = (pc.equal(kinds, kind) for kind in large)
        parts = [(column.filter(mask), places.filter(mask)) for mask in masks]
    for values, where in parts:
        if member := _read_one(rows, where, reader):
            yield _keyed(member, values.to_pylist(), where)


def _keyed(member: Member, values: Sequence[str | None], places: pa.Array) -> Alike:
    texts = read_identifiers(member.list_type, values)
    if set(map(type, texts)) != {str}:
        places = places.filter(pa.array([isinstance(text, str) for text in texts]))
    keys = to_keys(member.list_type, [text for text in texts if isinstance(text, str)])
    return Alike(member, pa.array(keys, pa.binary()), places)


def _columns(rows: pa.RecordBatch) -> tuple[int, list[int]] | None:
    """Return which column identifies people, and which others mean something, if that is plain."""
    names = rows.schema.names
    meant = [MEMBER_COLUMNS.name(name) for name in names]
    known = [name for name in meant if name]
    if DIGEST in names or len({*known}) < len(known) or len({*names}) < len(names):
        return None
    used = [number for number in range(len(names)) if rows.column(number).null_count < len(rows)]
    identifiers = [number for number in used if meant[number] in LIST_TYPES]
    on_consent = columns_read(names)
    others = [
        number
        for number, name in enumerate(names)
        if (number in used and meant[number] and number not in identifiers)
        or name == ORIGIN_DELETED
        or name in on_consent
    ]
    if len(identifiers) != 1 or any(pa.types.is_nested(rows.column(each).type) for each in others):
        return None
    inner = inner_columns(rows.schema)
    if columns_read(inner) or any(name.endswith(ANY_KEY) for name in inner):
        return None
    return identifiers[0], others


def _combined(kinds: pa.Array | None, column: pa.Array) -> pa.Array:
    """Number the rows by what they have in a column and in those before."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode(null_encoding="encode")
    numbers = pc.fill_null(column.indices.cast(pa.int64()), len(column.dictionary))
    if kinds is not None:
        numbers = pc.add(pc.multiply(kinds, len(column.dictionary) + 1), numbers)
    # Counted anew, so that many columns cannot make a number too large.
    return numbers.dictionary_encode().indices.cast(pa.int64())


def _read_one(rows: pa.RecordBatch, places: pa.Array, reader: MemberReader) -> Member | None:
    """Return what the first row means that can be read; None if the first few cannot."""
    for row in as_records(rows.take(places[:_MOST_TRIED])):
        member = reader.read(row)
        if not isinstance(member, Reject):
            return member
    return None
