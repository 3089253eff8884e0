"""All eight streams of the tap, against the demo seed of the emulator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from no_waits import WITHOUT_WAITS
from programs import Programs, selecting, statuses

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Run

CATALOG = {stream["tap_stream_id"]: stream for stream in selecting([])["streams"]}
NAMES = list(CATALOG)
INCREMENTAL = ("audiences", "received_audiences", "customer_lists")
LONG_AGO = 1_700_000_000


@pytest.fixture(scope="module")
def pinterest() -> Iterator[Emulator]:
    with Emulator(seed="demo", access="unlimited") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def everything(pinterest: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of the tap with all streams selected."""
    settings = {
        "access_token": "pina_demo",
        "api_url": pinterest.url,
        "business_ids": list(pinterest.state()["businesses"])[:1],
    }
    run = Programs(tmp_path_factory.mktemp("everything"), settings).tap(streams=NAMES)
    assert run.code == 0, run.err
    return run


@pytest.mark.parametrize("name", NAMES)
def test_schema_has_exactly_the_fields_of_the_responses(everything: Run, name: str) -> None:
    schema = CATALOG[name]["schema"]
    answered = {
        field
        for record in everything.records(name)
        for field, value in record.items()
        if value is not None
    }
    assert answered == set(schema["properties"]) - {"other_fields"}
    assert "which is not in the catalog" not in everything.err
    assert all(field.get("description") for field in schema["properties"].values())


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_whole_and_unique(everything: Run, name: str) -> None:
    keys = CATALOG[name]["key_properties"]
    found = [tuple(record[key] for key in keys) for record in everything.records(name)]
    assert found
    assert len(set(found)) == len(found)
    assert all(isinstance(value, str) and value for key in found for value in key)


def test_all_data_is_read(pinterest: Emulator, everything: Run) -> None:
    state = pinterest.state()
    accounts = [account["id"] for account in state["ad_accounts"]]

    def ids(kind: str) -> list[str]:
        return [item["id"] for account in accounts for item in state[kind].get(account, [])]

    for stream, kind in (
        ("audiences", "audiences"),
        ("customer_lists", "customer_lists"),
        ("received_audiences", "received"),
    ):
        read = [record["id"] for record in everything.records(stream)]
        assert sorted(read) == sorted(ids(kind)), stream
    (business,) = {record["business_id"] for record in everything.records("business_audiences")}
    assert business == next(iter(state["businesses"]))


def test_insights_have_three_types_and_skip_accounts_without_data(everything: Run) -> None:
    types = {"YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE"}
    seen: dict[str, set[str]] = {}
    for record in everything.records("audience_insights"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", record["date"])
        seen.setdefault(record["ad_account_id"], set()).add(record["type"])
    assert len(seen) == 3
    assert all(of_account == types for of_account in seen.values())


@pytest.mark.parametrize(
    ("streams", "operations"),
    [
        (["customer_lists"], {"customer_lists/list"}),
        (["audience_insights"], {"audience_insights/get"}),
        (["audience_insight_definitions"], {"audience_insights_scope_and_type/get"}),
        (["received_audiences"], {"audiences/list"}),
        (
            ["audience_shared_accounts"],
            {"audiences/list", "ad_accounts_audiences_shared_accounts/list"},
        ),
        (["business_audiences"], set()),
    ],
)
def test_a_stream_that_is_not_selected_costs_no_request_and_is_not_emitted(
    emulator: Emulator, programs: Programs, streams: list[str], operations: set[str]
) -> None:
    account = emulator.seed(ad_accounts=1, audiences=3, customer_lists=3)[0]
    run = programs.tap(streams=streams, ad_account_ids=[account])
    assert run.code == 0, run.err
    assert {operation for operation, _ in statuses(emulator.requests())} == operations
    schemas = {m["stream"] for m in run.messages if m["type"] == "SCHEMA"}
    assert schemas == set(streams)


def test_a_business_that_is_named_twice_is_read_once(
    pinterest: Emulator, programs: Programs
) -> None:
    business = next(iter(pinterest.state()["businesses"]))
    programs.settings |= {"api_url": pinterest.url, "business_ids": [business, business]}
    run = programs.tap(streams=["business_audiences"])
    assert run.code == 0, run.err
    assert len(run.records("business_audiences")) == len(pinterest.state()["businesses"][business])


def test_costly_streams_are_not_read_without_a_catalog(
    emulator: Emulator, programs: Programs
) -> None:
    emulator.seed(ad_accounts=2, audiences=600)
    config = programs.file("all.json", programs.settings)
    run = programs.run("tap-pinterest-audiences", "--config", str(config))
    assert run.code == 0, run.err
    assert emulator.requests("ad_accounts_audiences_shared_accounts/list") == []
    assert len(emulator.requests()) < 30


def untimed(run: Run) -> list[dict[str, Any]]:
    """Return the messages of a run without the times that differ from run to run."""
    messages = run.messages
    for message in messages:
        message.pop("time_extracted", None)
        for stream in message.get("value", {}).get("bookmarks", {}).values():
            for partition in stream.get("partitions", []):
                partition.pop("replication_key_value", None)
    return messages


def test_the_output_does_not_depend_on_concurrency(programs: Programs) -> None:
    with Emulator(seed="empty", access="unlimited", latency_ms=25) as emulator:
        emulator.seed(ad_accounts=20, audiences=1000, customer_lists=60, updated_timestamp=LONG_AGO)
        programs.settings |= {"api_url": emulator.url, "page_size": 10}
        streams = [name for name in NAMES if name != "audience_shared_accounts"]
        runs = {}
        for concurrency in (1, 8):
            emulator.clear()
            runs[concurrency] = programs.tap(streams=streams, concurrency=concurrency)
            assert runs[concurrency].code == 0, runs[concurrency].err
            most = max(request["in_flight"] for request in emulator.requests())
            assert most == 1 if concurrency == 1 else 1 < most <= concurrency
    assert untimed(runs[1]) == untimed(runs[8])
    assert len(runs[8].records("audiences")) == 1000


def test_a_second_run_emits_nothing_of_the_incremental_streams(
    everything: Run, pinterest: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = {"access_token": "pina_demo", "api_url": pinterest.url}
    again = Programs(tmp_path_factory.mktemp("again"), settings).tap(
        streams=INCREMENTAL, state=everything.state
    )
    assert again.code == 0, again.err
    for name in INCREMENTAL:
        assert everything.records(name)
        assert again.records(name) == []


def test_unreadable_list_of_one_account_is_named(emulator: Emulator, programs: Programs) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=20, customer_lists=4)
    emulator.fault(
        operation="customer_lists/list", path_contains=one, kind="status", status=403, code=29
    )
    run = programs.tap(streams=["audiences", "customer_lists"])
    assert run.code == 1
    assert f"ad account {one}, stream customer_lists" in run.err
    assert {record["ad_account_id"] for record in run.records("customer_lists")} == {other}
    assert {record["ad_account_id"] for record in run.records("audiences")} == {one, other}
    partitions = run.state["bookmarks"]["customer_lists"]["partitions"]
    moved = {
        part["context"]["ad_account_id"]
        for part in partitions
        if part.get("replication_key_value") is not None
    }
    assert moved == {other}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "html"},
        {"kind": "repeat_bookmark"},
        pytest.param({"kind": "status", "status": 200, "code": 1}, id="no list of items"),
    ],
)
def test_incomplete_list_keeps_its_bookmark(
    emulator: Emulator, programs: Programs, fault: dict[str, Any]
) -> None:
    programs.prepare = WITHOUT_WAITS
    one, other = emulator.seed(ad_accounts=2, audiences=60, updated_timestamp=LONG_AGO)
    emulator.fault(operation="audiences/list", path_contains=other, skip=1, times=None, **fault)
    run = programs.tap(page_size=10, ad_account_ids=[one, other])
    assert run.code == 1
    assert "Traceback" not in run.err
    partitions = run.state["bookmarks"]["audiences"]["partitions"]
    bookmarks = {p["context"]["ad_account_id"]: p.get("replication_key_value") for p in partitions}
    assert bookmarks[one]
    assert not bookmarks[other]
    emulator.clear()
    again = programs.tap(state=run.state, ad_account_ids=[one, other])
    assert {record["ad_account_id"] for record in again.records("audiences")} == {other}
    assert len(again.records("audiences")) == 30


