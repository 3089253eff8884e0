"""Records that were not applied are stored exactly once, until they are applied."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shutil
import stat
import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from forks import until
from programs import BIN, Programs, environment, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator

RULE = {"visitor_source_id": "2612511566392"}
REASONS = {"_reject_code", "_reject_reason", "_rejected_at"}
BAD = record(name="Bad", audience_type="FANS", rule=RULE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of rejected records."""
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept" / "rejected.singer"


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path, path: Path) -> Programs:
    """The target, with a default ad account and `rejected_path`."""
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "rejected_path": str(path),
    }
    return Programs(tmp_path, settings)


def visitor(name: str, **fields: object) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "audience_type": "VISITOR", "rule": RULE, **fields}
    return record(**made)


def names(emulator: Emulator, account: str) -> list[str]:
    return [audience["name"] for audience in emulator.state()["audiences"][account]]


def kept(path: Path) -> list[dict[str, Any]]:
    """Return the records in the file, without their reasons."""
    messages = [json.loads(line, parse_float=Decimal) for line in path.read_text().splitlines()]
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    assert all(record.keys() >= REASONS for record in records)
    return [{key: record[key] for key in record.keys() - REASONS} for record in records]


def test_rejected_record_is_stored_unchanged_with_the_reason(target: Programs, path: Path) -> None:
    fields = (
        '"name": "Bäd \\ud83d \\u2028", "audience_type": "FANS", "rule": {"a": [1.50, {"b": null}]}'
        ', "ratio": 12345678901234567890.123456789, "big": 12345678901234567890, "_sdc_x": [[]]'
    )
    properties: dict[str, Any] = {"name": {"type": "string", "maxLength": 9}}
    line = f'{{"type": "RECORD", "stream": "audiences", "record": {{{fields}}}}}\n'
    run = target.target(json.dumps(schema(**properties)) + "\n" + line)
    assert run.code == 1
    said, message = (
        json.loads(line, parse_float=Decimal) for line in path.read_text().splitlines()
    )
    assert said["type"] == "SCHEMA"
    assert said["stream"] == "audiences"
    assert said["schema"]["properties"].keys() == {"name", *REASONS}
    assert said["schema"]["properties"]["name"] == properties["name"]
    assert kept(path) == [json.loads(f"{{{fields}}}", parse_float=Decimal)]
    assert str(kept(path)[0]["ratio"]) == "12345678901234567890.123456789"
    why = message["record"]
    assert why["_reject_code"] == "bad_characters"
    assert why["_reject_reason"] in run.err
    at = dt.datetime.fromisoformat(why["_rejected_at"])
    assert abs(at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_replay_applies_fixed_records_and_keeps_the_rest(
    emulator: Emulator, target: Programs, account: str, path: Path
) -> None:
    early = record(name="Early", description="d")
    lines = [schema(), visitor("Good"), early, BAD, state(1)]
    first = target.target(lines, max_rejected=2)
    assert first.code == 0, first.err
    assert first.state == {"seen": 1}
    assert kept(path) == [
        BAD["record"],
        early["record"],
    ]  # it waited for a record that creates Early
    target.target([schema(), visitor("Early")], rejected_path=None)
    emulator.clear()
    config = target.file("again.json", target.settings)
    with subprocess.Popen(["/bin/cat", path], stdout=subprocess.PIPE) as cat:
        piped = subprocess.run(
            [BIN / "target-pinterest-audiences", "--config", config],
            stdin=cat.stdout,
            env=environment(target.folder),
            check=False,
            capture_output=True,
        )
    assert piped.returncode == 1, piped.stderr
    assert names(emulator, account) == ["Good", "Early"]
    assert emulator.state()["audiences"][account][1]["description"] == "d"
    assert [entry["operation"] for entry in emulator.requests()] == [
        "audiences/list",
        "audiences/update",
    ]
    assert kept(path) == [BAD["record"]]
    assert target.target(path).code == 1
    assert kept(path) == [BAD["record"]], "a record refused again replaces its entry"
    assert len(path.read_text().splitlines()) == 2
    path.write_text(path.read_text().replace("FANS", "VISITOR"))
    fixed = target.target(path)
    assert fixed.code == 0, fixed.err
    assert names(emulator, account) == ["Good", "Early", "Bad"]
    assert not path.exists()
    assert [file.name for file in path.parent.iterdir()] == [f"{path.name}.lock"]


def test_fixed_record_may_lack_the_reasons_and_use_any_script(
    emulator: Emulator, target: Programs, account: str, path: Path
) -> None:
    target.target([schema(), BAD, record(name="Other", audience_type="FANS", rule=RULE)])
    said, fixed, other = path.read_text().splitlines()
    assert '"Bad"' in fixed
    fixed = json.dumps(visitor("a\u2028b\x85cé"), ensure_ascii=False)
    path.write_text(f"{said}\n{fixed}\n{other}\n\n")
    run = target.target(f"{said}\n{fixed}\n{other}\n")
    assert "1 created" in run.err, run.err
    assert names(emulator, account) == ["a\u2028b\x85cé"]
    assert [record["name"] for record in kept(path)] == ["Other"]


def test_stored_records_stay_during_unrelated_runs(target: Programs, path: Path) -> None:
    target.target([schema(), BAD])
    before = path.read_bytes()
    assert target.target([schema(), visitor("A"), state(1)]).code == 0
    assert path.read_bytes() == before
    worse = record(name="Worse", audience_type="FANS", rule=RULE)
    assert target.target([schema(), worse]).code == 1
    assert kept(path) == [BAD["record"], worse["record"]]


def test_same_record_from_the_warehouse_removes_the_stored_one(
    emulator: Emulator, target: Programs, path: Path
) -> None:
    line = json.dumps(visitor("A", score=0)).replace('"score": 0', '"score": 1.50, "x": NaN')
    emulator.fault(operation="audiences/create", kind="status", status=400, code=1, times=2)
    text = json.dumps(schema()) + "\n" + line + "\n"
    for _ in range(2):
        assert target.target(text).code == 1
        assert [record["score"] for record in kept(path)] == [Decimal("1.50")]
        assert len(path.read_text().splitlines()) == 2
    assert target.target(text).code == 0
    assert not path.exists()


def test_records_that_differ_only_in_a_type_are_both_stored(target: Programs, path: Path) -> None:
    fields: dict[str, Any] = {"name": "A", "audience_type": "FANS", "rule": RULE}
    target.target([schema(), *(record(**fields, x=x) for x in (1.5, "1.5", 1.5, True, 1))])
    assert [record["x"] for record in kept(path)] == [Decimal("1.5"), "1.5", True, 1]


def test_replay_applies_stream_maps_again(
    emulator: Emulator, target: Programs, account: str, path: Path
) -> None:
    target.settings["stream_maps"] = {
        "public-segments": {"__alias__": "audiences", "name": "title.strip() + ' (web)'"}
    }
    fields = {"title": " A ", "audience_type": "VISITOR", "rule": RULE}
    emulator.fault(operation="audiences/create", kind="status", status=400, code=1)
    text = {"type": "string"}
    lines = [schema("public-segments", title=text), record("public-segments", **fields)]
    assert target.target(lines).code == 1
    assert kept(path) == [fields]
    assert '"stream":"audiences"' not in path.read_text()
    run = target.target(path)
    assert run.code == 0, run.err
    assert names(emulator, account) == ["A (web)"]
    assert not path.exists()


@pytest.mark.parametrize("first_fails", [True, False])
def test_message_split_by_stream_maps_is_stored_until_both_records_are_done(
    emulator: Emulator, target: Programs, account: str, path: Path, *, first_fails: bool
) -> None:
    target.target([schema(), visitor("Shared")])
    shared = emulator.state()["audiences"][account][0]["id"]
    target.settings["stream_maps"] = {
        "audience_sharing": {
            "__source__": "audiences",
            "audience_id": f"'{shared}'",
            "recipient_account_ids": "'549755885175'",
            "operation_type": "'REVOKE'",
        }
    }
    failing = "audiences/create" if first_fails else "ad_accounts_audiences_shared_accounts/list"
    emulator.fault(operation=failing, kind="status", status=400, code=1)
    lines = [schema(), visitor("New")]
    run = target.target(lines)
    assert run.code == 1
    assert "1 rejected" in run.err
    assert [record["name"] for record in kept(path)] == ["New"]
    again = target.target(path)
    assert again.code == 0, again.err
    assert names(emulator, account) == ["Shared", "New"]
    assert not path.exists()


def test_record_that_fails_in_a_stream_map_is_stored(
    emulator: Emulator, target: Programs, account: str, path: Path
) -> None:
    maps = {"audiences": {"name": "name.upper()"}}
    bad = record(name=None, audience_type="VISITOR", rule=RULE)
    run = target.target([schema(), bad, visitor("a"), state(1)], stream_maps=maps)
    assert run.code == 1
    assert "a stream map cannot be applied to it" in run.err
    assert names(emulator, account) == ["A"]
    assert kept(path) == [bad["record"]]
    assert run.state == {"seen": 1}


def test_records_of_a_batch_file_are_stored_unchanged(
    emulator: Emulator, target: Programs, account: str, path: Path
) -> None:
    target.settings["stream_maps"] = {"segments": {"__alias__": "audiences", "name": "title"}}
    rows = [{"title": name, "audience_type": "VISITOR", "rule": RULE} for name in "AB"]
    file = target.folder / "batch.jsonl.gz"
    file.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    batch = {
        "type": "BATCH",
        "stream": "segments",
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "manifest": [file.as_uri()],
    }
    emulator.fault(operation="audiences/create", kind="status", status=400, code=1)
    run = target.target([schema("segments", title={"type": "string"}), batch, state(1)])
    assert run.code == 1
    assert names(emulator, account) == ["B"]
    assert kept(path) == [rows[0]]
    assert target.target(path).code == 0
    assert names(emulator, account) == ["B", "A"]


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        b"hello\n",
        b"\xff\xfe",
        b'{"type": "RECORD", "stream": "audiences", "record": {"name": "A"}}\n',
        b'{"type": "STATE", "value": {}}\n',
        b"[1]\n",
        b"null\n",
    ],
)
def test_file_of_other_content_is_refused_and_unchanged(
    emulator: Emulator, target: Programs, path: Path, content: bytes, *, dry_run: bool
) -> None:
    path.write_bytes(content)
    run = target.target([schema(), BAD], dry_run=dry_run)
    assert run.code == 1
    assert len(run.complaints) == 1
    assert "is a file of something else than rejected records" in run.complaints[0]
    assert "Traceback" not in run.err
    assert path.read_bytes() == content
    assert emulator.requests() == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_missing_folder_is_reported_at_once(
    emulator: Emulator, target: Programs, path: Path, *, dry_run: bool
) -> None:
    path.parent.rmdir()
    run = target.target([schema(), BAD], dry_run=dry_run)
    assert run.code == 1
    assert len(run.complaints) == 1
    assert "its folder is not there, or not to be written" in run.complaints[0]
    assert emulator.requests() == []


