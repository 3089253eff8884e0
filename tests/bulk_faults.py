"""What a test does to the process of `pinterest-audiences` before it begins; see `Fork`."""

from __future__ import annotations

import importlib
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import fsspec.implementations.local
from pyarrow import fs

_MODULES: list[Any] = [
    importlib.import_module(f"target_pinterest_audiences.bulk.{name}")
    for name in ("customer_files", "plan_duckdb", "send", "store", "sync", "sync_spooled")
]
CUSTOMERS, PLAN_DUCKDB, SEND, STORE, SYNC, SYNC_SPOOLED = _MODULES


def kill_at(name: str) -> None:
    """Kill the process when it is about to write, add to or move a file of that name."""
    for method in ("write", "append", "put"):
        original = getattr(STORE.Store, method)

        def killing(self: Any, *arguments: Any, _original: Any = original) -> Any:
            if any(str(each).endswith(name) for each in arguments if isinstance(each, str)):
                os.kill(os.getpid(), signal.SIGKILL)
            return _original(self, *arguments)

        setattr(STORE.Store, method, killing)


def kill_after(name: str) -> None:
    """Kill the process when it has written a file of that name."""
    original = STORE.Store.write

    def killing(self: Any, written: str, content: bytes) -> None:
        original(self, written, content)
        if written == name:
            os.kill(os.getpid(), signal.SIGKILL)

    STORE.Store.write = killing


def take_away(module: str) -> None:
    """Let a module be missing, as if its distribution was not installed."""
    for name in [*sys.modules]:
        if name.startswith((f"{module}.", "target_pinterest_audiences.bulk")):
            del sys.modules[name]
    sys.modules[module] = None  # type: ignore[assignment]


def stop_while_hashing(number: int) -> None:
    """Send the process a signal when it makes the keys of odd rows."""
    original = PLAN_DUCKDB.keys_of

    def stopped(*arguments: Any) -> Any:
        os.kill(os.getpid(), number)
        return original(*arguments)

    PLAN_DUCKDB.keys_of = stopped


def stop_while_planning(number: int) -> None:
    """Send the process a signal while a query runs."""

    def write_keys(connection: Any, *_: Any) -> int:
        threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
        connection.execute("SELECT sum(sqrt(i)) FROM range(200000000) r(i)")
        return 0

    PLAN_DUCKDB.write_keys = write_keys


def kill_while_hashing(rows: int) -> None:
    """Kill the process when it makes the keys of odd rows."""
    del rows
    PLAN_DUCKDB.keys_of = lambda *_: os.kill(os.getpid(), signal.SIGKILL)


def sync_while_reading(command: list[str]) -> None:
    """Let another process change the ledger when all has been read and nothing is planned."""
    original = SYNC_SPOOLED.SpooledSync.sync

    def sync(self: Any, table: Any) -> None:
        program = Path(sys.executable).with_name(command[0])
        elsewhere = {**os.environ, "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"] + "-elsewhere"}
        subprocess.run([program, *command[1:]], check=True, env=elsewhere)
        original(self, table)

    SYNC_SPOOLED.SpooledSync.sync = sync


def use_object_store(scheme: str) -> None:
    """Let URLs of a scheme mean files that are only reached as objects are."""
    original = STORE.filesystem_of

    def filesystem_of(url: str) -> Any:
        if not url.startswith(scheme):
            return original(url)
        local = fsspec.implementations.local.LocalFileSystem(auto_mkdir=True)
        return fs.PyFileSystem(fs.FSSpecHandler(local)), url.removeprefix(scheme)

    STORE.filesystem_of = filesystem_of
    CUSTOMERS.filesystem_of = filesystem_of


def limit_files(size: int) -> None:
    """Let no file become larger, as if the disk was full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def plant(bug: str) -> None:
    """Plant one of the bugs that tests must find."""
    {
        "outcome before response": _note_first,
        "plan recomputed at resume": _forget_open_runs,
        "additions and removals together": _send_all_at_once,
    }[bug]()


def _note_first() -> None:
    original = SEND.Sender._send  # noqa: SLF001

    def send_noted(self: Any, batch: Any, sent: Any) -> Any:
        outcome = self._note(batch, None)
        original(self, batch, sent)
        return outcome

    SEND.Sender._send = send_noted  # noqa: SLF001


def _forget_open_runs() -> None:
    def finish(_run: Any, ledger: Any, *_: Any) -> bool:
        for name in ledger.unsettled(ledger.current()):
            ledger.store.remove(f"runs/{name}")
        return True

    SYNC.finish_open_runs = SYNC_SPOOLED.finish_open_runs = finish


def _send_all_at_once() -> None:
    def send_all(self: Any) -> None:
        for operation in SEND.OPERATIONS:
            self._send_all(operation)
        self._in_flight.settle()

    SEND.Sender.send = send_all
