"""A table that comes as BATCH messages, and is mirrored with a ledger of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from batch_runs import Batches, records_of, rows_of, table
from people import SCHEMA, activate, changes, digests, email, members, versioned, writes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bulk_runs import Bulk

    from pinterest_emulator.testing import Emulator

MIRROR = {"member_mode": "mirror"}
BOTH = ["files", "database"]
OPT_OUT = {"_sdc_deleted_at": "2026-01-02T03:04:05Z"}


@pytest.fixture
def batches(
    request: pytest.FixtureRequest, emulator: Emulator, account: str, tmp_path: Path
) -> Batches:
    """A mirror, with the ledger that a test asks for: all decisions are the same with both."""
    of_database = getattr(request, "param", "files") == "database"
    ledger = {"ledger_url": f"sqlite:///{tmp_path}/ledger.db"} if of_database else {}
    return Batches(tmp_path, emulator, account, {**MIRROR, **ledger})


def version(batches: Batches, numbers: Iterable[int], *more: dict[str, Any]) -> list[Any]:
    rows = [*rows_of(map(email, numbers)), *more]
    half = len(rows) // 2
    return [batches.batch(table(rows[:half]), table(rows[half:])), activate(1)]


@pytest.mark.parametrize("batches", BOTH, indirect=True)
def test_absent_people_are_removed_once_the_version_is_whole(
    emulator: Emulator, batches: Batches
) -> None:
    assert batches.run(*version(batches, range(2000))).code == 0
    emulator.clear()
    run = batches.run(*version(batches, range(100, 2010)))
    assert (run.code, run.state) == (0, {"seen": 1}), run.err
    assert sorted(changes(emulator)) == [("ADD", 10), ("REMOVE", 100)]
    assert members(emulator, batches.account) == digests(range(100, 2010))
    assert batches.list_report["removed"] == 100
    emulator.clear()
    assert batches.run(*version(batches, range(100, 2010))).code == 0
    assert writes(emulator) == []


@pytest.mark.parametrize("batches", BOTH, indirect=True)
@pytest.mark.parametrize(
    ("last", "problem"),
    [
        ([], "no ACTIVATE_VERSION came"),
        (
            [SCHEMA | {"bookmark_properties": ["id"]}, activate(1)],
            "read incrementally",
        ),
    ],
)
def test_version_that_may_be_a_part_removes_nobody(
    emulator: Emulator, batches: Batches, last: list[Any], problem: str
) -> None:
    assert batches.run(*version(batches, range(1000))).code == 0
    (part, _) = version(batches, range(10, 1005))
    run = batches.run(part, *last)
    assert (run.code, run.state) == (1, {})
    assert problem in run.complaints[-1]
    assert members(emulator, batches.account) == digests(range(1005))


@pytest.mark.parametrize("batches", BOTH, indirect=True)
def test_too_large_removal_removes_nobody(emulator: Emulator, batches: Batches) -> None:
    assert batches.run(*version(batches, range(1000))).code == 0
    opt_outs = rows_of(map(email, range(100)), **OPT_OUT)
    run = batches.run(*version(batches, range(201, 1005), *opt_outs))
    assert run.code == 1
    assert "201 of 1000 members" in run.complaints[-1]
    # The removals that records ask for are within the limit by themselves.
    assert members(emulator, batches.account) == digests(range(100, 1005))
    all_out = rows_of(map(email, range(100, 400)), **OPT_OUT)
    refused = batches.run(*version(batches, range(400, 1010), *all_out))
    assert refused.code == 1
    assert members(emulator, batches.account) == digests(range(100, 1010))
    assert batches.list_report["rejected"] == {"too_many_removals": 300}
    allowed = batches.run(*version(batches, range(400, 1010), *all_out), max_removal_ratio=0.4)
    assert allowed.code == 0, allowed.err
    assert members(emulator, batches.account) == digests(range(400, 1010))


@pytest.mark.parametrize("batches", BOTH, indirect=True)
def test_unreadable_row_keeps_absent_people(emulator: Emulator, batches: Batches) -> None:
    assert batches.run(*version(batches, range(1000))).code == 0
    odd = rows_of(["no address"])
    run = batches.run(*version(batches, range(10, 1000), *odd))
    assert run.code == 1
    assert "1 of its records cannot be read" in run.err
    assert members(emulator, batches.account) == digests(range(1000))


@pytest.mark.parametrize("batches", BOTH, indirect=True)
def test_empty_table_removes_nobody(emulator: Emulator, batches: Batches) -> None:
    assert batches.run(*version(batches, range(1000))).code == 0
    emulator.clear()
    run = batches.run(activate(2))
    assert run.code == 1
    assert "the ledger has 1000 members" in run.complaints[-1]
    assert writes(emulator) == []


@pytest.mark.parametrize("batches", BOTH, indirect=True)
def test_list_that_no_row_names_is_reported(emulator: Emulator, batches: Batches) -> None:
    assert batches.run(*version(batches, range(100))).code == 0
    other = [row | {"audience_name": "Other"} for row in rows_of([email(1)])]
    run = batches.run(*version(batches, [], *other))
    assert run.code == 0, run.err
    (left,) = batches.report["unmentioned_lists"]
    assert (left["audience_name"], left["members"]) == ("Customers", 100)
    assert members(emulator, batches.account) == digests(range(100))


@pytest.mark.parametrize(
    "last", [versioned(records_of(rows_of([email(1)])), 2), [{"stream": "audience_members"}]]
)
def test_second_version_in_one_run_sends_nothing(
    emulator: Emulator, batches: Batches, last: list[Any]
) -> None:
    assert batches.run(*version(batches, range(100))).code == 0
    emulator.clear()
    other = batches.batch(table(rows_of([email(200)])))
    run = batches.run(*version(batches, range(50, 150)), *(other | each for each in last))
    if last[0].get("type") == "RECORD":
        assert run.code == 1
        assert "one version of one stream" in run.complaints[-1]
        assert writes(emulator) == []
    else:
        assert run.code == 1
        assert "ACTIVATE_VERSION came before its records" in run.complaints[-1]
        assert members(emulator, batches.account) == digests([*range(150), 200])


def test_ledger_that_changed_meanwhile_keeps_absent_people(
    emulator: Emulator, batches: Batches, bulk: Bulk
) -> None:
    assert batches.run(*version(batches, range(1000))).code == 0
    emulator.clear()
    prepare = ("bulk_faults", "sync_while_reading", bulk.command())
    bulk.people([2000])
    run = batches.start(*version(batches, range(10, 1000)), prepare=prepare).wait()
    assert run.code == 1
    assert "another run could change" in run.complaints[-1]
    assert members(emulator, batches.account) == digests([*range(1000), 2000])
    again = batches.run(*version(batches, range(10, 1000)))
    assert again.code == 0, again.err
    assert members(emulator, batches.account) == digests(range(10, 1000))
