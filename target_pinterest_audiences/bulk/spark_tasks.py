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

COUNTS = ("rows", "wanted", "known", "added", "absent")
TAKEN = (
    "partition int, rows bigint, wanted bigint, known bigint, added bigint, absent bigint, "
    "add binary, remove binary, rejects binary"
)
"""Counts, and three tables of Arrow. Null is nothing."""

KEY = pa.schema([("key", pa.binary())])
REJECTED = pa.schema([("code", pa.string()), ("digest", pa.binary()), ("rows", pa.int64())])

_TAKEN = pa.schema(
    [
        ("partition", pa.int32()),
        *((name, pa.int64()) for name in COUNTS),
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


def packed(keys: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the columns ``TAKEN``, without counts, of keys that have to be written down.

    Args:
        keys: ``key`` and ``code`` as in ``READ``; ``rows``, how many rows have it; ``added`` and
            ``absent``, whether the person has to be added or removed.
    """
    context = TaskContext.get()
    partition = context.partitionId() if context else 0
    for batch in keys:
        table = pa.table(batch)
        people = table.filter(table["code"].is_null())
        rejects = table.filter(table["code"].is_valid()).select(["code", "key", "rows"])
        yield pa.record_batch(
            [
                [partition],
                *([None] for _ in COUNTS),
                [_packed(people.filter(people["added"]).select(["key"]).cast(KEY))],
                [_packed(people.filter(people["absent"]).select(["key"]).cast(KEY))],
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
