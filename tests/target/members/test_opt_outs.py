"""Members who opted out are not added, and none are removed by accident."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from docs_blocks import block
from people import (
    NAME,
    SCHEMA,
    STREAM,
    audiences,
    changes,
    digest,
    digests,
    lists,
    members,
    new_audience,
    new_list,
    people,
    person,
    writes,
)
from programs import Programs, record, schema, state

if TYPE_CHECKING:
    from pinterest_emulator.testing import Emulator

ROOT = Path(__file__).parents[3]
ANN = "ann@shop.example"
DELETED = "2026-01-01T00:00:00Z"


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
        "report_path": str(tmp_path / "report.json"),
    }
    return Programs(tmp_path, settings)


def report(target: Programs) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((target.folder / "report.json").read_text())
    return said


def kept(path: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, path.read_text().splitlines())
    return [line["record"] for line in lines if line["type"] == "RECORD"]


def test_blank_deletion_mark_removes_nothing_in_any_stream(
    emulator: Emulator, target: Programs, account: str
) -> None:
    (other,) = emulator.seed(ad_accounts=1, audiences=0)
    audience = new_audience(emulator, account, "V", "VISITOR", visitor_source_id="261")
    blank: dict[str, Any] = {"_sdc_deleted_at": ""}
    lines = [
        schema(),
        SCHEMA,
        schema("audience_sharing"),
        person(email=ANN, operation="ADD", **blank),
        record(id=audience, name="V", **blank),
        record(
            "audience_sharing",
            audience_id=audience,
            recipient_account_ids=[other],
            operation_type="SHARE",
            **blank,
        ),
        state(1),
    ]
    run = target.target(lines)
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert members(emulator, account) == {digest(ANN)}
    assert {item["name"] for item in audiences(emulator, account)} == {"V", NAME}
    assert report(target)["counts"]["shared"] == 1


def test_unreadable_deletion_mark_is_rejected_in_any_stream(
    emulator: Emulator, target: Programs, account: str
) -> None:
    audience = new_audience(emulator, account, "V", "VISITOR", visitor_source_id="261")
    bad: dict[str, Any] = {"_sdc_deleted_at": "gone"}
    lines = [
        *[schema(), SCHEMA, schema("audience_sharing")],
        person(email=ANN, **bad),
        record(id=audience, name="W", **bad),
        record("audience_sharing", audience_id=audience, recipient_account_ids=["1"], **bad),
        state(1),
    ]
    emulator.clear()
    run = target.target(lines)
    assert run.code == 1
    assert run.state == {}
    assert report(target)["counts"]["rejected"] == 3
    assert writes(emulator) == []


@pytest.mark.parametrize("column", ["operation", "operation_type", "OPERATION"])
def test_removal_is_read_under_both_names_in_every_stream(
    emulator: Emulator, target: Programs, account: str, column: str
) -> None:
    (other,) = emulator.seed(ad_accounts=1, audiences=0)
    audience = new_audience(emulator, account, "V", "VISITOR", visitor_source_id="261")
    gone = new_audience(emulator, account, "Gone", "VISITOR", visitor_source_id="261")
    shared = {"audience_id": audience, "recipient_account_ids": other}
    begin = [schema(), SCHEMA, schema("audience_sharing")]
    first = [person(email=ANN), record("audience_sharing", operation_type="SHARE", **shared)]
    assert target.target([*begin, *first]).code == 0
    lines = [
        person(None, email=ANN, **{column: "REMOVE"}),
        record(id=gone, **{column: "REMOVE"}),
        record("audience_sharing", **shared, **{column: "REVOKE"}),
    ]
    run = target.target([*begin, *lines])
    assert run.code == 0, run.err
    assert members(emulator, account) == set()
    assert gone not in {item["id"] for item in audiences(emulator, account)}
    assert report(target)["counts"]["revoked"] == 1


def test_ad_account_in_capitals_is_not_the_default_one(
    emulator: Emulator, target: Programs, account: str
) -> None:
    (other,) = emulator.seed(ad_accounts=1, audiences=0)
    rule = {"visitor_source_id": "261"}
    row = {
        "NAME": "S",
        "AUDIENCE_TYPE": "VISITOR",
        "RULE": json.dumps(rule),
        "AD_ACCOUNT_ID": other,
    }
    row_of_member = {"AUDIENCE_NAME": NAME, "EMAIL": ANN, "AD_ACCOUNT_ID": int(other)}
    run = target.target([schema(), SCHEMA, record(**row), record(STREAM, **row_of_member)])
    assert run.code == 0, run.err
    assert audiences(emulator, account) == lists(emulator, account) == []
    assert {item["name"] for item in audiences(emulator, other)} == {"S", NAME}
    assert members(emulator, other) == {digest(ANN)}


def printed_maps() -> list[tuple[str, dict[str, Any], str]]:
    """The documented stream maps for members: stream, map, column of the email."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (loader,) = [
        plugin
        for plugin in project["plugins"]["loaders"]
        if plugin["name"] == "target-pinterest-audiences"
    ]
    of_guide = json.loads(block("docs/members.md", '{"stream_maps"').text)["stream_maps"]
    of_project = loader["config"]["stream_maps"]
    return [
        ("public-customers", of_guide, "mail"),
        ("activation-customers", of_project, "email"),
    ]


