"""The target as a process, against the emulator over HTTP."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from programs import record, schema, state, statuses

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from programs import Programs

DATA = Path(__file__).parents[2] / "data"
RULE = {"visitor_source_id": "2612511566392"}
WRITES = ("audiences/create", "audiences/update", "audiences/create_custom")


def visitor(name: str, **fields: object) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "audience_type": "VISITOR", "rule": RULE, **fields}
    return record(**made)


def there(emulator: Emulator, account: str) -> list[dict[str, Any]]:
    audiences: list[dict[str, Any]] = emulator.state()["audiences"][account]
    return audiences


def writes(emulator: Emulator) -> list[dict[str, Any]]:
    return [entry for entry in emulator.requests() if entry["operation"] in WRITES]


@pytest.fixture
def ours(programs: Programs, account: str) -> Programs:
    """The programs, with a default ad account."""
    programs.settings["ad_account_id"] = account
    return programs


def test_second_run_over_a_thousand_records_writes_nothing(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    lines = [schema(), *(visitor(f"Audience {number}") for number in range(1000)), state(1000)]
    first = ours.target(lines)
    assert first.code == 0, first.err
    assert "1000 created, 0 updated, 0 unchanged, 0 removed, 0 rejected" in first.err
    assert statuses(writes(emulator)) == {("audiences/create", 200): 1000}
    assert len(there(emulator, account)) == 1000
    assert first.state == {"seen": 1000}
    emulator.clear()
    second = ours.target(lines)
    assert second.code == 0
    assert "0 created, 0 updated, 1000 unchanged, 0 removed, 0 rejected" in second.err
    assert writes(emulator) == []
    assert len(emulator.requests()) <= 5
    assert second.state == {"seen": 1000}


def test_target_leaves_unchanged_output_of_the_tap_alone(programs: Programs) -> None:
    with Emulator(seed="demo", access="unlimited") as emulator:
        read = programs.tap(api_url=emulator.url)
        lines = [line for line in read.out.splitlines() if '"stream":"ad_accounts"' not in line]
        emulator.clear()
        run = programs.target("\n".join(lines) + "\n", api_url=emulator.url)
        assert run.code == 0, run.err
        assert writes(emulator) == []
    assert f"{len(read.records('audiences'))} unchanged, 0 removed, 0 rejected" in run.err
    assert run.state == read.state


def test_updates_send_only_changed_fields(emulator: Emulator, ours: Programs, account: str) -> None:
    ours.target([schema(), visitor("Loyal", description="Old"), visitor("Other")])
    loyal = there(emulator, account)[0]
    emulator.clear()
    run = ours.target(
        [
            schema(),
            record(id=loyal["id"], name="Faithful"),
            record(name="Faithful", description="New"),
            visitor("Other", rule={**RULE, "retention_days": 30}),
        ]
    )
    assert run.code == 0, run.err
    bodies: dict[str, list[Any]] = {}  # by audience: writes to two of them have no order
    for entry in writes(emulator):
        bodies.setdefault(entry["path"], []).append(entry["body"])
    assert [*bodies.values()] == [
        [{"name": "Faithful"}, {"description": "New"}],
        [{"rule": {**RULE, "retention_days": 30}}],
    ]
    assert there(emulator, account)[0]["description"] == "New"


def test_ad_account_of_a_record_wins_over_the_setting(
    emulator: Emulator, programs: Programs
) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=0)
    lines = [schema(), visitor("A"), visitor("A", ad_account_id=other)]
    assert programs.target(lines, ad_account_id=one).code == 0
    assert [len(there(emulator, account)) for account in (one, other)] == [1, 1]


def test_removal_removes_an_audience_once(emulator: Emulator, ours: Programs, account: str) -> None:
    ours.target([schema(), visitor("A"), visitor("B"), visitor("C")])
    emulator.clear()
    lines = [
        schema(),
        record(name="A", operation_type="REMOVE"),
        record(name="B", _sdc_deleted_at="2026-01-01T00:00:00Z"),
        record(name="B", operation_type="REMOVE"),
    ]
    run = ours.target(lines)
    assert run.code == 0, run.err
    assert "2 removed" in run.err
    assert "1 unchanged" in run.err
    assert [audience["name"] for audience in there(emulator, account)] == ["C"]
    assert [entry["body"] for entry in writes(emulator)] == [{"operation_type": "REMOVE"}] * 2
    assert ours.target(lines).code == 0


def test_only_an_audience_that_is_gone_counts_as_removed(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    ours.target([schema(), visitor("A"), visitor("B")])
    emulator.fault(operation="audiences/update", kind="status", status=404, code=404)
    emulator.fault(operation="audiences/update", kind="status", status=405, code=5)
    lines = [schema(), *(record(name=name, operation_type="REMOVE") for name in "AB")]
    run = ours.target(lines)
    assert run.code == 1
    assert "1 removed, 1 rejected" in run.err
    assert len(there(emulator, account)) == 2


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "truncate"])
def test_create_with_a_lost_response_leaves_exactly_one(
    emulator: Emulator, ours: Programs, account: str, kind: str
) -> None:
    emulator.fault(operation="audiences/create", kind=kind, skip=1)
    run = ours.target([schema(), visitor("A"), visitor("B"), visitor("C"), state(3)])
    assert run.code == 0, run.err
    names = [audience["name"] for audience in there(emulator, account)]
    assert sorted(names) == ["A", "B", "C"], "C may arrive while B is looked up"
    assert "3 created" in run.err
    assert run.state == {"seen": 3}


def test_a_create_that_never_arrived_is_sent_again(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    emulator.fault(operation="audiences/create", kind="drop_before")
    run = ours.target([schema(), visitor("A")])
    assert run.code == 0, run.err
    assert [audience["name"] for audience in there(emulator, account)] == ["A"]
    assert len(writes(emulator)) == 2


def test_lost_create_beside_an_older_audience_with_that_name(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    other_rule = {"visitor_source_id": "1"}
    ours.target([schema(), visitor("A", rule=other_rule)])
    ours.target([schema(), record(name="A", operation_type="REMOVE"), visitor("B")])
    emulator.fault(operation="audiences/create", kind="drop_after")
    run = ours.target([schema(), visitor("A")])
    assert run.code == 0, run.err
    assert [(a["name"], a["rule"]) for a in there(emulator, account)] == [("B", RULE), ("A", RULE)]


def test_custom_audience_is_created_if_the_api_supports_it(programs: Programs) -> None:
    with Emulator(seed="empty", access="unlimited", spec="5.18") as emulator:
        account = emulator.seed(ad_accounts=1, audiences=0)[0]
        settings = {"api_url": emulator.url, "ad_account_id": account}
        lines = [
            schema(),
            record(
                name="Bought",
                rule=RULE,
                description="From a partner",
                sharing_type="SYNDICATED",
                data_party="3p",
                category="DLX Demographics",
            ),
        ]
        run = programs.target(lines, **settings)
        assert run.code == 0, run.err
        assert [entry["operation"] for entry in writes(emulator)] == [
            "audiences/create_custom",
            "audiences/update",
        ]
        assert there(emulator, account)[0]["description"] == "From a partner"
        emulator.clear()
        assert programs.target(lines, **settings).code == 0
        assert writes(emulator) == []


def test_custom_audience_is_rejected_if_the_api_lacks_it(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    custom = record(name="Bought", rule=RULE, sharing_type="CUSTOM", data_party="1p")
    run = ours.target([schema(), custom, visitor("Good")])
    assert run.code == 1
    assert "Pinterest removed the endpoint for custom audiences" in run.err
    assert "in version 5.20" in run.err
    assert [audience["name"] for audience in there(emulator, account)] == ["Good"]


def test_unusual_values_are_handled(emulator: Emulator, ours: Programs, account: str) -> None:
    run = ours.target((DATA / "odd_values.singer").read_text())
    assert run.code == 0, run.err
    sent = [entry["body"] for entry in writes(emulator)]
    assert sent == [
        {
            "name": "Odd",
            "audience_type": "VISITOR",
            "rule": {"visitor_source_id": "26", "retention_days": 30},
        }
    ]
    assert len(there(emulator, account)) == 1
    assert run.state == {"ratio": 0.25, "big": 12345678901234567890}


def test_a_stream_of_another_name_is_renamed_by_a_stream_map(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    lines = [schema("public-audiences"), record("public-audiences", **visitor("A")["record"])]
    refused = ours.target(lines)
    assert refused.code == 1
    shown = '{"public-audiences": {"__alias__": "audiences"}}'
    assert f"stream_maps, like {shown}" in refused.err
    run = ours.target(lines, stream_maps=json.loads(shown))
    assert run.code == 0, run.err
    assert [audience["name"] for audience in there(emulator, account)] == ["A"]


def test_batch_messages_are_read(
    emulator: Emulator, ours: Programs, account: str, tmp_path: Path
) -> None:
    names = [f"Audience {number}" for number in range(30)]
    rows = "".join(json.dumps(visitor(name)["record"]) + "\n" for name in names)
    (tmp_path / "batch.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    batch = {
        "type": "BATCH",
        "stream": "audiences",
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "manifest": [f"file://{tmp_path}/batch.jsonl.gz"],
    }
    run = ours.target([schema(), batch, state(30)])
    assert run.code == 0, run.err
    assert sorted([audience["name"] for audience in there(emulator, account)]) == sorted(names)
    assert run.state == {"seen": 30}


def test_stream_maps_apply_to_batch_files_too(
    emulator: Emulator, ours: Programs, account: str, tmp_path: Path
) -> None:
    rows = [{"title": title, "audience_type": "VISITOR", "rule": RULE} for title in ("A", "", "B")]
    (tmp_path / "batch.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    batch = {
        "type": "BATCH",
        "stream": "segments",
        "encoding": {"format": "jsonl"},
        "manifest": [f"file://{tmp_path}/batch.jsonl"],
    }
    maps = {"segments": {"__alias__": "audiences", "__filter__": "title", "name": "title.lower()"}}
    columns = {"title": {"type": "string"}}
    run = ours.target([schema("segments", **columns), batch, state(3)], stream_maps=maps)
    assert run.code == 0, run.err
    assert [audience["name"] for audience in there(emulator, account)] == ["a", "b"]


def test_activate_version_messages_do_not_fail_the_run(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    version = {"type": "ACTIVATE_VERSION", "stream": "audiences", "version": 1}
    run = ours.target([schema(), version, visitor("A"), version, visitor("B"), state(2)])
    assert run.code == 0, run.err
    assert [audience["name"] for audience in there(emulator, account)] == ["A", "B"]
    assert run.state == {"seen": 2}


def test_about_lists_only_supported_settings(ours: Programs) -> None:
    about = json.loads(ours.run("target-pinterest-audiences", "--about", "--format", "json").out)
    assert set(about["capabilities"]) == {"about", "batch", "stream-maps", "structured-logging"}
    settings = about["settings"]["properties"].keys()
    assert settings.isdisjoint(
        {
            "add_record_metadata",
            "batch_size_rows",
            "default_target_schema",
            "flattening_enabled",
            "hard_delete",
            "load_method",
            "process_activate_version_messages",
            "validate_records",
        }
    )
    assert settings >= {"rejected_path", "max_rejected", "dry_run", "report_path", "stream_maps"}


def test_schema_may_change_during_a_run(emulator: Emulator, ours: Programs, account: str) -> None:
    lines = [schema(), visitor("A"), schema(name={"type": "string"}), visitor("B"), state(2)]
    run = ours.target(lines)
    assert run.code == 0, run.err
    assert [audience["name"] for audience in there(emulator, account)] == ["A", "B"]


def test_rejected_records_hold_back_the_state_but_not_later_records(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    lines = [
        schema(),
        visitor("A"),
        state(1),
        visitor("B", audience_type="NONE"),
        state(2),
        visitor("C"),
        state(3),
    ]
    run = ours.target(lines)
    assert run.code == 1
    assert [audience["name"] for audience in there(emulator, account)] == ["A", "C"]
    assert run.state == {"seen": 1}
    assert "2 created, 0 updated, 0 unchanged, 0 removed, 1 rejected" in run.err


def test_refused_record_is_rejected_with_the_reason(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    emulator.fault(operation="audiences/create", kind="status", status=400, code=1)
    lines = [schema(), visitor("A"), visitor("B")]
    run = ours.target(lines)
    assert run.code == 1
    assert "Pinterest refused audiences/create" in run.err
    assert "HTTP 400" in run.err
    assert [audience["name"] for audience in there(emulator, account)] == ["B"]


def test_rate_limit_keeps_finished_work(emulator: Emulator, ours: Programs, account: str) -> None:
    emulator.fault(operation="audiences/create", kind="rate_limit", reset=67150, skip=1)
    lines = [schema(), visitor("A"), state(1), visitor("B"), state(2)]
    run = ours.target(lines)
    assert run.code == 75
    assert run.state == {"seen": 1}
    assert "Traceback" not in run.err
    again = ours.target(lines)
    assert again.code == 0
    assert again.state == {"seen": 2}
    assert [audience["name"] for audience in there(emulator, account)] == ["A", "B"]


@pytest.mark.parametrize(
    ("write_mode", "names", "rejected"),
    [("upsert", ["New", "Old"], 0), ("create", ["New", "Old"], 1), ("update", ["Old"], 1)],
)
def test_write_modes_limit_creates_and_updates(
    emulator: Emulator,
    ours: Programs,
    account: str,
    write_mode: str,
    names: list[str],
    rejected: int,
) -> None:
    ours.target([schema(), visitor("Old")])
    run = ours.target(
        [schema(), visitor("New"), visitor("Old", description="d")], write_mode=write_mode
    )
    assert f"{rejected} rejected" in run.err
    assert sorted(audience["name"] for audience in there(emulator, account)) == names
    described = next(a for a in there(emulator, account) if a["name"] == "Old")["description"]
    assert (described == "d") is (write_mode != "create")


def test_ambiguous_name_follows_on_ambiguous(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    ours.target([schema(), visitor("Twin"), visitor("Other")])
    other = there(emulator, account)[1]["id"]
    ours.target([schema(), record(id=other, name="Twin")])
    change = [schema(), record(name="Twin", description="d")]
    run = ours.target(change)
    assert run.code == 1
    assert "set on_ambiguous to newest" in run.err
    assert ours.target(change, on_ambiguous="newest").code == 0
    assert [audience["description"] for audience in there(emulator, account)] == [None, "d"]


def test_ambiguous_removal_removes_nothing_in_any_run(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    ours.target([schema(), visitor("Twin"), visitor("Other")])
    other = there(emulator, account)[1]["id"]
    ours.target([schema(), record(id=other, name="Twin")])
    removal = [schema(), record(name="Twin", operation_type="REMOVE"), state(1)]
    for _ in range(2):
        run = ours.target(removal, on_ambiguous="newest")
        assert run.code == 1
        assert "give the record the id of one" in run.err
        assert run.state == {}
    assert [audience["name"] for audience in there(emulator, account)] == ["Twin", "Twin"]


def test_empty_description_clears_and_null_does_not(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    ours.target([schema(), visitor("A", description="Old"), visitor("B", description="Kept")])
    emulator.clear()
    lines = [schema(), visitor("A", description=" "), visitor("B", description=None)]
    for expected in ([{"description": ""}], []):
        assert ours.target(lines).code == 0
        assert [entry["body"] for entry in writes(emulator)] == expected
        emulator.clear()
    assert [item["description"] for item in there(emulator, account)] == ["", "Kept"]
