"""A target with a ledger of files that is killed or stopped anywhere loses nobody."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import pytest
from batch_runs import Batches, rows_of, table
from filelock import FileLock
from forks import until
from people import audiences, changes, digests, email, members, writes

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bulk_runs import Bulk
    from programs import Process

IN_FLIGHT = 4
KILLS = 12
OPT_OUT = {"_sdc_deleted_at": "2026-01-02T03:04:05Z"}


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Batches]:
    """The target, with an emulator that takes a while for each response."""
    with Emulator(seed="empty", access="unlimited", latency_ms=15) as emulator:
        (account,) = emulator.seed(ad_accounts=1, audiences=0)
        yield Batches(tmp_path, emulator, account, {"concurrency": IN_FLIGHT})


@pytest.fixture
def batches(emulator: Emulator, account: str, tmp_path: Path) -> Batches:
    return Batches(tmp_path, emulator, account)


def sent(team: Batches) -> int:
    """How many requests with members reached the emulator as a whole."""
    return sum("records" in body for _, body in writes(team.emulator) if body)


def kill(process: Process) -> None:
    run = process.stop(signal.SIGKILL)
    assert (run.code, run.state) == (-signal.SIGKILL, {})


def test_killed_anywhere_loses_nobody_and_repeats_what_was_under_way(slow: Batches) -> None:
    before = slow.run(slow.batch(table(rows_of(map(email, range(200))))))
    assert before.code == 0, before.err
    gone = rows_of(map(email, range(100)), **OPT_OUT)
    message = slow.batch(table([*rows_of(map(email, range(1200))), *gone]))
    slow.emulator.clear()
    choice = random.Random(17)  # noqa: S311  (no secret)
    for _ in range(KILLS):
        process = slow.start(message, member_batch_size=5)
        stop_at = sent(slow) + choice.randrange(1, 12)
        until(lambda at=stop_at: sent(slow) >= at)  # type: ignore[misc]
        kill(process)
    last = slow.run(message, member_batch_size=5)
    assert (last.code, last.state) == (0, {"seen": 1}), last.err
    assert 1100 / 5 <= sent(slow) <= 1100 / 5 + IN_FLIGHT * KILLS
    assert members(slow.emulator, slow.account) == digests(range(100, 1200))
    slow.emulator.clear()
    assert slow.run(message).code == 0
    assert writes(slow.emulator) == []


@pytest.mark.parametrize("name", ["0.parquet", "plan.json", "done.json", "CURRENT"])
def test_killed_at_a_file_goes_on_as_if_nothing_was(
    emulator: Emulator, batches: Batches, name: str
) -> None:
    message = batches.batch(table(rows_of(map(email, range(500)))))
    killed = batches.start(message, prepare=("bulk_faults", "kill_at", name)).wait()
    assert (killed.code, killed.state) == (-signal.SIGKILL, {})
    was_sent = name in {"done.json", "CURRENT"}
    assert bool(writes(emulator)) is was_sent
    emulator.clear()
    run = batches.run(message)
    assert (run.code, run.state) == (0, {"seen": 1}), run.err
    assert bool(changes(emulator)) is not was_sent
    assert members(emulator, batches.account) == digests(range(500))
    assert [item["added"] for item in batches.current["runs"]] == [500]


@pytest.mark.parametrize("bug", ["", "plan recomputed at resume"])
def test_person_taken_out_and_wanted_again_across_a_kill_is_in(
    emulator: Emulator, batches: Batches, bug: str
) -> None:
    everybody = batches.batch(table(rows_of(map(email, range(100)))))
    assert batches.run(everybody).code == 0
    out = batches.batch(table(rows_of([email(0)], **OPT_OUT)))
    killed = batches.start(out, prepare=("bulk_faults", "kill_at", ".jsonl")).wait()
    assert (killed.code, killed.state) == (-signal.SIGKILL, {})
    assert members(emulator, batches.account) == digests(range(1, 100))  # taken, and not noted
    prepare = ("bulk_faults", "plant", bug) if bug else None
    run = batches.start(everybody, prepare=prepare).wait()
    assert run.code == 0, run.err
    assert (members(emulator, batches.account) == digests(range(100))) is not bool(bug)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_holds_the_state_and_the_next_run_goes_on(
    slow: Batches, number: signal.Signals, code: int
) -> None:
    message = slow.batch(table(rows_of(map(email, range(500)))))
    process = slow.start(message, member_batch_size=5)
    until(lambda: sent(slow) > 10)
    run = process.stop(number)
    assert (run.code, run.state) == (code, {})
    assert slow.report["error"] == "stopped by a signal"
    assert "Traceback" not in run.err
    again = slow.run(message, member_batch_size=5)
    assert (again.code, again.state) == (0, {"seen": 1}), again.err
    assert members(slow.emulator, slow.account) == digests(range(500))


def test_ledger_that_another_machine_holds_ends_the_run_with_75(
    emulator: Emulator, batches: Batches
) -> None:
    message = batches.batch(table(rows_of(map(email, range(500)))))
    assert batches.run(message).code == 0
    emulator.clear()
    more = batches.batch(table(rows_of(map(email, range(510)))))
    with FileLock(batches.ledger / batches.account / "claim.lock"):
        run = batches.run(more, max_wait=0)
    assert (run.code, run.state) == (75, {})
    assert writes(emulator) == []
    assert batches.run(more).code == 0


def test_list_that_another_machine_made_meanwhile_is_found(
    emulator: Emulator, batches: Batches, bulk: Bulk
) -> None:
    bulk.people(range(500))
    prepare = ("bulk_faults", "sync_while_reading", bulk.command())
    message = batches.batch(table(rows_of(map(email, range(510)))))
    run = batches.start(message, prepare=prepare).wait()
    assert run.code == 0, run.err
    assert members(emulator, batches.account) == digests(range(510))  # of the only list
    assert len(audiences(emulator, batches.account)) == 1
    assert batches.list_report["already_there"] == 500


def test_long_rate_limit_ends_with_75_and_the_next_run_goes_on(
    emulator: Emulator, batches: Batches
) -> None:
    message = batches.batch(table(rows_of(map(email, range(1000)))))
    emulator.fault(kind="rate_limit", reset=5000, operation="customer_lists/update", skip=3)
    run = batches.run(message, concurrency=2, max_wait=10)
    assert (run.code, run.state) == (75, {}), run.err
    again = batches.run(message)
    assert (again.code, again.state) == (0, {"seen": 1}), again.err
    assert members(emulator, batches.account) == digests(range(1000))
    assert [item["added"] for item in batches.current["runs"]] == [1000]


def test_dry_run_with_an_open_run_plans_nothing(emulator: Emulator, batches: Batches) -> None:
    message = batches.batch(table(rows_of(map(email, range(500)))))
    killed = batches.start(message, prepare=("bulk_faults", "kill_at", "done.json")).wait()
    assert killed.code == -signal.SIGKILL
    emulator.clear()
    run = batches.run(message, dry_run=True)
    assert (run.code, run.state) == (0, {})
    assert "nothing was planned now" in run.err
    assert writes(emulator) == []