@pytest.mark.parametrize(("stream", "maps", "column"), printed_maps(), ids=["guide", "project"])
def test_documented_stream_map_removes_deleted_members(
    emulator: Emulator,
    target: Programs,
    account: str,
    stream: str,
    maps: dict[str, Any],
    column: str,
) -> None:
    begin = schema(stream, **{column: {"type": "string"}, "_sdc_deleted_at": {"type": "string"}})
    rows = [record(stream, **{column: mail}) for mail in (ANN, "bob@shop.example")]
    assert target.target([begin, *rows], stream_maps=maps).code == 0
    assert len(members(emulator, account)) == 2
    gone = record(stream, **{column: ANN, "_sdc_deleted_at": DELETED})
    new = record(stream, **{column: "new@shop.example", "_sdc_deleted_at": DELETED})
    run = target.target([begin, gone, new], stream_maps=maps)
    assert run.code == 0, run.err
    assert members(emulator, account) == {digest("bob@shop.example")}


@pytest.mark.parametrize(
    "gone",
    [{"_sdc_deleted_at": DELETED}, {"operation": "REMOVE"}, {"__deleted": "true"}],
    ids=lambda gone: next(iter(gone)),
)
def test_no_stream_map_turns_a_deletion_into_an_addition(
    emulator: Emulator, target: Programs, tmp_path: Path, gone: dict[str, str]
) -> None:
    to_members = {"__alias__": STREAM, "__else__": None, "audience_name": "'V'", "email": "mail"}
    to_audiences = {
        "__alias__": "audiences",
        "__else__": None,
        "name": "title",
        "audience_type": "'VISITOR'",
        "rule": '\'{"visitor_source_id": "261"}\'',
    }
    maps = {"people": to_members, "segments": to_audiences}
    rejected = tmp_path / "rejected.singer"
    lines = [
        schema("people", mail={"type": "string"}),
        schema("segments", title={"type": "string"}),
        record("people", mail=ANN, **gone),
        record("segments", title="Seg", **gone),
        state(1),
    ]
    run = target.target(lines, stream_maps=maps)
    assert run.code == 1
    assert run.state == {}
    assert "the stream map drops the mark that says so" in run.err
    assert writes(emulator) == []
    target.settings |= {"rejected_path": str(rejected), "max_rejected": 9}
    assert target.target(lines, stream_maps=maps).code == 0
    again = target.target(rejected, stream_maps=maps)
    assert again.code == 0, "they are kept"
    assert report(target)["counts"]["rejected"] == 2
    assert writes(emulator) == [], "a second run does not add them either"


@pytest.mark.parametrize(
    "fields",
    [
        {"deleted_at": "2026-01-01"},
        {"_sdc_deleted_at": "x y"},
        {"operation": "?"},
        {"operation": "ADD", "operation_type": "REMOVE"},
        {"EMAIL": "bob@shop.example"},
    ],
    ids=str,
)
def test_stored_member_record_keeps_its_meaning_in_a_replay(
    emulator: Emulator, target: Programs, tmp_path: Path, fields: dict[str, Any]
) -> None:
    rejected = tmp_path / "rejected.singer"
    target.settings |= {"rejected_path": str(rejected), "max_rejected": 9}
    assert target.target([SCHEMA, person(email=ANN, **fields)]).code == 0
    before = [{k: v for k, v in item.items() if k != "_rejected_at"} for item in kept(rejected)]
    assert target.target(rejected).code == 0
    after = [{k: v for k, v in item.items() if k != "_rejected_at"} for item in kept(rejected)]
    assert len(before) == 1
    assert before == after or fields.keys() == {"EMAIL"}
    assert writes(emulator) == []
    assert not re.search("ann@|bob@|x y", rejected.read_text())


