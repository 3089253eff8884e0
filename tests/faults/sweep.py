"""Injects every failure at every request of every scenario, and kills programs anywhere.

`make faults` runs everything and prints the outcomes; `test_faults.py` runs a part.
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from console import Console
from interposer import DELAY_SECONDS
from scenarios import SCENARIOS, Scenario
from verdict import (
    Broken,
    at_pinterest,
    check_at_pinterest,
    check_copied,
    check_emitted,
    check_ended_well,
    check_no_doubles,
    check_nothing_is_left,
    check_others_went_on,
    check_refusal_is_reported,
    emitted,
    list_members,
)
from warm import Warm
from world import Template, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ended import Ended, Runner

WORKERS = 3
KILLS = 200
SEED = 20_260_731
LATEST_KILL_SECONDS = 0.02
"""Longest time between a request and its kill, enough for some more requests."""
OUTCOMES = ("tried", "healed", "resumed", "stranded", "lost", "doubled", "stuck", "leaked")
BAD = OUTCOMES[4:]


def _status(status: int, code: int = 1) -> dict[str, Any]:
    return {"kind": "status", "status": status, "code": code}


FAULTS: dict[str, dict[str, Any]] = {
    "refused": {"kind": "refused"},
    "reset before": {"kind": "drop_before"},
    "reset after": {"kind": "drop_after"},
    "timeout": {"kind": "delay", "seconds": DELAY_SECONDS},
    "cut off": {"kind": "truncate"},
    "HTML, 200": {"kind": "html"},
    "empty, 200": {"kind": "empty"},
    "401": _status(401, 2),
    "403": _status(403, 29),
    "429": {"kind": "rate_limit", "reset": 7},
    "429, no reset": {"kind": "rate_limit", "reset": None},
    "500": _status(500),
    "500 after": {"kind": "error_after"},
    "502": _status(502),
    "503": _status(503),
}
AFTER = frozenset({"reset after", "timeout", "cut off", "500 after"})
"""Failures that lose the response but not the effect."""


@dataclass(frozen=True, slots=True)
class Clean:
    """A scenario without any failure.

    Attributes:
        operations: The operations of its requests.
        refused: Numbers of the requests that Pinterest refuses in this scenario.
        ids: Ids that a tap emitted, by stream.
        found: Data at Pinterest after a target.
    """

    operations: list[str]
    refused: frozenset[int]
    ids: dict[str, list[str]]
    found: Counter[Any]


@dataclass(frozen=True, slots=True)
class Try:
    """One failure to inject: a fault or a kill.

    Attributes:
        row: Name in the matrix.
        plan: The failure; see `Interposer`, `bugs` and `Console`.
        strands: Whether it uses a refresh token that works once and loses its successor.
    """

    scenario: Scenario
    row: str
    plan: dict[str, Any]
    strands: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """Outcome of a try: one of `OUTCOMES`, and the reason if it is bad."""

    tried: Try
    outcome: str
    why: str = ""


class Bench:
    """A worker with the prepared data of each scenario."""

    def __init__(self, folder: Path) -> None:
        """Work in `folder`."""
        self._warm = Warm()
        self._folder = folder
        self._templates: dict[str, Template] = {}
        self._cleans: dict[str, Clean] = {}

    def clean(self, scenario: Scenario) -> Clean:
        """Run a scenario without failure, once."""
        if scenario.name not in self._cleans:
            self._cleans[scenario.name] = self._clean(scenario)
        return self._cleans[scenario.name]

    def _clean(self, scenario: Scenario) -> Clean:
        with self._world(scenario, self._warm) as world:
            world.refuse()
            run = world.go()
            log = world.emulator.requests()
            refused = frozenset(number for number, entry in enumerate(log, 1) if entry["fault"])
            asked = [str(entry["operation"]) for entry in log]
            if scenario.refuses:
                assert refused, "Pinterest refused nothing"
                run = self._after_refusal(world, scenario.refuses, run)
            if scenario.changes:
                asked = [name for name in asked if name != "audiences/update"]
            # The reader may or may not see such a change in this run.
            changed = {path.split("/")[-1] for _, path, _ in scenario.changes}
            ids = {
                stream: [key for key in table if key not in changed]
                for stream, table in emitted(world.runs).items()
            }
            self._finish(world, scenario, None)
            assert run.code == 0, run.err
            assert "| DEBUG" in run.err, "the run did not log at DEBUG, so the log scan is useless"
            return Clean(asked, refused, ids, at_pinterest(world.emulator))

    def _after_refusal(self, world: World, refused: str, run: Ended) -> Ended:
        """Check the end of the run with the refused list, and run again without a refusal."""
        check_refusal_is_reported(run)
        before = list_members(world.emulator)
        world.emulator.clear()
        again = world.go()
        check_others_went_on(before, list_members(world.emulator), refused)
        return again

    def attempt(self, tried: Try, clean: Clean) -> Result:
        """Inject a failure, run again if the program failed, and check the result.

        A kill goes to a console script, started as users do.
        """
        runner = Console() if "kill" in tried.plan else self._warm
        with self._world(tried.scenario, runner) as world:
            try:
                world.refuse()
                first = world.go(**tried.plan)
                if tried.row in FAULTS and tried.row != "refused":
                    staged = [item for item in world.emulator.faults() if item["times"] is not None]
                    assert [fault["fired"] for fault in staged] == [1]
                if tried.scenario.refuses:
                    check_refusal_is_reported(first)
                    world.emulator.clear()
                if first.code and not world.is_done:
                    second = world.go()
                    if second.code and tried.strands:
                        return Result(tried, "stranded")
                    if second.code and tried.scenario.program == "target":
                        # Check for doubles first, because doubles are what stops the run.
                        check_no_doubles(at_pinterest(world.emulator), clean.found)
                    check_ended_well(second)
                self._finish(world, tried.scenario, clean)
            except Broken as error:
                return Result(tried, error.kind, str(error))
        return Result(tried, "resumed" if first.code else "healed")

    def _finish(self, world: World, scenario: Scenario, clean: Clean | None) -> None:
        """Check the result, and the run of the next day."""
        if scenario.program == "target":
            if clean:
                check_at_pinterest(at_pinterest(world.emulator), clean.found)
            check_nothing_is_left(world, scenario)
            return
        if clean:
            check_emitted(world.runs, clean.ids)
        world.emulator.advance(86_400)
        check_ended_well(world.go())
        check_copied([*world.earlier, *world.runs], world.emulator)

    @contextmanager
    def _world(self, scenario: Scenario, runner: Runner) -> Iterator[World]:
        if scenario.name not in self._templates:
            folder = self._folder / str(len(self._templates))
            self._templates[scenario.name] = Template(scenario, self._warm, folder)
        with self._templates[scenario.name].world(runner) as world:
            yield world


def faults_of(scenario: Scenario, clean: Clean) -> list[Try]:
    """Return a try for each fault at each request of a scenario."""
    return [
        Try(
            scenario,
            row,
            {"at": number, "fault": fault},
            strands=scenario.revokes and row in AFTER and operation == "oauth/token",
        )
        for number, operation in enumerate(clean.operations, start=1)
        if number not in clean.refused
        for row, fault in FAULTS.items()
    ]


def kills_of(scenario: Scenario, clean: Clean, count: int, dice: random.Random) -> list[Try]:
    """Return tries that kill a scenario at random points, alternately by SIGKILL and SIGTERM."""
    tries = []
    for number in range(count):
        how = (signal.SIGKILL, signal.SIGTERM)[number % 2]
        at = dice.randint(1, len(clean.operations))
        kill = {"at": at, "seconds": dice.uniform(0, LATEST_KILL_SECONDS), "signal": how}
        # A used token without a stored successor is lost, however the program ended.
        tries.append(Try(scenario, how.name, {"kill": kill}, strands=scenario.revokes))
    return tries


@contextmanager
def bench() -> Iterator[Bench]:
    """A worker with its own folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield Bench(Path(folder))


