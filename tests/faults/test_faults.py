"""A sample of all failures at all points, and bugs that the sweep must find.

`make faults` tries every failure at every point.
"""

from __future__ import annotations

import random
import signal
from contextlib import nullcontext
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
from bugs import BUGS, Bug
from ended import Ended
from scenarios import SCENARIOS, Scenario
from sweep import FAULTS, SEED, Bench, bench, complaints, faults_of, kills_of, matrix
from verdict import Broken, check_talk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = 10

scenarios = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


@pytest.fixture(scope="module")
def worker() -> Iterator[Bench]:
    with bench() as worker:
        yield worker


def part(scenario: Scenario) -> int:
    """Number of kills for each scenario."""
    return len(range(SCENARIOS.index(scenario), KILLS, len(SCENARIOS)))


@scenarios
def test_injected_fault_loses_doubles_and_leaks_nothing(worker: Bench, scenario: Scenario) -> None:
    clean = worker.clean(scenario)
    dice = random.Random(SEED)  # noqa: S311  (the same points each time)
    by_fault = groupby(
        sorted(faults_of(scenario, clean), key=lambda tried: tried.row), lambda tried: tried.row
    )
    tries = [dice.choice(list(same)) for _, same in by_fault]
    results = [worker.attempt(tried, clean) for tried in tries]
    assert complaints(results) == [], matrix(results)
    assert len(results) == len(FAULTS)
    assert {result.outcome for result in results} & {"healed", "resumed"}


@scenarios
def test_killed_program_continues_where_it_stopped(worker: Bench, scenario: Scenario) -> None:
    clean = worker.clean(scenario)
    dice = random.Random(SEED)  # noqa: S311
    tries = kills_of(scenario, clean, part(scenario), dice)
    results = [worker.attempt(tried, clean) for tried in tries]
    assert complaints(results) == [], matrix(results)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_sweep_finds_each_planted_bug(worker: Bench, bug: Bug) -> None:
    (scenario,) = (scenario for scenario in SCENARIOS if scenario.name == bug.scenario)
    clean = worker.clean(scenario)
    tries = [
        replace(tried, plan={**tried.plan, "bug": bug.name})
        for tried in faults_of(scenario, clean)
        if tried.row == bug.row
    ]
    outcomes: list[str] = []
    while tries and bug.outcome not in outcomes:
        outcomes.append(worker.attempt(tries.pop(0), clean).outcome)
    assert bug.outcome in outcomes


@pytest.mark.parametrize(
    ("code", "name", "mode", "content", "accepted"),
    [
        (-signal.SIGKILL, ".token.json.tmp", 0o600, "pinr.live", True),
        (-signal.SIGKILL, ".report.json.tmp", 0o644, "{}", True),
        (-signal.SIGKILL, ".token.json.tmp", 0o644, "pinr.live", False),
        (-signal.SIGKILL, ".token.json.abcd1234", 0o600, "pinr.live", False),
        (-signal.SIGKILL, "elsewhere/.token.json.tmp", 0o600, "pinr.live", False),
        (-signal.SIGKILL, ".report.json.tmp", 0o600, "pinr.live", False),
        (-signal.SIGKILL, "ledger.db", 0o600, "pinc.live", False),
        (-signal.SIGTERM, ".token.json.tmp", 0o600, "pinr.live", False),
        (128 + signal.SIGTERM, ".token.json.tmp", 0o600, "pinr.live", False),
        (0, ".token.json.tmp", 0o600, "pinr.live", False),
        (0, ".report.json.tmp", 0o600, "{}", False),
    ],
)
def test_only_sigkill_may_leave_temporary_files(
    tmp_path: Path, code: int, name: str, mode: int, content: str, *, accepted: bool
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    with nullcontext() if accepted else pytest.raises(Broken, match=path.name):
        check_talk(Ended(code, [], ""), tmp_path)
