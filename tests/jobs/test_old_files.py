"""States and ledgers that an earlier version wrote stay readable."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from people import SCHEMA, digests, members, people
from programs import record, schema

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator

DATA = Path(__file__).parents[1] / "data"
LONG_AGO = 1_700_000_000
STREAMS = ("audiences", "customer_lists", "ad_accounts")


def test_state_of_version_0_1_emits_nothing_again(emulator: Emulator, programs: Programs) -> None:
    accounts = emulator.seed(ad_accounts=2, audiences=20, updated_timestamp=LONG_AGO)
    state = json.loads((DATA / "state-0.1.json").read_text())
    run = programs.tap(state=state, streams=STREAMS, detect_removed=True)
    assert run.code == 0
    assert run.records("audiences") == []

    changed = emulator.state()["audiences"][accounts[0]][0]["id"]
    update = record(id=changed, ad_account_id=accounts[0], description="Changed")
    assert programs.target([schema(), update]).code == 0
    again = programs.tap(state=state, streams=STREAMS, detect_removed=True)
    assert [each["description"] for each in again.records("audiences")] == ["Changed"]


def test_ledger_of_version_0_1_still_has_the_sent_members(
    emulator: Emulator, programs: Programs, account: str, tmp_path: Path
) -> None:
    first = programs.target(
        [SCHEMA, *people(range(50))],
        ad_account_id=account,
        ledger_url=f"sqlite:///{tmp_path / 'new.db'}",
    )
    assert first.code == 0
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as database:
        database.executescript((DATA / "ledger-0.1.sql").read_text())
    emulator.clear()

    settings = {"ad_account_id": account, "ledger_url": f"sqlite:///{old}"}
    again = programs.target([SCHEMA, *people(range(50))], **settings)
    assert again.code == 0
    assert not [each for each in emulator.requests() if each["method"] != "GET"]
    changed = programs.target(
        [SCHEMA, *people(range(45, 50), _sdc_deleted_at="2026-01-01"), *people(range(50, 52))],
        **settings,
    )
    assert changed.code == 0
    assert members(emulator, account) == digests([*range(45), 50, 51])