def run_all(tries: list[Try], cleans: dict[str, Clean]) -> list[Result]:
    """Do all tries, some at a time."""
    with ExitStack() as stack:
        free: SimpleQueue[Bench] = SimpleQueue()
        for _ in range(WORKERS):
            free.put(stack.enter_context(bench()))

        def attempt(tried: Try) -> Result:
            mine = free.get()
            try:
                result = mine.attempt(tried, cleans[tried.scenario.name])
                for line in complaints([result]):
                    sys.stdout.write(f"{line}\n")
                return result
            finally:
                free.put(mine)

        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(attempt, tries))


def matrix(results: list[Result]) -> str:
    """Count the outcomes by scenario and failure."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for result in results:
        row = counts[result.tried.scenario.name, result.tried.row]
        row.update(["tried", result.outcome])
        counts["all", ""].update(["tried", result.outcome])
    lines = ["".join([f"{'scenario':<20}{'failure':<16}", *(f"{name:>9}" for name in OUTCOMES)])]
    for (scenario, fault), count in sorted(counts.items(), key=lambda item: item[0][0] == "all"):
        numbers = (f"{count[name] or '.':>9}" for name in OUTCOMES)
        lines.append("".join([f"{scenario:<20}{fault:<16}", *numbers]))
    return "\n".join(lines)


def complaints(results: list[Result]) -> list[str]:
    """Describe each try with a bad outcome."""
    return [
        f"{result.tried.scenario.name}, {result.tried.row}, {result.tried.plan}: {result.why}"
        for result in results
        if result.outcome in BAD
    ]


def main() -> int:
    """Run all tries and print the outcomes; 1 if anything was lost, doubled, stuck or leaked."""
    began = time.monotonic()
    chosen = [scenario for scenario in SCENARIOS if not sys.argv[1:] or scenario.name in sys.argv]
    with bench() as first:
        cleans = {scenario.name: first.clean(scenario) for scenario in chosen}
    tries = [made for scenario in chosen for made in faults_of(scenario, cleans[scenario.name])]
    dice = random.Random(SEED)  # noqa: S311  (the same points each time)
    share = -(-KILLS // len(chosen))
    for scenario in chosen:
        tries += kills_of(scenario, cleans[scenario.name], share, dice)
    results = run_all(tries, cleans)
    found = complaints(results)
    took = time.monotonic() - began
    sys.stdout.write(f"{matrix(results)}\n{len(results)} tries, {len(found)} bad, {took:.0f} s\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
