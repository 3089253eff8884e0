"""Makes a plan on one machine, with DuckDB."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from target_pinterest_audiences.bulk.keys import fast_email_keys, keys_of, unread
from target_pinterest_audiences.bulk.plan import FOLDERS, Counts
from target_pinterest_audiences.bulk.sent_duckdb import (
    DatabaseError,
    connected,
    count,
    quoted,
    sent_members,
    versions,
    write_keys,
)
from target_pinterest_audiences.members.identifiers import rejected_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_pinterest_audiences.bulk.customers import Customers
    from target_pinterest_audiences.bulk.ledger import Layers
    from target_pinterest_audiences.bulk.plan import Mode
    from target_pinterest_audiences.bulk.sent_duckdb import Machine

_ROWS = 100_000
_REJECTS = pa.schema([("code", pa.string()), ("digest", pa.binary())])
_KEY = pa.schema([("key", pa.binary())])


@dataclass(frozen=True, slots=True)
class DuckDBPlanMaker:
    """Makes plans of Parquet files; see ``PlanMaker``."""

    customers: Customers

    @property
    def list_type(self) -> str:
        """Pinterest's ``list_type`` of the column that identifies a person."""
        return self.customers.list_type

    def make(
        self, layers: Layers, customer_list_id: str | None, mode: Mode, machine: Machine
    ) -> Counts:
        """Write the files of a plan; also what DuckDB spills holds no identifier.

        Raises:
            DatabaseError: If memory or disk do not suffice, or if a file cannot be read.
        """
        for folder in (*FOLDERS.values(), "rejects"):
            (machine.work / folder).mkdir(mode=0o700)
        reading = _Reading()
        with (
            reading.explained(),
            connected(machine) as connection,
            sent_members(connection, layers),
        ):
            batches = pa.RecordBatchReader.from_batches(
                _KEY, _keys(self.customers, reading, machine)
            )
            connection.register("keys", batches)
            connection.execute("CREATE TEMP TABLE wanted AS SELECT DISTINCT key FROM keys")
            absent_key = (
                "SELECT key FROM sent ANTI JOIN wanted USING (key)" if mode == "mirror" else ""
            )
            return Counts(
                rows=reading.rows,
                rejected=dict(sorted(reading.rejected.items())),
                unread=unread(reading.rejected),
                wanted=count(connection, "wanted"),
                known=count(connection, "sent"),
                add=write_keys(
                    connection,
                    "SELECT key FROM wanted ANTI JOIN sent USING (key) UNION "
                    "SELECT key FROM wanted SEMI JOIN taken_out USING (key)"
                    if layers.taken_out
                    else "SELECT key FROM wanted ANTI JOIN sent USING (key)",
                    customer_list_id,
                    machine.work / FOLDERS["ADD"] / "0.parquet",
                ),
                absent=write_keys(
                    connection,
                    absent_key,
                    customer_list_id,
                    machine.work / FOLDERS["REMOVE"] / "0.parquet",
                )
                if absent_key
                else 0,
            )

    def versions(self) -> dict[str, str]:
        """Return the versions of the programs that make a plan here."""
        return versions()


@dataclass(slots=True)
class _Reading:
    """Counts rows while they are read."""

    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: OSError | None = None

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Name what went wrong while rows were read, which DuckDB does not tell.

        Raises:
            DatabaseError: If the disk does not suffice.
        """
        try:
            yield
        except DatabaseError:
            if self.failed is None or not self.failed.errno:
                raise
            msg = f"the disk does not suffice: {os.strerror(self.failed.errno)}"
            raise DatabaseError(msg) from None

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note what went wrong in the block."""
        try:
            yield
        except OSError as error:
            self.failed = error
            raise


def _keys(customers: Customers, reading: _Reading, machine: Machine) -> Iterator[pa.RecordBatch]:
    """Yield the keys of all rows, and write down those that have none."""
    with (
        reading.noted(),
        pq.ParquetWriter(machine.work / "rejects" / "0.parquet", _REJECTS) as rejects,
    ):
        for keys, odd in _read(customers, machine):
            reading.rows += len(keys)
            if keys.null_count < len(keys):
                yield pa.record_batch([keys.drop_null()], _KEY)
            if not len(odd):
                continue
            found = keys_of(odd, customers.list_type)
            yield pa.record_batch([found.keys.drop_null()], _KEY)
            if found.codes.null_count < len(odd):
                _note_rejected(odd, found.codes, reading, rejects)


def _note_rejected(
    odd: pa.Array, codes: pa.Array, reading: _Reading, rejects: pq.ParquetWriter
) -> None:
    found = [
        (code, value)
        for code, value in zip(codes.to_pylist(), odd.to_pylist(), strict=True)
        if code is not None
    ]
    reading.rejected.update(code for code, _ in found)
    shown = [
        (code, bytes.fromhex(rejected_digest(value))) for code, value in found if value is not None
    ]
    if shown:
        columns = zip(*shown, strict=True)
        rejects.write_batch(pa.record_batch([pa.array(column) for column in columns], _REJECTS))


def _read(customers: Customers, machine: Machine) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Yield the keys that SQL makes, null where it makes none, and the values of these rows."""
    column = customers.rows.schema.field(customers.column)
    if customers.list_type != "EMAIL" or column.type not in (pa.string(), pa.large_string()):
        for batch in customers.rows.to_batches(columns=[customers.column], batch_size=_ROWS):
            values = batch.column(0)
            yield pa.nulls(len(values), pa.binary()), values
        return
    name = '"' + customers.column.replace('"', '""') + '"'
    with connected(machine) as connection:
        source = "customers"
        if customers.local:
            files = quoted(customers.local)
            source = f"read_parquet({files}, union_by_name=true, hive_partitioning=false)"
        else:
            connection.register(source, customers.rows)
        query = connection.sql(fast_email_keys(name, source))
        for batch in query.to_arrow_reader(_ROWS):
            keys, values = batch.columns
            yield keys, values.filter(keys.is_null())
