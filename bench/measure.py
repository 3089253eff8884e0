"""Runs one program and measures it: wall time, processor time and peak memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KIBIBYTES_PER_MEBIBYTE = 1024
_SAMPLE_SECONDS = 0.02
_SHOWN_OF_A_FAILURE = 2000


@dataclass(frozen=True, slots=True)
class Usage:
    """Cost of a program and of all processes that it started and waited for."""

    seconds: float
    cpu_seconds: float
    peak_mebibytes: float

    def __str__(self) -> str:
        """Return one line for a person."""
        cpu, peak = f"{self.cpu_seconds:8.2f} s of CPU", f"{self.peak_mebibytes:6.0f} MiB"
        return f"{self.seconds:8.2f} s {cpu} {peak}"


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run.

    Attributes:
        arguments: The program and its arguments.
        stdin: A file for its standard input, if it reads one.
        env: What to add to the environment.
    """

    arguments: Sequence[str]
    stdin: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def reading(self, stdin: Path) -> Command:
        """Return the same command with a file for its standard input."""
        return replace(self, stdin=stdin)

    def run(self, out: Path) -> Usage:
        """Run it to its end, with its standard output in ``out``.

        Raises:
            SystemExit: If it fails.
        """
        log = out.with_suffix(".log")
        with (
            Path(self.stdin or os.devnull).open("rb") as stdin,
            out.open("wb") as stdout,
            log.open("wb") as stderr,
        ):
            begin = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603
                self.arguments, stdin=stdin, stdout=stdout, stderr=stderr, env=self._environment()
            )
            peak = _Peak(process.pid)
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
        mebibytes = peak.mebibytes()
        if process.returncode:
            end = log.read_text(errors="replace")[-_SHOWN_OF_A_FAILURE:]
            message = f"{self.arguments} ended with status {process.returncode}:\n{end}"
            raise SystemExit(message)
        return Usage(seconds, used.ru_utime + used.ru_stime, mebibytes)

    def _environment(self) -> dict[str, str]:
        """Let programs keep compiled modules, as a user's do, and reach only this machine."""
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, "NO_PROXY": "127.0.0.1", "DO_NOT_TRACK": "1", **self.env}


class _Peak:
    """The largest resident size of a process and its children, from the kernel.

    ``ru_maxrss`` does not work, because it includes the size of the process that started it.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._kibibytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def mebibytes(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._kibibytes / _KIBIBYTES_PER_MEBIBYTE

    def _watch(self) -> None:
        while True:
            self._kibibytes = max(self._kibibytes, sum(map(_peak_of, _tree(self._pid))))
            if self._ended.wait(_SAMPLE_SECONDS):
                return


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def _peak_of(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
