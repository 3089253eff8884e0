"""How long the tap takes and how much memory, beside a bare loop over the same pages.

Everything runs on the emulator, in one go, so that the figures can be compared with each other; on
another machine, or a busy one, they differ. Run it with ``make bench``.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from pinterest_emulator.testing import Emulator

BIN = Path(sys.executable).parent
TOKEN = "pina_demo"  # noqa: S105 (of the emulator)
ROUNDS = 3
MEBIBYTE_IN_KIB = 1024


def run_tap(folder: Path, **settings: Any) -> tuple[float, float]:  # noqa: ANN401
    """Run the tap for the stream audiences; return wall seconds and peak memory in MiB."""
    config = folder / "config.json"
    config.write_text(json.dumps({"access_token": TOKEN, **settings}))
    catalog = folder / "catalog.json"
    if not catalog.exists():
        catalog.write_text(json.dumps(only_audiences()))
    program = str(BIN / "tap-pinterest-audiences")
    begin = time.perf_counter()
    pid = os.posix_spawn(
        program,
        [program, "--config", str(config), "--catalog", str(catalog)],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )
    _, status, usage = os.wait4(pid, 0)
    if status:
        message = f"the tap ended with status {status}"
        raise SystemExit(message)
    return time.perf_counter() - begin, usage.ru_maxrss / MEBIBYTE_IN_KIB


def only_audiences() -> dict[str, Any]:
    """Return a catalog in which only the stream audiences is selected."""
    from tap_pinterest_audiences.tap import TapPinterestAudiences  # noqa: PLC0415

    tap = TapPinterestAudiences(config={}, validate_config=False, setup_mapper=False)
    catalog: dict[str, Any] = tap.catalog_dict
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


def concurrency(folder: Path) -> None:
    """Compare one list at a time with eight, on 20 accounts and 5,000 audiences at 50 ms."""
    with Emulator(seed="empty", access="unlimited", latency_ms=50) as emulator:
        accounts = emulator.seed(ad_accounts=20, audiences=5000, updated_timestamp=1_700_000_000)
        start = statistics.median(startup() for _ in range(ROUNDS))
        print(f"start of the program alone                      {start:6.2f} s")
        for page_size in (250, 25):
            bare, one, eight = [], [], []
            for _ in range(ROUNDS):
                bare.append(run_bare_loop(emulator.url, accounts, page_size))
                settings = {"api_url": emulator.url, "page_size": page_size}
                one.append(run_tap(folder, **settings, concurrency=1)[0])
                eight.append(run_tap(folder, **settings, concurrency=8)[0])
            medians = [statistics.median(times) for times in (bare, one, eight)]
            print(
                f"pages of {page_size:3}: bare loop {medians[0]:6.2f} s, concurrency 1 "
                f"{medians[1]:6.2f} s, concurrency 8 {medians[2]:6.2f} s; 8 : 1 is "
                f"{medians[2] / medians[1]:.2f}, without the start "
                f"{(medians[2] - start) / (medians[1] - start):.2f}"
            )


def startup() -> float:
    """Return the wall seconds that the program takes to print its version."""
    begin = time.perf_counter()
    program = str(BIN / "tap-pinterest-audiences")
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(program, [program, "--version"], os.environ, file_actions=quiet)
    os.wait4(pid, 0)
    return time.perf_counter() - begin


def memory(folder: Path) -> None:
    """Compare the peak memory of 20,000 and 200,000 audiences."""
    peaks = []
    for audiences in (20_000, 200_000):
        with Emulator(seed="empty", access="unlimited") as emulator:
            emulator.seed(ad_accounts=20, audiences=audiences, updated_timestamp=1_700_000_000)
            seconds, peak = run_tap(folder, api_url=emulator.url)
        peaks.append(peak)
        print(
            f"{audiences:7,} audiences: {peak:6.1f} MiB at the most, {seconds:6.2f} s, "
            f"{audiences / seconds:7,.0f} a second"
        )
    print(f"difference: {peaks[1] - peaks[0]:.1f} MiB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        concurrency(Path(name))
        memory(Path(name))
