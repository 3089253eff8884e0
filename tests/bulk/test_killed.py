"""A sync that is killed or stopped anywhere loses nobody, and sends at most a few batches again."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

import pytest
from bulk_runs import Bulk, keys
from forks import until
from people import changes, digests, email, members, writes

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from programs import Process

IN_FLIGHT = 4
KILLS = 20
PLANNING = ["0.parquet", "plan.json"]
"""What a plan is made of, in the order in which it is put into the ledger."""

BUGS = ("outcome before response", "plan recomputed at resume", "additions and removals together")


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Bulk]:
    """The command, with an emulator that takes a while for each response."""
    with Emulator(seed="empty", access="unlimited", latency_ms=15) as emulator:
        yield Bulk(tmp_path, emulator, emulator.seed(ad_accounts=1, audiences=0)[0])


def noted(bulk: Bulk) -> int:
    """How many batches of the last run have an outcome."""
    outcomes = (bulk.runs()[-1] / "outcomes").glob("*")
    return sum(path.read_bytes().count(b"\n") for path in outcomes)


def sent(bulk: Bulk) -> int:
    """How many batches reached the emulator as a whole."""
    found = [body for _, body in writes(bulk.emulator)]
    return sum("records" in body for body in found if body)


def kill(process: Process) -> None:
    assert process.stop(signal.SIGKILL).code == -signal.SIGKILL


def test_sender_killed_anywhere_loses_nobody_and_repeats_four_batches_at_most(slow: Bulk) -> None:
    slow.people(range(1500))
    choice = random.Random(17)  # noqa: S311  (no secret)
    for _ in range(KILLS):
        before = sent(slow)
        process = slow.start("--requests-in-flight", str(IN_FLIGHT), member_batch_size=5)
        stop_at = before + choice.randrange(1, 12)
        until(lambda at=stop_at: sent(slow) >= at)  # type: ignore[misc]
        kill(process)
    assert len(slow.runs()) == 1
    last = slow.sync(member_batch_size=5)
    assert last.code == 0, last.err
    assert sent(slow) <= 1500 / 5 + IN_FLIGHT * KILLS
    assert members(slow.emulator, slow.account) == digests(range(1500))
    assert noted(slow) == 1500 / 5
    slow.emulator.clear()
    assert slow.sync().code == 0
    assert writes(slow.emulator) == []


@pytest.mark.parametrize("name", ["done.json", "CURRENT"])
def test_run_killed_after_its_last_response_counts_without_a_request(
    emulator: Emulator, bulk: Bulk, account: str, name: str
) -> None:
    bulk.people(range(500))
    killed = bulk.start(prepare=("bulk_faults", "kill_at", name)).wait()
    assert killed.code == -signal.SIGKILL
    assert members(emulator, account) == digests(range(500))
    emulator.clear()
    run = bulk.sync()
    assert run.code == 0, run.err
    assert changes(emulator) == []
    assert [item["added"] for item in bulk.current["runs"]] == [500]


@pytest.mark.parametrize("name", PLANNING)
def test_plan_is_equal_or_absent_after_a_kill(
    emulator: Emulator, bulk: Bulk, account: str, name: str
) -> None:
    bulk.people(range(500))
    killed = bulk.start(prepare=("bulk_faults", "kill_at", name)).wait()
    assert killed.code == -signal.SIGKILL
    assert writes(emulator) == []
    half_made = bulk.runs()
    assert not [run for run in half_made if (run / "plan.json").exists()]
    run = bulk.sync()
    assert run.code == 0, run.err
    assert set(bulk.runs()).isdisjoint(half_made)
    assert keys(bulk.runs()[0], "add") == sorted(digests(range(500)))
    assert members(emulator, account) == digests(range(500))


def test_plan_killed_while_it_reads_leaves_nothing(emulator: Emulator, bulk: Bulk) -> None:
    bulk.customers([*map(email, range(500)), "n\u00e9e@shop.example"])
    killed = bulk.start(prepare=("bulk_faults", "kill_while_hashing", 0)).wait()
    assert killed.code == -signal.SIGKILL
    assert writes(emulator) == []
    assert bulk.runs() == []


@pytest.mark.parametrize("bug", ["", "plan recomputed at resume"])
def test_person_removed_and_wanted_again_across_a_kill_is_in(
    emulator: Emulator, bulk: Bulk, account: str, bug: str
) -> None:
    bulk.people(range(100))
    assert bulk.mirror().code == 0
    bulk.people(range(1, 100))
    killed = bulk.start("--mode", "mirror", prepare=("bulk_faults", "kill_at", ".jsonl")).wait()
    assert killed.code == -signal.SIGKILL
    assert members(emulator, account) == digests(range(1, 100))  # taken, and not noted
    bulk.people(range(100))
    prepare = ("bulk_faults", "plant", bug) if bug else None
    run = bulk.start("--mode", "mirror", prepare=prepare).wait()
    assert run.code == 0, run.err
    assert (members(emulator, account) == digests(range(100))) is not bool(bug)


@pytest.mark.parametrize("bug", ["", "outcome before response"])
def test_batch_without_a_response_is_sent_again(
    emulator: Emulator, bulk: Bulk, account: str, bug: str
) -> None:
    bulk.people(range(100))
    assert bulk.sync().code == 0
    bulk.people(range(300))
    emulator.fault(kind="status", status=500, operation="customer_lists/update", times=None)
    process = bulk.start(prepare=("bulk_faults", "plant", bug) if bug else None)
    until(lambda: len(emulator.requests("customer_lists/update")) >= 2)
    kill(process)
    emulator.clear()
    run = bulk.sync()
    assert run.code == 0, run.err
    assert (members(emulator, account) == digests(range(300))) is not bool(bug)


@pytest.mark.parametrize("bug", ["", "additions and removals together"])
def test_removals_wait_until_all_additions_are_done(
    emulator: Emulator, bulk: Bulk, bug: str
) -> None:
    bulk.people(range(500))
    assert bulk.sync().code == 0
    emulator.clear()
    bulk.people(range(50, 800))
    emulator.fault(kind="delay", seconds=1, operation="customer_lists/update", skip=1, times=None)
    run = bulk.start(
        "--mode", "mirror", prepare=("bulk_faults", "plant", bug) if bug else None
    ).wait()
    assert run.code == 0, run.err
    sent = emulator.requests("customer_lists/update")
    operations = [entry["body"]["operation_type"] for entry in sent]
    assert operations == ["ADD", "ADD", "ADD", "REMOVE"]
    assert [entry["in_flight"] for entry in sent[:-1]] == [1, 1, 2]
    assert (sent[-1]["in_flight"] == 1) is not bool(bug)


def test_limit_that_no_quota_explains_is_met_by_fewer_batches_at_a_time(slow: Bulk) -> None:
    slow.people(range(500))
    limited = {"kind": "status", "status": 429, "code": 8}
    slow.emulator.fault(operation="customer_lists/update", skip=15, times=3, **limited)
    run = slow.sync("--requests-in-flight", "8", member_batch_size=5)
    assert run.code == 0, run.err
    in_flight = [entry["in_flight"] for entry in slow.emulator.requests("customer_lists/update")]
    assert max(in_flight[:15]) > 4
    assert max(in_flight[30:45]) <= 2, "it grows by one after 20 responses"
    assert members(slow.emulator, slow.account) == digests(range(500))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_the_run_and_the_next_goes_on(
    slow: Bulk, number: signal.Signals, code: int
) -> None:
    slow.people(range(500))
    process = slow.start(member_batch_size=5)
    until(lambda: sent(slow) > 10)
    run = process.stop(number)
    assert run.code == code
    assert slow.report["error"] == "stopped by a signal"
    assert "Traceback" not in run.err
    assert sent(slow) - noted(slow) <= IN_FLIGHT
    assert slow.sync(member_batch_size=5).code == 0
    assert members(slow.emulator, slow.account) == digests(range(500))


@pytest.mark.parametrize("when", ["stop_while_hashing", "stop_while_planning"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_while_a_plan_is_made_leaves_none(
    emulator: Emulator, bulk: Bulk, number: signal.Signals, code: int, when: str
) -> None:
    bulk.customers([*map(email, range(500)), "n\u00e9e@shop.example"])
    run = bulk.start(prepare=("bulk_faults", when, int(number))).wait()
    assert run.code == code, run.err
    assert run.complaints == []
    assert "Traceback" not in run.err
    assert bulk.report["error"] == "stopped by a signal"
    assert writes(emulator) == []
    assert bulk.runs() == []


def test_long_rate_limit_ends_with_75_and_the_next_run_goes_on(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    bulk.people(range(1000))
    emulator.fault(kind="rate_limit", reset=5000, operation="customer_lists/update", skip=3)
    run = bulk.sync("--requests-in-flight", "2", max_wait=10)
    assert run.code == 75, run.err
    assert 100 < len(members(emulator, account)) < 1000
    again = bulk.sync()
    assert again.code == 0, again.err
    assert members(emulator, account) == digests(range(1000))
    assert len(bulk.runs()) == 1


def test_expired_token_leaves_the_run_open(emulator: Emulator, bulk: Bulk, account: str) -> None:
    bulk.people(range(1000))
    fault = {"kind": "status", "status": 401, "code": 2, "operation": "customer_lists/update"}
    emulator.fault(**fault, skip=3, times=None)
    assert bulk.sync().code == 1
    assert not (bulk.runs()[0] / "done.json").exists()
    emulator.clear()
    dry = bulk.sync("--dry-run")
    assert "is not done" in dry.err
    again = bulk.sync()
    assert again.code == 0, again.err
    assert members(emulator, account) == digests(range(1000))


@pytest.mark.parametrize(("max_wait", "code"), [(0, 75), (60, 0)])
def test_second_sender_waits_or_ends_with_75(slow: Bulk, max_wait: int, code: int) -> None:
    slow.people(range(500))
    first = slow.start(member_batch_size=5)
    until(lambda: sent(slow) > 10)
    second = slow.sync(member_batch_size=5, max_wait=max_wait)
    assert second.code == code, second.err
    assert first.wait().code == 0
    assert sent(slow) == 100
    assert members(slow.emulator, slow.account) == digests(range(500))


def test_plan_whose_files_were_changed_is_not_sent(emulator: Emulator, bulk: Bulk) -> None:
    bulk.people(range(1000))
    killed = bulk.start(prepare=("bulk_faults", "kill_at", ".jsonl")).wait()
    assert killed.code == -signal.SIGKILL
    (run,) = bulk.runs()
    os.truncate(run / "add" / "0.parquet", 100)
    emulator.clear()
    assert bulk.sync().code == 1
    assert changes(emulator) == []
