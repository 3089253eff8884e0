"""What runs in Spark's tasks: pure functions over Arrow, which know no token and send nothing.

Between tasks, keys travel in pieces: one row of Spark has many keys, one after the other. Spark's
shuffle costs by the row, so a row for each key takes several times as long.

Spark ships functions by name, so this package has to be installed on all of its machines.
"""

from __future__ import annotations

import zlib
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from target_pinterest_audiences.bulk.keys import keys_of
from target_pinterest_audiences.members.identifiers import HASHED_TYPES, rejected_digest
from target_pinterest_audiences.members.records import NO_IDENTIFIER

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = "bucket int, kind int, width int, keys binary"
"""Keys of one kind, all of ``width`` bytes. Equal keys, and equal rejects, are in the same bucket.

The kind ``REJECTED`` has a table of Arrow instead, with the columns of ``REJECTS``.
"""

REJECTED, WANTED, TAKEN_OUT, IN_BASE = -2, -1, 0, 1
"""Kinds of keys: of rows without an identifier and with one, and of the base of a ledger.

A run after the base has the two kinds ``run_kinds`` returns.
"""

COUNTS = ("rows", "wanted", "known", "added", "absent")
CHANGES = (
    "bucket int, rows bigint, wanted bigint, known bigint, added bigint, absent bigint, "
    "add binary, remove binary, rejects binary"
)
"""Counts of a bucket, and three tables of Arrow. Null is nothing."""

KEY = pa.schema([("key", pa.binary())])
REJECTS = pa.schema([("code", pa.string()), ("digest", pa.binary()), ("rows", pa.int64())])

_PIECE = pa.schema(
    [("bucket", pa.int32()), ("kind", pa.int32()), ("width", pa.int32()), ("keys", pa.binary())]
)
_CHANGES = pa.schema(
    [
        ("bucket", pa.int32()),
        *((name, pa.int64()) for name in COUNTS),
        *((name, pa.binary()) for name in ("add", "remove", "rejects")),
    ]
)
BUCKETS = 256
_AT_A_TIME = 100_000
"""Keys that a task cuts into pieces at a time."""


class IdentifiersError(Exception):
    """Identifiers cannot be read. The text shows none of them."""


def run_kinds(number: int) -> tuple[int, int]:
    """Return the kinds of keys that a run added and removed: the greatest kind of a key counts.

    Args:
        number: Of the run, from 1, the oldest first.
    """
    return 2 * number + 1, 2 * number


