"""Spark's tasks decide as one would decide person by person, however Spark cuts the work."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_people import people

from target_pinterest_audiences.bulk import spark_tasks
from target_pinterest_audiences.bulk.keys import keys_of
from target_pinterest_audiences.bulk.spark_tasks import (
    COUNTS,
    IN_BASE,
    TAKEN_OUT,
    decide_to_append,
    decide_to_mirror,
    read_rows,
    read_sent,
    run_kinds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_pinterest_audiences.bulk.plan import Mode

PIECES = pa.schema(
    [("bucket", pa.int32()), ("kind", pa.int32()), ("width", pa.int32()), ("keys", pa.binary())]
)
DECIDE = {"append": decide_to_append, "mirror": decide_to_mirror}
NAMES = [f"{place}@shop.example" for place in range(12)]
HASHES = [make(name.encode()).hexdigest() for name in NAMES for make in (hashlib.md5, hashlib.sha1)]
ROWS: dict[str, list[str | None]] = {
    "EMAIL": [*NAMES, *HASHES, None, None, "nobody", "n/a", ""],
    "LR_ID": ["a", "b", "XY1", "XY12", "XY13", "né", None, "an id", "x@y"],
}


def batches(values: list[Any], kind: pa.DataType, size: int) -> Iterator[pa.RecordBatch]:
    for first in range(0, len(values), size):
        yield pa.record_batch([pa.array(values[first : first + size], kind)], ["column"])


def decided(
    pieces: Iterable[pa.RecordBatch], decide: Callable[[pa.Table], pa.Table]
) -> tuple[Counter[str], dict[str, list[bytes]], list[tuple[str, bytes | None, int]]]:
    """Decide bucket by bucket, as Spark does, and return counts, keys and rejects."""
    counts = Counter[str]()
    keys: dict[str, list[bytes]] = {"add": [], "remove": []}
    rejects = list[tuple[str, "bytes | None", int]]()
    table = pa.Table.from_batches(pieces, PIECES)
    for bucket in pc.unique(table["bucket"]).to_pylist():
        (row,) = decide(table.filter(pc.equal(table["bucket"], bucket))).to_pylist()
        assert row["bucket"] == bucket
        counts.update({name: row[name] for name in COUNTS})
        for name in keys:
            if row[name]:
                keys[name] += pa.ipc.open_stream(row[name]).read_all()["key"].to_pylist()
        if row["rejects"]:
            held = pa.ipc.open_stream(row["rejects"]).read_all().to_pylist()
            rejects += [(each["code"], each["digest"], each["rows"]) for each in held]
    return counts, {name: sorted(held) for name, held in keys.items()}, rejects


@pytest.mark.parametrize("list_type", ROWS)
@pytest.mark.parametrize("mode", ["append", "mirror"])
@given(data=st.data(), size=st.integers(1, 7), at_a_time=st.sampled_from([1, 3, 100]))
def test_pieces_lead_to_what_one_would_decide_one_by_one(
    list_type: str, mode: Mode, data: st.DataObject, size: int, at_a_time: int
) -> None:
    rows = data.draw(st.lists(st.sampled_from(ROWS[list_type])))
    every_key = [
        each for each in keys_of(pa.array(ROWS[list_type]), list_type).keys if each.is_valid
    ]
    some_keys = st.lists(st.sampled_from([each.as_py() for each in every_key]), unique=True)
    kinds = [IN_BASE, TAKEN_OUT, *run_kinds(1), *run_kinds(2)]
    sent = [(kind, data.draw(some_keys)) for kind in kinds]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spark_tasks, "_AT_A_TIME", at_a_time)
        pieces = [*read_rows(list_type, batches(rows, pa.string(), size))]
        for kind, keys in sent:
            pieces += read_sent(list_type, kind, batches(keys, pa.binary(), size))
    counts, changes, rejects = decided(pieces, DECIDE[mode])

    read = keys_of(pa.array(rows, pa.string()), list_type)
    wanted = set(read.keys.drop_null().to_pylist())
    base, out, added_1, removed_1, added_2, removed_2 = (set(keys) for _, keys in sent)
    known = (((base - removed_1) | added_1) - removed_2) | added_2
    taken_out = out - added_1 - removed_1 - added_2 - removed_2
    add = wanted - (known - taken_out)
    absent = known - wanted if mode == "mirror" else set()
    assert changes == {"add": sorted(add), "remove": sorted(absent)}
    sizes = (len(rows), len(wanted), len(known), len(add), len(absent))
    assert counts == Counter(dict(zip(COUNTS, sizes, strict=True)))
    by_code = Counter[str]()
    for code, _, number in rejects:
        by_code[code] += number
    assert by_code == Counter(read.codes.drop_null().to_pylist())
    assert sum(digest is not None for _, digest, _ in rejects) == sum(
        row is not None and code is not None
        for row, code in zip(rows, read.codes.to_pylist(), strict=True)
    )


def test_many_people_spread_over_all_buckets() -> None:
    rows = list(people(20_000))
    pieces = pa.Table.from_batches(read_rows("EMAIL", batches(rows, pa.string(), 10_000)))
    found = pieces.filter(pc.equal(pieces["kind"], spark_tasks.WANTED))
    in_each = Counter[int]()
    for row in found.to_pylist():
        in_each[row["bucket"]] += len(row["keys"]) // row["width"]
    assert len(in_each) == spark_tasks.BUCKETS
    assert max(in_each.values()) < 3 * 20_000 / spark_tasks.BUCKETS
    pseudonyms = [f"XY{number:08}" for number in range(20_000)]
    pieces = pa.Table.from_batches(read_rows("LR_ID", batches(pseudonyms, pa.string(), 10_000)))
    assert len(pc.unique(pieces["bucket"])) == spark_tasks.BUCKETS


@pytest.mark.parametrize("list_type", ROWS)
@given(data=st.data(), sizes=st.tuples(st.integers(1, 7), st.integers(1, 7)))
def test_bucket_is_the_same_in_whatever_order_rows_come(
    list_type: str, data: st.DataObject, sizes: tuple[int, int]
) -> None:
    rows = data.draw(st.lists(st.sampled_from(ROWS[list_type])))
    found = []
    for size, order in zip(sizes, (rows, data.draw(st.permutations(rows))), strict=True):
        pieces = pa.Table.from_batches(
            read_rows(list_type, batches(order, pa.string(), size)), PIECES
        )
        of_bucket = {}
        for bucket in pc.unique(pieces["bucket"]).to_pylist():
            part = pieces.filter(pc.equal(pieces["bucket"], bucket))
            counts, keys, rejects = decided(part.to_batches(), decide_to_append)
            codes: Counter[tuple[str, bytes | None]] = Counter()
            for code, digest, number in rejects:
                codes[code, digest] += number
            of_bucket[bucket] = (counts, keys, codes)
        found.append(of_bucket)
    assert found[0] == found[1]
