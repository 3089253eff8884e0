"""Makes a plan with Spark, where the customers' table is.

Only the API of data frames is used, so all of it also runs over Spark Connect. Tasks compute, and
this process writes: a plan is whole or absent, whatever becomes of a task, an executor or Spark.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import functions as sf

from pinterest_audiences.errors import PinterestError
from target_pinterest_audiences.bulk.keys import unread
from target_pinterest_audiences.bulk.plan import FOLDERS, Counts
from target_pinterest_audiences.bulk.sent_duckdb import connected, write_keys
from target_pinterest_audiences.bulk.spark_tasks import (
    COUNTS,
    KEY,
    READ,
    REJECTED,
    TAKEN,
    packed,
    read_keys,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import Column, DataFrame

    from target_pinterest_audiences.bulk.ledger import KeyRange, Layers
    from target_pinterest_audiences.bulk.plan import Mode
    from target_pinterest_audiences.bulk.sent_duckdb import Machine

_RESULTS = 16
"""Parts in which the plan comes here, one after the other; memory here holds one of them."""

_REJECT_ROWS = 100_000
_STRICT = {"ignoreMissingFiles": "false", "ignoreCorruptFiles": "false"}
_PATTERN = frozenset("*?[]{}\\")


class SparkError(PinterestError):
    """Spark cannot make a plan. The text has nothing of a row."""


@dataclass(frozen=True, slots=True)
class SparkPlanMaker:
    """Makes plans of a data frame; see ``PlanMaker``.

    Attributes:
        rows: The customers' table.
        column: Its column that identifies a person.
        list_type: Pinterest's ``list_type`` of it.
    """

    rows: DataFrame
    column: str
    list_type: str

    def make(
        self, layers: Layers, customer_list_id: str | None, mode: Mode, machine: Machine
    ) -> Counts:
        """Write the files of a plan.

        Everything, the counts too, comes of one evaluation of the table.

        Raises:
            SparkError: If Spark fails.
            DatabaseError: If memory or disk of this machine do not suffice.
        """
        for folder in (*FOLDERS.values(), "rejects"):
            (machine.work / folder).mkdir(mode=0o700)
        known = _decided(self._known_of_keys(layers), removes=mode == "mirror")
        # What has not changed stays in Spark. Spark computes what both parts begin with only once;
        # if it had to compute it twice, and rows had changed meanwhile, the counts would differ.
        changed = known.where("added OR absent OR code IS NOT NULL").mapInArrow(packed, TAKEN)
        # All of a partition stays together: if Spark has to compute it again, it is the same keys.
        results = _counted(known).union(changed).repartition(_RESULTS, "partition")
        counts, rejected = _written(results, machine)
        files = {"ADD": counts["added"], "REMOVE": counts["absent"]}
        with connected(machine) as connection:
            for operation, people in files.items():
                if operation == "REMOVE" and mode != "mirror":
                    continue
                written = write_keys(
                    connection,
                    f"SELECT key FROM read_parquet('{_unsorted(machine, operation)}')",
                    customer_list_id,
                    machine.work / FOLDERS[operation] / "0.parquet",
                )
                if written != people:
                    msg = f"Spark returned {written} of {people} keys to {operation}"
                    raise SparkError(msg)
        return Counts(
            rows=counts["rows"],
            rejected=dict(sorted(rejected.items())),
            unread=unread(rejected),
            wanted=counts["wanted"],
            known=counts["known"],
            add=counts["added"],
            absent=counts["absent"],
        )

    def versions(self) -> dict[str, str]:
        """Return the versions of the programs that make a plan here."""
        found = {name: version(name) for name in ("pinterest-audiences", "duckdb", "pyarrow")}
        return found | {"spark": self.rows.sparkSession.version}

    def _known_of_keys(self, layers: Layers) -> DataFrame:
        """Return the columns that ``take_apart`` takes, of all rows and of all in the list."""
        name = "`" + self.column.replace("`", "``") + "`"
        rows = self.rows.select(sf.col(name)).mapInArrow(
            functools.partial(read_keys, self.list_type), READ
        )
        parts = [rows.select("key", "code", *_columns(rows=1))]
        parts += self._sent(layers)
        return (
            functools.reduce(lambda one, other: one.union(other), parts)
            .groupBy("key", "code")
            .agg(
                sf.sum("rows").alias("rows"),
                sf.max("state").alias("state"),
                sf.max("taken_out").alias("taken_out"),
            )
        )

    def _sent(self, layers: Layers) -> Iterator[DataFrame]:
        """Yield who the ledger's files say is in the list, or no more; later states are higher."""
        yield from self._people(layers, layers.base, _columns(state=1))
        yield from self._people(layers, layers.taken_out, _columns(taken_out=1))
        for number, delta in enumerate(layers.deltas, start=1):
            refused = delta.refused_keys
            added, removed = _columns(state=2 * number + 1), _columns(state=2 * number)
            yield from self._people(layers, delta.added, added, refused.get("ADD", ()))
            yield from self._people(layers, delta.removed, removed, refused.get("REMOVE", ()))

    def _people(
        self,
        layers: Layers,
        names: Sequence[str],
        columns: Sequence[Column],
        refused: Sequence[KeyRange] = (),
    ) -> Iterator[DataFrame]:
        if not names:
            return
        paths = [layers.store.url(name) for name in names]
        if not _PATTERN.isdisjoint("".join(paths)):
            msg = f"ledger {layers.store.where}: Spark reads some of its characters as a pattern"
            raise SparkError(msg)
        reader = self.rows.sparkSession.read.schema("key binary").options(**_STRICT)
        people = reader.parquet(*paths)
        for first, last in refused:
            people = people.where(~sf.col("key").between(_literal(first), _literal(last)))
        yield people.select("key", sf.lit(None).cast("string").alias("code"), *columns)


