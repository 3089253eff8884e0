"""A mirror removes only members known to be absent, and never too many at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from people import (
    NAME,
    SCHEMA,
    STREAM,
    activate,
    changes,
    digests,
    members,
    people,
    person,
    versioned,
    whole_version,
    writes,
)
from programs import Programs, record, schema, state

if TYPE_CHECKING:
    from pinterest_emulator.testing import Emulator

GONE = {"operation": "REMOVE"}


@pytest.fixture
def mirror(emulator: Emulator, account: str, tmp_path: Any) -> Programs:
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
        "report_path": str(tmp_path / "report.json"),
        "member_mode": "mirror",
    }
    return Programs(tmp_path, settings)


def table(stream: str, name: str, numbers: Any, version: int) -> list[dict[str, Any]]:
    """The records of a table with a stream map that renames its stream."""
    rows = [{**message, "stream": stream} for message in people(numbers, audience_name=name)]
    return versioned(rows, version)


def columns(stream: str) -> dict[str, Any]:
    return schema(stream, audience_name={"type": "string"}, email={"type": "string"})


def test_limit_counts_removals_that_come_as_records(
    emulator: Emulator, mirror: Programs, account: str
) -> None:
    assert mirror.target(whole_version(range(100), 1)).code == 0
    emulator.clear()
    some = [*people(range(70)), *people(range(70, 100), **GONE)]
    lines = [SCHEMA, *versioned(some, 2), activate(2), state(2)]
    run = mirror.target(lines)
    assert run.code == 1
    assert run.state == {}
    assert "30 of 100 members of customer list" in run.err
    assert "30 by records" in run.err
    assert writes(emulator) == []
    both = [*people(range(85)), *people(range(85, 95), **GONE)]
    run = mirror.target([SCHEMA, *versioned(both, 3), activate(3)], max_removal_ratio=0.1)
    assert run.code == 1
    assert "15 of 100 members" in run.err
    assert changes(emulator) == [("REMOVE", 10)], "the records alone are within the limit"
    run = mirror.target(lines, max_removal_ratio=0.3)
    assert run.code == 0, run.err
    assert members(emulator, account) == digests(range(70))


def test_list_of_three_can_lose_one_but_not_two_and_none_with_a_limit_of_zero(
    emulator: Emulator, mirror: Programs, account: str
) -> None:
    assert mirror.target(whole_version(range(3), 1)).code == 0
    assert mirror.target(whole_version(range(2), 2), max_removal_ratio=0).code == 1
    assert mirror.target(whole_version(range(1), 3)).code == 1
    assert members(emulator, account) == digests(range(3))
    assert mirror.target(whole_version(range(2), 4)).code == 0
    assert members(emulator, account) == digests(range(2))


def test_version_without_activation_removes_nobody_and_fails(
    emulator: Emulator, mirror: Programs, account: str
) -> None:
    assert mirror.target(whole_version(range(20), 1)).code == 0
    lines = [SCHEMA, state(1), *versioned(people(range(19)), 2), state(2)]
    run = mirror.target(lines)
    assert run.code == 1
    assert run.state == {}
    assert "1 members are not in the new version, but no ACTIVATE_VERSION came" in run.err
    assert members(emulator, account) == digests(range(20))
    everybody = mirror.target([SCHEMA, *versioned(people(range(20)), 3), state(3)])
    assert everybody.code == 0, everybody.err
    assert everybody.state == {"seen": 3}


def test_table_without_a_record_removes_nobody_and_fails(
    emulator: Emulator, mirror: Programs, account: str
) -> None:
    assert mirror.target(whole_version(range(20), 1)).code == 0
    run = mirror.target([SCHEMA, state(1)])
    assert run.code == 1
    assert run.state == {}
    assert "no record came" in run.err
    assert members(emulator, account) == digests(range(20))


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        ({"bookmark_properties": ["updated_at"]}, "read incrementally by updated_at"),
        ({"columns": {"_sdc_lsn": {"type": "integer"}}}, "the column _sdc_lsn"),
        ({"columns": {"_AB_CDC_UPDATED_AT": {}}}, "the column _AB_CDC_UPDATED_AT"),
        ({"bookmark": {"replication_key": "updated_at"}}, "its state has a replication key"),
        ({"bookmark": {"lsn": 5}}, "from a log of changes"),
        ({"bookmark": {"last_replication_method": "INCREMENTAL"}}, "incrementally or"),
        ({"bookmark": {"partitions": [{"replication_key_value": 0}]}}, "a replication key"),
    ],
    ids=str,
)
def test_partial_version_removes_nobody_and_the_reason_comes_first(
    emulator: Emulator, mirror: Programs, account: str, begin: dict[str, Any], said: str
) -> None:
    assert mirror.target(whole_version(range(20), 1)).code == 0
    first = schema(STREAM, **begin.get("columns", {}))
    if properties := begin.get("bookmark_properties"):
        first["bookmark_properties"] = properties
    bookmark = {"type": "STATE", "value": {"bookmarks": {STREAM: begin.get("bookmark", {})}}}
    lines = [first, *versioned([*people(range(3)), person(5, **GONE)], 2), activate(2), bookmark]
    run = mirror.target(lines)
    assert run.code == 1
    assert run.state == {}
    assert said in run.err
    assert "may hold a part of the table only" in run.err
    assert "max_removal_ratio" not in run.err
    assert members(emulator, account) == digests(range(20)) - digests([5]), "a record is a record"


@pytest.mark.parametrize("order", ["at the end", "in turns"])
def test_two_tables_are_mirrored_each_by_its_own_version(
    emulator: Emulator, mirror: Programs, account: str, order: str
) -> None:
    maps = {stream: {"__alias__": STREAM} for stream in ("crm", "shop")}
    mirror.settings["stream_maps"] = maps

    def both(numbers: range, version: int) -> list[dict[str, Any]]:
        first, second = table("crm", "A", numbers, version), table("shop", "B", numbers, version)
        ends = [{**activate(version), "stream": stream} for stream in ("crm", "shop")]
        if order == "at the end":
            return [columns("crm"), columns("shop"), *first, *second, *ends]
        return [columns("crm"), *first, ends[0], columns("shop"), *second, ends[1]]

    assert mirror.target(both(range(20), 1)).code == 0
    run = mirror.target([*both(range(19), 2), state(2)])
    assert run.code == 0, run.err
    assert run.state == {"seen": 2}
    for name in ("A", "B"):
        assert members(emulator, account, name) == digests(range(19))


def test_two_tables_that_fill_one_list_remove_nobody(
    emulator: Emulator, mirror: Programs, account: str
) -> None:
    maps = {stream: {"__alias__": STREAM} for stream in ("crm", "shop")}
    mirror.settings["stream_maps"] = maps
    ends = [{**activate(1), "stream": stream} for stream in ("crm", "shop")]
    rows = [*table("crm", NAME, range(10), 1), *table("shop", NAME, range(10, 20), 2)]
    ends[1]["version"] = 2
    run = mirror.target([columns("crm"), columns("shop"), *rows, *ends, state(1)])
    assert run.code == 1
    assert run.state == {}
    assert "Give each table lists of its own" in run.err
    assert members(emulator, account) == digests(range(20))


@pytest.mark.parametrize("bad", ["no at sign", "ann@@shop.example", "a" * 300 + "@x.example"])
def test_malformed_identifier_keeps_everybody(
    emulator: Emulator, mirror: Programs, account: str, bad: str
) -> None:
    assert mirror.target(whole_version(range(20), 1)).code == 0
    rows = [*people(range(19)), person(email=bad)]
    run = mirror.target([SCHEMA, *versioned(rows, 2), activate(2), state(2)])
    assert run.code == 1
    assert run.state == {}
    assert "1 members are not in the new version, but 1 of its records cannot be read" in run.err
    assert members(emulator, account) == digests(range(20))


@pytest.mark.parametrize("blank", ["", "NULL", None])
def test_row_without_a_person_does_not_stop_a_mirror(
    emulator: Emulator, mirror: Programs, account: str, blank: str | None
) -> None:
    mirror.settings |= {"rejected_path": str(mirror.folder / "rejected"), "max_rejected": 9}
    assert mirror.target(whole_version(range(20), 1)).code == 0
    nobody = record(STREAM, audience_name=NAME, email=blank)
    run = mirror.target([SCHEMA, *versioned([*people(range(19)), nobody], 2), activate(2)])
    assert run.code == 0, run.err
    assert members(emulator, account) == digests(range(19))


def test_mirror_sends_no_more_to_a_refused_list(emulator: Emulator, mirror: Programs) -> None:
    assert mirror.target(whole_version(range(60), 1)).code == 0
    other = versioned(people(range(60), audience_name="Other"), 1)
    assert mirror.target([SCHEMA, *other, activate(1)]).code == 0
    emulator.clear()
    emulator.fault(operation="customer_lists/update", kind="status", status=400, code=1)
    rows = [*people(range(20)), *people(range(20), audience_name="Other")]
    lines = [SCHEMA, *versioned(rows, 2), activate(2), state(2)]
    run = mirror.target(lines, max_removal_ratio=1, member_batch_size=10)
    assert run.code == 1
    assert run.state == {}
    assert len(writes(emulator)) == 1 + 4, "one for the refused list, four for the other"


def test_list_that_no_record_names_is_reported(
    emulator: Emulator, mirror: Programs, account: str
) -> None:
    rows = [*people(range(9)), *people(range(4), audience_name="Other")]
    assert mirror.target([SCHEMA, *versioned(rows, 1), activate(1)]).code == 0
    run = mirror.target(whole_version(range(9), 2))
    assert run.code == 0, run.err
    assert "(Other): its 4 members stay" in run.err
    (entry,) = json.loads((mirror.folder / "report.json").read_text())["unmentioned_lists"]
    assert (entry["audience_name"], entry["members"]) == ("Other", 4)
    assert members(emulator, account, "Other") == digests(range(4))