def test_full_tables_are_activated_after_their_last_record(
    emulator: Emulator, programs: Programs
) -> None:
    emulator.seed(ad_accounts=2, audiences=4)
    run = programs.tap(emit_activate_version_messages=True)
    kinds = [(m["type"], m.get("stream")) for m in run.messages if m["type"] != "STATE"]
    assert [stream for kind, stream in kinds if kind == "ACTIVATE_VERSION"] == ["ad_accounts"]
    last_record = max(i for i, kind in enumerate(kinds) if kind == ("RECORD", "ad_accounts"))
    assert kinds.index(("ACTIVATE_VERSION", "ad_accounts")) > last_record


def test_incomplete_table_is_not_activated(programs: Programs, pinterest: Emulator) -> None:
    programs.settings["api_url"] = pinterest.url
    pinterest.fault(
        operation="audience_insights/get", path_contains="549755800001", kind="status", status=403
    )
    run = programs.tap(
        streams=["ad_accounts", "audience_insights", "audience_insight_definitions"],
        emit_activate_version_messages=True,
        ad_account_ids=["549755800001", "549755800002"],
    )
    pinterest.clear()
    assert run.code == 1
    activated = {m["stream"] for m in run.messages if m["type"] == "ACTIVATE_VERSION"}
    assert activated == {"ad_accounts", "audience_insight_definitions"}


def test_schema_has_the_field_for_removals(emulator: Emulator, programs: Programs) -> None:
    emulator.seed(ad_accounts=1, audiences=2)
    config = programs.file("all.json", {**programs.settings, "detect_removed": True})
    run = programs.run("tap-pinterest-audiences", "--config", str(config))
    schemas = {
        m["stream"]: m["schema"]["properties"] for m in run.messages if m["type"] == "SCHEMA"
    }
    marked = {stream for stream, fields in schemas.items() if "_sdc_deleted_at" in fields}
    assert marked == {"audiences", "received_audiences", "customer_lists"}


def test_stream_maps_and_flattening_work_together(emulator: Emulator, programs: Programs) -> None:
    emulator.seed(ad_accounts=1, audiences=3)
    run = programs.tap(
        stream_maps={"audiences": {"__alias__": "people", "__filter__": "size is not None"}},
        flattening_enabled=True,
        flattening_max_depth=1,
    )
    assert run.code == 0, run.err
    assert run.records("people")
    assert all("owner__id" in record for record in run.records("ad_accounts"))
