"""Members from a data frame, on Spark in this process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from people import NAME, changes, digests, email, members, writes
from spark_runs import TOKEN, Team, killing, same_plan, session

from pinterest_audiences.errors import PinterestError
from target_pinterest_audiences.bulk.ledger import Layers
from target_pinterest_audiences.bulk.plan_spark import SparkError, SparkPlanMaker
from target_pinterest_audiences.bulk.store import Store
from target_pinterest_audiences.spark import sync_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

    from pinterest_emulator.testing import Emulator
    from target_pinterest_audiences.bulk.plan import Mode

RAW = re.compile(r"(?i:person\.|@shop|\.example)|pina_")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Spark's event log."""
    return tmp_path_factory.mktemp("events")


@pytest.fixture(scope="module")
def spark(events: Path) -> Iterator[SparkSession]:
    """Spark, which runs a task up to four times."""
    log = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": events.as_uri()}
    log["spark.eventLog.compress"] = "false"
    spark = session("local[2,4]", **log)
    yield spark
    spark.stop()


@pytest.fixture
def team(spark: SparkSession, emulator: Emulator, account: str, tmp_path: Path) -> Team:
    return Team(spark, tmp_path, emulator, account)


@pytest.mark.parametrize("mode", ["append", "mirror"])
def test_plan_is_that_of_duckdb(spark: SparkSession, tmp_path: Path, mode: Mode) -> None:
    same_plan(spark, tmp_path, mode)


def test_plan_is_equal_after_a_python_worker_was_killed(
    spark: SparkSession, tmp_path: Path
) -> None:
    same_plan(spark, tmp_path, "mirror")
    undisturbed = spark.read.parquet(str(tmp_path / "odd.parquet")).repartition(4)
    marker = tmp_path / "killed"
    rows = undisturbed.mapInArrow(killing(str(marker), 0), "Email string")
    (tmp_path / "again").mkdir()
    same_plan(spark, tmp_path / "again", "mirror", rows)
    assert marker.exists()


def test_members_are_added_left_alone_and_removed(team: Team) -> None:
    team.sync(team.people(range(300)), "mirror")
    assert members(team.emulator, team.account) == digests(range(300))
    team.emulator.clear()
    team.sync(team.people(range(300)), "mirror")
    assert writes(team.emulator) == []

    team.sync(team.people(range(20, 310)))
    assert changes(team.emulator) == [("ADD", 10)]
    team.emulator.clear()
    team.sync(team.people(range(20, 310)), "mirror")
    assert changes(team.emulator) == [("REMOVE", 20)]
    assert members(team.emulator, team.account) == digests(range(20, 310))

    team.emulator.clear()
    with pytest.raises(PinterestError, match="90 of 290 members"):
        team.sync(team.people(range(20, 220)), "mirror")
    with pytest.raises(PinterestError, match="the table is empty"):
        team.sync(team.people([]), "mirror")
    assert writes(team.emulator) == []


def test_dry_run_writes_nothing(team: Team) -> None:
    team.sync(team.people(range(300)), dry_run=True)
    assert writes(team.emulator) == []
    assert not team.ledger.exists()


@pytest.mark.parametrize(
    ("column", "mode"),
    [
        ("operation", "append"),
        ("is_deleted", "append"),
        ("_SDC_DELETED_AT", "append"),
        ("maid", "append"),
        ("_sdc_lsn", "mirror"),
    ],
)
def test_table_that_can_be_read_two_ways_is_refused(team: Team, column: str, mode: Mode) -> None:
    from pyspark.sql import functions as sf  # noqa: PLC0415

    with pytest.raises(PinterestError, match="customers: "):
        team.sync(team.people(range(3)).withColumn(column, sf.lit(None).cast("string")), mode)
    assert team.emulator.requests() == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("struct<email_opt_out: boolean>", "said.email_opt_out"),
        ("array<struct<at: struct<Consent: string>>>", "said.at.Consent"),
        ("map<string, string>", r"said.\*"),
    ],
)
def test_column_on_consent_inside_of_another_is_refused(team: Team, kind: str, said: str) -> None:
    from pyspark.sql import functions as sf  # noqa: PLC0415

    with pytest.raises(PinterestError, match=f"the column {said} can say"):
        team.sync(team.people(range(3)).withColumn("said", sf.lit(None).cast(kind)), "append")
    assert team.emulator.requests() == []


