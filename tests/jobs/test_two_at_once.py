"""Parallel runs that share a token or a ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from people import SCHEMA, digests, members, people, writes
from programs import Programs

from pinterest_audiences.api.token_store import TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from programs import Run

    from pinterest_emulator.testing import Emulator

A_MONTH = 31 * 86_400
MANY = 400


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "one", tmp_path / "other"]
    for folder in found:
        folder.mkdir()
    return found


def together(*calls: Callable[[], Run]) -> list[Run]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_two_taps_with_one_rotating_refresh_token_lose_none(
    emulator: Emulator, account: str, folders: list[Path], tmp_path: Path
) -> None:
    settings = {
        "client_id": "demo-app",
        "client_secret": "demo-secret",
        "refresh_token": "pinr.demo",
        "token_path": str(tmp_path / "token.json"),
        "api_url": emulator.url,
    }
    taps = [Programs(folder, settings) for folder in folders]
    for _ in range(3):
        runs = together(*(tap.tap for tap in taps))

        for run in runs:
            assert (run.code, run.records("ad_accounts")[0]["id"]) == (0, account), run.err
        emulator.advance(A_MONTH)
    # A refresh token works once, so a lost one would have caused a refusal.
    tokens = emulator.requests("oauth/token")
    assert {entry["status"] for entry in tokens} == {200}
    assert len(tokens) >= 3
    kept = TokenStore(settings["token_path"], "demo-app", "pinr.demo").read()
    assert kept is not None
    assert kept.refresh_token != "pinr.demo"


def test_two_targets_with_one_ledger_leave_both_lists_right(
    emulator: Emulator, account: str, folders: list[Path], tmp_path: Path
) -> None:
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{tmp_path / 'ledger.db'}",
        "member_batch_size": 50,
    }
    names = ["Customers", "Subscribers"]
    wanted = {"Customers": range(MANY), "Subscribers": range(MANY // 2, MANY * 2)}

    def load(folder: Path, name: str) -> Callable[[], Run]:
        lines: list[Any] = [SCHEMA, *people(wanted[name], audience_name=name)]
        return lambda: Programs(folder, settings).target(lines)

    loads = [load(folder, name) for folder, name in zip(folders, names, strict=True)]
    for run in together(*loads):
        assert run.code == 0, run.err

    for name in names:
        assert members(emulator, account, name) == digests(wanted[name])
    emulator.clear()
    for run in together(*loads):
        assert run.code == 0, run.err
    assert writes(emulator) == []
