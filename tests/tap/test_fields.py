"""Records have exactly the fields of their SCHEMA; all others are in `other_fields`."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from programs import Programs, selecting
from shops import small_shops

from tap_pinterest_audiences.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from programs import Run

    from pinterest_emulator.testing import Emulator

LONG_AGO = 1_700_000_000
MARK = "_sdc_deleted_at"
OTHER = "other_fields"
NAMES = [stream["tap_stream_id"] for stream in selecting([])["streams"]]


def schemas(run: Run) -> dict[str, dict[str, Any]]:
    return {m["stream"]: m["schema"]["properties"] for m in run.messages if m["type"] == "SCHEMA"}


def catalog_of(
    streams: list[str], *, without: tuple[str, ...] = (), deselected: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a catalog that lacks some fields and deselects some."""
    catalog = selecting(streams)
    for stream in catalog["streams"]:
        for name in without:
            stream["schema"]["properties"].pop(name, None)
        stream["metadata"] = [
            entry
            for entry in stream["metadata"]
            if not entry["breadcrumb"] or entry["breadcrumb"][-1] not in without
        ]
        for name in deselected:
            metadata = {"inclusion": "available", "selected": False}
            stream["metadata"].append({"breadcrumb": ["properties", name], "metadata": metadata})
    return catalog


def tap(programs: Programs, catalog: dict[str, Any], **options: Any) -> Run:
    return programs.tap("--catalog", str(programs.file("old.json", catalog)), **options)


@pytest.fixture
def shops() -> Iterator[Emulator]:
    with small_shops() as emulator:
        yield emulator


def test_record_has_exactly_the_fields_of_its_schema(shops: Emulator, tmp_path: Path) -> None:
    settings = {
        "access_token": "pina_demo",
        "api_url": shops.url,
        "business_ids": list(shops.state()["businesses"])[:1],
        "detect_removed": True,
    }
    shops.fault(kind="extra_field", times=None)
    run = Programs(tmp_path, settings).tap(streams=NAMES)
    assert run.code == 0, run.err
    declared = schemas(run)
    assert declared.keys() == set(NAMES)
    for stream, fields in declared.items():
        assert run.records(stream)
        assert all(record.keys() == fields.keys() for record in run.records(stream)), stream


@pytest.mark.parametrize("without", [(), ("other_fields", "is_nca")], ids=["new", "old catalog"])
def test_undescribed_field_is_in_other_fields(
    emulator: Emulator, programs: Programs, without: tuple[str, ...]
) -> None:
    emulator.seed(ad_accounts=2, audiences=600)
    emulator.fault(operation="audiences/list", kind="extra_field", times=None)
    run = tap(programs, catalog_of(["audiences"], without=without))
    assert run.code == 0, run.err
    assert schemas(run)["audiences"]["other_fields"]["type"] == ["object", "null"]
    records = run.records("audiences")
    assert len(records) == 600
    extra = {"future_field", *without} - {"other_fields"}
    assert all(set(record["other_fields"]) == extra for record in records)
    assert not any(extra & record.keys() for record in records)
    warned = [line for line in run.err.splitlines() if "sends the field future_field" in line]
    assert len(warned) == 1, "once for each stream and field"
    assert "Stream audiences" in warned[0]


def test_deselected_field_is_not_emitted(emulator: Emulator, programs: Programs) -> None:
    emulator.seed(ad_accounts=1, audiences=3)
    emulator.fault(operation="audiences/list", kind="extra_field", times=None)
    run = tap(programs, catalog_of(["audiences"], deselected=("other_fields", "description")))
    assert run.code == 0, run.err
    text = json.dumps([schemas(run), run.records("audiences")])
    assert "future_field" not in text
    assert "description" not in run.records("audiences")[0]
    assert "WARNING" not in run.err


def test_undescribed_field_survives_flattening_and_batch_files(
    emulator: Emulator, programs: Programs, tmp_path: Path
) -> None:
    emulator.seed(ad_accounts=1, audiences=3)
    emulator.fault(operation="audiences/list", kind="extra_field", times=None)
    flat = programs.tap(streams=["audiences"], flattening_enabled=True, flattening_max_depth=3)
    assert schemas(flat)["audiences"]["other_fields"]["type"] == ["string", "null"]
    assert all("future_field" in json.loads(r["other_fields"]) for r in flat.records("audiences"))
    root = tmp_path / "batches"
    root.mkdir()
    encoding = {"format": "jsonl", "compression": "gzip"}
    batch = {"encoding": encoding, "storage": {"root": f"file://{root}"}}
    assert programs.tap(streams=["audiences"], batch_config=batch).code == 0
    files = [gzip.decompress(path.read_bytes()) for path in root.iterdir()]
    lines = [line for content in files for line in content.splitlines()]
    assert len(lines) == 3
    assert all("future_field" in json.loads(line)["other_fields"] for line in lines)