@pytest.mark.parametrize("trouble", ["path", "lock", "folder"])
def test_disk_failure_emits_no_state(
    emulator: Emulator, target: Programs, path: Path, trouble: str
) -> None:
    emulator.fault(operation="audiences/create", kind="delay", seconds=0.3)
    process = target.start([schema(), state(0), BAD, visitor("Good"), state(1)], max_rejected=1)
    until(lambda: emulator.requests("audiences/create"))
    match trouble:
        case "path":
            path.mkdir()
        case "lock":
            path.with_name(f"{path.name}.lock").mkdir()
        case "folder":
            shutil.rmtree(path.parent)
            path.parent.write_text("not a folder any more")
    run = process.wait()
    assert run.code == 1
    assert run.out == ""
    assert "Traceback" not in run.err
    assert str(path) in run.complaints[-1]


def test_two_targets_with_one_file_lose_nothing(
    emulator: Emulator, target: Programs, path: Path
) -> None:
    target.target([schema(), BAD])
    said, first = path.read_text().splitlines()
    of_other = first.replace('"Bad"', '"Of another run"')
    with FileLock(f"{path}.lock"):
        mine = record(name="Mine", audience_type="FANS", rule=RULE)
        process = target.start([schema(), mine, visitor("Good")])
        until(lambda: emulator.requests("audiences/create"))
        path.write_text(f"{said}\n{first}\n{of_other}\n")
    assert process.wait().code == 1
    assert [record["name"] for record in kept(path)] == ["Bad", "Of another run", "Mine"]
    several = [
        target.start(
            [schema(), *(record(name=f"{run}-{n}", audience_type="FANS") for n in range(50))],
            name=f"run{run}",
        )
        for run in range(4)
    ]
    assert [process.wait().code for process in several] == [1] * 4
    assert len(kept(path)) == 3 + 4 * 50


