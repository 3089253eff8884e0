"""Plans what one list needs, of people who came as records: who is to be in, and who out."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from target_pinterest_audiences.bulk.plan import FOLDERS, TAKEN_OUT, Counts
from target_pinterest_audiences.bulk.sent_duckdb import (
    connected,
    count,
    quoted,
    sent_members,
    write_keys,
)

if TYPE_CHECKING:
    from pathlib import Path

    from target_pinterest_audiences.bulk.ledger import Layers
    from target_pinterest_audiences.bulk.sent_duckdb import Machine
    from target_pinterest_audiences.bulk.spool import Spooled

_ABSENT = "absent"
_LAST = "SELECT key, arg_max(is_in, number) AS is_in FROM {} GROUP BY key"
_ALL_IN = "SELECT DISTINCT key, true AS is_in FROM {}"


def plan_spooled(
    spooled: Spooled, layers: Layers, list_id: str | None, machine: Machine, *, mirror: bool
) -> tuple[Counts, int]:
    """Write the files of a plan but for ``remove``, and return what was counted.

    Args:
        spooled: Who came.
        layers: Who is in the list.
        list_id: The list; None if it is yet to be created.
        machine: What may be used, with a folder that is empty.
        mirror: Whether people who did not come may be removed.

    Returns:
        The counts, and how many removals were sent before already.

    Raises:
        DatabaseError: If memory or disk do not suffice.
    """
    for folder in (*FOLDERS.values(), TAKEN_OUT, _ABSENT):
        (machine.work / folder).mkdir(mode=0o700)
    source = f"read_parquet({quoted(spooled.files)})"
    with connected(machine) as connection, sent_members(connection, layers):

        def written(folder: str, query: str) -> int:
            return write_keys(connection, query, list_id, _file(machine, folder))

        last = (_LAST if spooled.any_out else _ALL_IN).format(source)
        connection.execute(f"CREATE TEMP TABLE said AS {last}")
        connection.execute("CREATE TEMP VIEW wanted AS SELECT key FROM said WHERE is_in")
        connection.execute("CREATE TEMP VIEW unwanted AS SELECT key FROM said WHERE NOT is_in")
        # Who is noted as both was imported after a crash, and may be in or out.
        out = "SELECT key FROM taken_out ANTI JOIN sent USING (key)"
        unwanted = count(connection, "unwanted") if spooled.any_out else 0
        removed = f"SELECT key FROM unwanted ANTI JOIN ({out}) USING (key)"
        taken_out = written(TAKEN_OUT, removed) if unwanted else 0
        known = f"SELECT key FROM ({removed}) SEMI JOIN sent USING (key)"
        return (
            Counts(
                rows=spooled.rows,
                rejected={},
                unread=0,
                wanted=count(connection, "wanted"),
                known=count(connection, "sent"),
                add=written(
                    FOLDERS["ADD"],
                    "SELECT key FROM wanted ANTI JOIN sent USING (key) UNION "
                    "SELECT key FROM wanted SEMI JOIN taken_out USING (key)"
                    if layers.taken_out
                    else "SELECT key FROM wanted ANTI JOIN sent USING (key)",
                ),
                absent=written(_ABSENT, "SELECT key FROM sent ANTI JOIN said USING (key)")
                if mirror
                else 0,
                taken_out=taken_out,
                unknown=taken_out - count(connection, f"({known})") if taken_out else 0,
            ),
            unwanted - taken_out,
        )


def write_removals(list_id: str | None, machine: Machine, *, absent: bool, taken_out: bool) -> None:
    """Write ``remove`` of a plan, now that it is known who may go.

    Args:
        list_id: The list.
        machine: That of ``plan_spooled``.
        absent: Whether people who did not come may.
        taken_out: Whether a record may take people out.
    """
    if not taken_out:
        _file(machine, TAKEN_OUT).unlink(missing_ok=True)
    found = {TAKEN_OUT: taken_out, _ABSENT: absent}
    files = [
        file for name, wanted in found.items() if wanted and (file := _file(machine, name)).exists()
    ]
    target = _file(machine, FOLDERS["REMOVE"])
    if len(files) == 1:
        shutil.copyfile(files[0], target)
    elif files:
        with connected(machine) as connection:
            both = f"SELECT key FROM read_parquet({quoted(files)})"
            write_keys(connection, both, list_id, target)


def _file(machine: Machine, folder: str) -> Path:
    return machine.work / folder / "0.parquet"
