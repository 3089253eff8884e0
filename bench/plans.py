"""Compares the plan makers DuckDB and Spark, in turns, on the same Parquet files.

``.venv-spark/bin/python -m bench.plans 10000000 3`` makes that many customers, one in a thousand of
them changed since the ledger was written, and times both. The first plan of Spark, which starts the
JVM's compiler, does not count. Without Spark installed, DuckDB runs alone, so
``.venv/bin/python -m bench.plans 100000000 1 4GB`` shows what one machine can do. The folder of the
files can be set by ``TMPDIR``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq

from target_pinterest_audiences.bulk.customers import customers_at
from target_pinterest_audiences.bulk.ledger import Layers
from target_pinterest_audiences.bulk.plan_duckdb import DuckDBPlanMaker
from target_pinterest_audiences.bulk.sent_duckdb import Machine
from target_pinterest_audiences.bulk.store import Store

if TYPE_CHECKING:
    from target_pinterest_audiences.bulk.maker import PlanMaker
    from target_pinterest_audiences.bulk.plan import Counts, Mode

PER_FILE = 1_000_000
ONE_IN = 1000
"""So many customers share one that changed."""

_EMAIL = "printf('Person.%d+news@shop%d.example', {number}, {number} % 97)"


def write_customers(folder: Path, count: int) -> None:
    """Write e-mails, and the keys of a ledger that lacks some of them and has some others."""
    (folder / "customers").mkdir()
    number = f"CASE WHEN n % {ONE_IN} = 5 THEN n + {count} ELSE n END"
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        for first in range(0, count, PER_FILE):
            end = min(first + PER_FILE, count)
            email, sent = _EMAIL.format(number="n"), _EMAIL.format(number=number)
            for name, column in (
                (f"customers/{first}", f"{email} AS email"),
                (f"base-{first}", f"unhex(sha256(lower({sent}))) AS key"),
            ):
                rows = connection.sql(f"SELECT {column} FROM range({first}, {end}) AS numbers(n)")
                rows.write_parquet(str(folder / f"{name}.parquet"))


def processor_seconds() -> float:
    """Return what this process and those that it started took so far (only on Linux)."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        process = int(path.parent.name)
        parents[process] = int(fields[1])
        ticks[process] = sum(map(int, fields[11:15]))
    family = {os.getpid()}
    while more := {each for each, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(each, 0) for each in family) / os.sysconf("SC_CLK_TCK")


class Plans:
    """Makes plans of the files in a folder, again and again."""

    def __init__(self, folder: Path, memory_limit: str) -> None:
        """Know the files."""
        self._folder = folder
        self._memory_limit = memory_limit
        store = Store.at(str(folder))
        base = [path.name for path in sorted(folder.glob("base-*.parquet"))]
        self._layers = {"append": Layers(store, [], [], []), "mirror": Layers(store, base, [], [])}

    def run(self, name: str, maker: PlanMaker, mode: Mode) -> tuple[float, Counts]:
        """Make a plan, show what it took, and return its seconds and counts."""
        work = Path(tempfile.mkdtemp(dir=self._folder))
        machine = Machine(work=work, memory_limit=self._memory_limit)
        begun, taken = time.monotonic(), processor_seconds()
        counts = maker.make(self._layers[mode], "1", mode, machine)
        seconds = time.monotonic() - begun
        print(
            f"{name:8} {mode:7} {seconds:7.1f} s {processor_seconds() - taken:7.1f} s of processor "
            f"time, peak {_peak_mebibytes()} MiB: {counts.rows} rows, {counts.add} to add, "
            f"{counts.absent} to remove",
            flush=True,
        )
        people = [pq.read_metadata(work / kind / "0.parquet").num_rows for kind in ("add",)]
        if people != [counts.add]:
            message = f"{name} wrote {people} keys"
            raise SystemExit(message)
        shutil.rmtree(work)
        return seconds, counts


def _peak_mebibytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def spark_maker(customers: Path) -> PlanMaker:
    """Start Spark on two cores."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession  # noqa: PLC0415

    from target_pinterest_audiences.bulk.plan_spark import SparkPlanMaker  # noqa: PLC0415

    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "4g",
        "spark.sql.shuffle.partitions": "8",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return SparkPlanMaker(spark.read.parquet(str(customers)), "email", "EMAIL")


def main(count: int, rounds: int, memory_limit: str) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_customers(folder, count)
        plans = Plans(folder, memory_limit)
        customers = folder / "customers"
        makers: dict[str, PlanMaker] = {
            "DuckDB": DuckDBPlanMaker(customers_at([str(customers)], "mirror"))
        }
        if importlib.util.find_spec("pyspark"):
            makers["Spark"] = spark_maker(customers)
        found: dict[str, list[float]] = {maker: [] for maker in makers}
        for label, maker in makers.items():
            plans.run(label, maker, "append")
        for _ in range(rounds):
            counts = []
            for label, maker in makers.items():
                seconds, counted = plans.run(label, maker, "mirror")
                found[label].append(seconds)
                counts.append(counted)
            if counts[1:] and counts[0] != counts[1]:
                message = f"the plans differ: {counts}"
                raise SystemExit(message)
        times = {maker: statistics.median(seconds) for maker, seconds in found.items()}
        print({maker: round(seconds, 1) for maker, seconds in times.items()})
        if "Spark" in times:
            print(f"Spark took {times['Spark'] / times['DuckDB']:.2f} times as long as DuckDB")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 3,  # noqa: PLR2004
        sys.argv[3] if len(sys.argv) > 3 else "1GB",  # noqa: PLR2004
    )