BADNESS: dict[str, dict[str, Any]] = {
    "nothing": {"name": None, "audience_type": "VISITOR", "rule": None},
    "blank name": {"name": " "},
    "number as name": {"name": 7},
    "half a character": {"name": "\ud83d"},
    "bad id": {"id": "x1"},
    "huge id": {"id": 10**40},
    "fraction as id": {"id": 1.5},
    "unknown id": {"id": "77"},
    "unknown type": {"audience_type": "FANS"},
    "list as type": {"audience_type": ["VISITOR"]},
    "list as rule": {"rule": [1]},
    "text as rule": {"rule": "{"},
    "deep rule": {"rule": {"a": eval("[" * 80 + "]" * 80)}},  # noqa: S307
    "unknown field": {"rule": {**RULE, "colour": 1}},
    "unknown seed": {"rule": {"seed_name": "Nobody"}},
    "number as seed": {"rule": {"seed_name": [1]}},
    "bad operation": {"operation_type": "DROP"},
    "half custom": {"sharing_type": "CUSTOM"},
    "unknown account": {"ad_account_id": "999"},
    "bad account": {"ad_account_id": {"a": 1}},
}


def test_rejected_record_does_not_stop_later_records(
    emulator: Emulator, target: Programs, account: str, path: Path
) -> None:
    lines = [schema()]
    for kind, fields in BADNESS.items():
        bad = record(**{"name": "Bad", "audience_type": "VISITOR", "rule": RULE, **fields})
        lines += [bad, visitor(f"after {kind}")]
    deep = json.dumps(visitor("Deep", rule="DEEP")).replace(
        '"DEEP"', '{"a": ' * 850 + "1" + "}" * 850
    )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    run = target.target(f"{text}{deep}\n{json.dumps(visitor('last'))}\n{json.dumps(state(1))}\n")
    assert run.code == 1
    assert "Traceback" not in run.err
    # Writes on their way at one time may arrive in another order.
    assert sorted(names(emulator, account)) == sorted(
        [*(f"after {kind}" for kind in BADNESS), "last"]
    )
    assert len(kept(path)) == len(BADNESS) + 1
    assert run.state == {"seen": 1}


