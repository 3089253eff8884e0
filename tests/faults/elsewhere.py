"""Changes at Pinterest while a program runs."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def post(base: str, path: str, body: object, method: str = "POST") -> None:
    """Send something to an emulator."""
    _call(f"{base}/{path}", method, json.dumps(body).encode())


def count(base: str) -> int:
    """Return how many requests an emulator has seen."""
    return len(_call(f"{base}/_emulator/requests")["requests"])


def change(plan: Mapping[str, Any], folder: Path) -> None:
    """Make the changes of another program, once for all runs in a folder."""
    done = folder / "changed"
    if done.exists():
        return
    done.touch()
    for method, path, body in plan["changes"]:
        post(plan["base"], path, body, method)


def _call(url: str, method: str = "GET", body: bytes | None = None) -> Any:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer pina_demo"}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310  (loopback)
    with _DIRECT.open(request, timeout=10) as answer:
        return json.loads(answer.read() or "null")
