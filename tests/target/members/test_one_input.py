"""One input with audiences and their members, rows of a spreadsheet, large requests."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from people import (
    NAME,
    SCHEMA,
    STREAM,
    audiences,
    changes,
    digests,
    email,
    lists,
    members,
    people,
    person,
    writes,
)
from programs import Programs, record, schema, state

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.settings import TooLargeStatus

RULE = {"visitor_source_id": "2612511566392", "retention_days": 30}


def target_of(emulator: Emulator, account: str, folder: Path) -> Programs:
    folder.mkdir(exist_ok=True)
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{folder}/ledger.db",
        "report_path": str(folder / "report.json"),
    }
    return Programs(folder, settings)


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    return target_of(emulator, account, tmp_path)


def report(target: Programs) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((target.folder / "report.json").read_text())
    return said


def test_audience_members_and_sharing_may_come_in_any_order(
    emulator: Emulator, tmp_path: Path
) -> None:
    row = record(
        name=NAME,
        audience_type="CUSTOMER_LIST",
        description="All of them",
        rule={"customer_list_name": NAME},
    )
    parts = {"row": [row], "members": people(range(25))}
    for number, order in enumerate(itertools.permutations(["row", "members", "sharing"])):
        account, other = emulator.seed(ad_accounts=2, audiences=0)
        share = {"recipient_account_ids": other, "operation_type": "SHARE"}
        parts["sharing"] = [record("audience_sharing", audience_name=NAME, **share)]
        target = target_of(emulator, account, tmp_path / str(number))
        lines = [schema(), SCHEMA, schema("audience_sharing")]
        lines += [*itertools.chain(*(parts[part] for part in order)), state(1)]
        run = target.target(lines, member_batch_size=10)
        assert run.code == 0, (order, run.err)
        assert run.state == {"seen": 1}
        (audience,) = audiences(emulator, account)
        assert audience["description"] == "All of them"
        assert audience["rule"] == {"customer_list_id": lists(emulator, account)[0]["id"]}
        assert members(emulator, account) == digests(range(25))
        assert report(target)["counts"]["created"] == 1
        assert report(target)["counts"]["shared"] == 1
        emulator.clear()
        assert target.target(lines, member_batch_size=10).code == 0
        assert writes(emulator) == [], order


def test_audience_created_for_members_is_in_the_report(
    emulator: Emulator, target: Programs, account: str
) -> None:
    assert target.target([SCHEMA, person(1)]).code == 0
    said = report(target)
    (audience,) = audiences(emulator, account)
    (change,) = said["changes"]
    assert (change["action"], change["stream"]) == ("created", STREAM)
    assert (change["audience_id"], change["name"]) == (audience["id"], NAME)
    assert said["counts"]["created"] == 1
    assert target.target([SCHEMA, person(1)], dry_run=True).code == 0
    assert report(target)["changes"] == []


def test_blank_rows_and_blank_lines_are_skipped_and_counted(
    emulator: Emulator, target: Programs, account: str
) -> None:
    maps = {"people": {"__alias__": STREAM, "audience_name": f"'{NAME}'", "email": "mail"}}
    blank: dict[str, Any] = {"mail": "", "age": None, "tags": [], "note": " \u00a0"}
    lines = [
        schema(),
        SCHEMA,
        schema("people", mail={"type": "string"}),
        record("people", mail=email(1), age=3),
        record("people", **blank),
        person(2),
        record(STREAM, audience_name=None, email="", operation=""),
        record(name="", rule=[], id=None),
        record(name="S", audience_type="VISITOR", rule=RULE, description=[]),
        state(1),
    ]
    text = "\n \n".join(json.dumps(line) for line in lines) + "\n\n"
    (target.folder / "input").write_text(text)
    run = target.target(target.folder / "input", stream_maps=maps)
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    said = report(target)
    assert said["counts"]["skipped"] == 3
    assert said["blank_lines"] == 10
    assert "3 skipped" in run.err
    assert "10 blank lines of the input were skipped" in run.err
    assert members(emulator, account) == digests([1, 2])
    (segment,) = [item for item in audiences(emulator, account) if item["name"] == "S"]
    assert segment["rule"] == RULE


@pytest.mark.parametrize(
    "columns",
    [
        {"rule__visitor_source_id": "2612511566392", "rule__retention_days": 30},
        {"RULE__VISITOR_SOURCE_ID": 2612511566392, "RULE__RETENTION_DAYS": "30"},
        {"rule_visitor_source_id": "2612511566392", "rule.retention_days": 30, "rule_name": "x"},
        {"rule": None, "rule__visitor_source_id": '["2612511566392"]', "rule__retention_days": 30},
    ],
    ids=str,
)
def test_flattened_rule_is_read(
    emulator: Emulator, target: Programs, account: str, columns: dict[str, Any]
) -> None:
    lines = [schema(), record(name="S", audience_type="VISITOR", **columns)]
    run = target.target(lines)
    assert run.code == 0, run.err
    assert [item["rule"] for item in audiences(emulator, account)] == [RULE]
    emulator.clear()
    assert target.target(lines).code == 0
    assert writes(emulator) == []


@pytest.mark.parametrize(
    "columns",
    [
        {"rule": RULE, "rule__retention_days": 60},
        {"rule__visitor_source_id": "1", "rule__no_such_field": 5},
        {"rule__event_data": "USD", "rule__event_data__currency": "USD"},
        {"rule__event_source": "{no json"},
    ],
    ids=str,
)
def test_flattened_rule_that_cannot_be_read_is_rejected(
    emulator: Emulator, target: Programs, columns: dict[str, Any]
) -> None:
    run = target.target([schema(), record(name="S", audience_type="VISITOR", **columns), state(1)])
    assert run.code == 1
    assert run.state == {}
    assert writes(emulator) == []


@pytest.mark.parametrize("status", [413, 400])
def test_request_that_is_too_large_is_halved(tmp_path: Path, status: TooLargeStatus) -> None:
    """A member takes 65 bytes, so a body of 2,000 bytes has room for about 28."""
    limits: dict[str, Any] = {"most_body_bytes": 2000, "too_large_status": status}
    with Emulator(seed="empty", access="unlimited", **limits) as emulator:
        (account,) = emulator.seed(ad_accounts=1, audiences=0)
        target = target_of(emulator, account, tmp_path)
        run = target.target([SCHEMA, *people(range(300)), state(1)])
        assert run.code == 0, run.err
        assert run.state == {"seen": 1}
        assert members(emulator, account) == digests(range(300))
        assert "sending 18 members at a time from here" in run.err
        taken = [e for e in emulator.requests() if e["status"] < 300 and e["method"] != "GET"]
        sizes = [e["body"]["records"] for e in taken if "records" in e["body"]]
        assert sizes == [18] * 16 + [12]
        emulator.clear()
        gone = target.target([SCHEMA, *people(range(100), operation="REMOVE")])
        assert gone.code == 0, gone.err
        assert members(emulator, account) == digests(range(100, 300))


def test_single_member_that_is_refused_for_its_size_fails_the_list(tmp_path: Path) -> None:
    with Emulator(seed="empty", access="unlimited", most_body_bytes=50) as emulator:
        (account,) = emulator.seed(ad_accounts=1, audiences=0)
        target = target_of(emulator, account, tmp_path)
        run = target.target([SCHEMA, *people(range(9)), state(1)])
        assert run.code == 1
        assert run.state == {}
        assert "HTTP 413" in run.err
        assert [e["body"]["records"] for e in emulator.requests() if e["method"] == "POST"] == [
            *(9, 4, 2, 1)
        ]
        assert lists(emulator, account) == []


def test_request_refused_for_another_reason_is_not_halved(
    emulator: Emulator, target: Programs
) -> None:
    emulator.fault(operation="customer_lists/create", kind="status", status=400, code=1)
    run = target.target([SCHEMA, *people(range(9)), state(1)])
    assert run.code == 1
    assert changes(emulator) == [("ADD", 9)]
