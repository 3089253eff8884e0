"""Several batches of members are on their way at a time; the outcome is as if sequential."""

from __future__ import annotations

import itertools
import json
import random
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from forks import until
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from member_bugs import OUTCOME_FIRST, STATE_FIRST, TOGETHER
from people import NAME, SCHEMA, STREAM, digest, digests, email, members, new_list, people, person
from programs import Programs, state

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

UPDATE = "customer_lists/update"
SIZE = 5
"""Of a batch."""
IN_FLIGHT = 8
KILLS = 20
OTHER = "Others"
PHASES = [phase for phase in Phase if phase is not Phase.shrink]
"""A shrunk example would take minutes: each is four runs."""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An empty emulator that takes a while to answer."""
    with Emulator(seed="empty", access="unlimited", latency_ms=50) as emulator:
        yield emulator


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    """The target, with a default ad account, a ledger, and a list that is there."""
    new_list(emulator, account, NAME, digest(email(0)))
    programs = Programs(tmp_path, settings_for(emulator, account, tmp_path))
    programs.prepare = ("member_bugs", "plant", "")
    return programs


def settings_for(emulator: Emulator, account: str, folder: Path) -> dict[str, Any]:
    return {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{folder}/ledger.db",
        "report_path": str(folder / "report.json"),
        "member_batch_size": SIZE,
        "max_rejected": 1000,
    }


def chunk(folder: Path, records: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A BATCH message, whose records are looked up at once."""
    path = folder / f"{len([*folder.glob('*.jsonl')])}.jsonl"
    path.write_text("".join(json.dumps(line["record"]) + "\n" for line in records))
    encoding = {"format": "jsonl", "compression": "none"}
    return {"type": "BATCH", "stream": STREAM, "encoding": encoding, "manifest": [path.as_uri()]}


def chunks(folder: Path, count: int) -> list[dict[str, Any]]:
    """A table in chunks of two batches, with a STATE after each that says how many came."""
    return [
        line
        for end in range(2 * SIZE, count + 1, 2 * SIZE)
        for line in (chunk(folder, people(range(end - 2 * SIZE, end))), state(end))
    ]


def updates(emulator: Emulator) -> list[dict[str, Any]]:
    return emulator.requests(UPDATE)


