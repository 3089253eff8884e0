"""Moves a list between the ledger of files and the target's own ledger. It lives in one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from target_pinterest_audiences.bulk.ledger import LedgerList
from target_pinterest_audiences.bulk.plan import KEY_COLUMNS
from target_pinterest_audiences.bulk.sent_duckdb import connected, count, sent_members
from target_pinterest_audiences.bulk.store import StoreError
from target_pinterest_audiences.ledger.member_ledger import NotedList
from target_pinterest_audiences.members.sent_members import taken_out_of

if TYPE_CHECKING:
    from pathlib import Path

    from target_pinterest_audiences.bulk.ledger import Current, FileLedger
    from target_pinterest_audiences.bulk.sent_duckdb import Machine
    from target_pinterest_audiences.ledger.ledger import Ledger

_ROWS = 100_000
_COLUMNS = pa.schema(zip(KEY_COLUMNS, (pa.string(), pa.binary()), strict=True))
_NO_VERSION = -1
_OF_A_MIRROR = 1
"""A version that no table has: the next one is another."""


def import_list(sql: Ledger, files: FileLedger, list_id: str, machine: Machine) -> int:
    """Move a list from the target's own ledger, and return how many members it has.

    Whoever was killed while the list was removed there calls this again.

    Raises:
        StoreError: If the ledger does not know the list, if a run is not done, or if both have
            members of their own.
    """
    noted, current = sql.noted_list(list_id), files.current()
    _check_settled(files, current)
    if noted is None:
        msg = f"ledger_url: the ledger does not know customer list {list_id}"
        raise StoreError(msg)
    held = {}
    for name, ending in ((list_id, ""), (taken_out_of(list_id), ".taken_out")):
        held[ending] = _write(sql, name, list_id, machine.work / f"{list_id}{ending}.parquet")
    if list_id in current.lists:
        _check_same(files, current, list_id, machine)
    else:
        number = current.base or 1
        files.write_current(current)  # without it, a base is that of a damaged ledger
        for ending, members in held.items():
            if members:
                name = f"{list_id}{ending}.parquet"
                files.store.put(machine.work / name, f"base/{number}/{name}")
        moved = LedgerList(
            **{field: getattr(noted, field) for field in _SHARED},
            mirrored=sql.count_stale(list_id, 0) > 0,
            in_base=held[""],
            any_taken_out=held[".taken_out"] > 0,
        )
        lists = {**current.lists, list_id: moved}
        files.write_current(msgspec.structs.replace(current, base=number, lists=lists))
    for name in (list_id, taken_out_of(list_id)):
        for keys in sql.stale(name, _NO_VERSION, _ROWS):
            sql.remove(name, keys)
    return held[""]


_SHARED = ("customer_list_id", "ad_account_id", "name", "list_type", "created_at")


def export_list(files: FileLedger, sql: Ledger, list_id: str, machine: Machine) -> int:
    """Move a list to the target's own ledger, and return how many members it has.

    Whoever was killed on the way calls this again.

    Raises:
        StoreError: If the list is not here, if a run is not done, or if both have members.
    """
    current = files.current()
    noted = current.lists.get(list_id)
    if noted is None:
        msg = f"ledger {files.store.where} does not know customer list {list_id}"
        raise StoreError(msg)
    _check_settled(files, current)
    sql.note_list(NotedList(**{field: getattr(noted, field) for field in _SHARED}))
    layers = files.layers(current, list_id)
    version = _OF_A_MIRROR if noted.mirrored else 0
    with connected(machine) as connection, sent_members(connection, layers):
        for view, name, mark in (
            ("sent", list_id, version),
            ("taken_out", taken_out_of(list_id), 0),
        ):
            for batch in connection.sql(f"SELECT key FROM {view}").to_arrow_reader(_ROWS):
                sql.add(name, batch.column(0).to_pylist(), mark)
        held = count(connection, "sent")
    if sql.count(list_id) != held:
        raise _in_both(list_id)
    runs = [done.run for done in current.runs if done.customer_list_id == list_id]
    leftovers = [*layers.base, *layers.taken_out, *(f"runs/{run}" for run in runs)]
    files.write_current(
        msgspec.structs.replace(
            current,
            runs=tuple(done for done in current.runs if done.run not in runs),
            lists={key: kept for key, kept in current.lists.items() if key != list_id},
            leftovers=(*current.leftovers, *leftovers),
        )
    )
    files.remove_leftovers()
    return held


def _check_settled(files: FileLedger, current: Current) -> None:
    """Make sure that no plan waits, which was made for the ledger as it is.

    Raises:
        StoreError: If one does.
    """
    if files.unsettled(current):
        msg = f"ledger {files.store.where}: a run is not done; let members sync finish it first"
        raise StoreError(msg)


def _write(sql: Ledger, name: str, list_id: str, file: Path) -> int:
    """Write what a list has to a file, in the order in which the ledger has it, which is ours."""
    members = 0
    with pq.ParquetWriter(file, _COLUMNS) as writer:
        for keys in sql.stale(name, _NO_VERSION, _ROWS):
            columns = [pa.array([list_id] * len(keys), pa.string()), pa.array(keys, pa.binary())]
            writer.write_batch(pa.record_batch(columns, schema=_COLUMNS))
            members += len(keys)
    return members


def _check_same(files: FileLedger, current: Current, list_id: str, machine: Machine) -> None:
    """Make sure that an import that was interrupted moved all that the other ledger has."""
    others = f"SELECT key FROM read_parquet('{machine.work}/{list_id}.parquet')"
    with (
        connected(machine) as connection,
        sent_members(connection, files.layers(current, list_id)),
    ):
        if count(connection, f"({others}) ANTI JOIN sent USING (key)"):
            raise _in_both(list_id)


def _in_both(list_id: str) -> StoreError:
    msg = (
        f"customer list {list_id} is in both ledgers, and one has members that the other lacks: "
        "nothing was removed from either"
    )
    return StoreError(msg)
