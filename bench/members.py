"""Measures how many members a second the target adds to a customer list, and its memory.

The cost from input to request is the processor time minus that of an empty run.

For comparison it measures a bare loop that only hashes and the SDK's default target that only
reads, in one run on one emulator. Run it with ``make bench``; an argument sets the number of
members.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet
from singer_sdk import Target
from singer_sdk.sinks import BatchSink

from bench.parts import TOKEN, Usage, control, get_members, run, running_emulator, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TARGET = "target-pinterest-audiences"
SCHEMA = {
    "type": "SCHEMA",
    "stream": "audience_members",
    "schema": {
        "properties": {
            "audience_name": {"type": ["null", "string"]},
            "email": {"type": ["null", "string"]},
        }
    },
    "key_properties": ["email"],
}
NAME = "Customers"
CHANGED = 1000
PER_FILE = 250_000


def emails(count: int, first: int = 0) -> Iterator[str]:
    """Generate email addresses in realistic spelling."""
    for number in range(first, first + count):
        yield f"Person.{number}+news@shop{number % 97}.example"


def write_messages(path: Path, addresses: Iterator[str], removed: Iterable[str] = ()) -> Path:
    """Write Singer messages to a file."""
    with path.open("w") as file:
        file.write(json.dumps(SCHEMA) + "\n")
        for operation, part in ((None, addresses), ("REMOVE", removed)):
            for address in part:
                record = {"audience_name": NAME, "email": address}
                if operation:
                    record["operation"] = operation
                message = {"type": "RECORD", "stream": "audience_members", "record": record}
                file.write(json.dumps(message, separators=(",", ":")) + "\n")
        file.write(json.dumps({"type": "STATE", "value": {"done": True}}) + "\n")
    return path


def write_batches(folder: Path, count: int, form: str) -> Path:
    """Write the same members as BATCH files."""
    files = []
    for first in range(0, count, PER_FILE):
        part = [*emails(min(PER_FILE, count - first), first)]
        path = folder / f"{form}-{first}"
        if form == "parquet":
            table = pa.table({"audience_name": [NAME] * len(part), "email": part})
            pa.parquet.write_table(table, path)
        else:
            with gzip.open(path, "wt", compresslevel=1) as file:
                file.writelines(
                    json.dumps({"audience_name": NAME, "email": address}) + "\n" for address in part
                )
        files.append(path.as_uri())
    encoding = {"format": form, "compression": "gzip" if form == "jsonl" else None}
    batch = {
        "type": "BATCH",
        "stream": "audience_members",
        "encoding": {key: value for key, value in encoding.items() if value},
        "manifest": files,
    }
    path = folder / f"{form}.singer"
    path.write_text(json.dumps(SCHEMA) + "\n" + json.dumps(batch) + "\n")
    return path


def run_target(folder: Path, lines: Path, url: str, account: str, **settings: Any) -> Usage:  # noqa: ANN401
    """Run the target over a file of messages."""
    config = write_json(
        folder / "target.json",
        {"access_token": TOKEN, "api_url": url, "ad_account_id": account, **settings},
    )
    with lines.open("rb") as stdin:
        return run(TARGET, ["--config", str(config)], stdin=stdin)


class NothingSink(BatchSink):
    """Does nothing with a batch."""

    def process_batch(self, context: dict[str, Any]) -> None:
        """Drop it."""


class NothingTarget(Target):
    """The SDK's own handling of records, and nothing else."""

    name = "target-nothing"
    config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}
    default_sink_class = NothingSink


def hash_alone(count: int) -> float:
    """Return how many members a second a bare loop hashes."""
    addresses = [*emails(count)]
    begin = time.perf_counter()
    for address in addresses:
        hashlib.sha256(address.strip().lower().encode()).hexdigest()
    return count / (time.perf_counter() - begin)


def sdk_alone(lines: Path, count: int) -> float:
    """Return how many members a second the SDK's default target reads and drops."""
    begin = time.perf_counter()
    with lines.open() as file, contextlib.redirect_stdout(io.StringIO()):
        NothingTarget(config={}).listen(file)
    return count / (time.perf_counter() - begin)


def throughput(folder: Path, count: int) -> None:
    """Compare the kinds of input, each with a list of its own account."""
    lines = write_messages(folder / "members.singer", emails(count))
    files = {form: write_batches(folder, count, form) for form in ("jsonl", "parquet")}
    starts = [run(TARGET, ["--version"]) for _ in range(3)]
    start = statistics.median(usage.seconds for usage in starts)
    start_cpu = statistics.median(usage.cpu_seconds for usage in starts)
    print(f"start of the program alone  {start:6.2f} s, {start_cpu:.2f} s of processor time")
    print(f"hashlib in a bare loop      {hash_alone(count):9,.0f} members a second")
    small = write_messages(folder / "small.singer", emails(count // 10))
    print(f"the SDK's default target    {sdk_alone(small, count // 10):9,.0f} members a second")
    with running_emulator() as url:
        accounts = iter(control(url, "seed", {"ad_accounts": 4, "audiences": 0})["ad_accounts"])
        ledger = {"ledger_url": f"sqlite:///{folder}/throughput.db"}
        for label, path, settings in (
            ("records, without a ledger", lines, {"ledger_url": ""}),
            ("records, with a ledger", lines, ledger),
            ("jsonl.gz, without a ledger", files["jsonl"], {"ledger_url": ""}),
            ("parquet, without a ledger", files["parquet"], {"ledger_url": ""}),
        ):
            usage = run_target(folder, path, url, next(accounts), **settings)
            print(
                f"{label:27} {count / (usage.cpu_seconds - start_cpu):9,.0f} members a second of "
                f"processor time, {count / (usage.seconds - start):9,.0f} with the waiting for "
                f"Pinterest, {usage.peak_mebibytes:.0f} MiB"
            )


def million(folder: Path, count: int) -> None:
    """Add many members, the same again, and then a thousand changed ones."""
    ledger = {"ledger_url": f"sqlite:///{folder}/million.db"}
    half = CHANGED // 2
    inputs = {
        "all of them": write_messages(folder / "all.singer", emails(count)),
        "the same again": folder / "all.singer",
        "1,000 changed": write_messages(
            folder / "changed.singer", emails(count - half + half, half), emails(half)
        ),
    }
    with running_emulator() as url:
        account = control(url, "seed", {"ad_accounts": 1, "audiences": 0})["ad_accounts"][0]
        for label, path in inputs.items():
            report = folder / "report.json"
            usage = run_target(folder, path, url, account, report_path=str(report), **ledger)
            said = json.loads(report.read_text())
            there = said["customer_lists"][0]
            members = get_members(url, there["customer_list_id"])
            print(
                f"{label:15} {usage.seconds:6.1f} s, {usage.peak_mebibytes:4.0f} MiB, "
                f"{said['requests']['write']} requests to write, {there['added']:,} added, "
                f"{there['removed']:,} removed; {members:,} in the list"
            )


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        throughput(Path(name), number)
        million(Path(name), number)
