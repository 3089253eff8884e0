"""Rules that Pinterest returned, and seeds in all statuses: the target as a process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from programs import Programs, record, schema

from pinterest_audiences.api.operations import CREATE_AUDIENCE
from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from pinterest_audiences.api.client import PinterestAPI

SCHEMA_OF_REPORT = Path(__file__).parents[3] / "docs" / "report.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA_OF_REPORT.read_text()))
SALES = {"engager_type": 1, "objective_type": ["SALES", "VIDEO_VIEW"], "retention_days": 30}
NOVEL = {"engager_type": 1, "objective_type": ["NOVEL"], "novel": {"a": 1}, "retention_days": 30}


@pytest.fixture
def ours(programs: Programs) -> Programs:
    programs.settings["report_path"] = str(programs.folder / "report.json")
    return programs


def make(api: PinterestAPI, account: str, name: str, rule: dict[str, Any]) -> str:
    kind = "VISITOR" if "visitor_source_id" in rule else "ENGAGEMENT"
    body = {"name": name, "audience_type": kind, "rule": rule}
    return str(api.request(CREATE_AUDIENCE, {"ad_account_id": account}, body=body).data["id"])


def rules(emulator: Emulator, account: str) -> dict[str, dict[str, Any]]:
    return {item["name"]: item["rule"] for item in emulator.state()["audiences"][account]}


def report(programs: Programs) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((programs.folder / "report.json").read_text())
    VALIDATOR.validate(said)
    return said


def codes(programs: Programs) -> dict[str, str]:
    changes = report(programs)["changes"]
    return {change["name"]: change.get("code", change["action"]) for change in changes}


def test_returned_rule_with_one_changed_field_is_sent_with_a_warning(
    emulator: Emulator, ours: Programs, account: str, api: PinterestAPI
) -> None:
    for name, rule in (("Sales", SALES), ("Novel", NOVEL), ("Wrong", NOVEL)):
        make(api, account, name, rule)
    lines = [
        schema(),
        record(name="Sales", rule={**SALES, "retention_days": 60}),
        record(name="Novel", rule={**NOVEL, "retention_days": 60}),
        record(name="Wrong", rule={**NOVEL, "objective_type": ["NOVEL", "NOWHERE"]}),
    ]
    run = ours.target(lines, ad_account_id=account)
    assert run.code == 1
    assert codes(ours) == {"Sales": "updated", "Novel": "updated", "Wrong": "bad_rule_value"}
    assert rules(emulator, account) == {
        "Sales": {**SALES, "retention_days": 60},
        "Novel": {**NOVEL, "retention_days": 60},
        "Wrong": NOVEL,
    }
    sales, novel, _ = report(ours)["changes"]
    assert "warnings" not in sales
    assert len(novel["warnings"]) == 2
    logged = [line for line in run.err.splitlines() if "WARNING" in line]
    assert all(any(warning in line for line in logged) for warning in novel["warnings"])
    emulator.clear()
    again = ours.target(lines[:3], ad_account_id=account)
    assert again.code == 0, again.err
    assert "2 unchanged" in again.err
    assert {entry["method"] for entry in emulator.requests()} == {"GET"}


def test_objectives_several_tags_and_long_ids_are_sent(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    wanted = {
        "Objectives": {"engager_type": 1, "objective_type": ["SALES", "CTV_CONSIDERATION"]},
        "Tags": {"visitor_source_id": ["2612511566392", "2612511566393"], "retention_days": 30},
        "Pins": {"engager_type": 1, "pin_id": ["1234567890123456789"]},
    }
    lines = [
        schema(),
        *(
            record(
                name=name,
                audience_type="VISITOR" if name == "Tags" else "ENGAGEMENT",
                rule=json.dumps(rule),
            )
            for name, rule in wanted.items()
        ),
    ]
    run = ours.target(lines, ad_account_id=account)
    assert run.code == 0, run.err
    assert rules(emulator, account) == wanted
    assert "3 unchanged" in ours.target(lines, ad_account_id=account).err


def test_copy_accepts_returned_values_but_no_foreign_ids(
    emulator: Emulator, ours: Programs
) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=0)
    tagged = {**NOVEL, "visitor_source_id": ["2612511566001", "2612511566002"]}
    lines = [
        schema(),
        *(
            record(id=str(key), name=name, audience_type="VISITOR", rule=rule, ad_account_id=one)
            for key, (name, rule) in enumerate(
                {
                    "Mapped": tagged,
                    "Long": {"visitor_source_id": "1234567890123456789"},
                    "Text": {"visitor_source_id": "tag-1"},
                    "Form": {"visitor_source_id": {"=": ["2612511566001"]}},
                }.items(),
                start=1,
            )
        ),
    ]
    run = ours.target(
        lines,
        ad_account_id=other,
        override_ad_account=True,
        id_map={"2612511566001": "2612511566901", "2612511566002": "2612511566902"},
    )
    assert run.code == 1
    assert codes(ours) == {
        "Mapped": "created",
        "Long": "unmapped_id",
        "Text": "unmapped_id",
        "Form": "bad_rule_value",
    }
    mapped = {**tagged, "visitor_source_id": ["2612511566901", "2612511566902"]}
    assert rules(emulator, other) == {"Mapped": mapped}
    (created,) = [change for change in report(ours)["changes"] if change["action"] == "created"]
    assert len(created["warnings"]) == 2


def test_too_small_seed_is_rejected_and_unfinished_seed_is_deferred(
    tmp_path: Path,
) -> None:
    with Emulator(seed="demo", access="unlimited") as emulator:
        there = {
            (account, audience["status"]): audience["id"]
            for account, audiences in emulator.state()["audiences"].items()
            for audience in audiences
        }
        account = next(account for account, status in there if status == "TOO_SMALL")
        grown = {"country": "US", "percentage": 3}
        lines = [
            schema(),
            *(
                record(
                    name=f"Like {status}",
                    audience_type="ACTALIKE",
                    rule={"seed_id": [there[account, status]], **grown},
                )
                for status in ("TOO_SMALL", "INITIALIZING", "READY")
            ),
        ]
        settings = {"access_token": "pina_demo", "api_url": emulator.url, "ad_account_id": account}
        ours = Programs(tmp_path, {**settings, "report_path": str(tmp_path / "report.json")})
        run = ours.target(lines)
        assert run.code == 1
        assert codes(ours) == {
            "Like TOO_SMALL": "seed_too_small",
            "Like INITIALIZING": "seed_not_ready",
            "Like READY": "created",
        }
        assert report(ours)["counts"]["rejected"] == 1
        assert report(ours)["counts"]["deferred"] == 1
