"""Compares Airbyte's own Pinterest source with ours: requests, and what becomes of faults.

Both run on one emulator. ``make airbyte-compare`` starts this. Their speed is in ``make bench``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from bench.airbyte_sources import CAN_RUN_THEIRS, airbytes_source, own_source
from bench.parts import control, running_emulator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.airbyte_sources import Source

AUDIENCES, AD_ACCOUNTS = 10_000, 4
MOST_REQUESTS = 0.11
"""What our source may send of what Airbyte's sends."""

FAULTS: dict[str, dict[str, Any]] = {
    "429, reset in 3600 s": {"kind": "rate_limit", "reset": 3600},
    "429, reset in 3 s": {"kind": "rate_limit", "reset": 3},
    "rate limit as code 8 in the body": {"kind": "body_code_rate_limit"},
    "429, Retry-After 2": {"kind": "rate_limit", "reset": None, "retry_after": 2},
    "403 on the ad account": {"kind": "status", "status": 403, "times": None},
}
"""Each meets page 2 of the second ad account."""


@dataclass(frozen=True)
class Read:
    """A read of a source."""

    code: int
    requests: int
    records: int
    status: str


def main() -> None:
    """Compare them.

    Raises:
        SystemExit: If our source takes more than it may, or loses records.
    """
    if not CAN_RUN_THEIRS:
        print("make airbyte-compare: skipped: Airbyte's source needs Python 3.11 or 3.12")
        return
    with (
        tempfile.TemporaryDirectory() as theirs,
        tempfile.TemporaryDirectory() as ours,
        running_emulator("--keep-old-refresh-tokens") as url,
    ):
        sources = (airbytes_source(Path(theirs), url), own_source(Path(ours), url))
        catalogs = [source.catalog() for source in sources]
        accounts = _seed(url)
        pairs = [*zip(sources, catalogs, strict=True)]
        cost([read(url, *pair) for pair in pairs])
        faults(url, pairs, accounts)


def read(url: str, source: Source, catalog: Mapping[str, Any]) -> Read:
    """Read, and count the requests."""
    _forget(url, "requests")
    done = subprocess.run(  # noqa: S603
        source.reading(catalog),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **source.env},
        check=False,
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    last = [
        message["trace"]["stream_status"]["status"]
        for message in messages
        if message["type"] == "TRACE" and message["trace"].get("stream_status")
    ]
    records = sum(message["type"] == "RECORD" for message in messages)
    return Read(done.returncode, len(_requests(url)), records, last[-1] if last else "")


def cost(reads: list[Read]) -> None:
    """Compare the requests of reads without faults.

    Raises:
        SystemExit: If our source takes more than it may.
    """
    theirs, ours = (each.requests for each in reads)
    print(f"{AUDIENCES} audiences in {AD_ACCOUNTS} ad accounts")
    print(f"{'':32}{'Airbyte 2.1.12':>16}{'this source':>16}{'ratio':>10}")
    print(f"{'requests':<32}{theirs:>16}{ours:>16}{ours / theirs:>10.2f}")
    if any(each.records != AUDIENCES or each.code for each in reads):
        sys.exit("A read without faults lost records")
    if ours > MOST_REQUESTS * theirs:
        sys.exit(f"More than {MOST_REQUESTS} of the requests")


def faults(url: str, pairs: list[tuple[Source, dict[str, Any]]], accounts: list[str]) -> None:
    """Compare what becomes of a read that meets a fault.

    Raises:
        SystemExit: If our source calls a read complete that is not.
    """
    print(f"\n{'fault on page 2 of account 2':<32}{'Airbyte 2.1.12':>30}{'this source':>30}")
    for title, fault in FAULTS.items():
        reads = []
        for pair in pairs:
            skip = 1 if fault.get("times", 1) else 0
            path = {"operation": "audiences/list", "path_contains": accounts[1]}
            _forget(url, "faults")
            control(url, "faults", {**path, "skip": skip, **fault})
            reads.append(read(url, *pair))
        row = [f"{each.records} {each.status} exit {each.code}" for each in reads]
        if (reads[1].records == AUDIENCES) != (reads[1].code == 0):
            sys.exit(f"{title}: {row[1]}")
        print(f"{title:<32}{row[0]:>30}{row[1]:>30}", flush=True)


def _seed(url: str) -> list[str]:
    body = {"ad_accounts": AD_ACCOUNTS, "audiences": AUDIENCES, "updated_timestamp": 1_700_000_000}
    ids: list[str] = control(url, "seed", body)["ad_accounts"]
    return ids


def _requests(url: str) -> list[dict[str, Any]]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{url.removesuffix('/v5')}/_emulator/requests", timeout=300)
    found: list[dict[str, Any]] = answer.json()["requests"]
    return found


def _forget(url: str, what: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.delete(f"{url.removesuffix('/v5')}/_emulator/{what}", timeout=300)


if __name__ == "__main__":
    main()
