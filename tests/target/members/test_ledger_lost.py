"""Behaviour of the target after the ledger is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from people import SCHEMA, audiences, digests, lists, members, people, whole_version
from programs import Programs

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
    }
    return Programs(tmp_path, settings)


def test_lost_ledger_sends_all_members_again_to_the_same_list(
    emulator: Emulator, target: Programs, account: str, tmp_path: Path
) -> None:
    for _ in range(2):
        run = target.target([SCHEMA, *people(range(9))])
        assert run.code == 0, run.err
        (tmp_path / "ledger.db").unlink()

    assert members(emulator, account) == digests(range(9))
    assert len(lists(emulator, account)) == len(audiences(emulator, account)) == 1


def test_mirror_removes_nobody_who_is_not_in_the_ledger(
    emulator: Emulator, target: Programs, account: str, tmp_path: Path
) -> None:
    mirror = {"member_mode": "mirror", "max_removal_ratio": 1}
    assert target.target(whole_version(range(9), 1), **mirror).code == 0
    (tmp_path / "ledger.db").unlink()

    run = target.target(whole_version(range(2, 8), 2), **mirror)
    assert run.code == 0, run.err
    assert members(emulator, account) == digests(range(9))
    assert target.target(whole_version(range(4, 8), 3), **mirror).code == 0
    assert members(emulator, account) == digests([0, 1, 4, 5, 6, 7, 8])
