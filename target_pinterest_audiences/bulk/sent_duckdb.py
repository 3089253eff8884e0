"""Who is in a list, by a ledger of files, as views of DuckDB."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import duckdb

from pinterest_audiences.errors import PinterestError, redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from target_pinterest_audiences.bulk.ledger import KeyRange, Layers

NOBODY = "SELECT NULL::BLOB AS key WHERE false"


class OutOfResourcesError(PinterestError):
    """DuckDB lacks memory or disk."""


@contextlib.contextmanager
def connected(
    work: Path, memory_limit: str, threads: int | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database in memory that spills to a folder.

    Args:
        work: The folder.
        memory_limit: Such as ``4GB``; DuckDB stays near it.
        threads: How many; None for one a core.

    Raises:
        OutOfResourcesError: If DuckDB lacks memory or disk.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(work),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }
    if threads:
        settings["threads"] = threads
    try:
        with duckdb.connect(config=settings) as connection:
            yield connection
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        msg = f"the plan cannot be made: {redact(str(error))}"
        raise OutOfResourcesError(msg) from None


@contextlib.contextmanager
def sent_members(connection: duckdb.DuckDBPyConnection, layers: Layers) -> Iterator[None]:
    """Make the views ``sent`` and ``taken_out`` of a list until the end of the block.

    Each has a column ``key``, in which nobody is twice.

    Args:
        connection: Where to make them.
        layers: The files.
    """
    with contextlib.ExitStack() as stack:

        def people(names: list[str], refused: Sequence[KeyRange] = ()) -> str:
            return _people(stack.enter_context(layers.store.on_disk(names)), refused)

        parts = [
            (
                people(delta.added, delta.refused_keys.get("ADD", ())),
                people(delta.removed, delta.refused_keys.get("REMOVE", ())),
            )
            for delta in layers.deltas
        ]
        # The first run of a list is as large as a base, and has nobody to remove.
        base = people(layers.base) if layers.base or not parts else parts.pop(0)[0]
        taken_out = people(layers.taken_out)
        changes = [
            f"SELECT key, {number} AS number, {is_in} AS is_in FROM ({part})"
            for number, pair in enumerate(parts)
            for part, is_in in zip(pair, (True, False), strict=True)
        ]
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE changed AS SELECT key, arg_max(is_in, number) AS is_in "
            f"FROM ({' UNION ALL '.join(changes)}) GROUP BY key"
            if changes
            else f"CREATE OR REPLACE TEMP TABLE changed AS SELECT *, true AS is_in FROM ({NOBODY})"
        )
        unchanged = "ANTI JOIN changed USING (key)" if changes else ""
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW sent AS SELECT key FROM ({base}) {unchanged} "
            "UNION ALL SELECT key FROM changed WHERE is_in"
        )
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW taken_out AS SELECT key FROM ({taken_out}) {unchanged}"
        )
        yield


def _people(files: Sequence[str], refused: Sequence[KeyRange]) -> str:
    if not files:
        return NOBODY
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    counts = " AND ".join(
        f"NOT key BETWEEN unhex('{first}') AND unhex('{last}')" for first, last in refused
    )
    return f"SELECT key FROM read_parquet([{listed}])" + (f" WHERE {counts}" if counts else "")
