"""PyAirbyte, a client that nobody here wrote, reads and writes. It runs in `.venv-airbyte`.

Each step asserts what it expects, and prints what it saw.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airbyte as ab
import requests
from airbyte.exceptions import AirbyteConnectorFailedError, AirbyteConnectorWriteError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTORS = Path(os.environ["CONNECTORS"])
SOURCE, DESTINATION = "source-pinterest-audiences", "destination-pinterest-audiences"
INCREMENTAL = ["audiences", "customer_lists", "received_audiences"]
TOKEN = {"auth_type": "access_token", "access_token": "pina_demo"}
APP = {"auth_type": "refresh_token", "client_id": "demo-app", "client_secret": "demo-secret"}
RULE = {"visitor_source_id": "2612511566392"}
HTTP = requests.Session()
HTTP.trust_env = False


class Pinterest:
    """The emulator, over HTTP."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.url = f"{base}/v5"

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = HTTP.request(method, f"{self._base}/_emulator/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def change(self, audience: dict[str, Any], **fields: Any) -> None:
        path = f"ad_accounts/{audience['ad_account_id']}/audiences/{audience['id']}"
        headers = {"Authorization": "Bearer pina_demo"}
        HTTP.patch(
            f"{self.url}/{path}", json=fields, headers=headers, timeout=60
        ).raise_for_status()

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "requests")["requests"]
        return [each for each in found if operation in (None, each["operation"])]

    @contextlib.contextmanager
    def writes(self, count: int, what: str) -> Iterator[None]:
        """Expect so many writes in here."""
        before = self._count()
        started = time.monotonic()
        yield
        assert self._count() - before == count, (what, self._count() - before, count)
        step(what, f"{count} writes", started)

    def _count(self) -> int:
        return sum(each["method"] != "GET" for each in self.requests())


def step(what: str, seen: object, started: float) -> None:
    print(f"  {what:<46} {seen}  ({time.monotonic() - started:.1f} s)", flush=True)


def source_of(pinterest: Pinterest, **config: Any) -> ab.Source:
    full = {"credentials": TOKEN, "api_url": pinterest.url, "detect_removed": True, **config}
    return ab.get_source(SOURCE, local_executable=CONNECTORS / SOURCE, config=full)


def cache_in(folder: Path, name: str) -> Any:
    return ab.caches.DuckDBCache(db_path=folder / f"{name}.duckdb", cache_dir=folder / name)


