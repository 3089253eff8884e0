"""The contestants that write audiences.

``create`` writes audiences to an ad account that has none; ``unchanged`` sends those that exist
already in 20 ad accounts, so nothing may be written. A template's target knows only the first.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench import inputs
from bench.contest import ACCOUNTS, Contestant
from bench.member_writers import OWN, TEMPLATE, own_target, template_target
from bench.readers import peer
from bench.server.data import FIRST_ACCOUNT

if TYPE_CHECKING:
    from pathlib import Path

    from bench.contest import Run
    from bench.measure import Command

FLOOR = "floor: msgspec + requests"


def creators() -> list[Contestant]:
    """Return the contestants that create audiences."""
    return [
        Contestant(FLOOR, _create_by_floor, _check_created),
        Contestant(TEMPLATE, _create_by_template, _check_created),
        Contestant(OWN, _create, _check_created),
    ]


def repeaters() -> list[Contestant]:
    """Return the contestants that send audiences which exist already."""
    return [
        Contestant(FLOOR, _repeat_by_floor, _check_unchanged),
        Contestant(OWN, _repeat, _check_unchanged),
    ]


def _new(run: Run) -> Path:
    records = inputs.audiences({run.empty_account: run.rows})
    return inputs.write_records(run.folder / "new.singer", "audiences", inputs.AUDIENCES, records)


def _existing(run: Run) -> Path:
    path = run.shared / f"existing-{run.rows}.singer"
    if not path.exists():
        counts = {
            str(FIRST_ACCOUNT + place): run.rows // ACCOUNTS + (place < run.rows % ACCOUNTS)
            for place in range(ACCOUNTS)
        }
        records = inputs.audiences(counts)
        inputs.write_records(path, "audiences", inputs.AUDIENCES, records)
    return path


def _create_by_floor(run: Run) -> Command:
    return peer("bench-floor", "write_audiences_floor.py", run.url).reading(_new(run))


def _create_by_template(run: Run) -> Command:
    return template_target(run).reading(_new(run))


def _create(run: Run) -> Command:
    return own_target(run, run.empty_account, ledger_url="").reading(_new(run))


def _check_created(run: Run) -> None:
    found = run.server.written(run.empty_account)
    if (found["created"], found["names"]) != (run.rows, run.rows):
        message = f"the server received {found} instead of {run.rows} audiences"
        raise SystemExit(message)


def _repeat_by_floor(run: Run) -> Command:
    _note_writes(run)
    return peer("bench-floor", "write_audiences_floor.py", run.url).reading(_existing(run))


def _repeat(run: Run) -> Command:
    _note_writes(run)
    command = own_target(run, run.empty_account, ledger_url="", report_path=str(_report(run)))
    return command.reading(_existing(run))


def _report(run: Run) -> Path:
    return run.folder / "report.json"


def _note_writes(run: Run) -> None:
    (run.folder / "writes").write_text(str(run.server.usage()["writes"]))


def _check_unchanged(run: Run) -> None:
    writes = run.server.usage()["writes"] - int((run.folder / "writes").read_text())
    seen = run.rows
    if _report(run).exists():
        seen = json.loads(_report(run).read_text())["counts"]["unchanged"]
    if writes or seen != run.rows:
        message = f"{seen} of {run.rows} audiences unchanged, and {writes} writes"
        raise SystemExit(message)
