"""Who is in a list, by a ledger of files, as views of DuckDB."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq

from pinterest_audiences.errors import PinterestError, SettingsError, redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from target_pinterest_audiences.bulk.ledger import KeyRange, Layers

NOBODY = "SELECT NULL::BLOB AS key WHERE false"
_STATES = 3
"""In, out and taken out, in this order."""


class DatabaseError(PinterestError):
    """DuckDB lacks memory or disk, or cannot read a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What may be used of this machine.

    Attributes:
        work: A folder for this user alone.
        memory_limit: Of DuckDB, which stays near it, such as ``4GB``.
        threads: None for one a core.
    """

    work: Path
    memory_limit: str
    threads: int | None = None


@contextlib.contextmanager
def connected(machine: Machine) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database in memory that spills to the folder of the machine.

    Raises:
        DatabaseError: If memory or disk do not suffice, or if a file cannot be read.
        SettingsError: If the memory is no amount.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": machine.memory_limit,
        "temp_directory": tempfile.mkdtemp(dir=machine.work),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }
    if machine.threads:
        settings["threads"] = machine.threads
    try:
        duckdb.connect(config={"memory_limit": machine.memory_limit}).close()
    except duckdb.Error:
        msg = f"Settings: {redact(machine.memory_limit)} is no amount of memory, as 4GB is"
        raise SettingsError(msg) from None
    try:
        with duckdb.connect(config=settings) as connection:
            yield connection
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        msg = f"DuckDB lacks memory or disk: {redact(str(error))}"
        raise DatabaseError(msg) from None
    except duckdb.Error as error:  # its text may have a value of a row
        msg = f"the customers' files cannot be read as a table ({type(error).__name__})"
        raise DatabaseError(msg) from None


@contextlib.contextmanager
def sent_members(connection: duckdb.DuckDBPyConnection, layers: Layers) -> Iterator[None]:
    """Make the views ``sent`` and ``taken_out`` of a list until the end of the block.

    Each has a column ``key``, in which nobody is twice.

    Args:
        connection: Where to make them.
        layers: The files.
    """
    with contextlib.ExitStack() as stack:

        def people(names: Sequence[str], refused: Sequence[KeyRange] = ()) -> str:
            return _people(stack.enter_context(layers.store.on_disk([*names])), refused)

        parts = []
        for delta in layers.deltas:
            refused = delta.refused_keys.get("REMOVE", ())
            added = people(delta.added, delta.refused_keys.get("ADD", ()))
            removed, taken_out = people(delta.removed, refused), people(delta.taken_out, refused)
            parts.append((added, removed, taken_out))
        # The first run of a list is as large as a base, and removes nobody who was in the list.
        if parts and not layers.base and not layers.taken_out:
            base, _, taken_out = parts.pop(0)
        else:
            base, taken_out = people(layers.base), people(layers.taken_out)
        changes = [
            # Who was taken out is among those who were removed, so that comes last.
            f"SELECT key, {_STATES * number + state} AS number FROM ({part})"
            for number, run in enumerate(parts)
            for state, part in enumerate(run)
            if part != NOBODY
        ] or [f"SELECT key, 0 AS number FROM ({NOBODY})"]
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE changed AS SELECT key, max(number) AS number "
            f"FROM ({' UNION ALL '.join(changes)}) GROUP BY key"
        )
        unchanged = "ANTI JOIN changed USING (key)" if parts else ""
        for view, before, state in (("sent", base, 0), ("taken_out", taken_out, 2)):
            connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT key FROM ({before}) {unchanged} "
                f"UNION ALL SELECT key FROM changed WHERE number % {_STATES} = {state}"
            )
        yield


def versions() -> dict[str, str]:
    """Return the versions of the programs that make a plan here."""
    return {name: version(name) for name in ("pinterest-audiences", "duckdb", "pyarrow")}


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return how many rows a table or a view has."""
    (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
    return int(rows)


def write_keys(
    connection: duckdb.DuckDBPyConnection, query: str, customer_list_id: str | None, file: Path
) -> int:
    """Write keys in their order, in the columns of a plan, and return how many there are.

    Args:
        connection: Knows the tables of the query.
        query: SQL with a column ``key``.
        customer_list_id: What the other column holds; None if the list is yet to be created.
        file: Where to.
    """
    columns = f"'{customer_list_id or ''}' AS customer_list_id, key"
    ordered = connection.sql(f"SELECT {columns} FROM ({query}) ORDER BY key")
    ordered.write_parquet(str(file), compression="uncompressed")
    written: int = pq.read_metadata(file).num_rows
    return written


def _people(files: Sequence[str], refused: Sequence[KeyRange]) -> str:
    if not files:
        return NOBODY
    counts = " AND ".join(
        f"NOT key BETWEEN unhex('{first}') AND unhex('{last}')" for first, last in refused
    )
    return f"SELECT key FROM read_parquet({quoted(files)})" + (f" WHERE {counts}" if counts else "")


def quoted(files: Sequence[str | Path]) -> str:
    """Return names of files as a list in SQL."""
    return "[" + ", ".join("'" + str(file).replace("'", "''") + "'" for file in files) + "]"
