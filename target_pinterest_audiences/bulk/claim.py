"""One process at a time sends for an ad account, and changes its ledger."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import platform
import secrets
import time
from typing import TYPE_CHECKING

import filelock

from pinterest_audiences.errors import BusyError
from target_pinterest_audiences.bulk.store import make_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_pinterest_audiences.bulk.store import Store

logger = logging.getLogger(__name__)

_FOLDER = "claims"
_LONGEST_PAUSE_SECONDS = 5.0


@contextlib.contextmanager
def claimed(store: Store, max_wait: float, *, take_over: bool = False) -> Iterator[None]:
    """Have the ledger of an ad account to oneself.

    On this machine a lock file does it, which ends with its process. An object store has no locks:
    there a process puts down a ticket, then looks whether it is alone, and otherwise takes it back.
    Of two that come at once, neither can fail to see the other. The ticket of a process that was
    killed stays.

    Args:
        store: The folder of the ad account.
        max_wait: How many seconds to wait for another process.
        take_over: Whether to remove the tickets of others, who must have ended.

    Raises:
        BusyError: If another process has it for longer.
    """
    if store.local:
        lock = filelock.FileLock(store.local / "claim.lock", mode=0o600)
        try:
            with store.explained():
                make_folders(store.local)
                lock.acquire(timeout=0)
        except filelock.Timeout:
            logger.warning("Waiting for another run, which holds the ledger %s", store.where)
            try:
                lock.acquire(timeout=max_wait)
            except filelock.Timeout:
                raise _busy(store, max_wait, "") from None
        try:
            yield
        finally:
            lock.release()
        return
    if take_over:
        store.remove(_FOLDER)
    ticket = _ticket(store, max_wait)
    try:
        yield
    finally:
        store.remove(ticket)


def _ticket(store: Store, max_wait: float) -> str:
    """Return the ticket of this process, once it is the only one."""
    now = dt.datetime.now(dt.UTC)
    mine = f"{now:%Y%m%dT%H%M%S}-{platform.node()}-{os.getpid()}-{secrets.token_hex(3)}"
    deadline = time.monotonic() + max_wait
    while True:
        store.write(f"{_FOLDER}/{mine}", b"")
        others = [name for name in store.names(_FOLDER) if name != mine]
        if not others:
            return f"{_FOLDER}/{mine}"
        store.remove(f"{_FOLDER}/{mine}")
        if time.monotonic() >= deadline:
            hint = f" ({others[0]}). If that process has ended, use --take-over or remove it"
            raise _busy(store, max_wait, hint)
        # Two that saw each other must not come back at the same moment.
        pause = _LONGEST_PAUSE_SECONDS * (0.2 + secrets.randbelow(800) / 1000)
        time.sleep(min(pause, max(deadline - time.monotonic(), 0)))


def _busy(store: Store, max_wait: float, hint: str) -> BusyError:
    msg = (
        f"Another run still holds the ledger {store.where}{hint}, and this run has waited for "
        f"{max_wait:.0f} s: run again when that run is done, or let this run wait longer with the "
        "setting max_wait"
    )
    return BusyError(msg)
