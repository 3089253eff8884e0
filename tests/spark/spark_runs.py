"""Syncs data frames, and makes plans of them with Spark and with DuckDB."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from odd_people import people
from people import NAME, digest, email

from target_pinterest_audiences.bulk.customers import customers_at
from target_pinterest_audiences.bulk.ledger import Delta, Layers
from target_pinterest_audiences.bulk.plan_duckdb import DuckDBPlanMaker
from target_pinterest_audiences.bulk.plan_spark import SparkPlanMaker
from target_pinterest_audiences.bulk.sent_duckdb import Machine
from target_pinterest_audiences.bulk.store import Store
from target_pinterest_audiences.spark import sync_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from pinterest_emulator.testing import Emulator
    from target_pinterest_audiences.bulk.maker import PlanMaker
    from target_pinterest_audiences.bulk.plan import Counts, Mode

TOKEN = "pina_demo"
SETTINGS = {
    "spark.sql.shuffle.partitions": "8",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


def session(master: str, **more: str) -> SparkSession:
    from pyspark.sql import SparkSession  # noqa: PLC0415

    builder = SparkSession.builder.master(master)
    for name, value in (SETTINGS | more).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


@dataclass
class Team:
    """A team that syncs a data frame into the list of one audience."""

    spark: SparkSession
    folder: Path
    emulator: Emulator
    account: str

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @property
    def plans(self) -> list[Path]:
        return [*self.ledger.glob("*/runs/*/plan.json")]

    def config(self, **settings: Any) -> dict[str, Any]:
        known = {"access_token": TOKEN, "api_url": self.emulator.url, "member_batch_size": 100}
        known |= {"report_path": str(self.folder / "report.json")}
        return known | {"ad_account_id": self.account} | settings

    def people(self, numbers: Iterable[int]) -> DataFrame:
        return self.frame(map(email, numbers))

    def frame(self, emails: Iterable[str | None]) -> DataFrame:
        """A table in files, so that no identifier is in Spark's plan."""
        file = table_of(emails, self.folder / f"table-{time.monotonic_ns()}.parquet")
        return self.spark.read.parquet(str(file)).repartition(4)

    def sync(self, df: DataFrame, mode: Mode = "append", **settings: Any) -> None:
        sync_members(
            df,
            audience_name=NAME,
            config=self.config(**settings),
            ledger=str(self.ledger),
            mode=mode,
            memory_limit="500MB",
        )


def table_of(emails: Iterable[str | None], file: Path) -> Path:
    pq.write_table(pa.table({"Email": pa.array([*emails], pa.string())}), file)
    return file


def layers(folder: Path) -> Layers:
    """A ledger that all kinds of files are in; some of its people are in the table, too."""
    everybody = [row for row in people(8000) if row and row.startswith("Person.")]
    found = sorted({bytes.fromhex(digest(row)) for row in everybody})
    strangers = [bytes.fromhex(digest(f"stranger.{number}")) for number in range(500)]
    known = sorted(found[:5000] + strangers)

    def file(name: str, keys: Sequence[bytes]) -> list[str]:
        columns = {"customer_list_id": ["42"] * len(keys), "key": pa.array(keys, pa.binary())}
        pq.write_table(pa.table(columns), folder / name)
        return [name]

    refused = (known[100].hex(), known[180].hex())
    return Layers(
        Store.at(str(folder)),
        file("base.parquet", known),
        file("taken_out.parquet", found[10:40] + found[5000:5010]),
        [
            Delta(file("1.parquet", found[5000:6000]), file("2.parquet", known[50:250]), {}),
            Delta(
                file("3.parquet", known[60:200]),
                file("4.parquet", known[2000:2100] + found[5500:5600]),
                {"ADD": [refused], "REMOVE": [(known[2050].hex(), known[2060].hex())]},
            ),
        ],
    )


@dataclass
class Made:
    """What a maker made."""

    counts: Counts
    files: list[str]
    tables: list[list[pa.Table]]


def made(maker: PlanMaker, of: Layers, mode: Mode, work: Path) -> Made:
    work.mkdir()
    counts = maker.make(of, "42", mode, Machine(work=work, memory_limit="500MB"))
    folders = ("add", "remove", "rejects")
    files = sorted(path for folder in folders for path in (work / folder).iterdir())
    rejects = [pq.read_table(path) for path in files if path.parent.name == "rejects"]
    return Made(
        counts,
        [str(path.relative_to(work)) for path in files],
        [
            [pq.read_table(path) for path in files if path.parent.name != "rejects"],
            [table.sort_by([("code", "ascending"), ("digest", "ascending")]) for table in rejects],
        ],
    )


def same_plan(spark: SparkSession, folder: Path, mode: Mode, rows: DataFrame | None = None) -> None:
    """Make sure that Spark makes the plan that DuckDB makes of odd people."""
    file = table_of(people(8000), folder / "odd.parquet")
    of = layers(folder)
    by_duckdb = made(DuckDBPlanMaker(customers_at([str(file)], mode)), of, mode, folder / "duckdb")
    frame = spark.read.parquet(str(file)).repartition(4) if rows is None else rows
    by_spark = made(SparkPlanMaker(frame, "Email", "EMAIL"), of, mode, folder / "spark")
    assert by_spark == by_duckdb
    assert by_duckdb.counts.add > 1000
    assert (by_duckdb.counts.absent > 300) is (mode == "mirror")
    assert len(by_duckdb.counts.rejected) > 10


def killing(marker: str, ancestor: int) -> Any:
    """Return a function for ``mapInArrow`` that once kills the process it runs in, or an ancestor.

    Args:
        marker: A file that says that it was done.
        ancestor: 0 for this process, 2 for the executor of a Python worker.
    """

    def kill_once(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch
            try:
                Path(marker).touch(exist_ok=False)
            except FileExistsError:
                continue
            victim = os.getpid()
            for _ in range(ancestor):
                stat = Path(f"/proc/{victim}/stat").read_text()
                victim = int(stat.rpartition(")")[2].split()[1])
            os.kill(victim, signal.SIGKILL)

    return kill_once
