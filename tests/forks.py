"""Starts the console scripts many times without importing them each time.

A warm process forks for every run. Each fork is a real process with files for its pipes and real
signals, and takes a tenth of the time that starting Python takes.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pinterest_audiences.plugin import PinterestPlugin

TIMEOUT_SECONDS = 300
"""For runs that hang; on a busy machine a run takes long."""

_POLL_SECONDS = 0.003


class Fork:
    """A running console script."""

    def __init__(
        self,
        command: list[str],
        *,
        files: Sequence[Path],
        folder: Path,
        env: Mapping[str, str],
    ) -> None:
        """Start it.

        Args:
            command: The name of a console script, and its options.
            files: Its standard input, output and error output.
            folder: Its working directory.
            env: All its environment variables.
        """
        self._server = _server()
        self.pid: int = self._server.ask(
            start=command, files=[str(path) for path in files], folder=str(folder), env=dict(env)
        )

    def wait(self) -> int:
        """Return the exit code, which is negative after a signal that was not handled."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while (code := self._server.ask(poll=self.pid)) is None:
            assert time.monotonic() < end, "it did not end"
            _sleep_until_end(self.pid)
        return int(code)


def _sleep_until_end(pid: int) -> None:
    if sys.platform == "linux":
        with os.fdopen(os.pidfd_open(pid)) as process:
            select.select([process], [], [], TIMEOUT_SECONDS)
    else:
        time.sleep(_POLL_SECONDS)


def until(what: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


class _Server:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()
        atexit.register(self._process.communicate)

    def ask(self, **what: object) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


_server = functools.cache(_Server)


def _become(asked: dict[str, Any], modules: Path) -> None:
    """Turn the forked process into a console script."""
    from pinterest_audiences.plugin import run_program  # noqa: PLC0415
    from tap_pinterest_audiences.tap import TapPinterestAudiences  # noqa: PLC0415
    from target_pinterest_audiences.target import TargetPinterestAudiences  # noqa: PLC0415

    for number, path in enumerate(asked["files"]):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        os.dup2(os.open(path, flags), number)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    atexit.register(lambda: modules.write_text("\n".join(list(sys.modules))))
    plugins: dict[str, type[PinterestPlugin]] = {
        "tap-pinterest-audiences": TapPinterestAudiences,
        "target-pinterest-audiences": TargetPinterestAudiences,
    }
    sys.argv = asked["start"]
    try:
        run_program(plugins[sys.argv[0]], sys.argv[1:])
    except SystemExit as end:
        if isinstance(end.code, int):
            _EXIT_CODES.append(end.code)
        raise


_EXIT_CODES: list[int] = []
"""The exit code of a fork, once it has one."""


def _end_fork() -> None:
    """End before Python frees all objects, because that copies the memory of the warm process."""
    for code in _EXIT_CODES:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _learn(modules: Path) -> None:
    """Import the modules that a run had to import, so that the next run has them."""
    if not modules.exists():
        return
    names = set(modules.read_text().split("\n"))
    modules.unlink()
    for name in sorted(names - sys.modules.keys() - _LEARNT):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if names - _LEARNT:
        # Forks do not write to frozen objects, so their memory is not copied.
        gc.collect()
        gc.freeze()
    _LEARNT.update(names)


_LEARNT: set[str] = set()


def _poll(pid: int, modules: Path) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return None
    _learn(modules)
    return os.waitstatus_to_exitcode(status)


def _serve() -> None:
    atexit.register(_end_fork)  # before the imports, so that it comes after what they register
    import tap_pinterest_audiences.tap  # noqa: F401, PLC0415
    import target_pinterest_audiences.target  # noqa: F401, PLC0415

    # Copies, so that the buffers of the forks contain nothing of this process.
    commands, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    # No `with`, because a fork also leaves this function when it ends.
    folder = tempfile.mkdtemp()
    for line in commands:
        asked = json.loads(line)
        if "start" in asked:
            answer: int | None = os.fork()
            if not answer:
                _become(asked, Path(folder, str(os.getpid())))
        else:
            answer = _poll(asked["poll"], Path(folder, str(asked["poll"])))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    shutil.rmtree(folder)


if __name__ == "__main__":
    _serve()
