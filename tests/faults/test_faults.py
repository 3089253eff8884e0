"""A sample of all failures at all points, and bugs that it has to find.

`make faults` tries every failure at every point.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
from bugs import BUGS, Bug
from scenarios import SCENARIOS, Scenario
from sweep import FAULTS, SEED, Bench, bench, complaints, faults_of, kills_of, matrix

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS = 10

scenarios = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


@pytest.fixture(scope="module")
def worker() -> Iterator[Bench]:
    with bench() as worker:
        yield worker


def part(scenario: Scenario) -> int:
    """How many of the kills a scenario gets."""
    return len(range(SCENARIOS.index(scenario), KILLS, len(SCENARIOS)))


@scenarios
def test_each_fault_at_some_request_loses_doubles_and_tells_nothing(
    worker: Bench, scenario: Scenario
) -> None:
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
def test_a_program_that_is_killed_anywhere_goes_on_where_it_was(
    worker: Bench, scenario: Scenario
) -> None:
    clean = worker.clean(scenario)
    dice = random.Random(SEED)  # noqa: S311
    tries = kills_of(scenario, clean, part(scenario), dice)
    results = [worker.attempt(tried, clean) for tried in tries]
    assert complaints(results) == [], matrix(results)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(worker: Bench, bug: Bug) -> None:
    (scenario,) = (scenario for scenario in SCENARIOS if scenario.name == bug.scenario)
    clean = worker.clean(scenario)
    tries = [
        replace(tried, plan={**tried.plan, "bug": bug.name})
        for tried in faults_of(scenario, clean)
        if tried.row == bug.row
    ]
    assert bug.outcome in (worker.attempt(tried, clean).outcome for tried in tries)
