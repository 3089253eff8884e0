"""Locks of ad accounts: one run at a time writes to an ad account.

Pinterest takes several audiences of one name, and several customer lists: two runs that both found
a name missing would both make it.

Two runs may need the same ad accounts in opposite order. So a run that waits for an account holds
only accounts that sort before it; no two runs can then wait for each other.
"""

from __future__ import annotations

import hashlib
import logging
import time
from typing import TYPE_CHECKING, Protocol, Self

import filelock

from pinterest_audiences.errors import BusyError
from pinterest_audiences.files import make_folder
from target_pinterest_audiences.ledger.member_ledger import default_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pinterest_audiences.api.client import PinterestAPI

logger = logging.getLogger(__name__)


class Lock(Protocol):
    """Something that one process at a time has, until it gives it back or ends."""

    def acquire(self, seconds: float) -> bool:
        """Acquire it, and wait so long at most; return whether it is ours."""

    def release(self) -> None:
        """Give it back."""


class AccountLocks:
    """The ad accounts that this run has locked, from `with` to its end.

    The lock of an account lies beside a ledger that is a file, in a ledger that is PostgreSQL, and
    without a ledger where the default one would be.
    """

    def __init__(
        self,
        api: PinterestAPI,
        ledger_url: str | None,
        interrupted: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Hold no lock yet.

        Args:
            api: Whose ad accounts they are.
            ledger_url: The setting.
            interrupted: Surrounds a time in which other runs may write to the accounts of this
                run: it finishes what is under way before, and forgets what was read after.
        """
        self._api = api
        self._ledger_url = ledger_url
        self._interrupted = interrupted
        self._locks: dict[str, Lock] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release all locks."""
        self._release()

    def acquire(self, ad_account_id: str) -> None:
        """Lock an ad account, and wait until no other run holds it.

        Raises:
            BusyError: If that takes longer than the setting ``max_wait``.
            LedgerError: If the ledger cannot be used.
        """
        if ad_account_id in self._locks:
            return
        lock = self._lock(ad_account_id)
        if lock.acquire(0):
            self._locks[ad_account_id] = lock
            return
        logger.warning(
            "Waiting for another run of the target, which holds ad account %s", ad_account_id
        )
        if all(held < ad_account_id for held in self._locks):
            self._acquire({ad_account_id: lock})
            return
        with self._interrupted():
            locks = {**self._locks, ad_account_id: lock}
            self._release()
            self._acquire(locks)

    def _acquire(self, locks: dict[str, Lock]) -> None:
        """Acquire locks in the order that all runs keep, within ``max_wait``."""
        deadline = time.monotonic() + self._api.max_wait
        for ad_account_id, lock in sorted(locks.items()):
            if not lock.acquire(max(deadline - time.monotonic(), 0)):
                lock.release()
                msg = (
                    f"Another run of the target still holds ad account {ad_account_id}, and this "
                    f"run has waited for {self._api.max_wait:.0f} s: run again when that run is "
                    "done, or let this run wait longer with the setting max_wait"
                )
                raise BusyError(msg)
            self._locks[ad_account_id] = lock

    def _release(self) -> None:
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()

    def _lock(self, ad_account_id: str) -> Lock:
        key = hashlib.sha256(f"{self._api.url}/{ad_account_id}".encode()).digest()[:8]
        if not self._ledger_url:
            return _beside(default_path(), key)
        # It imports SQLAlchemy, which only a ledger of one's own needs so early.
        from target_pinterest_audiences.ledger.database import (  # noqa: PLC0415
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
        self._lock = filelock.FileLock(path, mode=0o600)

    def acquire(self, seconds: float) -> bool:
        try:
            make_folder(self._path.parent)
            self._lock.acquire(timeout=seconds)
        except filelock.Timeout:
            return False
        except OSError as error:
            logger.warning(
                "%s cannot be made (%s), so another run on the same ad account at the same time "
                "could make an audience twice",
                self._path,
                error.strerror,
            )
        return True

    def release(self) -> None:
        self._lock.release()


def _beside(file: Path, key: bytes) -> Lock:
    return _FileLock(file.with_name(f"{file.name}.{key.hex()}.lock"))
