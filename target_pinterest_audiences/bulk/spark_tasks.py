"""What runs in Spark's tasks: pure functions over Arrow, which know no token and send nothing.

Spark ships functions by name, so this package has to be installed on all of its machines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import TaskContext

from target_pinterest_audiences.bulk.keys import keys_of
from target_pinterest_audiences.members.identifiers import rejected_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

READ = "key binary, code string"
"""Of each row its key; or why it has none, and then the digest of a value in the place of a key."""

TAKEN = (
    "partition int, rows bigint, wanted bigint, known bigint, added bigint, absent bigint, "
    "add binary, remove binary, rejects binary"
)
"""Counts, and three tables of Arrow, each null if it is empty."""

KEY = pa.schema([("key", pa.binary())])
REJECTED = pa.schema([("code", pa.string()), ("digest", pa.binary()), ("rows", pa.int64())])

_TAKEN = pa.schema(
    [
        ("partition", pa.int32()),
        *((name, pa.int64()) for name in ("rows", "wanted", "known", "added", "absent")),
        *((name, pa.binary()) for name in ("add", "remove", "rejects")),
    ]
)


class IdentifiersError(Exception):
    """Identifiers cannot be read. The text shows none of them."""


def read_keys(list_type: str, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the columns ``READ`` of rows that have an identifier in their only column.

    Args:
        list_type: Pinterest's ``list_type`` of the identifiers.
        rows: The rows.

    Raises:
        IdentifiersError: If they are broken.
    """
    for batch in rows:
        try:
            read = _read(batch.column(0), list_type)
        except Exception as error:  # noqa: BLE001  (Spark shows the text of whatever is raised)
            msg = f"the column of identifiers cannot be read: {type(error).__name__}"
            raise IdentifiersError(msg) from None
        yield read


def _read(values: pa.Array, list_type: str) -> pa.RecordBatch:
    keys, codes = keys_of(values, list_type)
    if keys.null_count:
        rejected = values.filter(codes.is_valid()).to_pylist()
        digests = [
            None if value is None else bytes.fromhex(rejected_digest(value)) for value in rejected
        ]
        keys = pc.replace_with_mask(keys, codes.is_valid(), pa.array(digests, pa.binary()))
    return pa.record_batch([keys, codes], ["key", "code"])


def take_apart(
    removes: bool,  # noqa: FBT001  (bound by ``functools.partial``)
    keys: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    """Yield the columns ``TAKEN`` of what is known of each key.

    Args:
        removes: Whether people who are not wanted are removed.
        keys: ``key`` and ``code`` as in ``READ``, no pair of them twice; ``rows``, how many rows
            have it; ``state``, an odd number if the key is in the list, above 1 if a run after
            the base says so; ``taken_out``, 1 if it was taken out of the base.
    """
    context = TaskContext.get()
    partition = context.partitionId() if context else 0
    for batch in keys:
        table = pa.table(batch)
        rows = table["rows"]
        is_person = table["code"].is_null()
        is_wanted = pc.and_(is_person, pc.greater(rows, 0))
        is_in = pc.equal(pc.bit_wise_and(table["state"], 1), 1)
        is_taken_out = pc.and_(pc.equal(table["taken_out"], 1), pc.less(table["state"], 2))
        added = pc.and_(is_wanted, pc.or_(pc.invert(is_in), is_taken_out))
        absent = pc.and_(pc.and_(is_in, pc.equal(rows, 0)), removes)
        rejects = table.filter(pc.invert(is_person)).select(["code", "key", "rows"])
        yield pa.record_batch(
            [
                [partition],
                [pc.sum(rows).as_py() or 0],
                *([pc.sum(mask).as_py() or 0] for mask in (is_wanted, is_in, added, absent)),
                [_packed(table.filter(added).select(["key"]).cast(KEY))],
                [_packed(table.filter(absent).select(["key"]).cast(KEY))],
                [_packed(rejects.rename_columns(REJECTED.names).cast(REJECTED))],
            ],
            _TAKEN,
        )


def _packed(table: pa.Table) -> bytes | None:
    if not table.num_rows:
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed
