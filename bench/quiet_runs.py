"""Measures how much the tap prints when nothing has changed, and how large its state is."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from bench.parts import BIN, TOKEN, write_json

if TYPE_CHECKING:
    from bench.contest import Place

ACCOUNTS = (10, 100, 400)
PER_ACCOUNT = 20
"""Audiences of an ad account; the server adds 5 customer lists."""


def quiet_runs(place: Place) -> list[dict[str, Any]]:
    """Return the bytes that a second run prints, by ad accounts and ``detect_removed``."""
    return [
        _second_run(place, accounts, detect_removed=detect_removed)
        for detect_removed in (False, True)
        for accounts in ACCOUNTS
    ]


def _second_run(place: Place, accounts: int, *, detect_removed: bool) -> dict[str, Any]:
    settings = {
        "access_token": TOKEN,
        "api_url": place.server.url(accounts, accounts * PER_ACCOUNT, 0),
        "detect_removed": detect_removed,
    }
    config = write_json(place.shared / "quiet.json", settings)
    state = write_json(place.shared / "quiet-state.json", {})
    command = [str(BIN / "tap-pinterest-audiences"), "--config", str(config)]
    for _ in range(2):
        done = subprocess.run(  # noqa: S603
            [*command, "--state", str(state)], check=True, capture_output=True
        )
        write_json(state, json.loads(done.stdout.splitlines()[-1])["value"])
    return {
        "accounts": accounts,
        "detect_removed": detect_removed,
        "printed_bytes": len(done.stdout),
        "state_bytes": state.stat().st_size,
    }
