"""Runs Airbyte's own Pinterest source and ours side by side, on one emulator.

Airbyte's source is the published package, of which only the address of the API is changed. It is in
an environment of its own, because its kit cannot be installed beside this project. ``make
airbyte-compare`` starts this.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from parts import BIN, control, running_emulator, write_json

THEIRS = Path(__file__).parents[1] / ".venv-airbyte-compare"
PYTHONS = {(3, 11), (3, 12)}
ROUNDS = 3
AUDIENCES, AD_ACCOUNTS = 10_000, 4
MOST_REQUESTS, MOST_CPU = 0.11, 0.25
"""What our source may take of what Airbyte's takes."""

APP = {"client_id": "demo-app", "client_secret": "demo-secret", "refresh_token": "pinr.demo"}
FAULTS: dict[str, dict[str, Any]] = {
    "429, reset in 3600 s": {"kind": "rate_limit", "reset": 3600},
    "429, reset in 3 s": {"kind": "rate_limit", "reset": 3},
    "rate limit as code 8 in the body": {"kind": "body_code_rate_limit"},
    "429, Retry-After 2": {"kind": "rate_limit", "reset": None, "retry_after": 2},
    "403 on the ad account": {"kind": "status", "status": 403, "times": None},
}
"""Each meets page 2 of the second ad account."""


@dataclass(frozen=True)
class Run:
    """A read of a source."""

    code: int
    seconds: float
    cpu_seconds: float
    requests: int
    records: int
    status: str


