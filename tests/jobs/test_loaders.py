"""All streams load into tables, with loaders that handle schemas and records differently."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from loaders import DuckDB, FlatteningTargetCSV, TargetCSV
from programs import Programs, selecting
from shops import small_shops

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loaders import Loader
    from programs import Run

    from pinterest_emulator.testing import Emulator

KEYS = {s["tap_stream_id"]: s["key_properties"] for s in selecting([])["streams"]}
WITH_RULE = [name for name in KEYS if name.endswith("audiences")]
INCREMENTAL = {"audiences", "received_audiences", "customer_lists"}
WITHOUT_PAGES = {"audience_insights", "audience_insight_definitions"}
"""Streams to which the emulator adds no field."""
FLATTENING: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 1}
CASES = [
    pytest.param(TargetCSV, False, id="target-csv"),
    pytest.param(TargetCSV, True, id="target-csv, flattened by the tap"),
    pytest.param(FlatteningTargetCSV, False, id="target-csv, flattened by itself"),
    pytest.param(DuckDB, False, id="DuckDB"),
    pytest.param(DuckDB, True, id="DuckDB, flattened by the tap"),
]
RULE = {
    "visitor_source_id": "2612511566001",
    "retention_days": 30,
    "prefill": True,
    "event": "checkout",
    "event_data": {"currency": "USD", "value": "12"},
    "event_source": {"=": ["web", "mobile"]},
    "url": {"contains": "/shoes"},
}
"""Each kind of value that a rule can have."""


@pytest.fixture(scope="module")
def pinterest() -> Iterator[Emulator]:
    """Pinterest with shops, and an audience with a long rule."""
    with small_shops() as emulator:
        account = emulator.state()["ad_accounts"][0]["id"]
        requests.post(
            f"{emulator.url}/ad_accounts/{account}/audiences",
            json={"name": "Long rule", "audience_type": "VISITOR", "rule": RULE},
            headers={"Authorization": "Bearer pina_demo"},
            timeout=10,
        ).raise_for_status()
        yield emulator


Runs = dict[bool, tuple["Run", "Run"]]


def two_runs(emulator: Emulator, folder: Path) -> Runs:
    """Run the tap twice, with all streams; do so without and with flattening."""
    runs = {}
    for flattened in (False, True):
        settings = {
            "access_token": "pina_demo",
            "api_url": emulator.url,
            "business_ids": list(emulator.state()["businesses"])[:1],
            "page_size": 25,
            **(FLATTENING if flattened else {}),
        }
        programs = Programs(folder, settings)
        first = programs.tap(streams=list(KEYS))
        second = programs.tap(streams=list(KEYS), state=first.state)
        assert (first.code, second.code) == (0, 0), first.err + second.err
        runs[flattened] = (first, second)
    return runs


@pytest.fixture(scope="module")
def runs(pinterest: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return two_runs(pinterest, tmp_path_factory.mktemp("tap"))


@pytest.fixture(scope="module")
def future_runs(pinterest: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The runs with an undescribed field in each item of each list."""
    pinterest.fault(kind="extra_field", times=None)
    try:
        return two_runs(pinterest, tmp_path_factory.mktemp("future"))
    finally:
        pinterest.clear()


def by_key(table: str, rows: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    found = {tuple(row[key] for key in KEYS[table]): row for row in rows}
    assert len(found) == len(rows), f"a key of {table} comes twice"
    return found


def read_column(text: Any, like: object) -> object:
    """Read a value that a loader wrote into a column, of text or of its own type."""
    if isinstance(like, str) or not isinstance(text, str):
        return text
    return json.loads(text.lower() if isinstance(like, bool) else text)


@pytest.mark.parametrize(("kind", "flattened"), CASES)
def test_all_streams_load_twice_with_their_rules(
    runs: Runs, tmp_path: Path, kind: type[Loader], *, flattened: bool
) -> None:
    loader = kind(tmp_path)
    plain, _ = runs[False]
    assert RULE in [record["rule"] for record in plain.records("audiences")]
    for number, run in enumerate(runs[flattened]):
        loader.load(run.out)
        for table in KEYS:
            loaded = by_key(table, loader.rows(table))
            if isinstance(loader, TargetCSV) and number and table in INCREMENTAL:
                assert not loaded, "the file holds the last run, in which nothing changed"
                continue
            sent = by_key(table, plain.records(table))
            assert sent, f"the demo shows nothing of {table}"
            assert loaded.keys() == sent.keys()
            for key in sent if table in WITH_RULE else ():
                assert rule_in(loaded[key], sent[key]["rule"], loader) == sent[key]["rule"]


def rule_in(row: dict[str, Any], rule: dict[str, Any], loader: Loader) -> dict[str, Any]:
    """Return the rule of a row, from one column or several."""
    if "rule" in row:
        whole: dict[str, Any] = loader.read_object(row["rule"])
        return whole
    fields = {
        column.removeprefix("rule__"): value
        for column, value in row.items()
        if column.startswith("rule__")
    }
    return {field: read_column(value, rule[field]) for field, value in fields.items()}


@pytest.mark.parametrize(("kind", "flattened"), CASES)
def test_undescribed_field_reaches_the_tables(
    future_runs: Runs, tmp_path: Path, kind: type[Loader], *, flattened: bool
) -> None:
    loader = kind(tmp_path)
    for number, run in enumerate(future_runs[flattened]):
        loader.load(run.out)
        for table in KEYS:
            if table in WITHOUT_PAGES:
                continue
            rows = loader.rows(table)
            is_empty = isinstance(loader, TargetCSV) and number and table in INCREMENTAL
            assert bool(rows) is not bool(is_empty)
            assert all("from the future" in str([*row.values()]) for row in rows), table
