"""The output grows in proportion to the records, not with their square."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from tap_pinterest_audiences.pacing import is_state_due

if TYPE_CHECKING:
    from programs import Programs, Run

    from pinterest_emulator.testing import Emulator

LONG_AGO = 1_700_000_000
STREAMS = ["audiences", "customer_lists", "audience_insights", "received_audiences"]


def state_of(entries: int) -> dict[str, Any]:
    partition = {"context": {}, "digests": {str(number): "" for number in range(entries)}}
    return {"bookmarks": {"audiences": {"partitions": [partition]}, "ad_accounts": {}}}


@pytest.mark.parametrize(
    ("entries", "records", "seconds", "due"),
    [
        (0, 0, 0, False),
        (0, 1, 0, True),
        (100, 24, 0, False),
        (100, 25, 0, True),
        (100_000, 1, 59, False),
        (100_000, 0, 60, True),
    ],
)
def test_state_is_due_after_four_times_its_size_in_records_or_a_minute(
    entries: int, records: int, seconds: float, *, due: bool
) -> None:
    assert is_state_due(state_of(entries), records, seconds) == due


@pytest.mark.parametrize("changed", [False, True], ids=["nothing new", "all new"])
def test_output_grows_in_proportion_to_the_accounts(
    emulator: Emulator, programs: Programs, *, changed: bool
) -> None:
    written = {}
    for accounts in (5, 45):
        ids = emulator.seed(
            ad_accounts=accounts, audiences=4 * accounts, updated_timestamp=LONG_AGO
        )
        settings: dict[str, Any] = {"streams": STREAMS, "detect_removed": True}
        run = programs.tap(ad_account_ids=ids, **settings)
        if not changed:
            run = programs.tap(ad_account_ids=ids, state=run.state, **settings)
            assert run.records("audiences") == []
        assert run.code == 0, run.err
        written[accounts] = len(run.out)
    assert written[45] < 9 * 1.2 * written[5]


def cut_at(run: Run, line: int) -> Run:
    return dataclasses.replace(run, out="\n".join(run.out.splitlines()[:line]))


def test_state_of_a_killed_run_covers_only_emitted_records(
    emulator: Emulator, programs: Programs
) -> None:
    emulator.seed(ad_accounts=6, audiences=30, updated_timestamp=LONG_AGO)
    whole = programs.tap(streams=["audiences"])
    everything = {record["id"] for record in whole.records("audiences")}
    promising = 0
    for line in range(1, len(whole.out.splitlines()) + 1):
        killed = cut_at(whole, line)
        out = {record["id"] for record in killed.records("audiences")}
        parts = killed.state.get("bookmarks", {}).get("audiences", {}).get("partitions", [])
        promised = {each for part in parts for each in part.get("digests", ())}
        assert promised <= out
        promising += bool(promised) and promised < everything
    assert promising, "a state goes out before the end"


def test_state_after_a_failure_covers_the_finished_partitions(
    emulator: Emulator, programs: Programs
) -> None:
    accounts = emulator.seed(ad_accounts=4, audiences=40, updated_timestamp=LONG_AGO)
    old = programs.tap(streams=["audiences"]).state
    for part in old["bookmarks"]["audiences"]["partitions"]:
        part["replication_key_value"] -= 100_000
    emulator.fault(
        operation="audiences/list", path_contains=accounts[2], kind="rate_limit", reset=5000
    )
    second = programs.tap(streams=["audiences"], state=old)
    assert second.code == 75

    def values(state: dict[str, Any]) -> list[int]:
        parts = state["bookmarks"]["audiences"]["partitions"]
        return [part["replication_key_value"] for part in parts]

    moved = [new > old for old, new in zip(values(old), values(second.state), strict=True)]
    assert moved == [True, True, False, False]