@dataclass(frozen=True)
class Source:
    """A source, and the files of its read."""

    name: str
    command: list[str]
    folder: Path
    env: dict[str, str]

    def options(self, config: object, catalog: object = None) -> list[str]:
        """Write the files and return the options that name them."""
        options = ["--config", str(write_json(self.folder / "config.json", config))]
        if catalog is not None:
            options += ["--catalog", str(write_json(self.folder / "catalog.json", catalog))]
        return options

    def read(self, url: str, config: object, catalog: object) -> Run:
        """Read, and count the requests."""
        _forget(url, "requests")
        out = self.folder / "out"
        begin = time.perf_counter()
        with out.open("w") as stdout:
            process = subprocess.Popen(  # noqa: S603
                [*self.command, "read", *self.options(config, catalog)],
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                env=self.env,
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begin
        messages = [json.loads(line) for line in out.read_text().splitlines()]
        last = [
            message["trace"]["stream_status"]["status"]
            for message in messages
            if message["type"] == "TRACE" and message["trace"].get("stream_status")
        ]
        return Run(
            process.returncode,
            seconds,
            used.ru_utime + used.ru_stime,
            len(_requests(url)),
            sum(message["type"] == "RECORD" for message in messages),
            last[-1] if last else "",
        )

    def catalog(self, config: object) -> dict[str, Any]:
        """Return a configured catalog with the stream audiences only."""
        command = [*self.command, "discover", *self.options(config)]
        found = subprocess.run(command, check=True, capture_output=True, env=self.env)  # noqa: S603
        messages = map(json.loads, found.stdout.splitlines())
        catalog = next(each["catalog"] for each in messages if each["type"] == "CATALOG")
        return {
            "streams": [
                {
                    "stream": stream,
                    "sync_mode": "full_refresh",
                    "destination_sync_mode": "overwrite",
                }
                for stream in catalog["streams"]
                if stream["name"] == "audiences"
            ]
        }


def main() -> None:
    """Compare them.

    Raises:
        SystemExit: If our source takes more than it may, or loses records.
    """
    if sys.version_info[:2] not in PYTHONS:
        print("make airbyte-compare: skipped: Airbyte's source needs Python 3.11 or 3.12")
        return
    with (
        tempfile.TemporaryDirectory() as name,
        running_emulator("--keep-old-refresh-tokens") as url,
    ):
        theirs, ours = _theirs(Path(name), url), _ours(Path(name))
        catalogs = {each.name: each.catalog(_config(each, url)) for each in (theirs, ours)}
        accounts = _seed(url)
        cost(theirs, ours, url, catalogs)
        faults(theirs, ours, url, catalogs, accounts)


def cost(theirs: Source, ours: Source, url: str, catalogs: dict[str, Any]) -> None:
    """Compare requests and time of a read without faults.

    Raises:
        SystemExit: If our source takes more than it may.
    """
    pairs = [
        [each.read(url, _config(each, url), catalogs[each.name]) for each in (theirs, ours)]
        for _ in range(ROUNDS + 1)
    ][1:]  # the first pair warms the disk
    print(f"{AUDIENCES} audiences in {AD_ACCOUNTS} ad accounts, medians of {ROUNDS} pairs")
    print(f"{'':32}{'Airbyte 2.1.12':>16}{'this source':>16}{'ratio':>10}")
    ratios = {}
    for title, field, form in (
        ("requests", "requests", ".0f"),
        ("CPU seconds", "cpu_seconds", ".2f"),
        ("seconds", "seconds", ".2f"),
    ):
        sides = [[float(getattr(pair[side], field)) for pair in pairs] for side in (0, 1)]
        ratios[field] = statistics.median(mine / other for other, mine in zip(*sides, strict=True))
        shown = [format(statistics.median(side), form) for side in sides]
        print(f"{title:<32}{shown[0]:>16}{shown[1]:>16}{ratios[field]:>10.2f}")
    if any(run.records != AUDIENCES or run.code for pair in pairs for run in pair):
        sys.exit("A read without faults lost records")
    if ratios["requests"] > MOST_REQUESTS or ratios["cpu_seconds"] > MOST_CPU:
        sys.exit(f"More than {MOST_REQUESTS} of the requests or {MOST_CPU} of the CPU seconds")


def faults(
    theirs: Source, ours: Source, url: str, catalogs: dict[str, Any], accounts: list[str]
) -> None:
    """Compare what becomes of a read that meets a fault.

    Raises:
        SystemExit: If our source calls a read complete that is not.
    """
    print(f"\n{'fault on page 2 of account 2':<32}{'Airbyte 2.1.12':>30}{'this source':>30}")
    for title, fault in FAULTS.items():
        row = []
        for each in (theirs, ours):
            skip = 1 if fault.get("times", 1) else 0
            path = {"operation": "audiences/list", "path_contains": accounts[1]}
            _forget(url, "faults")
            control(url, "faults", {**path, "skip": skip, **fault})
            run = each.read(url, _config(each, url), catalogs[each.name])
            row.append(f"{run.records} {run.status} exit {run.code}")
            if each is ours and (run.records == AUDIENCES) != (run.code == 0):
                sys.exit(f"{title}: {row[-1]}")
        print(f"{title:<32}{row[0]:>30}{row[1]:>30}", flush=True)


def _environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment in which both may keep their compiled modules, as a user's do."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "HOME": str(folder), "DO_NOT_TRACK": "1", **more}


def _theirs(folder: Path, url: str) -> Source:
    """Copy Airbyte's source, with the address of the emulator instead of Pinterest's."""
    (found,) = THEIRS.glob("lib/python*/site-packages/source_pinterest")
    copied = folder / "theirs" / found.name
    shutil.copytree(found, copied)
    manifest = copied / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("https://api.pinterest.com/v5", url))
    start = "from source_pinterest.run import run; run()"
    env = _environment(folder, PYTHONPATH=str(copied.parent))
    command = [str(THEIRS / "bin" / "python"), "-c", start]
    return Source("theirs", command, copied.parent, env)


def _ours(folder: Path) -> Source:
    own = folder / "ours"
    own.mkdir()
    return Source("ours", [str(BIN / "source-pinterest-audiences")], own, _environment(folder))


def _config(source: Source, url: str) -> dict[str, Any]:
    if source.name == "theirs":
        credentials = {"auth_method": "oauth2.0", **APP}
        return {"credentials": credentials, "start_date": time.strftime("%Y-%m-%d")}
    return {"credentials": {"auth_type": "refresh_token", **APP}, "api_url": url, "max_wait": 60}


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
