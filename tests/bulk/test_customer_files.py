"""Which files `members sync` reads: where a folder can be read two ways, it reads none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from people import digests, email, members

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bulk_runs import Bulk
    from programs import Run

    from pinterest_emulator.testing import Emulator


def put(bulk: Bulk, name: str, numbers: Iterable[int]) -> Path:
    file = bulk.folder / "table" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"email": pa.array(map(email, numbers), pa.string())}), file)
    return file


def sync(bulk: Bulk, where: str = "") -> Run:
    command = bulk.command()
    command[command.index("--customers") + 1] = f"{bulk.folder}/table{where}"
    return bulk.run(*command[2:])


@pytest.mark.parametrize("where", ["", "/", "/*.parquet", "/**", "/**/*.parquet"])
def test_files_that_are_being_written_are_left_out(
    emulator: Emulator, bulk: Bulk, account: str, where: str
) -> None:
    put(bulk, "part-0.parquet", range(2))
    put(bulk, "_temporary/0/part-1.parquet", range(2, 4))
    put(bulk, ".spark-staging/part-1.parquet", range(4, 6))
    put(bulk, "_SUCCESS", [])
    assert sync(bulk, where).code == 0
    assert members(emulator, account) == digests(range(2))


@pytest.mark.parametrize(
    ("log", "where", "kind"),
    [
        ("_delta_log/00000000000000000000.json", "", "Delta"),
        ("_delta_log/00000000000000000010.checkpoint.parquet", "/**/*.parquet", "Delta"),
        ("_delta_log/00000000000000000000.json", "/country=DE", "Delta"),
        (".hoodie/hoodie.properties", "", "Hudi"),
        ("metadata/v1.metadata.json", "", "Iceberg"),
        ("metadata/v1.metadata.json", "/data/country=DE/*", "Iceberg"),
    ],
)
def test_table_whose_files_keep_deleted_rows_is_refused(
    emulator: Emulator, bulk: Bulk, log: str, where: str, kind: str
) -> None:
    put(bulk, log, [])
    put(bulk, "country=DE/0.parquet", range(2))
    put(bulk, "data/country=DE/0.parquet", range(2))
    run = sync(bulk, where)
    assert run.code == 1
    assert f"is a table of {kind}" in run.complaints[-1]
    assert emulator.requests() == []


@pytest.mark.parametrize("column", ["opted_out", "operation", "audience_name", "email", "maid"])
def test_folder_that_is_named_like_a_column_is_read_as_one(
    emulator: Emulator, bulk: Bulk, column: str
) -> None:
    put(bulk, f"{column}=true/0.parquet", range(2))
    run = sync(bulk)
    assert run.code == 1
    assert column in run.complaints[-1]
    assert emulator.requests() == []


def test_folders_of_days_are_read_together_and_said(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    put(bulk, "dt=2026-01-01/0.parquet", range(2))
    put(bulk, "dt=2026-01-02/0.parquet", range(1, 3))
    assert "folders dt=" not in sync(bulk, "/dt=2026-01-02").err
    assert members(emulator, account) == digests(range(1, 3))
    assert "has 2 folders dt=" in sync(bulk).err
    assert members(emulator, account) == digests(range(3))


def test_star_that_could_mean_other_folders_is_refused(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    put(bulk, "0.parquet", range(2))
    put(bulk, "old/0.parquet", range(2, 4))
    run = sync(bulk, "/*.parquet")
    assert run.code == 1
    assert "such as old/0.parquet: write **" in run.complaints[-1]
    assert emulator.requests() == []
    assert sync(bulk, "/*/*.parquet").code == 0
    assert members(emulator, account) == digests(range(2, 4))
    assert sync(bulk, "/**/*.parquet").code == 0
    assert members(emulator, account) == digests(range(4))


@pytest.mark.parametrize("other", ["1.PARQUET", "1.csv", "more/1.parq"])
def test_folder_with_files_of_other_names_is_refused(
    emulator: Emulator, bulk: Bulk, account: str, other: str
) -> None:
    put(bulk, "0.parquet", range(2))
    put(bulk, other, range(2, 4))
    run = sync(bulk)
    assert run.code == 1
    assert f"such as {other}" in run.complaints[-1]
    assert emulator.requests() == []
    assert sync(bulk, "/0*.parquet").code == 0
    assert members(emulator, account) == digests(range(2))


def test_signs_in_names_stand_for_themselves(emulator: Emulator, bulk: Bulk, account: str) -> None:
    put(bulk, "a[1]/it's ?.parquet", range(2))
    put(bulk, "a1/it's 0.parquet", range(2, 4))
    for where in ("/a[1]", "/a[1]/*.parquet", "/a[1]/it's ?.parquet"):
        assert sync(bulk, where).code == 0
        assert members(emulator, account) == digests(range(2))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (pa.struct({"email_opt_out": pa.bool_()}), "said.email_opt_out"),
        (pa.list_(pa.struct({"Consent": pa.string()})), "said.Consent"),
        (pa.struct({"at": pa.struct({"deleted_at": pa.timestamp("s")})}), "said.at.deleted_at"),
        (pa.map_(pa.string(), pa.string()), "said.*"),
    ],
)
def test_column_on_consent_inside_of_another_is_refused(
    emulator: Emulator, bulk: Bulk, kind: pa.DataType, said: str
) -> None:
    file = put(bulk, "0.parquet", range(2))
    pq.write_table(pq.read_table(file).append_column("said", pa.nulls(2, kind)), file)
    run = sync(bulk)
    assert run.code == 1
    assert f"the column {said} can say" in run.complaints[-1]
    assert emulator.requests() == []


def test_other_columns_inside_of_columns_are_ignored(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    file = put(bulk, "0.parquet", range(2))
    kind = pa.struct({"state": pa.string(), "orders": pa.list_(pa.int8()), "email": pa.string()})
    pq.write_table(pq.read_table(file).append_column("address", pa.nulls(2, kind)), file)
    assert sync(bulk).code == 0
    assert members(emulator, account) == digests(range(2))