def plain(value: Any) -> Any:
    """Return a value of a cache as the tap emits it."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def reads(pinterest: Pinterest, folder: Path, expected: dict[str, list[dict[str, Any]]]) -> None:
    """Read all streams, nothing new, and one change and one removal."""
    source = source_of(pinterest)
    started = time.monotonic()
    source.check()
    step("check", "works", started)
    assert sorted(source.get_available_streams()) == sorted(expected), (
        source.get_available_streams()
    )
    source.select_all_streams()
    cache = cache_in(folder, "all")
    started = time.monotonic()
    result = source.read(cache=cache)
    counts = {name: len(records) for name, records in expected.items()}
    for name, records in expected.items():
        rows = [dict(row) for row in result[name]] if records else []
        assert len(rows) == len(records), (name, len(rows), len(records))
        keys = [*records[0]] if records else []
        theirs = [{key: plain(row[key.lower()]) for key in keys} for row in rows]
        texts = [
            sorted(json.dumps(each, sort_keys=True, default=str) for each in side)
            for side in (records, theirs)
        ]
        different = [pair for pair in zip(*texts, strict=True) if pair[0] != pair[1]]
        assert not different, (name, different[0])
    step("read of eight streams = the tap's, all values", counts, started)
    source.select_streams(INCREMENTAL)
    started = time.monotonic()
    assert source.read(cache=cache).processed_records == 0
    step("second read", "0 incremental records", started)
    one, other, *_ = expected["audiences"]
    pinterest.change(one, name="Changed by PyAirbyte's test")
    pinterest.change(other, operation_type="REMOVE")
    started = time.monotonic()
    again = source.read(cache=cache)
    assert again.processed_records == 2, again.processed_records
    rows = {row["id"]: dict(row) for row in again["audiences"]}
    assert rows[other["id"]]["_ab_cdc_deleted_at"] is not None
    assert rows[one["id"]]["name"] == "Changed by PyAirbyte's test"
    step("one change and one removal", "2 records", started)


def faults(pinterest: Pinterest, folder: Path) -> None:
    """A long rate limit is an exception, and the next read has the rest."""
    source = source_of(pinterest, concurrency=1, max_wait=1)
    source.select_streams(["audiences"])
    cache = cache_in(folder, "faults")
    started = time.monotonic()
    fault = {"operation": "audiences/list", "kind": "rate_limit", "reset": 3600, "skip": 4}
    pinterest.control("POST", "faults", fault)
    try:
        source.read(cache=cache)
    except AirbyteConnectorFailedError as error:
        step("read that meets a long rate limit", type(error).__name__, started)
    else:
        raise AssertionError("a rate limit was taken for a success")  # noqa: EM101, TRY003
    pinterest.control("DELETE", "faults")
    pinterest.control("POST", "clock", {"advance": 3600})
    started = time.monotonic()
    count = len([*source.read(cache=cache)["audiences"]])
    step("and the read after it", f"{count} audiences", started)
    started = time.monotonic()
    found = [*source.get_records("audiences", limit=5)]
    assert len(found) == 5
    step("get_records(limit=5)", "5 records", started)


def tokens(pinterest: Pinterest) -> str:
    """A refresh token that works once is enough for all commands; return its successor."""
    started = time.monotonic()
    changed: list[dict[str, Any]] = []
    config = {
        "credentials": {**APP, "refresh_token": "pinr.demo"},
        "api_url": pinterest.url,
    }

    def update(new: dict[str, Any]) -> None:
        changed.append(new)
        source.set_config(new, validate=True)

    source = ab.get_source(
        SOURCE,
        local_executable=CONNECTORS / SOURCE,
        config=config,
        config_change_callback=update,
    )
    for _ in range(2):
        source.check()
        assert source.get_available_streams()
        assert len([*source.get_records("ad_accounts")]) > 0
    assert len(pinterest.requests("oauth/token")) == len(changed) == 1
    step("rotating refresh token, six commands", "1 token request", started)
    return str(changed[0]["credentials"]["refresh_token"])


def rows_source(stream: str, key: str, rows: list[dict[str, Any]]) -> ab.Source:
    config = {"stream": stream, "key": key, "rows": rows}
    return ab.get_source(
        "source-rows",
        local_executable=Path(os.environ["ROWS_SOURCE"]),
        config=config,
        streams="*",
    )


def writes(pinterest: Pinterest, folder: Path, account: str, ledger_url: str) -> None:
    """Write audiences and members."""
    config: dict[str, Any] = {
        "credentials": TOKEN,
        "api_url": pinterest.url,
        "ad_account_id": account,
        "member_mode": "mirror",
        "ledger": {"ledger_type": "postgresql", "ledger_url": ledger_url},
    }
    destination = ab.get_destination(
        DESTINATION, local_executable=CONNECTORS / DESTINATION, config=config
    )
    destination.check()
    rows = [
        {"name": f"Made by PyAirbyte {number}", "audience_type": "VISITOR", "rule": RULE}
        for number in range(6)
    ]
    with pinterest.writes(6, "6 new audiences, without a cache"):
        destination.write(rows_source("audiences", "name", rows), cache=False, state_cache=False)
    with pinterest.writes(0, "the same again, by way of its cache"):
        destination.write(rows_source("audiences", "name", rows), cache=cache_in(folder, "one"))
    rows[3]["description"] = "Changed"
    for row in rows:
        row.setdefault("description", None)
    with pinterest.writes(1, "one changed"):
        destination.write(rows_source("audiences", "name", rows), cache=cache_in(folder, "two"))
    bad = [*rows, {**rows[0], "name": "Bad", "audience_type": "NONSENSE"}]
    started = time.monotonic()
    try:
        destination.write(rows_source("audiences", "name", bad), cache=False, state_cache=False)
    except AirbyteConnectorWriteError as error:
        step("one bad record", type(error).__name__, started)
    else:
        raise AssertionError("a bad record was taken for a success")  # noqa: EM101, TRY003
    started = time.monotonic()
    try:
        destination.write(
            rows_source("audiences", "name", rows),
            cache=False,
            state_cache=False,
            write_strategy="replace",
        )
    except AirbyteConnectorWriteError as error:
        step("audiences with the strategy replace", type(error).__name__, started)
    else:
        raise AssertionError("audiences were overwritten")  # noqa: EM101, TRY003
    members = [
        {"email": f"{number}@example.com", "audience_name": "PyAirbyte"} for number in range(200)
    ]
    with pinterest.writes(2, "200 members of a new list"):
        destination.write(
            rows_source("audience_members", "email", members), cache=False, state_cache=False
        )
    with pinterest.writes(0, "50 of them, merged: nobody is removed"):
        destination.write(
            rows_source("audience_members", "email", members[:50]), cache=False, state_cache=False
        )
    with pinterest.writes(1, "180 of them, replaced: 20 are removed"):
        destination.write(
            rows_source("audience_members", "email", members[:180]),
            cache=False,
            state_cache=False,
            write_strategy="replace",
        )


def round_trip(pinterest: Pinterest, folder: Path) -> None:
    """What the source reads, the destination finds to be there."""
    config = {"credentials": TOKEN, "api_url": pinterest.url}
    destination = ab.get_destination(
        DESTINATION, local_executable=CONNECTORS / DESTINATION, config=config
    )
    source = source_of(pinterest, detect_removed=False)
    source.select_streams(["audiences"])
    with pinterest.writes(0, "from our source to our destination"):
        destination.write(source, cache=cache_in(folder, "round"))


def page(pinterest: Pinterest, account: str, refresh_token: str, read: str, write: str) -> None:
    """Run the Python of the documentation, as it stands but for what is made up there."""
    started = time.monotonic()
    Path("pinterest").mkdir()
    Path("pinterest/bin").symlink_to(CONNECTORS)
    credentials = {**APP, "refresh_token": refresh_token}
    saved = Path("pinterest.json")
    saved.write_text(json.dumps({"credentials": credentials, "api_url": pinterest.url}))
    names: dict[str, Any] = {}
    exec(read, names)  # noqa: S102
    assert json.loads(saved.read_text())["credentials"]["refresh_token"] != refresh_token
    assert names["result"].processed_records > 100
    exec(read, names)  # noqa: S102
    accounts = len([*names["result"]["ad_accounts"]])
    assert names["result"].processed_records == accounts, names["result"].processed_records
    step("the page's read, twice", "nothing new in the second", started)
    swaps = {
        '"access_token": "…"': '"access_token": "pina_demo"',
        '"ad_account_id": "…"': f'"ad_account_id": "{account}", "api_url": "{pinterest.url}"',
    }
    for shown, real in swaps.items():
        assert shown in write
        write = write.replace(shown, real)
    customers = [{"email": f"{number}@example.com"} for number in range(20)]
    names["source_of_your_customers"] = rows_source("customers", "email", customers)
    with pinterest.writes(2, "the page's write, 20 customers"):
        exec(write, names)  # noqa: S102


def main() -> None:
    """Run all steps."""
    given = json.loads(sys.stdin.read())
    pinterest, folder = Pinterest(given["base"]), Path(given["folder"])
    print("PyAirbyte, source")
    reads(pinterest, folder, given["expected"])
    faults(pinterest, folder)
    refresh_token = tokens(pinterest)
    print("PyAirbyte, destination")
    writes(pinterest, folder, given["account"], given["ledger_url"])
    round_trip(pinterest, folder)
    print("PyAirbyte, as docs/airbyte.md shows it")
    page(pinterest, given["account"], refresh_token, *given["page"])


if __name__ == "__main__":
    main()