def test_deletion_with_only_its_key_is_stored_with_a_digest_of_the_key(
    emulator: Emulator, target: Programs, tmp_path: Path
) -> None:
    rejected = tmp_path / "rejected.singer"
    target.settings |= {"rejected_path": str(rejected), "max_rejected": 9}
    sha = hashlib.sha256(b"customer-4711").hexdigest()
    gone = {"id": "customer-4711", "_sdc_deleted_at": DELETED}
    own = {**SCHEMA, "key_properties": ["id"]}
    mapped = {**schema("people", id={"type": "string"}), "key_properties": ["id"]}
    maps = {
        "people": {
            "__alias__": STREAM,
            "__else__": None,
            "audience_name": "'V'",
            "_sdc_deleted_at": "_sdc_deleted_at",
        }
    }
    kept_whole = {"people": {"__alias__": STREAM, "audience_name": "'V'"}}
    for lines, stream_maps in (
        ([own, record(STREAM, **gone)], maps),
        ([mapped, record("people", **gone)], maps),
        ([mapped, record("people", **gone)], kept_whole),
    ):
        rejected.unlink(missing_ok=True)
        run = target.target([*lines, state(1)], stream_maps=stream_maps)
        assert run.code == 0, run.err
        (found,) = kept(rejected)
        assert found["_reject_code"] == "key_only_deletion"
        assert "REPLICA IDENTITY FULL" in found["_reject_reason"]
        assert "mirror" in found["_reject_reason"]
        assert found["key_sha256"] == {"id": sha}
        assert "4711" not in rejected.read_text()
        assert target.target(rejected).code == 0
        assert len(kept(rejected)) == 1
    assert writes(emulator) == []


def test_removal_of_an_unknown_member_is_counted_separately(
    emulator: Emulator, target: Programs, account: str
) -> None:
    new_list(emulator, account, NAME, digest("other@else.example"))
    assert target.target([SCHEMA, *people(range(5))]).code == 0
    run = target.target([SCHEMA, *people([1, 2, 77], operation="REMOVE")])
    assert run.code == 0, run.err
    counts = report(target)["counts"]
    assert (counts["removed"], counts["removed_unknown"]) == (2, 1)
    (entry,) = report(target)["customer_lists"]
    assert (entry["removed"], entry["removed_unknown"]) == (2, 1)
    assert "1 removed unknown" in run.err
    assert members(emulator, account) == digests([0, 3, 4]) | {digest("other@else.example")}


def test_run_with_only_removals_creates_no_audience(
    emulator: Emulator, target: Programs, account: str
) -> None:
    new_list(emulator, account, NAME, digest(ANN))
    run = target.target([SCHEMA, person(email=ANN, operation="REMOVE")])
    assert run.code == 0, run.err
    assert members(emulator, account) == set()
    assert audiences(emulator, account) == []


def test_write_mode_update_creates_no_list_and_no_audience(
    emulator: Emulator, target: Programs, account: str
) -> None:
    run = target.target([SCHEMA, person(email=ANN), state(1)], write_mode="update")
    assert run.code == 1
    assert run.state == {}
    assert "write_mode update makes none" in run.err
    assert writes(emulator) == []
    found = new_list(emulator, account, NAME)
    run = target.target([SCHEMA, person(email=ANN), state(1)], write_mode="update")
    assert run.code == 0, run.err
    assert digest(ANN) in emulator.members(found)
    assert audiences(emulator, account) == []
    assert "write_mode update creates none" in run.err


def test_write_mode_create_leaves_a_list_that_exists(
    emulator: Emulator, target: Programs, account: str
) -> None:
    lines = [SCHEMA, *people(range(25)), state(1)]
    first = target.target(lines, write_mode="create", member_batch_size=10)
    assert first.code == 0, first.err
    assert members(emulator, account) == digests(range(25))
    emulator.clear()
    assert target.target(lines, write_mode="create").code == 0, "nothing to change"
    for change in (person(99), person(1, operation="REMOVE")):
        run = target.target([SCHEMA, change, state(2)], write_mode="create")
        assert run.code == 1
        assert run.state == {}
        assert "is there already, and write_mode create changes nothing" in run.err
    assert writes(emulator) == []
    assert changes(emulator) == []
