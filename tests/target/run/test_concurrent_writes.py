"""Several writes are on their way at a time, and nobody can tell it from what a run did."""

from __future__ import annotations

import itertools
import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from forks import until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import Programs, record, schema, state

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = {"visitor_source_id": "2612511566392"}
WRITES = ("audiences/create", "audiences/update")
NAMES = [f"Name {number}" for number in range(5)]
LATENCY_MS = 100


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An empty emulator that takes a while to answer."""
    with Emulator(seed="empty", access="unlimited", latency_ms=LATENCY_MS) as emulator:
        yield emulator


@pytest.fixture
def target(programs: Programs, account: str) -> Programs:
    """The target, with a default ad account and a file for each purpose."""
    programs.settings |= {
        "ad_account_id": account,
        "report_path": str(programs.folder / "report.json"),
        "rejected_path": str(programs.folder / "rejected.singer"),
        "max_rejected": 1000,
    }
    return programs


def visitor(name: str, **fields: object) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "audience_type": "VISITOR", "rule": RULE, **fields}
    return record(**made)


def actalike(name: str, seed: str) -> dict[str, Any]:
    rule = {"seed_name": seed, "country": "US", "percentage": 5}
    return record(name=name, audience_type="ACTALIKE", rule=rule)


def new(count: int) -> list[dict[str, Any]]:
    return [visitor(f"New {number}") for number in range(count)]


def writes(emulator: Emulator) -> list[dict[str, Any]]:
    return [entry for entry in emulator.requests() if entry["operation"] in WRITES]


def overlaps(entries: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """Return the pairs of requests that were on their way at one time."""
    return [
        (one, other)
        for one, other in itertools.combinations(entries, 2)
        if one["last_seq"] is None or one["last_seq"] >= other["seq"]
    ]


def descriptions(emulator: Emulator, account: str) -> list[tuple[str, str | None]]:
    audiences = emulator.state()["audiences"][account]
    return sorted((audience["name"], audience["description"]) for audience in audiences)


def test_writes_for_different_audiences_are_sent_together(
    emulator: Emulator, target: Programs
) -> None:
    assert target.target([schema(), *new(20), state(1)]).state == {"seen": 1}
    assert max(entry["in_flight"] for entry in writes(emulator)) > 1
    emulator.clear()
    assert target.target([schema(), *new(20)], concurrency=1).code == 0
    assert not overlaps(writes(emulator))


def test_writes_for_one_audience_are_sent_one_after_the_other(
    emulator: Emulator, target: Programs
) -> None:
    assert target.target([schema(), *new(3)]).code == 0
    found = emulator.state()["audiences"][target.settings["ad_account_id"]]
    ids = {audience["name"]: audience["id"] for audience in found}
    emulator.clear()
    # By name and by id: both mean the same audience.
    by_name = [record(name=name, description="Described") for name in ids]
    by_id = [record(id=key, rule={**RULE, "retention_days": 7}) for key in ids.values()]
    run = target.target([schema(), visitor("Other"), *by_name, *by_id])
    assert "1 created, 6 updated, 0 unchanged" in run.err
    sent = writes(emulator)
    updates = [entry for entry in sent if entry["operation"] == "audiences/update"]
    assert overlaps(updates), "writes for different audiences are sent together"
    assert not [pair for pair in overlaps(updates) if pair[0]["path"] == pair[1]["path"]]


def test_record_waits_for_the_create_that_it_refers_to(target: Programs) -> None:
    # Its seed is being made, so Pinterest has not finished it.
    lines = [visitor("First"), *new(3), actalike("Like", "New 2"), *new(3)]
    run = target.target([schema(), *lines])
    assert "4 created, 0 updated, 3 unchanged, 0 removed, 0 rejected, 1 deferred" in run.err
    report = json.loads((target.folder / "report.json").read_text())
    assert [change["record"] for change in report["changes"]] == [1, 2, 3, 4, 5]
    assert report["changes"][-1]["code"] == "seed_not_ready"


@pytest.mark.parametrize("kind", ["drop_after", "error_after"])
def test_creates_whose_answers_are_lost_together_create_nothing_twice(
    emulator: Emulator, target: Programs, account: str, kind: str
) -> None:
    emulator.fault(operation="audiences/create", kind=kind, skip=1, times=6)
    run = target.target([schema(), *new(12), state(1)])
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert len(descriptions(emulator, account)) == 12
    assert "12 created" in run.err


def test_limit_that_no_quota_explains_is_met_by_fewer_writes_at_a_time(
    emulator: Emulator, target: Programs, account: str
) -> None:
    emulator.fault(operation="audiences/create", kind="status", status=429, code=8, skip=5, times=3)
    run = target.target([schema(), *new(40)])
    assert run.code == 0, run.err
    assert len(descriptions(emulator, account)) == 40
    assert max(entry["in_flight"] for entry in writes(emulator)[:12]) > 2
    assert max(entry["in_flight"] for entry in writes(emulator)[-15:]) <= 2


def _failed(emulator: Emulator) -> int:
    """Return the number of the record whose write was refused."""
    [name] = [entry["body"]["name"] for entry in writes(emulator) if entry["fault"]]
    return int(name.removeprefix("New "))


@pytest.mark.parametrize(("fault", "code"), [({"status": 401, "code": 2}, 1), (None, 75)])
def test_error_that_ends_the_run_starts_nothing_new_and_reports_what_was_done(
    emulator: Emulator,
    target: Programs,
    account: str,
    fault: dict[str, Any] | None,
    code: int,
) -> None:
    staged: dict[str, Any] = {"kind": "status", **fault} if fault else {}
    staged = staged or {"kind": "rate_limit", "reset": 4000}
    emulator.fault(operation="audiences/create", skip=9, times=1, **staged)
    lines = [line for n, new_one in enumerate(new(100)) for line in (new_one, state(n))]
    run = target.target([schema(), *lines])
    assert run.code == code, run.err
    assert "Traceback" not in run.err
    report = json.loads((target.folder / "report.json").read_text())
    names = [entry["body"]["name"] for entry in writes(emulator)]
    failed = _failed(emulator)
    assert len(names) <= failed + 8, "those on their way with it, and no more"
    created = {change["name"] for change in report["changes"]}
    assert {name for name, _ in descriptions(emulator, account)} == created
    assert run.state["seen"] == failed - 1, "no state passes the record that failed"
    emulator.clear()
    again = target.target([schema(), *lines])
    assert again.code == 0, again.err
    assert len(descriptions(emulator, account)) == 100


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_run_that_is_ended_with_several_writes_on_their_way_loses_and_doubles_nothing(
    target: Programs, emulator: Emulator, account: str, number: signal.Signals
) -> None:
    lines = [line for n, new_one in enumerate(new(60)) for line in (new_one, state(n))]
    bad = record(name="Bad", audience_type="VISITOR", rule={"no": "field"})
    lines.insert(11, bad)
    emulator.fault(operation="audiences/create", kind="delay", skip=12, times=4, seconds=0.5)
    process = target.start([schema(), *lines])
    until(lambda: sum(fault["fired"] for fault in emulator.faults()) > 1)
    run = process.stop(number)
    assert run.code in {128 + number, -number}, run.err
    assert "Traceback" not in run.err
    until(lambda: all(entry["status"] for entry in emulator.requests()))
    there = {name for name, _ in descriptions(emulator, account)}
    seen = run.state.get("seen", -1)
    assert {f"New {n}" for n in range(seen + 1)} <= there, "no state passes what is not done"
    if number is not signal.SIGKILL:
        report = json.loads((target.folder / "report.json").read_text())
        created = {c["name"] for c in report["changes"] if c["action"] == "created"}
        assert created == there, "what was on its way is waited for, and reported"
        assert "Bad" in (target.folder / "rejected.singer").read_text()
    emulator.clear()
    left = lines[[*lines, state(seen)].index(state(seen)) + 1 :] if seen >= 0 else lines
    again = target.target([schema(), *left])
    assert again.code == 0, again.err
    assert len(descriptions(emulator, account)) == 60
    assert len(writes(emulator)) == 60 - len(there), "nothing is written twice"


_names = st.sampled_from(NAMES)
_text = st.sampled_from(["", "one", "two"])
_lines = st.one_of(
    st.builds(visitor, _names),
    st.builds(lambda name, text: visitor(name, description=text), _names, _text),
    st.builds(lambda name, text: record(name=name, description=text), _names, _text),
    st.builds(lambda name: record(name=name, operation_type="REMOVE"), _names),
    st.builds(actalike, _names, _names),
    st.builds(lambda number, name: {"old": number, "name": name}, st.integers(0, 3), _names),
    st.builds(lambda number, text: {"old": number, "description": text}, st.integers(0, 3), _text),
    st.builds(lambda name: record(name=name, rule={"no": "field"}, audience_type="X"), _names),
    st.builds(lambda number: {"seed": number}, st.integers(0, 3)),
    st.just(record(name="Refused", audience_type="VISITOR", rule=RULE)),
    st.just(record(name=None)),
    st.builds(
        lambda name: visitor(f"Custom {name}", sharing_type="CUSTOM", data_party="1p"), _names
    ),
    st.builds(state, st.integers(0, 99)),
)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(lines=st.lists(_lines, min_size=3, max_size=25))
def test_outcome_does_not_depend_on_concurrency(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]]
) -> None:
    one, many = (
        _outcome(tmp_path_factory.mktemp("run"), lines, concurrency) for concurrency in (1, 8)
    )
    assert one == many


def _outcome(folder: Path, lines: list[dict[str, Any]], concurrency: int) -> dict[str, Any]:
    """Return all that a run leaves, with ids of audiences replaced by their names."""
    with Emulator(seed="empty", access="unlimited", latency_ms=25) as emulator:
        account = emulator.seed(ad_accounts=1, audiences=4)[0]
        old = [found["id"] for found in emulator.state()["audiences"][account]]
        refusal = {"kind": "status", "status": 400, "code": 1, "times": None}
        emulator.fault(operation="audiences/update", path_contains=old[0], **refusal)
        paths = {name: folder / name for name in ("report", "rejected")}
        settings = {
            "access_token": "pina_demo",
            "api_url": emulator.url,
            "ad_account_id": account,
            "report_path": str(paths["report"]),
            "rejected_path": str(paths["rejected"]),
            "max_rejected": 1000,
            "concurrency": concurrency,
        }
        first = [visitor("First"), *map(_with_id(old), lines)]
        run = Programs(folder, settings).target([schema(), *first, state(100)])
        assert "Traceback" not in run.err
        audiences = emulator.state()["audiences"][account]
    names = {audience["id"]: f"<{audience['name']}>" for audience in audiences}
    report = json.loads(paths["report"].read_text())
    for varying in ("begun_at", "seconds"):
        del report[varying]
    made = [change for change in report["changes"] if change["action"] == "created"]
    names |= {change["audience_id"]: f"<{change['name']}>" for change in made}
    names |= {key: f"<old {number}>" for number, key in enumerate(old)}
    kept = paths["rejected"].read_text() if paths["rejected"].exists() else ""
    found = {
        "code": run.code,
        "states": run.out,
        "report": report,
        "rejected": re.sub(r'"_rejected_at":"[^"]*"', "", kept),
        "audiences": [
            {k: v for k, v in audience.items() if not k.endswith("timestamp")}
            for audience in sorted(audiences, key=lambda audience: str(audience["name"]))
        ],
    }
    text = re.sub(r"request id \w+", "request id", json.dumps(found, sort_keys=True))
    for key, name in names.items():
        text = text.replace(key, name)
    result: dict[str, Any] = json.loads(text.replace(account, "<account>"))
    return result


def _with_id(old: list[str]) -> Any:
    def line(given: dict[str, Any]) -> dict[str, Any]:
        if "old" in given:
            return record(id=old[given["old"]], **{k: v for k, v in given.items() if k != "old"})
        if "seed" in given:
            rule = {"seed_id": old[given["seed"]], "country": "US", "percentage": 5}
            return record(name=f"Like {given['seed']}", audience_type="ACTALIKE", rule=rule)
        return given

    return line
