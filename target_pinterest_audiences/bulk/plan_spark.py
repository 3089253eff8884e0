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
    CHANGES,
    COUNTS,
    IN_BASE,
    KEY,
    PIECE,
    REJECTS,
    TAKEN_OUT,
    decide_to_append,
    decide_to_mirror,
    read_rows,
    read_sent,
    run_kinds,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import Column, DataFrame

    from target_pinterest_audiences.bulk.ledger import KeyRange, Layers
    from target_pinterest_audiences.bulk.plan import Mode
    from target_pinterest_audiences.bulk.sent_duckdb import Machine

_RESULTS = 16
"""Parts in which the plan comes here, one after the other; memory here holds one of them."""

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
        decide = decide_to_mirror if mode == "mirror" else decide_to_append
        changes = self._pieces(layers).groupBy("bucket").applyInArrow(decide, CHANGES)
        # All of a bucket stays together: if Spark has to compute it again, it is the same keys.
        results = changes.repartition(_RESULTS, "bucket")
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

    def _pieces(self, layers: Layers) -> DataFrame:
        """Return the columns ``PIECE``, of all rows and of the people in the ledger's files."""
        name = "`" + self.column.replace("`", "``") + "`"
        read = functools.partial(read_rows, self.list_type)
        parts = [self.rows.select(sf.col(name)).mapInArrow(read, PIECE)]
        parts += self._sent(layers)
        return functools.reduce(lambda one, other: one.union(other), parts)

    def _sent(self, layers: Layers) -> Iterator[DataFrame]:
        """Yield pieces of who is in the list by the ledger's files, or no more."""
        yield from self._people(layers, layers.base, IN_BASE)
        yield from self._people(layers, layers.taken_out, TAKEN_OUT)
        for number, delta in enumerate(layers.deltas, start=1):
            refused = delta.refused_keys
            added, removed = run_kinds(number)
            yield from self._people(layers, delta.added, added, refused.get("ADD", ()))
            yield from self._people(layers, delta.removed, removed, refused.get("REMOVE", ()))

    def _people(
        self,
        layers: Layers,
        names: Sequence[str],
        kind: int,
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
        yield people.mapInArrow(functools.partial(read_sent, self.list_type, kind), PIECE)


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
            pq.ParquetWriter(machine.work / "rejects" / "0.parquet", REJECTS.remove(2))
        )
        for row in _rows(results):
            counts.update({name: row[name] for name in COUNTS})
            for column, writer in keys.items():
                if row[column]:
                    writer.write_table(_unpacked(row[column]))
            if row["rejects"]:
                _write_rejected(_unpacked(row["rejects"]), rejected, rejects)
    return counts, rejected


def _write_rejected(found: pa.Table, rejected: Counter[str], file: pq.ParquetWriter) -> None:
    """Write rejected rows, and count them by code."""
    for each in found.group_by("code").aggregate([("rows", "sum")]).to_pylist():
        rejected[each["code"]] += each["rows_sum"]
    file.write_table(found.filter(found["digest"].is_valid()).select(["code", "digest"]))


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