def test_batches_of_a_stream_are_appended_and_never_mirrored(team: Team) -> None:
    source = team.folder / "stream"
    source.mkdir()
    team.people(range(100)).write.parquet(str(source / "part"))
    stream = team.spark.readStream.schema("Email string").parquet(f"{source}/*")
    with pytest.raises(PinterestError, match="call sync_members in foreachBatch"):
        team.sync(stream)
    refused = []

    def sync_batch(batch: DataFrame, _number: int) -> None:
        try:
            team.sync(batch, "mirror")
        except PinterestError as error:
            refused.append(str(error))
        team.sync(batch)

    writer = stream.writeStream.foreachBatch(sync_batch).trigger(availableNow=True)
    checkpoint = str(team.folder / "checkpoint")
    for numbers in (range(100), range(50, 150)):
        team.people(numbers).write.mode("overwrite").parquet(str(source / str(numbers.start)))
        writer.option("checkpointLocation", checkpoint).start().awaitTermination()
        assert members(team.emulator, team.account) == digests(range(numbers.stop))
    assert len(refused) == 2
    assert "use mode append" in refused[0]


def test_python_of_the_documentation_sends_a_table_and_a_stream(
    team: Team, emulator: Emulator, account: str, tmp_path: Path
) -> None:
    spark = team.spark
    spark.sql(f"CREATE DATABASE crm LOCATION '{tmp_path}/crm'")
    consented = team.people([1]).selectExpr("Email AS email", "true AS consented")
    consented.write.saveAsTable("crm.customers")
    secrets = {"client_secret": "demo-secret", "refresh_token": "pinr.demo"}
    token = {"api_url": emulator.url, "token_path": str(tmp_path / "token.json")}
    names: dict[str, Any] = {
        "spark": spark,
        "dbutils": SimpleNamespace(secrets=SimpleNamespace(get=lambda _scope, key: secrets[key])),
        "CHECKPOINT": str(tmp_path / "checkpoint"),
    }
    swaps = {
        '"1234567"': '"demo-app"',
        '"549755885175"': f'"{account}", **{token}',
        '"abfss://lake@account.dfs.core.windows.net/pinterest-ledger"': f'"{tmp_path}/ledger"',
    }
    table, stream = json.loads(os.environ["DOCS_PYTHON"])
    for shown, real in swaps.items():
        assert shown in table
        table = table.replace(shown, real)
    exec(table, names)  # noqa: S102
    assert emulator.state()["customer_lists"].get(account, []) == []
    exec(table.replace("dry_run=True", "dry_run=False"), names)  # noqa: S102
    assert members(emulator, account) == digests([1])
    team.people([2]).selectExpr("Email AS email").write.parquet(str(tmp_path / "stream"))
    names["customers"] = spark.readStream.schema("email string").parquet(str(tmp_path / "stream"))
    exec(stream, names)  # noqa: S102
    for query in spark.streams.active:
        query.processAllAvailable()
        query.stop()
    assert members(emulator, account) == digests([1, 2])


def test_identifier_and_token_are_in_no_plan_error_or_log(
    team: Team, events: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    raw = pa.table({"raw": pa.array([b"some.person@shop.example\xff"], pa.binary())})
    pq.write_table(raw, team.folder / "broken.parquet")
    broken = team.spark.read.parquet(str(team.folder / "broken.parquet"))
    broken = broken.selectExpr("cast(raw AS string) AS Email")
    team.sync(team.frame([email(1), "some@shop..example", None]), max_rejected=2)
    with pytest.raises(SparkError) as failure:
        team.sync(broken)
    assert not RAW.search(str(failure.value))
    maker = SparkPlanMaker(team.people(range(3)), "Email", "EMAIL")
    maker._pieces(Layers(Store.at(str(team.folder)), [], [], [])).explain("formatted")  # noqa: SLF001
    assert not RAW.search(capfd.readouterr().out)
    files = [path for path in team.ledger.rglob("*") if path.is_file()]
    files += [path for path in events.rglob("*") if path.is_file()]
    texts = [path.read_bytes().decode("latin-1") for path in files]
    assert any("the column of identifiers cannot be read" in text for text in texts)
    for path, text in zip(files, texts, strict=True):
        assert not RAW.search(text), path


def test_driver_killed_while_it_plans_leaves_no_plan(team: Team) -> None:
    marker = team.folder / "reached"
    script = Path(__file__).with_name("killed_driver.py")
    table = team.folder / "table.parquet"
    team.people(range(300)).coalesce(1).write.parquet(str(table))
    driver = subprocess.Popen(
        [sys.executable, script, table, marker, team.ledger, team.account, team.emulator.url],
        env=os.environ | {"NAME": NAME, "TOKEN": TOKEN},
    )
    while not marker.exists():
        assert driver.poll() is None
        time.sleep(0.1)
    driver.kill()
    driver.wait()
    assert writes(team.emulator) == []
    assert team.plans == []
    team.sync(team.spark.read.parquet(str(table)), "mirror")
    assert members(team.emulator, team.account) == digests(range(300))


def test_ledger_that_spark_would_take_for_a_pattern_is_refused(team: Team) -> None:
    ledger = str(team.folder / "ledger[1]")
    options: dict[str, Any] = {"audience_name": NAME, "config": team.config(), "ledger": ledger}
    sync_members(team.people(range(3)), **options)
    with pytest.raises(SparkError, match="as a pattern"):
        sync_members(team.people(range(4)), **options)
