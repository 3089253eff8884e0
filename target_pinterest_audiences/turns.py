"""Runs that share a ledger take turns on an ad account.

Pinterest takes several audiences of one name, and several customer lists: two runs that both found
a name missing would both make it.
"""

from __future__ import annotations

import hashlib
import logging
import time
from typing import TYPE_CHECKING, Protocol, Self

import filelock

from tap_pinterest_audiences.errors import BusyError
from tap_pinterest_audiences.private import make_folder
from target_pinterest_audiences.member_ledger import default_path

if TYPE_CHECKING:
    from pathlib import Path

    from tap_pinterest_audiences.client import PinterestAPI

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5


class Lock(Protocol):
    """Something that one process at a time has, until it gives it back or ends."""

    def take(self) -> bool:
        """Take it if nobody has it; tell whether it is ours."""

    def release(self) -> None:
        """Give it back."""


class Turns:
    """The ad accounts that are this run's turn, from `with` to its end.

    The lock of an account lies beside a ledger that is a file, in a ledger that is PostgreSQL, and
    without a ledger where the default one would be.
    """

    def __init__(self, api: PinterestAPI, ledger_url: str | None) -> None:
        """Have no turn yet.

        Args:
            api: Whose ad accounts they are.
            ledger_url: The setting.
        """
        self._api = api
        self._ledger_url = ledger_url
        self._locks: dict[str, Lock] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all turns."""
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()

    def take(self, ad_account_id: str) -> None:
        """Wait until no other run has its turn on an ad account.

        Raises:
            BusyError: If that takes longer than the setting ``max_wait``.
            LedgerError: If the ledger can not be used.
        """
        if ad_account_id in self._locks:
            return
        lock = self._lock(ad_account_id)
        waited = 0.0
        while not lock.take():
            if waited >= self._api.max_wait:
                msg = (
                    f"Another run of the target has been writing to ad account {ad_account_id} for "
                    f"{waited:.0f} s; run again when it is done, or let this run wait longer with "
                    "the setting max_wait"
                )
                raise BusyError(msg)
            if not waited:
                logger.warning(
                    "Waiting for another run of the target, which writes to ad account %s",
                    ad_account_id,
                )
            time.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
        self._locks[ad_account_id] = lock

    def _lock(self, ad_account_id: str) -> Lock:
        key = hashlib.sha256(f"{self._api.url}/{ad_account_id}".encode()).digest()[:8]
        if not self._ledger_url:
            return _beside(default_path(), key)
        # It imports SQLAlchemy, which only a ledger of one's own needs so early.
        from target_pinterest_audiences.database import (  # noqa: PLC0415
            AdvisoryLock,
            Database,
            sqlite_path,
        )

        if file := sqlite_path(self._ledger_url):
            return _beside(file, key)
        return AdvisoryLock(Database(self._ledger_url), int.from_bytes(key, signed=True))


class _FileLock:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = filelock.FileLock(path, timeout=0, mode=0o600)

    def take(self) -> bool:
        try:
            make_folder(self._path.parent)
            self._lock.acquire()
        except filelock.Timeout:
            return False
        except OSError as error:
            logger.warning(
                "%s can not be made (%s), so another run on the same ad account at the same time "
                "could make an audience twice",
                self._path,
                error.strerror,
            )
        return True

    def release(self) -> None:
        self._lock.release()


def _beside(file: Path, key: bytes) -> Lock:
    return _FileLock(file.with_name(f"{file.name}.{key.hex()}.lock"))
