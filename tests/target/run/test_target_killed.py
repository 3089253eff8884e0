"""A target killed or stopped anywhere loses nothing, and the next run repeats nothing."""

from __future__ import annotations

import gzip
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from forks import until
from programs import Programs, record, schema, state

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Run

RULE = {"visitor_source_id": "2612511566392"}
WRITES = ("audiences/create", "audiences/update")
EXISTING = 20
ROUNDS, CHANGED = 6, 4
REQUESTS = 1 + 3 * ROUNDS
"""One reads, the others write."""
PARTS = 3
"""Tests that share the kills at all requests."""
LONG_TEXT = "long " * 10_000
"""With some of these, it takes a while to write a file."""


@pytest.fixture
def account(emulator: Emulator) -> str:
    """An ad account with audiences that are READY."""
    return emulator.seed(ad_accounts=1, audiences=EXISTING)[0]


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    """The target, with a default ad account."""
    settings = {"access_token": "pina_demo", "api_url": emulator.url, "ad_account_id": account}
    # A fault at the request of a number; ``test_concurrent_writes`` has several on their way.
    return Programs(tmp_path, {**settings, "concurrency": 1})


def visitor(name: str, **fields: object) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "audience_type": "VISITOR", "rule": RULE, **fields}
    return record(**made)


def old(number: int) -> str:
    return f"Generated visitors {number + 1}"


def actalike(name: str, seed: str) -> dict[str, Any]:
    rule = {"seed_name": seed, "country": "US", "percentage": 5}
    return record(name=name, audience_type="ACTALIKE", rule=rule)


def everything() -> list[dict[str, Any]]:
    """Return alternating messages of all kinds; a round takes three requests."""
    messages = [schema()]
    for number in range(ROUNDS):
        messages += [
            visitor(f"New {number}"),
            record(name=old(number), description=f"Changed {number}")
            if number < CHANGED
            else record(name=old(number), operation_type="REMOVE"),
            actalike(f"Like {number}", old(number % CHANGED)),
            record(name=old(18), description="Visitors of page 19"),
            state(number),
        ]
    return messages


def outcome(emulator: Emulator, account: str) -> dict[str, str | None]:
    """Return the description of each audience by its name, after checking that all differ."""
    audiences = emulator.state()["audiences"][account]
    described = {audience["name"]: audience["description"] for audience in audiences}
    assert len(described) == len(audiences), "an audience is there twice"
    return described


def wanted() -> dict[str, str | None]:
    return {
        **{old(number): f"Visitors of page {number + 1}" for number in range(ROUNDS, EXISTING)},
        **{old(number): f"Changed {number}" for number in range(CHANGED)},
        **{f"{kind} {number}": None for kind in ("New", "Like") for number in range(ROUNDS)},
    }


def writes(emulator: Emulator, account: str) -> list[Any]:
    return [
        (entry["path"], entry["body"])
        for entry in emulator.requests()
        if entry["operation"] in WRITES
        and account in entry["path"]
        and entry["fault"] != "drop_before"
    ]


# The faults differ only in what the target knows when it is killed.
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("how", ["before the next", "before its answer", "while it is answered"])
def test_target_killed_after_any_request_creates_each_audience_once(
    tmp_path: Path, how: str, part: int
) -> None:
    requests = REQUESTS - 1 if how == "before the next" else REQUESTS
    lines = everything()
    with Emulator(seed="empty", access="unlimited") as emulator:
        settings = {"access_token": "pina_demo", "api_url": emulator.url, "concurrency": 1}
        target = Programs(tmp_path, settings)
        for done in range(part + 1, requests + 1, PARTS):
            account = emulator.seed(ad_accounts=1, audiences=EXISTING)[0]
            match how:
                case "before its answer":
                    emulator.fault(kind="drop_after", skip=done - 1)
                    emulator.fault(kind="drop_before", skip=done - 1, times=None)
                case "while it is answered":
                    emulator.fault(kind="delay", skip=done - 1, seconds=0.2)
                case _:
                    emulator.fault(kind="drop_before", skip=done, times=None)
            process = target.start(lines, ad_account_id=account)
            until(lambda: any(fault["fired"] for fault in emulator.faults()))
            killed = process.stop(signal.SIGKILL)
            assert killed.code == -signal.SIGKILL
            assert killed.out == ""
            until(lambda: all(entry["status"] for entry in emulator.requests()))
            first = writes(emulator, account)
            assert len(first) == done - 1, "one request reads, the others write"
            emulator.clear()
            run = target.target(lines, ad_account_id=account)
            assert run.code == 0, run.err
            assert run.state == {"seen": ROUNDS - 1}
            assert outcome(emulator, account) == wanted()
            assert len(first) + len(writes(emulator, account)) == 3 * ROUNDS, (
                "none is written twice"
            )


