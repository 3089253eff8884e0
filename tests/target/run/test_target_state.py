"""A state is emitted only after every record before it is written, unchanged or stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from programs import Programs, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Run

    from pinterest_emulator.testing import Emulator

RULE = {"visitor_source_id": "2612511566392"}
SEED = "Generated visitors 1"


@pytest.fixture
def account(emulator: Emulator) -> str:
    """An ad account with two audiences that are READY."""
    return emulator.seed(ad_accounts=1, audiences=2)[0]


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    """The target, with a default ad account."""
    settings = {"access_token": "pina_demo", "api_url": emulator.url, "ad_account_id": account}
    return Programs(tmp_path, settings)


def visitor(name: str, **fields: object) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "audience_type": "VISITOR", "rule": RULE, **fields}
    return record(**made)


def actalike(name: str, seed: str) -> dict[str, Any]:
    rule = {"seed_name": seed, "country": "US", "percentage": 5}
    return record(name=name, audience_type="ACTALIKE", rule=rule)


def with_states(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages, each followed by a state with its number, from 1."""
    lines = [schema()]
    for number, message in enumerate(messages, start=1):
        lines += [message, state(number)]
    return lines


def seen(run: Run) -> int:
    """Return the number in the last state, after checking that no state passed goes back."""
    numbers: list[int] = [message["seen"] for message in run.messages]
    assert numbers == sorted(numbers)
    return numbers[-1] if numbers else 0


GOOD, MORE = visitor("Good"), visitor("More")
BAD = visitor("Bad", audience_type="FANS")
READY, UNREADY = actalike("Ready", SEED), actalike("Unready", "Good")
UNKNOWN, LATER = actalike("Unknown", "Nobody"), actalike("Later", "New name")


@pytest.mark.parametrize(
    ("messages", "without_file", "with_file"),
    [
        pytest.param((GOOD, MORE), (0, 2), (0, 2), id="good"),
        pytest.param((GOOD, BAD, MORE), (1, 1), (1, 3), id="rejected"),
        pytest.param((BAD, GOOD, BAD), (1, 0), (1, 3), id="rejected first"),
        pytest.param((GOOD, UNREADY, MORE), (1, 1), (0, 3), id="deferred"),
        pytest.param((GOOD, UNKNOWN, MORE), (1, 1), (1, 3), id="waited for nothing"),
        pytest.param((READY, GOOD, MORE), (0, 3), (0, 3), id="needs not wait"),
        pytest.param((GOOD, LATER, MORE, "rename"), (0, 4), (0, 4), id="waited and done"),
        pytest.param((GOOD, LATER, BAD, "rename", MORE), (1, 1), (1, 5), id="waited beside bad"),
        pytest.param((LATER, UNKNOWN, "rename", MORE), (1, 0), (1, 4), id="one waits in vain"),
        pytest.param((GOOD, BAD, LATER, "rename", MORE), (1, 1), (1, 5), id="waited behind bad"),
    ],
)
def test_state_stays_before_records_neither_done_nor_stored(
    emulator: Emulator,
    target: Programs,
    account: str,
    messages: tuple[Any, ...],
    without_file: tuple[int, int],
    with_file: tuple[int, int],
) -> None:
    key = emulator.state()["audiences"][account][1]["id"]
    rename = record(id=key, name="New name")
    lines = with_states(*(rename if message == "rename" else message for message in messages))
    path = str(target.folder / "rejected.singer")
    dry = [target.target(lines, dry_run=True, rejected_path=where) for where in (None, path)]
    run = target.target(lines)
    assert (run.code, seen(run)) == without_file, run.err
    kept = target.target(lines, rejected_path=path)
    assert (kept.code, seen(kept)) == with_file, kept.err
    names = {audience["name"] for audience in emulator.state()["audiences"][account]}
    made = {message["record"]["name"] for message in messages if message != "rename"}
    assert made - names <= {"Bad", "Unready", "Unknown"}
    assert [plan.out for plan in dry] == ["", ""], "a dry run passes on no state"
    assert [plan.code for plan in dry] == [run.code, kept.code]


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(("max_rejected", "code"), [(0, 1), (1, 1), (2, 0), (3, 0)])
def test_run_past_max_rejected_fails_but_emits_the_state(
    target: Programs, max_rejected: int, code: int, *, dry_run: bool
) -> None:
    path = target.folder / "rejected.singer"
    lines = with_states(BAD, GOOD, UNREADY, BAD)
    settings = {"max_rejected": max_rejected, "dry_run": dry_run}
    run = target.target(lines, rejected_path=str(path), **settings)
    assert run.code == code
    assert seen(run) == (0 if dry_run else 4)
    assert path.exists() is not dry_run
    assert ("max_rejected allows" in run.err) is (code == 1)
    assert target.target(lines, **settings).code == 1, (
        "records that are not stored are never allowed"
    )


def test_a_dry_run_leaves_rejected_path_alone(target: Programs) -> None:
    path = target.folder / "rejected.singer"
    unfinished = visitor("Unfinished", audience_type=None)
    target.target(with_states(unfinished, BAD), rejected_path=str(path))
    before, entries = path.read_bytes(), sorted(target.folder.iterdir())
    whole = visitor("Unfinished")
    target.target(with_states(whole), rejected_path=None)
    for lines in (path, with_states(unfinished, BAD, UNKNOWN), with_states(GOOD)):
        target.target(lines, rejected_path=str(path), dry_run=True)
        assert path.read_bytes() == before
    assert sorted(file for file in target.folder.iterdir() if file in entries) == entries


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("fault", ["rate_limit", "status", "line"])
def test_run_that_ends_early_emits_no_state_past_a_waiting_record(
    emulator: Emulator, target: Programs, account: str, fault: str, *, keeps: bool
) -> None:
    settings = {"rejected_path": str(target.folder / "rejected.singer")} if keeps else {}
    key = emulator.state()["audiences"][account][1]["id"]
    lines = with_states(GOOD, LATER, MORE, record(id=key, name="New name"))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    if fault == "rate_limit":
        emulator.fault(operation="audiences/create", kind=fault, reset=67150, skip=2)
    elif fault == "status":
        emulator.fault(operation="audiences/create", kind=fault, status=401, code=2, skip=2)
    first = target.target(text + ("{\n" if fault == "line" else ""), **settings)
    assert first.code == (75 if fault == "rate_limit" else 1), first.err
    assert seen(first) == 1
    second = target.target(text, **settings)
    assert second.code == 0, second.err
    assert seen(second) == 4
    names = [audience["name"] for audience in emulator.state()["audiences"][account]]
    assert sorted(names) == sorted([SEED, "New name", "Good", "More", "Later"])


def test_second_schema_loses_nothing_and_positions_continue(
    emulator: Emulator, target: Programs, account: str
) -> None:
    other_key = {**schema(name={"type": "string"}), "key_properties": ["name"]}
    lines = [
        schema(),
        visitor("A"),
        LATER,
        state(1),
        other_key,
        visitor("B", extra=1),
        visitor("C", audience_type="FANS"),
        schema(id={"type": "integer"}),
        record(id=emulator.state()["audiences"][account][1]["id"], name="New name"),
        state(2),
    ]
    run = target.target(lines, rejected_path=str(target.folder / "rejected.singer"))
    assert "Rejected audiences record 4, name C" in run.err
    assert "3 created, 1 updated, 0 unchanged, 0 removed, 1 rejected" in run.err
    assert seen(run) == 2
    names = [audience["name"] for audience in emulator.state()["audiences"][account]]
    assert sorted(names) == sorted([SEED, "New name", "A", "B", "Later"])
