"""Measures output, time and memory of the tap, compared with a bare loop.

Everything runs in one go on the emulator, so the figures can be compared with each other. On
another machine, or a busy one, they differ. Run it with ``make bench``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import requests
from parts import BIN, TOKEN, Usage, control, run, running_emulator, write_json

ROUNDS = 3
TAP = "tap-pinterest-audiences"
UPDATED_TIMESTAMP = 1_700_000_000
"""Update time of all audiences, in Unix seconds."""


def run_tap(folder: Path, **settings: Any) -> Usage:  # noqa: ANN401
    """Run the tap for the stream audiences."""
    config = write_json(folder / "config.json", {"access_token": TOKEN, **settings})
    catalog = folder / "catalog.json"
    if not catalog.exists():
        write_json(catalog, only_audiences(config))
    return run(TAP, ["--config", str(config), "--catalog", str(catalog)])


def only_audiences(config: Path) -> dict[str, Any]:
    """Return a catalog in which only the stream audiences is selected."""
    command = [str(BIN / TAP), "--config", str(config), "--discover"]
    found = subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    catalog: dict[str, Any] = json.loads(found.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] == "audiences"
    return catalog


def run_bare_loop(url: str, accounts: list[str], page_size: int) -> float:
    """Read the same pages one after the other with nothing but requests and json."""
    begin = time.perf_counter()
    with requests.Session() as session, Path(os.devnull).open("w", encoding="utf-8") as out:
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        for account in accounts:
            bookmark: str | None = None
            while True:
                page = session.get(
                    f"{url}/ad_accounts/{account}/audiences",
                    params={"page_size": page_size, "order": "ASCENDING", "bookmark": bookmark},
                    timeout=60,
                ).json()
                out.writelines(json.dumps(item) + "\n" for item in page["items"])
                bookmark = page["bookmark"]
                if bookmark is None:
                    break
    return time.perf_counter() - begin


def seed(url: str, audiences: int) -> list[str]:
    """Put audiences into 20 new ad accounts and return the accounts' ids."""
    body = {"ad_accounts": 20, "audiences": audiences, "updated_timestamp": UPDATED_TIMESTAMP}
    ids: list[str] = control(url, "seed", body)["ad_accounts"]
    return ids


def concurrency(folder: Path) -> None:
    """Compare one list at a time with eight, on 20 accounts at 50 ms."""
    start = statistics.median(run(TAP, ["--version"]).seconds for _ in range(ROUNDS))
    print(f"start of the program alone                      {start:6.2f} s")
    for audiences, page_size in ((5_000, 250), (5_000, 25), (100_000, 250)):
        with running_emulator("--latency-ms", "50") as url:
            accounts = seed(url, audiences)
            bare, one, eight = [], [], []
            for _ in range(ROUNDS):
                bare.append(run_bare_loop(url, accounts, page_size))
                settings = {"api_url": url, "page_size": page_size}
                one.append(run_tap(folder, **settings, concurrency=1).seconds)
                eight.append(run_tap(folder, **settings, concurrency=8).seconds)
        medians = [statistics.median(times) for times in (bare, one, eight)]
        print(
            f"{audiences:7,} audiences, pages of {page_size:3}: bare loop {medians[0]:6.2f} s, "
            f"concurrency 1 {medians[1]:6.2f} s, concurrency 8 {medians[2]:6.2f} s; 8 : 1 is "
            f"{medians[2] / medians[1]:.2f}, without the start "
            f"{(medians[2] - start) / (medians[1] - start):.2f}"
        )


def memory(folder: Path) -> None:
    """Compare the peak memory of 20,000 and 200,000 audiences."""
    peaks = []
    for audiences in (20_000, 200_000):
        with running_emulator() as url:
            seed(url, audiences)
            usage = run_tap(folder, api_url=url)
        peaks.append(usage.peak_mebibytes)
        print(
            f"{audiences:7,} audiences: {usage.peak_mebibytes:6.1f} MiB at the most, "
            f"{usage.seconds:6.2f} s, {audiences / usage.seconds:7,.0f} a second"
        )
    print(f"difference: {peaks[1] - peaks[0]:.1f} MiB")


def output(folder: Path) -> None:
    """Compare the bytes that runs with nothing changed print for 10, 100 and 400 ad accounts."""
    for detect_removed in (False, True):
        print(f"nothing changed, detect_removed {str(detect_removed).lower()}:", end="")
        for accounts in (10, 100, 400):
            size = output_size(folder, accounts, detect_removed=detect_removed)
            print(f"  {accounts} accounts {size:,} bytes, {size / accounts:,.0f} each", end="")
        print()


def output_size(folder: Path, accounts: int, *, detect_removed: bool) -> int:
    """Return how much a second run over accounts of 20 audiences and 5 customer lists prints."""
    body = {
        "ad_accounts": accounts,
        "audiences": 20 * accounts,
        "customer_lists": 5 * accounts,
        "updated_timestamp": UPDATED_TIMESTAMP,
    }
    with running_emulator() as url:
        control(url, "seed", body)
        settings = {"access_token": TOKEN, "api_url": url, "detect_removed": detect_removed}
        command = [str(BIN / TAP), "--config", str(write_json(folder / "output.json", settings))]
        state = folder / "state.json"
        state.write_text("{}")
        for _ in range(2):
            done = subprocess.run(  # noqa: S603
                [*command, "--state", str(state)], check=True, capture_output=True
            )
            write_json(state, json.loads(done.stdout.splitlines()[-1])["value"])
    return len(done.stdout)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        output(Path(name))
        memory(Path(name))
        concurrency(Path(name))