def stopped(
    emulator: Emulator, target: Programs, lines: Path | list[dict[str, Any]], **settings: Any
) -> Run:
    """Return the run that SIGTERM ends as soon as a staged fault delays a request."""
    process = target.start(lines, **settings)
    until(lambda: any(fault["fired"] for fault in emulator.faults()))
    run = process.stop(signal.SIGTERM)
    assert run.code == 128 + signal.SIGTERM, run.err
    assert "Traceback" not in run.err
    return run


def test_target_stopped_in_a_request_emits_the_state_before_it(
    emulator: Emulator, target: Programs, account: str
) -> None:
    emulator.fault(kind="delay", skip=17, seconds=1)
    run = stopped(emulator, target, everything())
    assert run.state == {"seen": 4}, "the 18th request is the second write of the 6th round"
    first = writes(emulator, account)
    assert len(first) == 17
    emulator.clear()
    later = [schema(), *everything()[1 + 5 * (run.state["seen"] + 1) :]]
    again = target.target(later)
    assert again.code == 0, again.err
    assert again.state == {"seen": ROUNDS - 1}
    assert outcome(emulator, account) == wanted()
    assert len(first) + len(writes(emulator, account)) == 3 * ROUNDS


@pytest.mark.parametrize("keeps", [True, False])
def test_target_stopped_while_it_applies_waiting_records_emits_no_state_past_them(
    emulator: Emulator, target: Programs, account: str, *, keeps: bool
) -> None:
    path = target.folder / "rejected.singer"
    settings: dict[str, Any] = {"rejected_path": str(path) if keeps else None, "max_rejected": 1}
    key = emulator.state()["audiences"][account][0]["id"]
    lines = [
        schema(),
        visitor("First"),
        state(1),
        *(actalike(f"Like {number}", "Later") for number in range(4)),
        state(2),
        actalike("In vain", "Nobody"),
        state(3),
        record(id=key, name="Later"),
        state(4),
    ]
    emulator.fault(operation="audiences/create", kind="delay", skip=3, seconds=1)
    run = stopped(emulator, target, lines, **settings)
    assert run.state == {"seen": 1}
    emulator.clear()
    again = target.target(lines, **settings)
    assert again.code == (0 if keeps else 1), again.err
    assert again.state == {"seen": 4 if keeps else 2}, "before the record that waits in vain"
    names = {f"Like {number}" for number in range(4)} | {"First", "Later"}
    assert outcome(emulator, account).keys() == names | {old(n) for n in range(1, EXISTING)}
    assert len(writes(emulator, account)) == 1, "the others were created before"
    assert path.exists() is keeps