def overlaps(entries: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the pairs of requests that were on their way at one time."""
    return [
        (one, other)
        for one, other in itertools.combinations(entries, 2)
        if one["last_seq"] is None or one["last_seq"] >= other["seq"]
    ]


def answered(emulator: Emulator) -> None:
    until(lambda: all(entry["status"] for entry in emulator.requests()))


def test_batches_of_one_list_are_sent_together(
    emulator: Emulator, target: Programs, account: str
) -> None:
    assert target.target([SCHEMA, *people(range(200)), state(1)]).state == {"seen": 1}
    assert max(entry["in_flight"] for entry in updates(emulator)) > IN_FLIGHT / 2
    assert max(entry["in_flight"] for entry in updates(emulator)) <= IN_FLIGHT
    assert [entry["body"]["records"] for entry in updates(emulator)] == [SIZE] * (200 // SIZE)
    assert members(emulator, account) == digests(range(200))
    emulator.clear()
    assert target.target([SCHEMA, *people(range(200)), state(1)]).state == {"seen": 1}
    assert not updates(emulator)


@pytest.mark.parametrize(("slow", "together"), [(0.04, True), (3600.0, False)])
def test_batches_are_sent_together_once_one_was_slow(
    emulator: Emulator, target: Programs, slow: float, *, together: bool
) -> None:
    target.prepare = ("member_bugs", "send_together", slow)
    assert target.target([SCHEMA, *people(range(50))]).code == 0
    assert bool(overlaps(updates(emulator))) is together


def test_batches_of_several_lists_are_sent_together(
    emulator: Emulator, target: Programs, account: str
) -> None:
    for number in range(8):
        new_list(emulator, account, f"List {number}", digest(email(0)))
    lines = [line for n in range(8) for line in people(range(4), audience_name=f"List {n}")]
    assert target.target([SCHEMA, *people(range(4)), *lines]).code == 0
    pairs = overlaps(updates(emulator))
    assert {pair[0]["path"] == pair[1]["path"] for pair in pairs} == {False}


@pytest.mark.parametrize("bug", ["", TOGETHER])
def test_addition_and_removal_of_a_list_are_never_on_their_way_together(
    emulator: Emulator, target: Programs, account: str, bug: str
) -> None:
    target.prepare = ("member_bugs", "plant", bug)
    new_list(emulator, account, OTHER, digest(email(0)))
    lines = [
        chunk(target.folder, people(numbers, audience_name=name, operation=do))
        for start in range(0, 200, 20)
        for do, numbers in (
            ("ADD", range(start, start + 20)),
            ("REMOVE", range(start + 900, start + 920)),
        )
        for name in (NAME, OTHER)
    ]
    run = target.target([SCHEMA, *lines])
    assert run.code == 0, run.err
    pairs = [pair for pair in overlaps(updates(emulator)) if pair[0]["path"] == pair[1]["path"]]
    kinds = {frozenset(each["body"]["operation_type"] for each in pair) for pair in pairs}
    assert {frozenset(["ADD"]), frozenset(["REMOVE"])} <= kinds, "either is sent together"
    assert (frozenset(["ADD", "REMOVE"]) in kinds) is bool(bug)


@pytest.mark.parametrize("bug", ["", OUTCOME_FIRST])
def test_ledger_knows_a_batch_after_its_response_only(
    emulator: Emulator, target: Programs, account: str, bug: str
) -> None:
    target.prepare = ("member_bugs", "plant", bug)
    emulator.fault(operation=UPDATE, kind="status", status=500, skip=3, times=None)
    process = target.start([SCHEMA, *people(range(100))])
    until(lambda: len(updates(emulator)) > IN_FLIGHT)
    assert process.stop(signal.SIGKILL).code == -signal.SIGKILL
    answered(emulator)
    emulator.clear()
    run = target.target([SCHEMA, *people(range(100))])
    assert run.code == 0, run.err
    assert (members(emulator, account) == digests(range(100))) is not bool(bug)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("bug", ["", STATE_FIRST])
def test_state_of_a_run_that_is_ended_passes_no_batch_on_its_way(
    emulator: Emulator, target: Programs, account: str, number: signal.Signals, bug: str
) -> None:
    target.prepare = ("member_bugs", "plant", bug)
    emulator.fault(operation=UPDATE, kind="delay", seconds=30, skip=1, times=None)
    first = [chunk(target.folder, people(range(SIZE))), state(SIZE)]
    lines = [SCHEMA, *first, *chunks(target.folder, 200)]
    process = target.start(lines)
    until(lambda: sum(fault["fired"] for fault in emulator.faults()) == IN_FLIGHT)
    run = process.stop(number)
    assert run.code == 128 + number, run.err
    assert "Traceback" not in run.err
    report = json.loads((target.folder / "report.json").read_text())
    assert report["streams"][STREAM]["added"] == SIZE
    assert (run.state["seen"] == SIZE) is not bool(bug)
    emulator.clear()
    left = lines[lines.index(state(SIZE)) + 1 :]
    again = target.target([SCHEMA, *left])
    assert again.code == 0, again.err
    assert members(emulator, account) == digests(range(200))


@pytest.mark.parametrize(("fault", "code"), [({"status": 401, "code": 2}, 1), (None, 75)])
def test_error_that_ends_the_run_starts_nothing_new_and_notes_what_was_done(
    emulator: Emulator,
    target: Programs,
    account: str,
    fault: dict[str, Any] | None,
    code: int,
) -> None:
    staged: dict[str, Any] = {"kind": "status", **fault} if fault else {}
    staged = staged or {"kind": "rate_limit", "reset": 4000}
    emulator.fault(operation=UPDATE, skip=9, times=1, **staged)
    # None of those that are on their way ends before the target knows of the error.
    emulator.fault(operation=UPDATE, skip=9, times=None, kind="delay", seconds=4)
    lines = [SCHEMA, *chunks(target.folder, 300)]
    run = target.target(lines)
    assert run.code == code, run.err
    assert "Traceback" not in run.err
    sent = updates(emulator)
    failed = next(n for n, entry in enumerate(sent) if entry["fault"] == staged["kind"])
    assert len(sent) <= failed + IN_FLIGHT, "those on their way with it, and no more"
    report = json.loads((target.folder / "report.json").read_text())
    added = report["streams"][STREAM]["added"]
    assert added == SIZE * (len(sent) - 1)
    there = members(emulator, account) - digests([0])
    assert len(there | digests([0])) >= added
    assert digests(range(run.state["seen"])) <= members(emulator, account)
    emulator.clear()
    again = target.target(lines)
    assert again.code == 0, again.err
    assert members(emulator, account) == digests(range(300))
    assert len(updates(emulator)) == 300 // SIZE - added // SIZE, "nobody is sent twice"


def test_run_killed_anywhere_loses_nobody_and_repeats_what_was_on_its_way(
    emulator: Emulator, target: Programs, account: str
) -> None:
    count = 2000
    lines = [SCHEMA, *people(range(count))]
    choice = random.Random(17)  # noqa: S311  (no secret)
    for _ in range(KILLS):
        stop_at = len(updates(emulator)) + choice.randrange(1, 12)
        process = target.start(lines)
        until(lambda at=stop_at: len(updates(emulator)) >= at)  # type: ignore[misc]
        assert process.stop(signal.SIGKILL).code == -signal.SIGKILL
        answered(emulator)
    last = target.target(lines)
    assert last.code == 0, last.err
    sent = sum(entry["body"]["records"] for entry in updates(emulator) if entry["body"])
    assert count <= sent <= count + KILLS * IN_FLIGHT * SIZE
    assert members(emulator, account) == digests(range(count))
    emulator.clear()
    assert target.target(lines).code == 0
    assert not updates(emulator)


def test_limit_that_no_quota_explains_is_met_by_fewer_batches_at_a_time(
    emulator: Emulator, target: Programs, account: str
) -> None:
    emulator.fault(operation=UPDATE, kind="status", status=429, code=8, skip=9, times=3)
    run = target.target([SCHEMA, *people(range(200))])
    assert run.code == 0, run.err
    assert members(emulator, account) == digests(range(200))
    assert max(entry["in_flight"] for entry in updates(emulator)[:15]) > IN_FLIGHT / 2
    assert max(entry["in_flight"] for entry in updates(emulator)[-15:]) <= 2


def test_list_that_is_refused_while_others_of_its_batches_are_on_their_way(
    emulator: Emulator, target: Programs, account: str
) -> None:
    emulator.fault(operation=UPDATE, kind="status", status=400, code=1, skip=9, times=1)
    lines = [SCHEMA, *chunks(target.folder, 200)]
    run = target.target(lines)
    assert run.code == 1, run.err
    assert "Traceback" not in run.err
    report = json.loads((target.folder / "report.json").read_text())
    counts = report["streams"][STREAM]
    there = members(emulator, account)
    assert counts["added"] == SIZE * (len(updates(emulator)) - 1)
    assert counts["added"] + counts["rejected"] == 200
    assert digests(range(run.state["seen"])) <= there
    emulator.clear()
    again = target.target(lines)
    assert again.code == 0, again.err
    assert members(emulator, account) == digests(range(200))
    assert len(updates(emulator)) == (200 - counts["added"]) // SIZE, "the ledger is right"


_numbers = st.lists(st.integers(0, 25), min_size=1, max_size=20)
_lists = st.sampled_from([NAME, OTHER, "Refused", "New"])
_operations = st.sampled_from(["ADD", "ADD", "REMOVE"])
_bad = st.just([person(None, email="no address"), person(None, email=" ")])
_chunks = st.one_of(
    st.builds(
        lambda n, name, do: people(n, audience_name=name, operation=do),
        _numbers,
        _lists,
        _operations,
    ),
    st.builds(
        lambda n, name, do: people(n, audience_name=name, operation=do),
        _numbers,
        _lists,
        _operations,
    ),
    _bad,
)
# Two faults make at most 4 of the 5 tries of a request fail. If a request fails for good, the run
# ends, and how many others were on their way then does depend on the concurrency.
_faults = st.lists(
    st.builds(
        lambda kind, skip, times: {"kind": kind, "skip": skip, "times": times},
        st.sampled_from(["error_after", "drop_before", "drop_after", "body_code_rate_limit"]),
        st.integers(0, 8),
        st.integers(1, 2),
    ),
    max_size=2,
)


@settings(max_examples=25, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(
    found=st.lists(_chunks, min_size=2, max_size=10),
    faults=_faults,
    chosen=st.fixed_dictionaries(
        {
            "member_mode": st.sampled_from(["add", "add", "mirror"]),
            "has_ledger": st.booleans(),
            "keeps": st.booleans(),
        }
    ),
)
def test_outcome_does_not_depend_on_concurrency(
    tmp_path_factory: pytest.TempPathFactory,
    found: list[list[dict[str, Any]]],
    faults: list[dict[str, Any]],
    chosen: dict[str, Any],
) -> None:
    one, many = (
        _outcome(tmp_path_factory.mktemp("run"), found, faults, chosen, concurrency)
        for concurrency in (1, 8)
    )
    assert one == many


def _outcome(
    folder: Path,
    found: list[list[dict[str, Any]]],
    faults: list[dict[str, Any]],
    chosen: dict[str, Any],
    concurrency: int,
) -> str:
    """Return all that a run leaves."""
    with Emulator(seed="empty", access="unlimited", latency_ms=2) as emulator:
        account = emulator.seed(ad_accounts=1, audiences=0)[0]
        ids = {name: new_list(emulator, account, name) for name in (NAME, OTHER, "Refused")}
        refusal = {"kind": "status", "status": 400, "code": 1, "times": None}
        emulator.fault(operation=UPDATE, path_contains=ids["Refused"], **refusal)
        for fault in faults:
            emulator.fault(operation=UPDATE, **fault)
        given = settings_for(emulator, account, folder) | {
            "concurrency": concurrency,
            "member_batch_size": 3,
            "member_mode": chosen["member_mode"],
            "max_removal_ratio": 1,
        }
        if not chosen["has_ledger"] and chosen["member_mode"] == "add":
            given["ledger_url"] = ""
        if chosen["keeps"]:
            given["rejected_path"] = str(folder / "rejected")
        programs = Programs(folder, given)
        programs.prepare = ("member_bugs", "hurry", None)
        lines = [
            line
            for number, records in enumerate(found)
            for line in (chunk(folder, records), state(number))
        ]
        first = programs.target([SCHEMA, *lines])
        assert "Traceback" not in first.err
        result = {
            "code": first.code,
            "states": first.out,
            "report": json.loads((folder / "report.json").read_text()),
            "rejected": (folder / "rejected").read_text() if (folder / "rejected").exists() else "",
            "members": {
                item["name"]: sorted(emulator.members(item["id"]))
                for item in emulator.state()["customer_lists"][account]
            },
        }
        sent = len(updates(emulator))
        second = programs.target([SCHEMA, *lines])
        result |= {"again": second.code, "sent": sent, "sent again": len(updates(emulator)) - sent}
        for item in emulator.state()["customer_lists"][account]:
            ids[item["name"]] = item["id"]
    for varying in ("begun_at", "seconds", "seconds_waited"):
        result["report"].pop(varying, None)
    text = json.dumps(result, sort_keys=True, indent=1)
    text = re.sub(r'_rejected_at\\":\\"[^"]*', "", re.sub(r"request id \w+", "", text))
    for name, key in {**ids, "<account>": account}.items():
        text = text.replace(key, f"<{name}>")
    return re.sub(r"\d{9,}", "<id>", text)
