"""The report of a run: correct, and the same for a dry run and a real run."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from forks import until
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from programs import BIN, environment, record, schema, state

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text()))
ENGAGED: dict[str, Any] = {"audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
ENDINGS = (
    "created",
    "updated",
    "unchanged",
    "removed",
    "rejected",
    "deferred",
    "shared",
    "revoked",
)
TIMES = ("begun_at", "seconds", "seconds_waited", "seconds_for_writes_at_least")


@pytest.fixture
def ours(programs: Programs, account: str) -> Programs:
    programs.settings |= {
        "ad_account_id": account,
        "report_path": str(programs.folder / "report.json"),
    }
    return programs


def report(programs: Programs) -> dict[str, Any]:
    """The report, checked against its schema."""
    said: dict[str, Any] = json.loads((programs.folder / "report.json").read_text())
    assert list(VALIDATOR.iter_errors(said)) == []
    assert dt.datetime.fromisoformat(said["begun_at"]).tzinfo
    for action, count in said["counts"].items():
        assert count == sum(counts[action] for counts in said["streams"].values())
        if action != "unchanged":
            assert count == sum(change["action"] == action for change in said["changes"])
    return said


def writes(emulator: Emulator) -> list[dict[str, Any]]:
    return [entry for entry in emulator.requests() if entry["method"] != "GET"]


def test_ten_changes_in_ten_thousand_records_are_ten_planned_writes(
    emulator: Emulator, programs: Programs
) -> None:
    account = emulator.seed(ad_accounts=1, audiences=9_998)[0]
    audiences = emulator.state()["audiences"][account]
    fields = ("id", "name", "audience_type", "description", "rule")
    rows = [{field: audience[field] for field in fields} for audience in audiences]
    changed = range(500, 9_500, 1_500)
    for number in changed:
        rows[number] = {**rows[number], "description": "Another"}
    rows[9_900] = {**rows[9_900], "name": "Renamed"}
    rows[9_901] = {"id": rows[9_901]["id"], "operation_type": "REMOVE"}
    rows += [{"name": f"New {number}", **ENGAGED} for number in (1, 2)]
    lines = [schema(), *(record(**row) for row in rows), state(10_000)]
    path = programs.folder / "report.json"
    settings = {"ad_account_id": account, "report_path": str(path)}
    text = "".join(json.dumps(line) + "\n" for line in lines)
    emulator.clear()

    planned = programs.target(text, dry_run=True, **settings)
    assert planned.code == 0, planned.err
    assert writes(emulator) == []
    assert len(emulator.requests("audiences/list")) == len(emulator.requests()) == 40
    assert planned.state == {}
    assert "Planned, and nothing written: 2 created, 7 updated, 9990 unchanged" in planned.err
    plan = report(programs)
    emulator.clear()

    run = programs.target(text, **settings)
    assert run.code == 0, run.err
    assert len(writes(emulator)) == 10
    assert len(emulator.requests()) == 50
    assert run.state == {"seen": 10_000}
    done = report(programs)
    assert {action: count for action, count in done["counts"].items() if count} == {
        "created": 2,
        "updated": 7,
        "unchanged": 9_990,
        "removed": 1,
    }
    assert done["requests"] == {"read": 40, "write": 10}
    there = {
        audience["name"]: audience["id"] for audience in emulator.state()["audiences"][account]
    }
    assert [(change["record"], change["action"]) for change in done["changes"]] == [
        *((number + 1, "updated") for number in changed),
        (9_901, "updated"),
        (9_902, "removed"),
        (9_999, "created"),
        (10_000, "created"),
    ]
    first = done["changes"][0]
    assert first["fields"] == {"description": {"old": "Visitors of page 501", "new": "Another"}}
    for change in done["changes"][-2:]:
        assert change["audience_id"] == there[change["name"]]
        assert change["fields"]["rule"] == {"old": None, "new": {"engager_type": 1}}
        change["audience_id"] = None
    assert (plan.pop("dry_run"), done.pop("dry_run")) == (True, False)
    for said in (plan, done):
        for field in TIMES:
            said.pop(field)
    assert plan == done


def test_report_of_every_result_matches_its_schema_and_the_plan(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=0)
    before = [record(name=name, **ENGAGED) for name in ("Old", "Gone", "Same", "Shared")]
    ours.target([schema(), *before])
    shared = emulator.state()["audiences"][account][3]["id"]
    begin = {"audience_id": shared, "recipient_account_ids": other, "operation_type": "SHARE"}
    end = {"audience_id": shared, "recipient_account_ids": one}
    first = record("audience_sharing", operation_type="SHARE", **end)
    ours.target([schema("audience_sharing"), first])
    grown = {"seed_name": "Old", "country": "US", "percentage": 1}
    lines = [
        schema(),
        schema("audience_sharing"),
        record(name="New", **ENGAGED),
        record(name="Old", rule={"engager_type": 2, "event": "x", "event_data": {"a": [1.5]}}),
        record(name="Same"),
        record(name="Gone", operation_type="REMOVE"),
        record(name="Bad", audience_type="PERSONA", rule={}),
        record(name="Like", audience_type="ACTALIKE", rule=grown),
        record("audience_sharing", **begin),
        record("audience_sharing", operation_type="REVOKE", **end),
    ]
    settings = {"rejected_path": str(ours.folder / "rejected.singer")}
    assert ours.target(lines, dry_run=True, **settings).code == 1
    plan = report(ours)
    assert not (ours.folder / "rejected.singer").exists()
    emulator.clear()
    run = ours.target(lines, **settings)
    assert run.code == 1
    done = report(ours)
    assert {action: done["counts"][action] for action in ENDINGS} == dict.fromkeys(ENDINGS, 1)
    assert done["requests"] == {"read": 2, "write": 5}
    assert len(writes(emulator)) == 5
    assert next(c for c in done["changes"] if c["name"] == "Old")["fields"] == {
        "rule": {
            "old": {"engager_type": 1},
            "new": {"engager_type": 2, "event": "x", "event_data": {"a": [1.5]}},
        }
    }
    made = next(change for change in done["changes"] if change["action"] == "created")
    made["audience_id"] = None
    for field in ("changes", "counts", "streams", "requests", "error"):
        assert plan[field] == done[field], field


@pytest.mark.parametrize(
    ("emulator", "writes", "seconds", "days"),
    [("trial", 300, 0, ""), ("trial", 500, 86_400, "2"), ("trial", 601, 172_800, "3")],
    indirect=["emulator"],
)
def test_dry_run_with_trial_access_counts_with_300_writes_a_day(
    ours: Programs, writes: int, seconds: int, days: str
) -> None:
    made = [record(name=f"Audience {number}", **ENGAGED) for number in range(writes)]

    run = ours.target([schema(), *made], dry_run=True)

    assert run.code == 0, run.err
    assert report(ours)["requests"]["write"] == writes
    assert report(ours)["seconds_for_writes_at_least"] == seconds
    assert re.findall(r"so they need (\d+) days", run.err) == ([days] if days else [])


def test_a_run_that_ends_early_says_why_in_its_report(emulator: Emulator, ours: Programs) -> None:
    lines = [schema(), record(name="A", **ENGAGED), record(name="B", **ENGAGED)]
    emulator.fault(operation="audiences/create", kind="rate_limit", reset=67150, skip=1)
    assert ours.target(lines).code == 75
    said = report(ours)
    assert said["counts"]["created"] == 1
    assert "rate limit for audiences/create is used up" in said["error"]
    emulator.clear()
    emulator.fault(operation="audiences/create", kind="status", status=401, code=2)
    run = ours.target(lines)
    assert run.code == 1
    said = report(ours)
    assert said["counts"]["unchanged"] == 1
    assert "HTTP 401" in said["error"]
    assert run.complaints == [said["error"]]


def test_report_has_the_exit_code_and_the_failures(emulator: Emulator, ours: Programs) -> None:
    good, bad = record(name="A", **ENGAGED), record(name="Bad", audience_type="PERSONA", rule={})
    kept = {"rejected_path": str(ours.folder / "rejected.singer")}
    for settings in ({}, kept, {**kept, "max_rejected": 1}):
        for dry_run in (True, False):
            run = ours.target([schema(), good, bad], dry_run=dry_run, **settings)
            said = report(ours)
            assert said["exit_code"] == run.code == ("max_rejected" not in settings)
            assert said["failures"] == [*run.complaints[-1:]] * run.code
            assert said["error"] is None

    emulator.fault(operation="audiences/create", kind="rate_limit", reset=67150)
    assert ours.target([schema(), record(name="B", **ENGAGED)]).code == 75
    assert report(ours)["exit_code"] == 75
    assert report(ours)["failures"] == []

    emulator.clear()
    emulator.fault(operation="audiences/create", kind="delay", seconds=1)
    process = ours.start([schema(), record(name="C", **ENGAGED)])
    until(lambda: any(fault["fired"] for fault in emulator.faults()))
    assert process.stop(signal.SIGTERM).code == 143
    assert report(ours)["exit_code"] == 143
    assert report(ours)["error"] == "stopped by a signal"


def test_report_and_log_contain_no_tokens_or_personal_data(
    emulator: Emulator, ours: Programs
) -> None:
    secrets = [
        "pina_ABC123",
        "jo@shop.example",
        "0" * 31 + "aF",
        "8a6e0804-2bd0-4672-b79d-d97027f9071a",
    ]
    lines = [schema(), schema("audience_sharing")]
    for secret in secrets:
        rule = {"engagement_domain": [secret], "event": "x", "event_data": {secret: secret}}
        lines += [
            record(name=f"Of {secret}", **{**ENGAGED, "rule": rule}),
            record(name=f"Of {secret}", description=f"New {secret}"),
            record(name=f"Of {secret}", rule={secret: 1}),
            record(name=f"Of {secret}", rule={"country": secret}),
            record(id=secret, name=secret),
            record(name=secret, audience_type=secret, rule={}),
            record(name="Like", rule={"seed_name": secret}, audience_type="ACTALIKE"),
            record("audience_sharing", audience_name=secret, operation_type=secret),
            record("audience_sharing", audience_id=secret, recipient_account_ids=[secret]),
        ]
    for dry_run in (True, False):
        run = ours.target(lines, dry_run=dry_run)
        assert run.code == 1
        said = report(ours)
        assert said["counts"]["created"] == said["counts"]["updated"] == len(secrets)
        printed = json.dumps(said) + run.err + run.out
        assert [secret for secret in [*secrets, "pina_demo"] if secret in printed] == []
    (account,) = {item["ad_account_id"] for item in said["changes"] if "ad_account_id" in item}
    described = {item["description"] for item in emulator.state()["audiences"][account]}
    assert f"New {secrets[0]}" in described, "Pinterest gets what the record says"


def on_a_terminal(programs: Programs, lines: list[Any], **settings: Any) -> str:
    """Run the target with a terminal for its log and return what is on it, without colours."""
    config = programs.file("target.json", {**programs.settings, **settings})
    source = programs.folder / "lines"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    with source.open() as stdin, (programs.folder / "out").open("w") as stdout:
        process = subprocess.Popen(
            [BIN / "target-pinterest-audiences", "--config", config],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env={**environment(programs.folder), "TERM": "xterm", "COLUMNS": "300"},
        )
        os.close(stderr)
        shown = b""
        try:
            while chunk := os.read(terminal, 65536):
                shown += chunk
        except OSError:  # the other end is closed
            pass
        os.close(terminal)
        process.wait(30)
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())


def cells(shown: str) -> list[list[str]]:
    """The rows of a table, a list of cells for each line."""
    return [
        [cell.strip() for cell in line.strip("│┃ \r").split("│")]
        for line in shown.splitlines()
        if "│" in line
    ]


def test_table_on_a_terminal_shows_the_changes(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    ours.target([schema(), record(name="Old", description="As it was", **ENGAGED)])
    kept = emulator.state()["audiences"][account][0]["id"]
    odd = "[bold]Bob[/bold] \x1b[2J\x07 \N{GRINNING FACE}"
    odd_shown = re.sub(r"[\x1b\x07]", "\N{REPLACEMENT CHARACTER}", odd)
    label = re.sub(r"[\x1b\x07]", "", odd)
    lines = [
        schema(),
        record(id=kept, description="New"),
        record(name=odd, **ENGAGED),
        record(name="Bad", audience_type="PERSONA", rule={}),
    ]
    planned = on_a_terminal(ours, lines, dry_run=True)
    assert "What would change" in planned
    shown = on_a_terminal(ours, lines)
    assert "What changed" in shown
    rows = cells(shown)
    assert ["updated", "audiences 1", "", "description: As it was → New"] in rows
    assert ["created", "audiences 2", label, f"name: {odd_shown}"] in rows
    assert any(row[:3] == ["rejected", "audiences 3", "Bad"] for row in rows)
    assert cells(planned) == rows
    nothing = on_a_terminal(ours, lines[:2])
    assert cells(nothing) == []


def test_long_table_ends_with_the_number_of_hidden_rows(ours: Programs) -> None:
    lines = [schema(), *(record(name=f"Audience {number}", **ENGAGED) for number in range(203))]
    shown = on_a_terminal(ours, lines, dry_run=True)
    assert "and 3 more: report_path has them all" in shown
    assert len({row[1] for row in cells(shown) if row[0] == "created"}) == 200
    assert len(report(ours)["changes"]) == 203


def test_report_without_a_terminal_is_logged(ours: Programs) -> None:
    run = ours.target([schema(), record(name="A", **ENGAGED)], dry_run=True)
    assert "Would be created: audiences record 1, name A" in run.err
    assert "│" not in run.err
    assert run.out == ""
    assert all(re.match(r"\d{4}-\d\d-\d\d |$", line) for line in run.err.splitlines())


@pytest.mark.parametrize("path", ["nowhere/report.json", "file/report.json"])
def test_unwritable_report_logs_one_line_and_fails(
    emulator: Emulator, ours: Programs, account: str, path: str
) -> None:
    (ours.folder / "file").touch()
    run = ours.target([schema(), record(name="A", **ENGAGED), state(1)], report_path=path)
    assert run.code == 1
    assert "Traceback" not in run.err
    (complaint,) = run.complaints
    assert complaint.startswith("report_path ")
    assert "cannot be written" in complaint
    # The writes happened nevertheless.
    assert len(emulator.state()["audiences"][account]) == 1
    assert run.state == {"seen": 1}
    assert list(ours.folder.glob(".*.tmp")) == []
