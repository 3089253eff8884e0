"""Names instead of ids in a rule, with records in any order."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import record, schema, state

from pinterest_audiences.api.operations import CREATE_AUDIENCE
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from programs import Programs

    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_emulator.testing import Emulator

DAY = 86_400
ENGAGED: dict[str, Any] = {"audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
GROWN = {"country": "US", "percentage": 3}


@pytest.fixture
def account(emulator: Emulator) -> str:
    """An ad account with 3 READY audiences and 2 customer lists."""
    return emulator.seed(ad_accounts=1, audiences=3, customer_lists=2)[0]


@pytest.fixture
def ours(programs: Programs, account: str) -> Programs:
    programs.settings |= {
        "ad_account_id": account,
        "report_path": str(programs.folder / "report.json"),
    }
    return programs


def like(name: str, seeds: Any, **fields: Any) -> dict[str, Any]:
    return record(name=name, audience_type="ACTALIKE", rule={"seed_name": seeds, **GROWN}, **fields)


def rules(emulator: Emulator, account: str) -> dict[str, Any]:
    audiences = emulator.state()["audiences"][account]
    return {audience["name"]: audience["rule"] for audience in audiences}


def ids(emulator: Emulator, account: str, kind: str = "audiences") -> list[str]:
    return [item["id"] for item in emulator.state()[kind][account]]


def endings(summary: Mapping[str, Any]) -> dict[str, str]:
    """The result of each record by name: an action, or the code of the rejection."""
    return {change["name"]: change.get("code", change["action"]) for change in summary["changes"]}


def report(programs: Programs) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((programs.folder / "report.json").read_text())
    return said


def test_names_of_seeds_and_lists_may_be_in_the_rule_or_in_columns(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    first, second, _ = ids(emulator, account)
    newer_list = ids(emulator, account, "customer_lists")[1]
    of_list = {"audience_type": "CUSTOMER_LIST"}
    in_rule = {"customer_list_name": "Generated customers 2"}
    lines = [
        schema(),
        like("One", "Generated visitors 1"),
        like("Two", ["Generated visitors 1", "Generated visitors 2"]),
        record(
            name="Column",
            audience_type="ACTALIKE",
            rule=json.dumps(GROWN),
            seed_name="Generated visitors 2",
        ),
        record(name="List", rule=in_rule, **of_list),
        record(name="List column", customer_list_name="Generated customers 2", **of_list),
        like("Column empty", "Generated visitors 1", seed_name=""),
    ]
    run = ours.target(lines)
    assert run.code == 0, run.err
    expected = {
        "One": {"seed_id": [first], **GROWN},
        "Two": {"seed_id": [first, second], **GROWN},
        "Column": {"seed_id": [second], **GROWN},
        "List": {"customer_list_id": newer_list},
        "List column": {"customer_list_id": newer_list},
        "Column empty": {"seed_id": [first], **GROWN},
    }
    made = rules(emulator, account)
    assert {name: made[name] for name in expected} == expected
    again = ours.target(lines)
    assert "0 created, 0 updated, 6 unchanged" in again.err


def test_unknown_and_ambiguous_names_are_rejected(
    emulator: Emulator, ours: Programs, account: str, api: PinterestAPI
) -> None:
    twins = [
        api.request(
            CREATE_AUDIENCE,
            {"ad_account_id": account},
            body={"name": "Twin", **ENGAGED},
        ).data["id"]
        for _ in range(2)
    ]
    emulator.advance(DAY)
    lines = [
        schema(),
        like("Ambiguous", "Twin"),
        like("Unknown", ["Generated visitors 1", "Nobody"]),
        like("No text", 7),
        like("Blank", " "),
        like("Nested", [["Twin"]]),
        like("None at all", []),
        record(
            name="Unknown list", audience_type="CUSTOMER_LIST", rule={"customer_list_name": "No"}
        ),
        like("Person", "someone@shop.example"),
    ]
    run = ours.target(lines)
    assert run.code == 1
    assert endings(report(ours)) == {
        "Ambiguous": "ambiguous_reference",
        "Unknown": "unknown_reference",
        "No text": "bad_reference",
        "Blank": "bad_reference",
        "Nested": "bad_reference",
        "None at all": "bad_rule_value",
        "Unknown list": "unknown_reference",
        "Person": "unknown_reference",
    }
    reasons = {change["name"]: change["reason"] for change in report(ours)["changes"]}
    assert f"named 'Twin' (ids {twins[0]}, {twins[1]})" in reasons["Ambiguous"]
    assert "no audience named 'Nobody'" in reasons["Unknown"]
    assert "no customer list named 'No'" in reasons["Unknown list"]
    assert "shop.example" not in run.err + json.dumps(report(ours))
    newest = ours.target(lines[:2], on_ambiguous="newest")
    assert newest.code == 0, newest.err
    assert rules(emulator, account)["Ambiguous"]["seed_id"] == [twins[1]]


def test_audience_that_is_its_own_seed_is_rejected(ours: Programs) -> None:
    lines = [
        schema(),
        like("Hen", "Egg"),
        like("Egg", "Hen"),
        like("Snake", "Snake"),
        record(name="Bystander", **ENGAGED),
        state(1),
    ]
    run = ours.target(lines)
    assert run.code == 1
    assert endings(report(ours)) == {
        "Bystander": "created",
        "Hen": "unknown_reference",
        "Egg": "unknown_reference",
        "Snake": "unknown_reference",
    }
    assert run.state == {}


def test_audience_with_an_unfinished_seed_is_deferred_and_applied_later(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    lines = [
        schema(),
        like("Like", ["Generated visitors 1", "Fresh"]),
        state(1),
        record(name="Fresh", **ENGAGED),
        state(2),
    ]
    settings = {"rejected_path": str(ours.folder / "rejected.singer")}
    first = ours.target(lines, **settings)
    assert first.code == 0, first.err
    assert "1 created, 0 updated, 0 unchanged, 0 removed, 0 rejected, 1 deferred" in first.err
    assert endings(report(ours)) == {"Fresh": "created", "Like": "seed_not_ready"}
    assert first.state == {"seen": 2}
    emulator.advance(DAY)
    kept = (ours.folder / "rejected.singer").read_text()
    again = ours.target(kept, **settings)
    assert again.code == 0, again.err
    assert "1 created" in again.err
    old, _, _, fresh, _ = ids(emulator, account)
    assert rules(emulator, account)["Like"]["seed_id"] == [old, fresh]
    assert not (ours.folder / "rejected.singer").exists()


def test_deferred_record_without_rejected_path_holds_back_the_state(
    ours: Programs,
) -> None:
    lines = [schema(), record(name="Fresh", **ENGAGED), state(1), like("Like", "Fresh"), state(2)]
    run = ours.target(lines)
    assert run.code == 1
    assert "0 rejected, 1 deferred" in run.err
    assert "0 records were rejected and 1 deferred" in run.err
    assert run.state == {"seen": 1}


def run_here(config: Mapping[str, Any], records: Sequence[object]) -> dict[str, Any]:
    """Run the target in this process, because starting a process takes longer than its work."""
    target = TargetPinterestAudiences(config=dict(config))
    lines = [schema(), schema("audience_sharing"), *records]
    target.listen(io.StringIO("".join(json.dumps(line) + "\n" for line in lines)))
    return target.context.report.summary(
        target.context.api,
        target.context.writer.planned_requests,
        error=None,
        exit_code=0,
        failures=[],
    )


RECORDS = [
    like("Of an old one", "Generated visitors 1"),
    like("Of a renamed one", "New name"),
    like("Of a new one", ["Generated visitors 1", "Fresh"]),
    like("Of nothing", "Nobody"),
    record(name="Fresh", **ENGAGED),
    record(
        name="Of a list", audience_type="CUSTOMER_LIST", customer_list_name="Generated customers 1"
    ),
    record(
        "audience_sharing",
        audience_name="Of a list",
        operation_type="SHARE",
        recipient_account_ids="RECIPIENT",
    ),
]


@given(records=st.permutations(RECORDS), dry_run=st.booleans())
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_order_of_records_does_not_matter(
    emulator: Emulator,
    programs: Programs,
    records: list[dict[str, Any]],
    dry_run: bool,  # noqa: FBT001
) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=6, customer_lists=2)
    renamed = record(id=ids(emulator, one)[1], name="New name")
    position = records.index(RECORDS[0])
    text = json.dumps([*records[:position], renamed, *records[position:]]).replace(
        "RECIPIENT", other
    )
    config = {**programs.settings, "ad_account_id": one, "dry_run": dry_run}
    summary = run_here(config, json.loads(text))
    shared = [change for change in summary["changes"] if change["stream"] == "audience_sharing"]
    assert [change["action"] for change in shared] == ["shared"]
    assert {**endings(summary), "Of a list": "created"} == {
        "New name": "updated",
        "Of an old one": "created",
        "Of a renamed one": "created",
        "Of a new one": "seed_not_ready",
        "Of nothing": "unknown_reference",
        "Fresh": "created",
        "Of a list": "created",
    }
    assert summary["counts"]["created"] == 4
    sent = [entry for entry in emulator.requests() if entry["method"] != "GET"]
    assert len(sent) == (0 if dry_run else summary["requests"]["write"])
    emulator.clear()
