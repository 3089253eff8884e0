"""Parts of the benchmarks: an emulator in its own process, and timed programs.

The emulator has its own process so that it does not affect the measured time and memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BIN = Path(sys.executable).parent
TOKEN = "pina_demo"  # noqa: S105 (of the emulator)
KIBIBYTES_PER_MEBIBYTE = 1024
_SAMPLE_SECONDS = 0.02
_ANNOUNCEMENT = "pinterest-emulator listening on "


@dataclass(frozen=True)
class Usage:
    """Cost of a program: wall time, processor time, and peak memory."""

    seconds: float
    cpu_seconds: float
    peak_mebibytes: float


@contextlib.contextmanager
def running_emulator(*options: str) -> Iterator[str]:
    """Run an empty emulator without rate limits; yield the URL of its API, ending in ``/v5``."""
    command = [str(BIN / "pinterest-emulator"), "--port", "0", "--seed", "empty"]
    emulator = subprocess.Popen(  # noqa: S603
        [*command, "--access", "unlimited", *options], stdout=subprocess.PIPE, text=True
    )
    try:
        assert emulator.stdout is not None  # noqa: S101 (it is a pipe)
        line = emulator.stdout.readline()
        if not line.startswith(_ANNOUNCEMENT):
            message = f"the emulator did not start: {line}"
            raise SystemExit(message)
        yield line.removeprefix(_ANNOUNCEMENT).strip()
    finally:
        emulator.terminate()
        emulator.wait()


def control(url: str, name: str, body: object) -> Any:  # noqa: ANN401
    """Send a request to a control endpoint of the emulator and return the response."""
    with requests.Session() as session:
        session.trust_env = False
        root = url.removesuffix("/v5")
        answer = session.post(f"{root}/_emulator/{name}", json=body, timeout=300)
    answer.raise_for_status()
    return answer.json()


def get_members(url: str, customer_list_id: str) -> int:
    """Return how many members a customer list of the emulator has."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"{url.removesuffix('/v5')}/_emulator/members",
            params={"customer_list_id": customer_list_id},
            timeout=300,
        )
    answer.raise_for_status()
    return int(answer.json()["count"])


def run(
    program: str,
    arguments: Sequence[str] = (),
    *,
    stdin: IO[Any] | int = subprocess.DEVNULL,
) -> Usage:
    """Run one of the project's programs to its end and discard its output."""
    begin = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        [str(BIN / program), *arguments],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )
    peak = _Peak(process.pid)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if process.returncode:
        message = f"{program} ended with status {process.returncode}"
        raise SystemExit(message)
    return Usage(seconds, used.ru_utime + used.ru_stime, peak.mebibytes())


class _Peak:
    """The largest resident size of a running process, from the kernel.

    ``ru_maxrss`` does not work, because it includes the parent's size at the start of the process.
    """

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._kibibytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def mebibytes(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._kibibytes / KIBIBYTES_PER_MEBIBYTE

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            with contextlib.suppress(OSError):
                for line in self._status.read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self._kibibytes = max(self._kibibytes, int(line.split()[1]))


def write_json(path: Path, content: object) -> Path:
    """Write a JSON file and return its path."""
    path.write_text(json.dumps(content))
    return path
