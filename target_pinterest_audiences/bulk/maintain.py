"""What is done to a ledger of files beside syncing: lists move in and out, people are forgotten."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from target_pinterest_audiences.bulk.claim import claimed
from target_pinterest_audiences.bulk.compact import compact
from target_pinterest_audiences.bulk.customer_files import CustomersError
from target_pinterest_audiences.bulk.interrupts import kept_interrupts
from target_pinterest_audiences.bulk.keys import keys_of
from target_pinterest_audiences.bulk.ledger import FileLedger
from target_pinterest_audiences.bulk.sent_duckdb import Machine
from target_pinterest_audiences.bulk.store import Store, StoreError
from target_pinterest_audiences.bulk.transfer import export_list, import_list
from target_pinterest_audiences.ledger.database import default_url
from target_pinterest_audiences.ledger.ledger import Ledger
from target_pinterest_audiences.members.reject_codes import REJECTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_pinterest_audiences.run.context import RunContext

MEMORY_LIMIT = "2GB"


@kept_interrupts()
def move_list(run: RunContext, url: str, customer_list_id: str, where: Literal["in", "out"]) -> int:
    """Move a list between the run's own ledger and a ledger of files; return how many it holds.

    Args:
        run: A run with the target's settings, of which no other run has the ad account.
        url: The ledger of files.
        customer_list_id: The list.
        where: ``in`` to the ledger of files, or ``out`` of it.

    Raises:
        PinterestError: If it cannot be moved.
    """
    account = run.config.get("ad_account_id")
    sql = Ledger(run.config.get("ledger_url") or default_url())
    noted = sql.noted_list(customer_list_id)
    account = noted.ad_account_id if noted else account
    if not account:
        msg = "Settings: ad_account_id is needed to find the list"
        raise CustomersError(msg)
    with run.account_locks, contextlib.closing(sql):
        run.account_locks.acquire(account)
        files = FileLedger(Store.at(url).folder(account))
        with claimed(files.store, run.api.max_wait), _machine() as machine:
            files.remove_leftovers()
            if where == "in":
                return import_list(sql, files, customer_list_id, machine)
            return export_list(files, sql, customer_list_id, machine)


@kept_interrupts()
def compact_all(url: str, forgotten: frozenset[bytes] = frozenset()) -> int:
    """Fold the runs of all ad accounts of a ledger into new bases.

    Args:
        url: The ledger.
        forgotten: Keys that are to be nowhere in the ledger any more.

    Returns:
        How many times a key was forgotten.

    Raises:
        PinterestError: If that is not possible.
    """
    store, found = Store.at(url), 0
    accounts = [*filter(str.isdigit, store.names(""))]
    if not accounts:
        msg = f"there is no ledger {store.where}: nothing was changed"
        raise StoreError(msg)
    for account in accounts:
        files = FileLedger(store.folder(account))
        with claimed(files.store, 0), _machine() as machine:
            found += compact(files, machine, forgotten)
    return found


def keys_to_forget(identifiers: Sequence[str], list_type: str) -> frozenset[bytes]:
    """Return the keys of people.

    Raises:
        CustomersError: If there are none, or if one cannot be read; it is not shown.
    """
    if not identifiers:
        msg = "no identifier came, so nobody was forgotten: pass them in, one a line"
        raise CustomersError(msg)
    keys, codes = keys_of(pa.array(identifiers, pa.string()), list_type)
    for number, code in enumerate(codes.to_pylist(), 1):
        if code is not None:
            msg = f"line {number}: {REJECTS[code].reason}; nobody was forgotten"
            raise CustomersError(msg)
    return frozenset(keys.to_pylist())


@contextlib.contextmanager
def _machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory() as work:
        yield Machine(work=Path(work), memory_limit=MEMORY_LIMIT)
