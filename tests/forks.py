"""Starts console scripts many times without importing them each time.

A warm process forks for every run. Each fork is a real process with files for its pipes and real
signals, and takes a tenth of the time that starting Python takes.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import importlib.metadata
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
        python: Path | str = sys.executable,
        prepare: tuple[str, str, object] | None = None,
    ) -> None:
        """Start it.

        Args:
            command: The name of a console script, or `module:function`, and its options.
            files: Its standard input, output and error output.
            folder: Its working directory.
            env: All its environment variables.
            python: The Python of the environment that has the script.
            prepare: A module, a function of it, and a value in JSON: the process calls the function
                with the value before it runs the script.
        """
        self._server = _server(str(python))
        self._code: int | None = None
        self.pid: int = self._server.ask(
            start=command,
            files=[str(path) for path in files],
            folder=str(folder),
            env=dict(env),
            prepare=prepare,
        )

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        if self._code is None:
            self._code = self._server.ask(poll=self.pid)
        return self._code

    def wait(self) -> int:
        """Return the exit code, which is negative after a signal that was not handled."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while (code := self.poll()) is None:
            assert time.monotonic() < end, "it did not end"
            _sleep_until_end(self.pid)
        return code

    def kill(self) -> None:
        """Kill it if it still runs, as a test that failed may leave it."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


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
        time.sleep(0.02)


class _Server:
    def __init__(self, python: str) -> None:
        paths = {} if python != sys.executable else {"PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(
            [python, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **paths},
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


@functools.cache
def _main(script: str) -> Callable[[], str | int | None]:
    """Import the function of a console script, or one that is given as `module:name`."""
    if ":" in script:
        module, _, name = script.partition(":")
        main: Callable[[], str | int | None] = getattr(importlib.import_module(module), name)
        return main
    (found,) = importlib.metadata.entry_points(group="console_scripts", name=script)
    loaded: Callable[[], str | int | None] = found.load()
    return loaded


def _become(asked: dict[str, Any], modules: Path) -> None:
    """Turn the forked process into a console script."""
    for number, path in enumerate(asked["files"]):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        os.dup2(os.open(path, flags), number)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    if asked["prepare"]:
        module, function, value = asked["prepare"]
        getattr(importlib.import_module(module), function)(value)
    atexit.register(lambda: modules.write_text("\n".join(list(sys.modules))))
    sys.argv = asked["start"]
    try:
        sys.exit(_main(sys.argv[0])())
    except SystemExit as end:
        if isinstance(end.code, int):
            _EXIT_CODES.append(end.code)
        raise


_EXIT_CODES: list[int] = []
"""The exit code of a fork, once it has one."""


def _end_fork() -> None:
    """End before Python frees all objects, because that copies the memory of the warm process.

    What the run made itself is freed, such as its connections.
    """
    for code in _EXIT_CODES:
        gc.collect()
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
    # Before any import of a script, so that it comes after what that registers.
    atexit.register(_end_fork)
    # Copies, so that the buffers of the forks contain nothing of this process.
    commands, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    # No `with`, because a fork also leaves this function when it ends.
    folder = tempfile.mkdtemp()
    for line in commands:
        asked = json.loads(line)
        if "start" in asked:
            _main(asked["start"][0])
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
