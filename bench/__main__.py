"""Measures everything and writes ``bench/results.json``: see docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from bench.contest import ACCOUNTS, FEW, Place, Plan, contest
from bench.readers import readers
from bench.server.running import running_server

BUDGETS = {FEW: 600.0, 10_000: 100.0, 100_000: 100.0, 1_000_000: 150.0}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--latency-ms", type=int, nargs="+", default=[0, 50])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="contestants whose name contains this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        place = Place(server, Path(name))
        chosen = [each for each in readers() if options.only in each.name]
        for latency in options.latency_ms:
            sizes = {FEW: 2, **dict.fromkeys(options.rows, options.rounds)}
            for rows in sizes:
                server.warm(ACCOUNTS, rows)
            print(json.dumps(contest(chosen, Plan(sizes, BUDGETS), place, latency), indent=1))


if __name__ == "__main__":
    main()