@pytest.mark.parametrize(
    "catalog",
    [
        catalog_of(["audiences"], deselected=(MARK,)),
        catalog_of(["audiences"], without=(MARK, "other_fields")),
    ],
    ids=["deselected", "older catalog"],
)
def test_removal_keeps_its_mark_whatever_the_catalog_says(
    emulator: Emulator, programs: Programs, catalog: dict[str, Any]
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=4, updated_timestamp=LONG_AGO)
    first = tap(programs, catalog, detect_removed=True)
    removed = remove_one(emulator, account)
    second = tap(programs, catalog, detect_removed=True, state=first.state)
    assert second.code == 0, second.err
    assert MARK in schemas(second)["audiences"]
    (record,) = second.records("audiences")
    assert record["id"] == removed
    assert record[MARK]


def remove_one(emulator: Emulator, account: str) -> str:
    table = emulator._state.store.audiences(int(account))  # noqa: SLF001  (with the same clock)
    return str(table.remove(next(iter(table)).id).id)


@pytest.mark.parametrize(
    ("stream_map", "said"),
    [
        ({MARK: None}, f"it removes the field {MARK}"),
        ({"__else__": None, "id": "id"}, f"it removes the field {MARK}"),
        ({MARK: "name"}, f"it empties {MARK}"),
    ],
)
def test_removal_without_its_mark_is_not_emitted(
    emulator: Emulator, programs: Programs, stream_map: dict[str, Any], said: str
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=4, updated_timestamp=LONG_AGO)
    first = programs.tap(streams=["audiences"], detect_removed=True)
    remove_one(emulator, account)
    settings = {"detect_removed": True, "stream_maps": {"audiences": stream_map}}
    second = programs.tap(streams=["audiences"], state=first.state, **settings)
    assert second.code == 1
    assert second.records("audiences") == []
    assert any("stream audiences" in line and said in line for line in second.complaints)
    assert "Traceback" not in second.err


def test_stream_map_finds_every_field_in_a_removal(emulator: Emulator, programs: Programs) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=4, updated_timestamp=LONG_AGO)
    maps = {
        "audiences": {"label": "name if name is not None else 'gone'", "big": "size"},
        "ad_accounts": {"zone": "time_zone"},
    }
    first = programs.tap(detect_removed=True, stream_maps=maps)
    assert first.code == 0, first.err
    removed = remove_one(emulator, account)
    second = programs.tap(detect_removed=True, stream_maps=maps, state=first.state)
    assert second.code == 0, second.err
    (record,) = second.records("audiences")
    assert (record["id"], record["label"], record["big"]) == (removed, "gone", None)


@pytest.mark.parametrize(
    ("stream_map", "field"),
    [
        ({"label": "nmae"}, "label"),
        ({"label": "name.upper()"}, "label"),
        ({"label": "int(name)"}, "label"),
        ({"__filter__": "size > 0"}, "__filter__"),
    ],
)
def test_stream_map_error_names_stream_record_and_field(
    emulator: Emulator, programs: Programs, stream_map: dict[str, Any], field: str
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=4, updated_timestamp=LONG_AGO)
    first = programs.tap(streams=["audiences"], detect_removed=True)
    removed = remove_one(emulator, account)
    settings = {"detect_removed": True, "stream_maps": {"audiences": stream_map}}
    run = programs.tap(streams=["audiences"], state=first.state, **settings)
    assert run.code == 1
    assert "Traceback" not in run.err
    said = f"Stream map: stream audiences, record id {removed}, field {field}"
    assert any(said in line for line in run.complaints), run.err


DECLARED = {"id": {}, "name": {}, "is_nca": {"type": ["boolean", "null"]}, MARK: {}, OTHER: {}}


@pytest.mark.parametrize(
    ("item", "record", "reported"),
    [
        ({}, {}, set()),
        ({"is_nca": 0, "name": "A"}, {"is_nca": False, "name": "A"}, set()),
        ({"is_nca": True}, {"is_nca": True}, set()),
        ({"new": 1, "is_nca": 1}, {OTHER: {"new": 1}, "is_nca": True}, {"new"}),
        ({MARK: "2026-01-01"}, {OTHER: {MARK: "2026-01-01"}}, {MARK}),
        ({OTHER: {"a": 1}, "id": "1"}, {OTHER: {OTHER: {"a": 1}}, "id": "1"}, {OTHER}),
        ({"secret": 1, "name": "A"}, {"name": "A"}, set()),
    ],
)
def test_a_field_that_pinterest_sends_is_never_taken_for_the_tap_s_own(
    item: dict[str, Any], record: dict[str, Any], reported: set[str]
) -> None:
    found: list[str] = []
    fields = Fields(DECLARED, lambda name: name != "secret", found.append)
    for _ in range(2):
        assert fields.complete([item]) == [{**dict.fromkeys(DECLARED), **record}]
    assert set(found) == reported
    assert len(found) == len(reported)
