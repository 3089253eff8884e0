"""Processes that are started here and stopped here, whatever happens in between."""

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
LOG_TAIL_LINES = 40


class PartError(Exception):
    """A part did not start, or a command failed."""

    def __init__(self, part: Part, what: str) -> None:
        """Say what happened to which part, and show the tail of its log."""
        tail = "\n".join(part.log().strip().splitlines()[-LOG_TAIL_LINES:])
        super().__init__(f"{part.name} {what}:\n{tail}")


class Part:
    """A process with a log, in a session of its own so that Ctrl-C reaches only us, who stop it."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """Take over a process that was just started."""
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
            log: The file for all that it says.
            cwd: The folder to start it in.
            env: Its environment, if not ours.
            owner: The user and group ids to run it as, if not ours.

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
        """Read all that the process has said so far."""
        return self._log.read_text(errors="replace")

    def wait_for(self, ready: Callable[[], str | None]) -> str:
        """Wait until `ready` has something to say.

        Args:
            ready: What to ask, again and again.

        Returns:
            Its answer.

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
    """Say in the words of `subprocess` which user and group to run as, if not ours."""
    return {"user": owner[0], "group": owner[1], "extra_groups": []} if owner else {}
