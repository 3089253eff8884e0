"""Processes that are always stopped at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

START_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
WAIT_SECONDS = 1.0
LOG_TAIL_LINES = 40


class PartError(Exception):
    """A part did not start, or a command failed."""

    def __init__(self, part: Part, what: str) -> None:
        """Name the part and the problem, and show the end of its log."""
        tail = "\n".join(part.log().strip().splitlines()[-LOG_TAIL_LINES:])
        super().__init__(f"{part.name} {what}:\n{tail}")


class Part:
    """A process with a log, in its own session, so that Ctrl-C reaches only its parent."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """Manage a process that was just started."""
        self.name = name
        self.process = process
        self._log = log

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        log: Path,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        owner: tuple[int, int] | None = None,
    ) -> Self:
        """Start a command.

        Args:
            command: The program and its arguments.
            log: The file for all its output.
            cwd: The folder to start it in.
            env: Its environment; by default that of this process.
            owner: The user and group ids to run it as; by default those of this process.

        Returns:
            The started part.
        """
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **run_as(owner),
            )
        return cls(Path(command[0]).name, process, log)

    def log(self) -> str:
        """Read all output of the process so far."""
        return self._log.read_text(errors="replace")

    def wait_for(self, ready: Callable[[], str | None]) -> str:
        """Wait until `ready` returns a value.

        Args:
            ready: Called again and again.

        Returns:
            The value.

        Raises:
            PartError: If the process ends before, or takes too long.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if answer := ready():
                return answer
            if self.process.poll() is not None:
                raise PartError(self, "did not start")
            time.sleep(POLL_SECONDS)
        raise PartError(self, f"is not ready after {START_SECONDS:.0f} seconds")

    def wait(self) -> int:
        """Wait for the end of the process, and return its exit code.

        A signal that comes just before a wait without an end would go unnoticed.
        """
        while True:
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(WAIT_SECONDS)

    def stop(self, kindly: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to stop, then kill what is left of it and of its children."""
        try:
            self.process.send_signal(kindly)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def run_as(owner: tuple[int, int] | None) -> dict[str, Any]:
    """Return the arguments of `subprocess` for a user and group."""
    return {"user": owner[0], "group": owner[1], "extra_groups": []} if owner else {}
