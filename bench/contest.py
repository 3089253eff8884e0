"""Lets programs do the same work in turn, round after round, and keeps the medians.

All programs of a round run one after the other, so what slows the machine down for a while slows
all of them. A program that would take longer than its budget is left out, with a prediction.
"""

from __future__ import annotations

import itertools
import shutil
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bench.measure import Command, Usage
    from bench.server.running import Server

FEW = 20
"""Rows of the smallest size: one an ad account, so hardly more than the start of a program."""
ACCOUNTS = 20


@dataclass(frozen=True, slots=True)
class Run:
    """What one program is to do once.

    Attributes:
        server: The server.
        rows: How many rows.
        latency_ms: How long the server holds back each answer.
        number: Different for every run, for what has to be new each time.
        folder: An empty folder for this run alone.
        shared: A folder for all runs, for inputs.
    """

    server: Server
    rows: int
    latency_ms: int
    number: int
    folder: Path
    shared: Path

    @property
    def url(self) -> str:
        """URL of the API with ``rows`` audiences in 20 ad accounts."""
        return self.server.url(ACCOUNTS, self.rows, self.latency_ms)

    @property
    def empty_account(self) -> str:
        """An ad account that only this run writes to."""
        return str(700_000_000_000 + self.number)

    @property
    def out(self) -> Path:
        """The file of the program's standard output."""
        return self.folder / "out"


@dataclass(frozen=True, slots=True)
class Place:
    """Where all runs take place.

    Attributes:
        server: The server.
        shared: A folder for all runs.
        numbers: Numbers that no run had.
    """

    server: Server
    shared: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self, rows: int, latency_ms: int) -> Run:
        """Prepare a run, with a number and an empty folder of its own."""
        folder = self.shared / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return Run(self.server, rows, latency_ms, next(self.numbers), folder, self.shared)


@dataclass(frozen=True, slots=True)
class Contestant:
    """One program.

    Attributes:
        name: What to call it.
        command: Prepares a run and returns the command that is measured.
        check: Ends the benchmark if the run did not do all the work.
    """

    name: str
    command: Callable[[Run], Command]
    check: Callable[[Run], None]


def contest(
    contestants: Sequence[Contestant],
    sizes: Mapping[int, int],
    budget_seconds: float,
    place: Place,
    latency_ms: int,
) -> dict[str, Any]:
    """Return the medians of each contestant for each number of rows, as ``results.json`` has them.

    Args:
        contestants: The programs.
        sizes: The numbers of rows in rising order, and how many rounds of each; the first one also
            warms the disk.
        budget_seconds: The longest that one contestant may take for all rounds of one size.
        place: Where they run.
        latency_ms: How long the server holds back each answer.
    """
    table: dict[str, dict[str, Any]] = {}
    for rows, rounds in sizes.items():
        place.server.warm(ACCOUNTS, rows)
        cells = {each.name: _prediction(table, each.name, rows) for each in contestants}
        able = [
            each
            for each in contestants
            if cells[each.name].get("predicted_seconds", 0) * rounds <= budget_seconds
        ]
        usages: dict[str, list[Usage]] = {each.name: [] for each in able}
        for _ in range(rounds):
            for each in able:
                usage = _once(each, place.run(rows, latency_ms))
                usages[each.name].append(usage)
                print(f"{rows:9,} rows  {each.name:48} {usage}", flush=True)
        cells |= {name: median(found) for name, found in usages.items()}
        table[str(rows)] = cells
    return table


def _prediction(table: Mapping[str, Any], name: str, rows: int) -> dict[str, float]:
    seconds = predict(table, name, rows)
    return {} if seconds is None else {"predicted_seconds": round(seconds)}


def predict(table: Mapping[str, Any], name: str, rows: int) -> float | None:
    """Return how many seconds a contestant takes for ``rows``, by the straight line so far.

    Returns:
        The seconds; None if fewer than two sizes were measured.
    """
    points = [
        (int(size), cells[name]["seconds"])
        for size, cells in table.items()
        if "seconds" in cells[name]
    ]
    if len(points) < 2:  # noqa: PLR2004 (a line)
        return None
    (x1, y1), (x2, y2) = points[-2:]
    return float(y2 + (rows - x2) * max(y2 - y1, 0.0) / (x2 - x1))


def median(usages: Iterable[Usage]) -> dict[str, float]:
    """Return the medians of the measurements, each by itself."""
    found = [*usages]
    return {
        "seconds": round(statistics.median(each.seconds for each in found), 3),
        "cpu_seconds": round(statistics.median(each.cpu_seconds for each in found), 3),
        "peak_mebibytes": round(statistics.median(each.peak_mebibytes for each in found), 1),
        "rounds": len(found),
    }


def _once(contestant: Contestant, run: Run) -> Usage:
    command = contestant.command(run)
    usage = command.run(run.out)
    contestant.check(run)
    return usage
