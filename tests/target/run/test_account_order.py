"""Parallel targets that need the same ad accounts in different orders."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import sqlalchemy as sa
from databases import url_of
from forks import Fork, until
from people import SCHEMA, STREAM, activate, audiences, changes, digests, lists, members, people
from programs import Run, environment, record, schema, state

from demo.parts import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from programs import Programs

    from pinterest_emulator.testing import Emulator

WAITING = "Waiting for another run of the target, which holds ad account"


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with running_postgres() as postgres:
        yield url_of(postgres)


@pytest.fixture(params=["file", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"sqlite:///{tmp_path}/kept/ledger.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/kept/ledger.db"


class FedTarget:
    """A target that gets its input in pieces."""

    def __init__(self, programs: Programs, name: str, settings: dict[str, Any]) -> None:
        """Start it."""
        config = programs.file(f"{name}.json", {**programs.settings, **settings})
        ends = ("in", "out", "err")
        stdin, self._out, self._err = files = [programs.folder / f"{name}.{end}" for end in ends]
        os.mkfifo(stdin)
        command = ["target-pinterest-audiences", "--config", str(config)]
        env = environment(programs.folder)
        self._fork = Fork(command, files=files, folder=programs.folder, env=env)
        self._input = stdin.open("w")

    def send(self, *messages: object) -> None:
        self._input.write("".join(json.dumps(message) + "\n" for message in messages))
        self._input.flush()

    def close(self) -> None:
        self._input.close()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._fork.pid, number)

    def kill(self) -> None:
        self.close()
        self._fork.kill()

    def waits_for(self, account: str) -> bool:
        return f"{WAITING} {account}" in self._err.read_text()

    def wait(self) -> Run:
        return Run(self._fork.wait(), self._out.read_text(), self._err.read_text())

    def end(self) -> Run:
        self.close()
        return self.wait()


class Start(Protocol):
    def __call__(self, name: str, **settings: Any) -> FedTarget: ...


@pytest.fixture
def start(programs: Programs) -> Iterator[Start]:
    started = []

    def start(name: str, **settings: Any) -> FedTarget:
        started.append(FedTarget(programs, name, settings))
        return started[-1]

    yield start
    for fed in started:
        fed.kill()


def visitors(account: str, name: str, **fields: Any) -> dict[str, Any]:
    rule = {"visitor_source_id": "2612511566392"}
    return record(ad_account_id=account, name=name, audience_type="VISITOR", rule=rule, **fields)


def names(emulator: Emulator, account: str) -> list[str]:
    return sorted(audience["name"] for audience in audiences(emulator, account))


def batch(folder: Path, name: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Records that the target applies at once instead of in batches."""
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(message["record"]) + "\n" for message in messages))
    return {
        "type": "BATCH",
        "stream": STREAM,
        "encoding": {"format": "jsonl"},
        "manifest": [path.as_uri()],
    }


@pytest.mark.parametrize("count", [2, 3])
def test_runs_that_need_accounts_in_different_orders_all_finish(
    emulator: Emulator, start: Start, ledger_url: str, count: int
) -> None:
    accounts = emulator.seed(ad_accounts=count, audiences=0)
    runs = [start(f"run{n}", ledger_url=ledger_url, max_wait=100) for n in range(count)]
    for n, run in enumerate(runs):
        run.send(schema(), visitors(accounts[n], f"Run {n}"))
    until(lambda: all(names(emulator, account) for account in accounts))
    for n, run in enumerate(runs):
        for account in accounts[n + 1 :] + accounts[:n]:
            run.send(visitors(account, f"Run {n}"), visitors(account, "Shared"))
        run.send(visitors(accounts[n], "Shared", description=f"run {n}"), state(n))
        run.close()

    for n, run in enumerate(runs):
        done = run.wait()
        assert done.code == 0, done.err
        assert done.state == {"seen": n}
        assert done.err.count(WAITING) <= count - 1
    for n, account in enumerate(accounts):
        assert names(emulator, account) == [*(f"Run {n}" for n in range(count)), "Shared"]
        (shared,) = (item for item in audiences(emulator, account) if item["name"] == "Shared")
        assert shared["description"] == f"run {n}"


def test_lists_of_an_unlocked_account_are_read_again(
    emulator: Emulator, start: Start, file_url: str, tmp_path: Path
) -> None:
    first, second = emulator.seed(ad_accounts=2, audiences=0)
    settings = {"ad_account_id": second, "ledger_url": file_url, "member_batch_size": 20}
    one, other = start("one", **settings), start("other", **settings)
    one.send(schema(), SCHEMA, visitors(first, "One"))
    other.send(schema(), SCHEMA)
    later = people(range(3), audience_name="Later", operation="REMOVE")
    other.send(batch(tmp_path, "begin", [*later, *people(range(30))]))
    until(lambda: names(emulator, first) and lists(emulator, second))
    other.send(visitors(first, "Other"), *people(range(50, 80)))
    other.send(*people(range(3, 6), audience_name="Later"))
    until(lambda: other.waits_for(first))
    one.send(*people(range(20, 60)), *people(range(5), audience_name="Later"))

    for run in (one, other):
        run.close()
    for run in (one, other):
        done = run.wait()
        assert done.code == 0, done.err
    assert sorted(item["name"] for item in lists(emulator, second)) == ["Customers", "Later"]
    assert names(emulator, second) == ["Customers", "Later"]
    assert members(emulator, second) == digests(range(80))
    assert members(emulator, second, "Later") == digests(range(6))
    assert sum(sent for _, sent in changes(emulator)) == 80 + 6
    assert names(emulator, first) == ["One", "Other"]


