"""Parts of the comparisons: an emulator in its own process, and JSON files."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
TOKEN = "pina_demo"  # noqa: S105 (of the emulator)
_ANNOUNCEMENT = "pinterest-emulator listening on "


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


def write_json(path: Path, content: object) -> Path:
    """Write a JSON file and return its path."""
    path.write_text(json.dumps(content))
    return path
