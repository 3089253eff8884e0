"""Measures this project beside others: ``make bench`` and ``make bench-check``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.contest import Place
from bench.machine import machine, versions
from bench.quiet_runs import quiet_runs
from bench.ratios import falls, own_ratios
from bench.readers import peer
from bench.report import page
from bench.server.running import ROOT, running_server
from bench.suites import CHECKED, QUICK_ROUNDS, SUITES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.suites import Suite

RESULTS = ROOT / "bench" / "results.json"
PAGE, CHART = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.svg"
QUICK = ROOT / "build" / "bench"


def main() -> None:
    """Measure, and write or compare the results.

    Raises:
        SystemExit: With ``--check``, if a ratio fell by more than a quarter.
    """
    options = _options()
    if options.page:
        _write_page(json.loads(RESULTS.read_text()), PAGE, CHART)
    elif options.check:
        _check()
    elif options.suite or options.only:
        chosen = [each for each in SUITES if each.name in (options.suite or each.name)]
        _measure([_limited(each, options).only(options.only) for each in chosen])
    else:
        results = {
            "machine": machine(),
            "versions": versions(),
            **_measure([_limited(each, options) for each in SUITES], quiet=True),
        }
        _write(results, quick=options.quick)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="sizes up to 10,000; results go to build/bench")
    add("--check", action="store_true", help="fail if a ratio fell by more than a quarter")
    add("--page", action="store_true", help="write the page of bench/results.json again")
    add("--most-rows", type=int, help="leave out larger sizes")
    add("--rounds", type=int, help="at most so many rounds")
    add("--suite", action="append", choices=[each.name for each in SUITES], help="write nothing")
    add("--only", default="", help="contestants whose name contains this; write nothing")
    return parser.parse_args()


def _limited(suite: Suite, options: argparse.Namespace) -> Suite:
    most_rows, rounds = max(suite.sizes), max(suite.sizes.values())
    if options.quick:
        most_rows, rounds = suite.quick, QUICK_ROUNDS
    return suite.up_to(options.most_rows or most_rows, options.rounds or rounds)


def _measure(suites: Iterable[Suite], *, quiet: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"suites": {}}
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        place = Place(server, Path(name))
        for suite in suites:
            print(f"\n{suite.title}", flush=True)
            before = server.usage()
            found["suites"][suite.name] = suite.run(place)
            if suite.name == "read":
                used = {key: value - before[key] for key, value in server.usage().items()}
                cost = 1000 * used["cpu_seconds"] / max(used["requests"], 1)
                found["server_milliseconds"] = round(cost, 2)
                print(f"the server took {cost:.2f} ms of processor time a page", flush=True)
        if quiet:
            found["quiet_runs"] = quiet_runs(place)
    return found


def _write(results: dict[str, Any], *, quick: bool) -> None:
    path, page_path, chart_path = RESULTS, PAGE, CHART
    if quick:
        QUICK.mkdir(parents=True, exist_ok=True)
        path, page_path, chart_path = (QUICK / each.name for each in (RESULTS, PAGE, CHART))
    path.write_text(json.dumps(results, indent=1) + "\n")
    _write_page(results, page_path, chart_path)
    print(f"\nwritten: {path}, {page_path}, {chart_path}")


def _write_page(results: dict[str, Any], page_path: Path, chart_path: Path) -> None:
    page_path.write_text(page(results))
    with tempfile.TemporaryDirectory() as name:
        shown = Path(name) / "results.json"
        shown.write_text(json.dumps(results))
        draw = peer("bench-chart", "draw_chart.py", str(shown), str(chart_path))
        draw.run(Path(name) / "out")


def _check() -> None:
    checked = [suite for suite in SUITES if suite.name in CHECKED]
    before = json.loads(RESULTS.read_text())
    now = _measure(suite.checked() for suite in checked)
    floors = {suite.name: suite.floor for suite in checked}
    old, new = (
        own_ratios(
            {suite.name: found["suites"][suite.name][str(suite.main)] for suite in checked}, floors
        )
        for found in (before, now)
    )
    print("\nprocessor time of the floor, divided by that of this project: before, now")
    for name, value in new.items():
        print(f"{name:56} {old.get(name, float('nan')):6.2f} {value:6.2f}")
    if lines := falls(old, new):
        sys.exit("\n".join(["", "make bench-check: more than a quarter slower:", *lines]))


if __name__ == "__main__":
    main()