def test_mirror_removes_no_absent_members_of_a_list_that_another_run_could_change(
    emulator: Emulator, start: Start, file_url: str, tmp_path: Path
) -> None:
    first, second = emulator.seed(ad_accounts=2, audiences=0)
    settings = {"ad_account_id": second, "ledger_url": file_url}
    mirror = {**settings, "member_mode": "mirror", "max_removal_ratio": 1}
    before = start("before", **mirror)
    before.send(SCHEMA, *people(range(20)), activate(1))
    assert before.end().code == 0

    one, other = start("one", **settings), start("other", **mirror)
    one.send(schema(), SCHEMA, visitors(first, "One"))
    emulator.clear()
    other.send(schema(), SCHEMA, batch(tmp_path, "half", people(range(10))))
    until(lambda: names(emulator, first) and emulator.requests("customer_lists/list"))
    other.send(visitors(first, "Other"), activate(2))
    until(lambda: other.waits_for(first))
    one.send(*people(range(100, 105)))
    added, mirrored = one.end(), other.end()
    assert added.code == 0, added.err
    assert mirrored.code == 1
    assert any("another run could change" in line for line in mirrored.complaints)
    assert members(emulator, second) == digests([*range(20), *range(100, 105)])

    again = start("again", **mirror)
    again.send(SCHEMA, *people(range(10)), activate(3))
    done = again.end()
    assert done.code == 0, done.err
    assert members(emulator, second) == digests(range(10))


def test_sharing_in_an_unlocked_account_is_read_again(
    emulator: Emulator, start: Start, file_url: str
) -> None:
    first, second, recipient = emulator.seed(ad_accounts=3, audiences=0)
    settings = {"ad_account_id": second, "ledger_url": file_url}
    sharing = {"audience_name": "Other", "recipient_account_ids": [recipient]}
    share, revoke = (
        record("audience_sharing", **sharing, operation_type=operation)
        for operation in ("SHARE", "REVOKE")
    )
    one, other = start("one", **settings), start("other", **settings)
    one.send(schema(), schema("audience_sharing"), visitors(first, "One"))
    other.send(schema(), schema("audience_sharing"), visitors(second, "Other"), share)

    def shared() -> bool:
        found = audiences(emulator, second)
        return bool(found) and bool(emulator.state()["shared_accounts"].get(found[0]["id"]))

    until(lambda: names(emulator, first) and shared())
    other.send(visitors(first, "Other"), share)
    until(lambda: other.waits_for(first))
    one.send(revoke)
    for done in (one.end(), other.end()):
        assert done.code == 0, done.err
    assert shared()


def test_sigterm_ends_a_waiting_run(emulator: Emulator, start: Start, ledger_url: str) -> None:
    first, second = emulator.seed(ad_accounts=2, audiences=0)
    one, other = (start(name, ledger_url=ledger_url) for name in ("one", "other"))
    one.send(schema(), visitors(first, "One"))
    other.send(schema(), visitors(second, "Other"), state("half"))
    until(lambda: names(emulator, first) and names(emulator, second))
    other.send(visitors(first, "Other"))
    until(lambda: other.waits_for(first))
    other.signal(signal.SIGTERM)
    stopped = other.wait()
    assert stopped.code == 143, stopped.err
    assert stopped.state == {"seen": "half"}
    assert "Traceback" not in stopped.err, stopped.err

    one.send(visitors(second, "One"))
    done = one.end()
    assert done.code == 0, done.err
    assert names(emulator, second) == ["One", "Other"]


def test_run_that_waits_longer_than_max_wait_ends_with_75(
    emulator: Emulator, start: Start, ledger_url: str
) -> None:
    first, second = emulator.seed(ad_accounts=2, audiences=0)
    one, other = (
        start("one", ledger_url=ledger_url),
        start("other", ledger_url=ledger_url, max_wait=1),
    )
    one.send(schema(), visitors(first, "One"))
    other.send(schema(), visitors(second, "Other"))
    until(lambda: names(emulator, first) and names(emulator, second))
    other.send(visitors(first, "Other"))
    waited = other.wait()
    assert waited.code == 75, waited.err
    assert waited.err.count(WAITING) == len(waited.complaints) == 1
    assert f"ad account {first}" in waited.complaints[0]
    assert "max_wait" in waited.complaints[0]

    one.send(visitors(second, "One"))
    done = one.end()
    assert done.code == 0, done.err
    assert names(emulator, second) == ["One", "Other"]


def test_database_lost_during_a_wait_logs_one_line(
    emulator: Emulator, start: Start, postgres_url: str
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=0)
    one, other = (start(name, ledger_url=postgres_url) for name in ("one", "other"))
    one.send(schema(), visitors(account, "One"))
    until(lambda: names(emulator, account))
    other.send(schema(), visitors(account, "Other"))
    until(lambda: other.waits_for(account))
    engine = sa.create_engine(postgres_url)
    waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory'"

    def ended() -> list[Any]:
        with engine.connect() as connection:
            return list(connection.exec_driver_sql(waiting))

    until(ended)
    engine.dispose()
    lost = other.wait()
    assert lost.code == 1
    assert len(lost.complaints) == 1
    assert lost.complaints[0].startswith("ledger_url: ")
    assert "Traceback" not in lost.err
    assert one.end().code == 0
