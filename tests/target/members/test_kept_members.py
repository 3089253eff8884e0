"""Memory of the target for accepted and rejected members."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from people import NAME, SCHEMA, person, run_here
from programs import record

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.members import reject_limit
from target_pinterest_audiences.run.dead_letters import DeadLetters
from target_pinterest_audiences.sinks import members as members_sink
from target_pinterest_audiences.sinks.members import AudienceMembersSink

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Programs

LOOKUP_BATCH_SIZE, ROWS = 10, 200
BLANK = record("audience_members", audience_name=NAME, email=" ")
OTHER_TYPE = person(None, maid="6d92078a-8246-4ba4-ae5b-76104861e7dc")


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of records in the sink's memory after each lookup."""
    monkeypatch.setattr(members_sink, "LOOKUP_BATCH_SIZE", LOOKUP_BATCH_SIZE)
    process_buffer, counts = AudienceMembersSink.process_buffer, []

    def counted(sink: AudienceMembersSink) -> None:
        process_buffer(sink)
        counts.append(len(sink._taken))  # noqa: SLF001

    monkeypatch.setattr(AudienceMembersSink, "process_buffer", counted)
    return counts


@pytest.fixture
def settings(programs: Programs, account: str, tmp_path: Path) -> dict[str, Any]:
    return {
        **programs.settings,
        "ad_account_id": account,
        "rejected_path": str(tmp_path / "rejected.jsonl"),
        "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
        "max_rejected": ROWS,
    }


@pytest.mark.parametrize("rejected", [BLANK, OTHER_TYPE], ids=["blank", "other type"])
def test_rejected_member_does_not_make_the_target_store_later_records(
    settings: dict[str, Any], remembered: list[int], rejected: dict[str, Any]
) -> None:
    run = run_here(settings, [SCHEMA, person(0), rejected, *(person(n) for n in range(ROWS))])

    assert run.code == 0
    assert len(remembered) > ROWS // LOOKUP_BATCH_SIZE
    assert max(remembered) == 0


def test_stored_member_that_comes_again_is_stored_once_and_removed(
    settings: dict[str, Any], remembered: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "rejected.jsonl"
    assert run_here(settings, [SCHEMA, person(1), OTHER_TYPE]).code == 0
    (tmp_path / "ledger.db").unlink()  # so the next run does not know the members of the list
    messages = [json.loads(line) for line in path.read_text().splitlines()]
    kept = next(message for message in messages if message["type"] == "RECORD")

    assert run_here(settings, [SCHEMA, *[kept] * ROWS]).code == 0
    assert max(remembered) == 1
    assert not path.exists()


@pytest.mark.parametrize(
    ("rows", "rejected", "stops"),
    [(20, 10, False), (1099, 11, True), (1100, 11, False), (1100, 12, True)],
)
def test_share_of_rejected_members_above_a_floor_stops_the_run(
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    rows: int,
    rejected: int,
    *,
    stops: bool,
) -> None:
    monkeypatch.setattr(reject_limit, "FEW_REJECTED", 10)
    bad = [person(None, email=f"nobody {number}") for number in range(rejected)]
    good = [person(number) for number in range(rows - rejected)]
    settings["report_path"] = str(tmp_path / "report.json")
    assert run_here(settings, [SCHEMA, *good, *bad]).code == int(stops)
    error = json.loads((tmp_path / "report.json").read_text())["error"]
    assert (f"{rejected} of {rows} records were rejected" in (error or "")) is stops
    kept = (tmp_path / "rejected.jsonl").read_text().splitlines()
    assert len(kept) == 1 + rejected


def test_rejected_records_are_not_in_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        dead_letters = DeadLetters(tmp_path / "rejected")
        why = Reject("bad", "a reason " + "!" * 10_000)
        for _ in range(2):
            for number in range(1000):
                message = record("audience_members", email=f"{number}")
                dead_letters.keep(message, why, dt.datetime.now(dt.UTC))
            dead_letters.commit()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "rejected").stat().st_size > 10_000_000
    assert peak < 5_000_000
