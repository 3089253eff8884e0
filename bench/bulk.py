"""Compares ``pinterest-audiences members sync`` with the target on the same Parquet files.

The target runs with a ledger in a database, and with a ledger of files. ``python -m bench.bulk``
runs them in turns, so that a busy machine slows down all: runs in which nobody changed, by
processor time, and a first run by wall time with an emulator that responds after a second.
Arguments set the number of members and the seconds of latency; 0 leaves the first runs out.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from bench.inputs import NAME, write_batches
from bench.measure import Command, Usage
from bench.parts import BIN, TOKEN, control, running_emulator, write_json

TARGET = "target"
ROUNDS = 3
MEMORY_LIMIT = "1GB"


class Three:
    """The target twice and the command, each with an ad account and a ledger of its own."""

    def __init__(self, folder: Path, count: int, url: str) -> None:
        """Write the files."""
        accounts = control(url, "seed", {"ad_accounts": 3, "audiences": 0})["ad_accounts"]
        self.folder = folder
        self.url = url
        self.of_target, self.of_files, self.of_command = accounts
        self.messages = write_batches(folder, count, "parquet")
        for file in folder.glob("parquet-*-*"):
            table = pq.read_table(file, columns=["email"])
            pq.write_table(table, folder / f"{file.name}.customers")

    def target(self) -> Usage:
        """Run the target with a ledger in a database."""
        ledger = f"sqlite:///{self.folder}/{self.of_target}.db"
        return self._run("target-pinterest-audiences", self.of_target, ledger_url=ledger)

    def target_with_files(self) -> Usage:
        """Run the target with a ledger of files."""
        ledger = f"file://{self.folder}/target-ledger"
        return self._run("target-pinterest-audiences", self.of_files, ledger_url=ledger)

    def command(self, in_flight: int = 4) -> Usage:
        """Run the command."""
        arguments = ["members", "sync", "--customers", f"{self.folder}/*.customers"]
        arguments += ["--audience", NAME, "--memory-limit", MEMORY_LIMIT, "--mode", "mirror"]
        arguments += ["--ledger", str(self.folder / "ledger")]
        arguments += ["--requests-in-flight", str(in_flight)]
        return self._run("pinterest-audiences", self.of_command, *arguments)

    def _run(self, program: str, account: str, *arguments: str, **settings: str) -> Usage:
        known = {"access_token": TOKEN, "api_url": self.url, "ad_account_id": account}
        config = write_json(self.folder / "config.json", known | settings)
        command = Command(
            [str(BIN / program), *arguments, "--config", str(config)],
            stdin=self.messages if program.startswith("target") else None,
        )
        return command.run(self.folder / "out")


def show(label: str, usage: Usage, count: int) -> None:
    """Print what a run took."""
    print(
        f"{label:36} {1e6 * usage.cpu_seconds / count:6.2f} µs of processor time a person, "
        f"{usage.seconds:6.1f} s, {usage.peak_mebibytes:.0f} MiB",
        flush=True,
    )


def unchanged(folder: Path, count: int) -> None:
    """Compare runs in which nobody changed."""
    with running_emulator() as url:
        three = Three(folder, count, url)
        programs = {
            TARGET: three.target,
            "target, ledger of files": three.target_with_files,
            "members sync": three.command,
        }
        for label, program in programs.items():
            show(f"{label}, first run", program(), count)
        found: dict[str, list[float]] = {label: [] for label in programs}
        for _ in range(ROUNDS):
            for label, program in programs.items():
                usage = program()
                found[label].append(usage.cpu_seconds)
                show(f"{label}, unchanged", usage, count)
    median = {label: statistics.median(each) for label, each in found.items()}
    for label, seconds in median.items():
        if label != TARGET:
            ratio = seconds / median[TARGET]
            print(f"{label}: {ratio:.2f} of the target's processor time when nobody changed")


def first(folder: Path, count: int, latency: float) -> None:
    """Compare first runs, with a response that takes a while."""
    with running_emulator("--latency-ms", str(round(1000 * latency))) as url:
        three = Three(folder, count, url)
        command = three.command(8)
        show(f"members sync, first, {latency:g} s latency", command, count)
        target = three.target()
        show(f"target, first, {latency:g} s latency", target, count)
    print(f"{command.seconds / target.seconds:.2f} of the target's time to add all members")


if __name__ == "__main__":
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0  # noqa: PLR2004
    with tempfile.TemporaryDirectory() as name:
        unchanged(Path(name), people)
        if seconds:
            first(Path(name), people, seconds)
