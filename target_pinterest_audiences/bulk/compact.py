"""Folds the runs of a ledger into a new base, and so forgets what must be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_pinterest_audiences.bulk.sent_duckdb import (
    connected,
    count,
    sent_members,
    write_keys,
)
from target_pinterest_audiences.bulk.store import StoreError

if TYPE_CHECKING:
    from target_pinterest_audiences.bulk.ledger import Current, FileLedger
    from target_pinterest_audiences.bulk.sent_duckdb import Machine

WORTH_IT = 0.1
"""The part of the largest layer that all others have to reach together."""


def is_worth_it(current: Current) -> bool:
    """Return whether the runs changed so much that the next plan is better off without them."""
    sizes: dict[str, list[int]] = {
        key: [noted.in_base] if noted.in_base else [] for key, noted in current.lists.items()
    }
    for done in current.runs:
        sizes[done.customer_list_id].append(done.added + done.removed)
    return any(sum(each) - max(each) > WORTH_IT * max(each) for each in sizes.values() if each)


def compact(ledger: FileLedger, machine: Machine, forgotten: frozenset[bytes] = frozenset()) -> int:
    """Write a new base of all that counts, let it count, and remove what it replaces.

    Args:
        ledger: No other process may change it meanwhile.
        machine: What may be used.
        forgotten: Keys that are to be nowhere in the ledger any more.

    Returns:
        How many times a key was forgotten.

    Raises:
        StoreError: If a run is under way, because its batches are counted by what is in its files.
    """
    ledger.remove_leftovers()
    current = ledger.current()
    if ledger.unsettled(current):
        msg = f"ledger {ledger.store.where}: a run is not done; let members sync finish it first"
        raise StoreError(msg)
    number = current.base + 1
    among = ", ".join(f"unhex('{key.hex()}')" for key in forgotten) or "NULL"
    lists, found = {}, 0
    with connected(machine) as connection:
        for list_id, noted in current.lists.items():
            held = {}
            with sent_members(connection, ledger.layers(current, list_id)):
                for view, ending in (("sent", ""), ("taken_out", ".taken_out")):
                    file = machine.work / f"{list_id}{ending}.parquet"
                    keep = f"SELECT key FROM {view} WHERE (key IN ({among})) IS NOT TRUE"
                    held[view] = write_keys(connection, keep, list_id, file)
                    found += count(connection, view) - held[view]
                    if held[view]:
                        ledger.store.put(file, f"base/{number}/{file.name}")
            lists[list_id] = msgspec.structs.replace(
                noted, in_base=held["sent"], any_taken_out=held["taken_out"] > 0
            )
    leftovers = (f"base/{current.base}", *(f"runs/{done.run}" for done in current.runs))
    ledger.write_current(
        msgspec.structs.replace(current, base=number, runs=(), lists=lists, leftovers=leftovers)
    )
    ledger.remove_leftovers()
    return found