def read_rows(list_type: str, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield pieces of the keys, and of the rejects, of rows.

    Args:
        list_type: Pinterest's ``list_type`` of the identifiers.
        rows: The identifiers, in their only column.

    Raises:
        IdentifiersError: If they are broken.
    """
    held = _Held(WANTED, list_type)
    for batch in rows:
        values = batch.column(0)
        try:
            keys, codes = keys_of(values, list_type)
            rejects = _rejects(values, codes)
        except Exception as error:  # noqa: BLE001  (Spark shows the text of whatever is raised)
            msg = f"the column of identifiers cannot be read: {type(error).__name__}"
            raise IdentifiersError(msg) from None
        yield from held.add(keys.drop_null())
        yield from _cut_rejects(rejects)
    yield from held.rest()


def read_sent(
    list_type: str, kind: int, people: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Yield pieces of keys of a ledger.

    Args:
        list_type: Pinterest's ``list_type`` of the list.
        kind: Of the keys.
        people: The keys, in their only column.
    """
    held = _Held(kind, list_type)
    for batch in people:
        yield from held.add(batch.column(0).cast(pa.binary()))
    yield from held.rest()


def decide_to_append(pieces: pa.Table) -> pa.Table:
    """Return the columns ``CHANGES``, of all pieces of one bucket.

    Args:
        pieces: The columns ``PIECE``.
    """
    return _changes(pieces, mirrors=False)


def decide_to_mirror(pieces: pa.Table) -> pa.Table:
    """Do what ``decide_to_append`` does, and remove people who are not wanted."""
    return _changes(pieces, mirrors=True)


def _changes(pieces: pa.Table, *, mirrors: bool) -> pa.Table:
    rejects = [pa.ipc.open_stream(each).read_all() for each in _of_kind(pieces, REJECTED)]
    keys = pieces.filter(pc.not_equal(pieces["kind"], REJECTED))
    counts = Counter[str](rows=sum(pc.sum(each["rows"]).as_py() for each in rejects))
    added, absent = [], []
    for width in pc.unique(keys["width"]).to_pylist():
        same_width = keys.filter(pc.equal(keys["width"], width))
        decided = _decided(_joined(same_width, width), mirrors=mirrors)
        counts["rows"] += sum(map(len, _of_kind(same_width, WANTED))) // width
        counts.update({name: pc.sum(decided[name]).as_py() for name in COUNTS[1:]})
        added.append(decided.filter(decided["added"]).select(["key"]).cast(KEY))
        absent.append(decided.filter(decided["absent"]).select(["key"]).cast(KEY))
    return pa.table(
        [
            [pieces["bucket"][0].as_py()],
            *([counts[name]] for name in COUNTS),
            *([_packed(tables)] for tables in (added, absent, rejects)),
        ],
        schema=_CHANGES,
    )


def _joined(pieces: pa.Table, width: int) -> pa.Table:
    """Return the keys of pieces one by one, with what their kinds say about them."""
    tables = []
    for kind in pc.unique(pieces["kind"]).to_pylist():
        keys = b"".join(_of_kind(pieces, kind))
        count = len(keys) // width
        columns = {
            "key": pa.Array.from_buffers(pa.binary(width), count, [None, pa.py_buffer(keys)]),
            "wanted": pa.repeat(kind == WANTED, count),
            "state": pa.repeat(max(kind, 0), count),
            "taken_out": pa.repeat(kind == TAKEN_OUT, count),
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def _decided(keys: pa.Table, *, mirrors: bool) -> pa.Table:
    """Return each key once, with what is to be done about it.

    Args:
        keys: As ``_joined`` returns them.
        mirrors: Whether people who are not wanted are removed.
    """
    found = keys.group_by("key", use_threads=False).aggregate(
        [("wanted", "any"), ("state", "max"), ("taken_out", "any")]
    )
    wanted, state = found["wanted_any"], found["state_max"]
    is_in = pc.equal(pc.bit_wise_and(state, 1), 1)
    is_taken_out = pc.and_(found["taken_out_any"], pc.less_equal(state, IN_BASE))
    columns = {
        "key": found["key"],
        "wanted": wanted,
        "known": is_in,
        "added": pc.and_(wanted, pc.or_(pc.invert(is_in), is_taken_out)),
        "absent": pc.and_(pc.and_not(is_in, wanted), mirrors),
    }
    return pa.table(columns)


def _of_kind(pieces: pa.Table, kind: int) -> list[pa.Buffer]:
    return [each.as_buffer() for each in pieces["keys"].filter(pc.equal(pieces["kind"], kind))]


def _rejects(values: pa.Array, codes: pa.Array) -> pa.Table:
    """Return the columns ``REJECTS``: a row for each value, and one for all that are null."""
    is_shown = pc.and_(codes.is_valid(), values.is_valid())
    digests = [
        bytes.fromhex(rejected_digest(value)) for value in values.filter(is_shown).to_pylist()
    ]
    shown = [codes.filter(is_shown), digests, [1] * len(digests)]
    nulls = [[NO_IDENTIFIER.code], [None], [values.null_count]]
    return pa.concat_tables(
        pa.table(columns, schema=REJECTS) for columns in (shown, nulls) if columns[2] != [0]
    )


class _Held:
    """Keys that wait until there are enough for pieces."""

    def __init__(self, kind: int, list_type: str) -> None:
        self._kind = kind
        self._list_type = list_type
        self._keys: list[pa.Array] = []

    def add(self, keys: pa.Array) -> Iterator[pa.RecordBatch]:
        """Yield pieces if there are enough keys."""
        self._keys.append(keys)
        if sum(map(len, self._keys)) >= _AT_A_TIME:
            yield from self.rest()

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Yield all as pieces."""
        if self._keys:
            yield from _cut(pa.concat_arrays(self._keys), self._kind, self._list_type)
            self._keys = []


def _cut(keys: pa.Array, kind: int, list_type: str) -> Iterator[pa.RecordBatch]:
    """Yield pieces of each bucket and width."""
    lengths = pc.binary_length(keys)
    for width in pc.unique(lengths).to_pylist():
        of_width = keys.filter(pc.equal(lengths, width)).cast(pa.binary(width))
        buckets = _buckets(of_width, list_type)
        order = pc.array_sort_indices(buckets)
        runs = pc.run_end_encode(buckets.take(order))
        ends = [0, *(end * width for end in runs.run_ends.to_pylist())]
        joined = of_width.take(order).buffers()[1]
        cut = [None, pa.array(ends, pa.int32()).buffers()[1], joined]
        count = len(runs.values)
        yield pa.record_batch(
            [
                runs.values.cast(pa.int32()),
                pa.repeat(kind, count),
                pa.repeat(width, count),
                pa.Array.from_buffers(pa.binary(), count, cut),
            ],
            schema=_PIECE,
        )


def _cut_rejects(rejects: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield a piece for each bucket.

    The bucket follows from the digest alone. If Spark computes a bucket again, and the rows come
    in another order, it has the same rejects: none is counted twice, and none is lost.
    """
    buckets = [digest[0] if digest else 0 for digest in rejects["digest"].to_pylist()]
    for bucket in sorted({*buckets}):
        held = rejects.filter(pa.array([each == bucket for each in buckets]))
        row = [bucket, REJECTED, 0, _packed([held])]
        yield pa.record_batch([[value] for value in row], schema=_PIECE)


def _buckets(keys: pa.FixedSizeBinaryArray, list_type: str) -> pa.Array:
    """Return the bucket of each key: of a hash its first byte, which is evenly spread."""
    if list_type not in HASHED_TYPES:
        return pa.array([zlib.crc32(key) % BUCKETS for key in keys.to_pylist()], pa.uint8())
    return pc.binary_slice(keys, 0, 1).view(pa.uint8())


def _packed(tables: list[pa.Table]) -> bytes | None:
    if not sum(map(len, tables)):
        return None
    table = pa.concat_tables(tables)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed
