"""Members from a data frame, on Spark with executors of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from people import digests, members, writes
from spark_runs import Team, killing, same_plan, session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from pinterest_emulator.testing import Emulator


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """Spark with two executors."""
    spark = session("local-cluster[2,1,1024]", **{"spark.executor.memory": "512m"})
    yield spark
    spark.stop()


def test_plan_is_equal_after_an_executor_was_killed(spark: SparkSession, tmp_path: Path) -> None:
    marker = tmp_path / "killed"
    (tmp_path / "plan").mkdir()
    same_plan(spark, tmp_path, "mirror")
    rows = spark.read.parquet(str(tmp_path / "odd.parquet")).repartition(4)
    rows = rows.mapInArrow(killing(str(marker), 2), "Email string")
    same_plan(spark, tmp_path / "plan", "mirror", rows)
    assert marker.exists()


def test_members_are_sent_from_one_place(
    spark: SparkSession, emulator: Emulator, account: str, tmp_path: Path
) -> None:
    team = Team(spark, tmp_path, emulator, account)
    team.sync(team.people(range(300)))
    assert members(emulator, account) == digests(range(300))
    emulator.clear()
    team.sync(team.people(range(300)))
    assert writes(emulator) == []
