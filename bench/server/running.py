"""Starts the server in a process of its own, and asks it what it saw."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_ANNOUNCEMENT = "listening on "


@dataclass(frozen=True, slots=True)
class Server:
    """The running server, at ``root``."""

    root: str

    def url(self, accounts: int, rows: int, latency_ms: int) -> str:
        """Return the URL of an API with so many ad accounts and audiences altogether."""
        return f"{self.root}/{accounts}/{rows}/{latency_ms}/v5"

    def usage(self) -> dict[str, Any]:
        """Return how many requests it had and the processor time that it took."""
        return self._get("bench/usage")

    def written(self, account_id: str) -> dict[str, Any]:
        """Return what was written to an ad account since the last time."""
        return self._get(f"bench/written/{account_id}")

    def warm(self, accounts: int, rows: int) -> None:
        """Make the pages of a size, so that no measured program waits for them."""
        self._get(f"{accounts}/{rows}/0/v5/ad_accounts")

    def _get(self, path: str) -> dict[str, Any]:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{self.root}/{path}", timeout=300)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Run the server."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.server"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None  # noqa: S101 (it is a pipe)
        line = process.stdout.readline()
        if not line.startswith(_ANNOUNCEMENT):
            message = f"the server did not start: {line}"
            raise SystemExit(message)
        yield Server(line.removeprefix(_ANNOUNCEMENT).strip())
    finally:
        process.terminate()
        process.wait()