def test_refusal_after_a_successful_write_stops_no_other_record(
    emulator: Emulator, target: Programs, account: str, path: Path
) -> None:
    emulator.fault(operation="audiences/create", kind="status", status=403, code=29, skip=1)
    lines = [schema(), visitor("A"), visitor("Refused"), visitor("B")]
    run = target.target(lines, max_rejected=1, concurrency=1)
    assert run.code == 0, run.err
    assert names(emulator, account) == ["A", "B"]
    assert [record["name"] for record in kept(path)] == ["Refused"]


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_refused_record_does_not_stop_later_records(
    emulator: Emulator, target: Programs, account: str, path: Path, status: int
) -> None:
    target.target([schema(), visitor("Old")])
    for operation in ("audiences/create", "audiences/update"):
        emulator.fault(operation=operation, kind="status", status=status, code=1)
    changed = record(name="Old", description="d")
    lines = [schema(), visitor("Refused"), visitor("A"), changed, visitor("B"), state(1)]
    run = target.target(lines, max_rejected=2)
    assert run.code == 0, run.err
    assert names(emulator, account) == ["Old", "A", "B"]
    assert [record["name"] for record in kept(path)] == ["Refused", "Old"]
    assert run.state == {"seen": 1}
    assert target.target(path).code == 0
    assert names(emulator, account) == ["Old", "A", "B", "Refused"]
