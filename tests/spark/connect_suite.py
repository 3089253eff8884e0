"""Members from a data frame, over Spark Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from people import NAME, changes, digests, email, members, writes
from spark_runs import Team, same_plan, table_of

from pinterest_audiences.errors import PinterestError
from target_pinterest_audiences.spark import sync_members

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from pinterest_emulator.testing import Emulator


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """Spark in another process."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    spark = SparkSession.builder.remote("local[2]").getOrCreate()
    spark.conf.set("spark.sql.shuffle.partitions", "8")
    yield spark
    spark.stop()


@pytest.fixture
def team(spark: SparkSession, emulator: Emulator, account: str, tmp_path: Path) -> Team:
    return Team(spark, tmp_path, emulator, account)


def test_plan_is_that_of_duckdb(spark: SparkSession, tmp_path: Path) -> None:
    same_plan(spark, tmp_path, "mirror")


def test_members_are_added_left_alone_and_removed(team: Team) -> None:
    team.sync(team.people(range(300)), "mirror")
    assert members(team.emulator, team.account) == digests(range(300))
    team.emulator.clear()
    team.sync(team.people(range(300)), "mirror")
    assert writes(team.emulator) == []
    team.sync(team.people(range(20, 310)), "mirror")
    assert changes(team.emulator) == [("ADD", 10), ("REMOVE", 20)]
    assert members(team.emulator, team.account) == digests(range(20, 310))


def test_batches_of_a_stream_are_appended_and_never_mirrored(team: Team) -> None:
    source = team.folder / "stream"
    source.mkdir()
    table_of(map(email, range(100)), source / "0.parquet")
    refused = str(team.folder / "refused")
    options: dict[str, Any] = {
        "audience_name": NAME,
        "config": team.config(),
        "ledger": str(team.ledger),
    }

    def sync_batch(batch: DataFrame, _number: int) -> None:
        try:
            sync_members(batch, mode="mirror", **options)
        except PinterestError as error:
            with open(refused, "w") as file:  # noqa: PTH123  (in a process without Path)
                file.write(str(error))
        sync_members(batch, **options)

    stream = team.spark.readStream.schema("Email string").parquet(str(source))
    writer = stream.writeStream.foreachBatch(sync_batch).trigger(availableNow=True)
    writer.option("checkpointLocation", f"{team.folder}/checkpoint").start().awaitTermination()
    assert members(team.emulator, team.account) == digests(range(100))
    assert "use mode append" in (team.folder / "refused").read_text()
