"""Parallel targets that share a ledger and write to one ad account."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from databases import url_of
from forks import until
from people import SCHEMA, audiences, digests, lists, members, people
from programs import Programs, record, schema, statuses

from demo.parts import running_postgres
from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = [f"Visitors {number}" for number in range(5)]
LATENCY_MS = 100
"""Long enough for two runs to read the same list before either writes."""


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with running_postgres() as postgres:
        yield url_of(postgres)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(seed="empty", access="unlimited", latency_ms=LATENCY_MS) as emulator:
        yield emulator


@pytest.fixture(params=["by default", "file", "none", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    match request.param:
        case "file":
            return {"ledger_url": f"sqlite:///{tmp_path}/kept/ledger.db"}
        case "none":
            return {"ledger_url": ""}
        case "postgresql":
            return {"ledger_url": str(request.getfixturevalue("postgres_url"))}
    return {}


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    return Programs(
        tmp_path,
        {"access_token": "pina_demo", "api_url": emulator.url, "ad_account_id": account},
    )


def visitors(description: str) -> list[dict[str, Any]]:
    rule = {"visitor_source_id": "2612511566392"}
    return [
        schema(),
        *(
            record(name=name, audience_type="VISITOR", description=description, rule=rule)
            for name in NAMES
        ),
    ]


def test_parallel_targets_create_no_audience_twice(
    target: Programs, emulator: Emulator, account: str, ledger: dict[str, str]
) -> None:
    both = [
        target.start(visitors(description), name=description, **ledger)
        for description in ("one", "other")
    ]
    for process in both:
        run = process.wait()
        assert run.code == 0, run.err

    made = audiences(emulator, account)
    assert sorted(audience["name"] for audience in made) == NAMES
    # The second run followed the first and updated its audiences.
    assert len({audience["description"] for audience in made}) == 1
    asked = statuses(emulator.requests())
    assert asked["audiences/create", 200] == asked["audiences/update", 200] == len(NAMES)


def test_parallel_targets_create_no_list_twice(
    target: Programs, emulator: Emulator, account: str, ledger: dict[str, str]
) -> None:
    both = [
        target.start([SCHEMA, *people(numbers)], name=name, **ledger)
        for name, numbers in [("one", range(30)), ("other", range(20, 60))]
    ]
    for process in both:
        run = process.wait()
        assert run.code == 0, run.err

    assert len(lists(emulator, account)) == len(audiences(emulator, account)) == 1
    assert members(emulator, account) == digests(range(60))


def test_run_that_waits_longer_than_max_wait_ends_with_75(
    target: Programs, emulator: Emulator, account: str
) -> None:
    first = target.start(visitors("first"), name="first")
    until(emulator.requests)
    os.kill(first.pid, signal.SIGSTOP)
    second = target.target(visitors("second"), max_wait=1)
    told = target.target(visitors("third"), dry_run=True, max_wait=0)
    first.stop(signal.SIGKILL)

    assert second.code == 75
    assert len(second.complaints) == 1
    assert f"ad account {account}" in second.complaints[0]
    assert told.code == 0, told.err
    again = target.target(visitors("second"), max_wait=0)
    assert again.code == 0, again.err
    assert {audience["description"] for audience in audiences(emulator, account)} == {"second"}


def test_run_that_cannot_create_a_lock_file_warns_and_continues(
    target: Programs, emulator: Emulator, account: str, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("where the folder would be")
    run = target.target(visitors("alone"))
    assert run.code == 0, run.err
    assert "could make an audience twice" in run.err
    assert len(audiences(emulator, account)) == len(NAMES)
