"""A sample of all failures at all points; `make faults` tries every one of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from scenarios import SCENARIOS, Scenario
from sweep import SEED, Bench, bench, complaints, faults_of, kills_of, matrix

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTS_EACH = 9
KILLS = 10


@pytest.fixture(scope="module")
def worker() -> Iterator[Bench]:
    with bench() as worker:
        yield worker


def part(scenario: Scenario) -> int:
    """How many of the kills a scenario gets."""
    return len(range(SCENARIOS.index(scenario), KILLS, len(SCENARIOS)))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_whatever_fails_at_any_request_nothing_is_lost_doubled_or_told(
    worker: Bench, scenario: Scenario
) -> None:
    clean = worker.clean(scenario)
    dice = random.Random(SEED)  # noqa: S311  (the same points each time)
    tries = [
        *dice.sample(faults_of(scenario, clean), FAULTS_EACH),
        *kills_of(scenario, clean, part(scenario), dice),
    ]
    results = [worker.attempt(tried, clean) for tried in tries]
    assert complaints(results) == [], matrix(results)
    assert {result.outcome for result in results} & {"healed", "resumed"}