def test_target_stopped_in_a_batch_file_continues_there(
    emulator: Emulator, target: Programs, account: str
) -> None:
    batches = []
    for part in range(2):
        rows = [visitor(f"{part}-{number}")["record"] for number in range(10)]
        file = target.folder / f"{part}.jsonl.gz"
        file.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
        encoding = {"format": "jsonl", "compression": "gzip"}
        manifest = [file.as_uri()]
        message = {"type": "BATCH", "stream": "audiences"}
        batches += [{**message, "encoding": encoding, "manifest": manifest}, state(part)]
    emulator.fault(operation="audiences/create", kind="delay", skip=13, seconds=1)
    run = stopped(emulator, target, [schema(), *batches])
    assert run.state == {"seen": 0}
    emulator.clear()
    again = target.target([schema(), *batches])
    assert again.code == 0, again.err
    assert "6 created, 0 updated, 14 unchanged" in again.err
    assert again.state == {"seen": 1}
    assert len(outcome(emulator, account)) == EXISTING + 20


def test_target_stopped_in_a_replay_keeps_unapplied_records(
    emulator: Emulator, target: Programs, account: str
) -> None:
    path = target.folder / "rejected.singer"
    target.settings["rejected_path"] = str(path)
    names = [f"Refused {number}" for number in range(6)]
    emulator.fault(operation="audiences/create", kind="status", status=400, code=1, times=6)
    target.target([schema(), *(visitor(name) for name in names)])
    emulator.clear()
    emulator.fault(operation="audiences/create", kind="delay", skip=3, seconds=1)
    stopped(emulator, target, path)
    left = [json.loads(line) for line in path.read_text().splitlines()]
    assert [message["record"]["name"] for message in left[1:]] == names[3:]
    emulator.clear()
    run = target.target(path)
    assert run.code == 0, run.err
    assert not path.exists()
    assert set(names) < outcome(emulator, account).keys()
    assert len(writes(emulator, account)) == 2


def test_file_of_rejected_records_survives_a_stop_or_kill_during_a_write(
    emulator: Emulator, target: Programs, account: str
) -> None:
    path = target.folder / "rejected.singer"
    settings: dict[str, Any] = {"rejected_path": str(path), "max_rejected": 1000}
    many = [record(name=f"Bad {number}", description=LONG_TEXT) for number in range(500)]
    assert target.target([schema(), *many], **settings).code == 0
    before = path.read_bytes()
    parts = f".{path.name}.*"
    for number in (signal.SIGTERM, signal.SIGKILL):
        lines = [schema(), record(name=f"Worse {number}"), visitor(str(number)), state(number)]
        process = target.start(lines, **settings)
        until(lambda: list(target.folder.glob(parts)))
        run = process.stop(number)
        kept = path.read_bytes()
        if number is signal.SIGTERM:
            assert run.code == 128 + number
            assert not list(target.folder.glob(parts))
            assert b'"Worse 15"' in kept
        assert kept.count(b"\n") == before.count(b"\n") + (b'"Worse 15"' in kept) + (
            b'"Worse 9"' in kept
        )
        assert not run.out or f'"Worse {number}"'.encode() in kept, (
            "no state covers an unfinished record"
        )
    names = outcome(emulator, account)
    assert {"15", "9"} < names.keys()


def test_target_stopped_between_two_records_of_a_message_keeps_the_message(
    emulator: Emulator, target: Programs, account: str
) -> None:
    path = target.folder / "rejected.singer"
    key = emulator.state()["audiences"][account][0]["id"]
    target.settings["rejected_path"] = str(path)
    target.settings["stream_maps"] = {
        "audience_sharing": {
            "__source__": "audiences",
            "audience_id": f"'{key}'",
            "recipient_account_ids": "'549755885175'",
            "operation_type": "'REVOKE'",
        }
    }
    emulator.fault(operation="audiences/create", kind="status", status=400, code=1)
    target.target([schema(), visitor("New")])
    before = path.read_bytes()
    emulator.clear()
    sharing = "ad_accounts_audiences_shared_accounts/list"
    emulator.fault(operation=sharing, kind="delay", seconds=1)
    stopped(emulator, target, path)
    assert "New" in outcome(emulator, account)
    assert path.read_bytes() == before, "the second record of the message is not done"
    emulator.clear()
    assert target.target(path).code == 0
    assert not path.exists()