def _decided(keys: DataFrame, *, removes: bool) -> DataFrame:
    """Return the keys with what is to be done about each.

    Args:
        keys: ``key`` and ``code`` as in ``READ``, no pair of them twice; ``rows``, how many rows
            have it; ``state``, an odd number if the key is in the list, above 1 if a run after
            the base says so; ``taken_out``, 1 if it was taken out of the base.
        removes: Whether people who are not wanted are removed.
    """
    wanted = sf.col("code").isNull() & (sf.col("rows") > 0)
    is_in = sf.col("state").bitwiseAND(1) == 1
    is_taken_out = (sf.col("taken_out") == 1) & (sf.col("state") < 2)  # noqa: PLR2004
    return keys.select(
        *("key", "code", "rows"),
        wanted.alias("wanted"),
        is_in.alias("known"),
        (wanted & (~is_in | is_taken_out)).alias("added"),
        (sf.lit(removes) & is_in & (sf.col("rows") == 0)).alias("absent"),
    )


def _counted(known: DataFrame) -> DataFrame:
    """Return one row with the columns ``TAKEN``, of which all but the counts are null."""
    counts = [sf.sum(sf.col(name).cast("bigint")) for name in COUNTS]
    nothing = [sf.lit(None).cast("binary").alias(name) for name in ("add", "remove", "rejects")]
    counted = known.agg(*(count.alias(name) for count, name in zip(counts, COUNTS, strict=True)))
    return counted.select(sf.lit(-1).alias("partition"), *COUNTS, *nothing)


def _columns(*, rows: int = 0, state: int = 0, taken_out: int = 0) -> list[Column]:
    return [
        sf.lit(rows).cast("bigint").alias("rows"),
        sf.lit(state).alias("state"),
        sf.lit(taken_out).alias("taken_out"),
    ]


def _literal(digits: str) -> Column:
    return sf.lit(bytes.fromhex(digits))


def _written(results: DataFrame, machine: Machine) -> tuple[Counter[str], Counter[str]]:
    """Write what Spark returns, and return what it counted, and the rejected rows by code."""
    counts, rejected = Counter[str](), Counter[str]()
    with contextlib.ExitStack() as stack:
        keys = {
            column: stack.enter_context(pq.ParquetWriter(_unsorted(machine, operation), KEY))
            for operation, column in FOLDERS.items()
        }
        rejects = stack.enter_context(
            pq.ParquetWriter(machine.work / "rejects" / "0.parquet", REJECTED.remove(2))
        )
        for row in _rows(results):
            counts.update({name: row[name] or 0 for name in COUNTS})
            for column, writer in keys.items():
                if row[column]:
                    writer.write_table(_unpacked(row[column]))
            if row["rejects"]:
                _write_rejected(_unpacked(row["rejects"]), rejected, rejects)
    return counts, rejected


def _write_rejected(found: pa.Table, rejected: Counter[str], file: pq.ParquetWriter) -> None:
    """Write and count rejected rows, of which ``found`` has equal ones together."""
    for each in found.to_pylist():
        rejected[each["code"]] += each["rows"]
        left = each["rows"] if each["digest"] else 0
        while left:
            same = min(left, _REJECT_ROWS)
            columns = [[each["code"]] * same, [each["digest"]] * same]
            file.write_table(pa.table(columns, schema=REJECTED.remove(2)))
            left -= same


def _rows(results: DataFrame) -> Iterator[Any]:
    """Yield what Spark returns, part by part.

    Raises:
        SparkError: If Spark fails. Its own text may hold a value of a row.
    """
    try:
        yield from results.toLocalIterator(prefetchPartitions=True)
    except Exception as error:  # noqa: BLE001  (without Spark Connect, errors are of any type)
        condition = getattr(error, "getCondition", lambda: None)() or type(error).__name__
        hint = (
            "install this package on all machines of Spark"
            if "No module named" in str(error)
            else "Spark's own log says more"
        )
        msg = f"the plan cannot be made: Spark failed ({condition}); {hint}"
        raise SparkError(msg) from None


def _unsorted(machine: Machine, operation: str) -> str:
    return str(machine.work / f"unsorted-{FOLDERS[operation]}.parquet")


def _unpacked(packed: bytes) -> pa.Table:
    return pa.ipc.open_stream(packed).read_all()
