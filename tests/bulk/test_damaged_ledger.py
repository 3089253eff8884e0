"""A ledger of files that is damaged forgets nobody: nothing is sent, and the message names it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from people import changes, digests, members, writes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulk_runs import Bulk

    from pinterest_emulator.testing import Emulator


def remove(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def shorten(file: Path) -> None:
    pq.write_table(pq.read_table(file).slice(0, 10), file)


@pytest.mark.parametrize("damage", [remove, cut, empty, shorten])
@pytest.mark.parametrize("pattern", ["runs/*/add/0.parquet", "runs/*/remove/0.parquet", "base/1/*"])
def test_ledger_without_some_people_sends_nothing(
    emulator: Emulator, bulk: Bulk, account: str, pattern: str, damage: Callable[[Path], None]
) -> None:
    bulk.people(range(500))
    assert bulk.mirror().code == 0
    bulk.people(range(20, 500))
    assert bulk.mirror().code == 0
    if pattern.startswith("base"):
        assert bulk.run("ledger", "compact", "--ledger", str(bulk.ledger)).code == 0
    largest = max((bulk.ledger / account).glob(pattern), key=lambda file: file.stat().st_size)
    damage(largest)
    emulator.clear()
    bulk.people(range(40, 500))
    for run in (bulk.mirror("--dry-run"), bulk.mirror(), bulk.sync()):
        assert run.code == 1
        assert "so the ledger is damaged: restore" in run.complaints[-1]
    assert changes(emulator) == []
    assert members(emulator, account) == digests(range(20, 500))


@pytest.mark.parametrize("damage", [remove, cut, empty])
def test_ledger_without_what_counts_keeps_its_base(
    emulator: Emulator, bulk: Bulk, account: str, damage: Callable[[Path], None]
) -> None:
    bulk.people(range(500))
    assert bulk.mirror().code == 0
    assert bulk.run("ledger", "compact", "--ledger", str(bulk.ledger)).code == 0
    damage(bulk.ledger / account / "CURRENT")
    emulator.clear()
    for run in (bulk.mirror(), bulk.run("ledger", "compact", "--ledger", str(bulk.ledger))):
        assert run.code == 1
        assert "so the ledger is damaged: restore" in run.complaints[-1]
    assert writes(emulator) == []
    (file,) = (bulk.ledger / account / "base" / "1").iterdir()
    assert len(pq.read_table(file)) == 500


def leave_open(bulk: Bulk, *options: str, skip: int, **settings: float) -> Path:
    """Let a run end before all is sent, and return its folder."""
    fault = {"kind": "status", "status": 401, "code": 2, "operation": "customer_lists/update"}
    bulk.emulator.fault(**fault, skip=skip, times=None)
    assert bulk.sync(*options, "--requests-in-flight", "1", **settings).code == 1
    bulk.emulator.clear()
    run = bulk.runs()[-1]
    assert not (run / "done.json").exists()
    return run


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("plan.json", b"{", "so the ledger is damaged: restore"),
        ("add/0.parquet", b"PAR1", "so the ledger is damaged: restore"),
        ("outcomes/000000.jsonl", b'{"oper\n', "has a line that no run wrote: remove this line"),
    ],
)
def test_open_run_with_a_damaged_file_is_not_sent(
    emulator: Emulator, bulk: Bulk, name: str, content: bytes, problem: str
) -> None:
    bulk.people(range(500))
    (leave_open(bulk, skip=1) / name).write_bytes(content)
    run = bulk.sync()
    assert run.code == 1
    assert "Traceback" not in run.err
    assert problem in run.complaints[-1]
    assert changes(emulator) == []


def test_open_run_without_its_plan_is_kept(emulator: Emulator, bulk: Bulk) -> None:
    bulk.people(range(500))
    run_folder = leave_open(bulk, skip=1)
    (run_folder / "plan.json").unlink()
    for run in (bulk.sync(), bulk.sync("--dry-run")):
        assert run.code == 1
        assert "plan.json is missing, so the ledger is damaged" in run.complaints[-1]
    assert changes(emulator) == []
    assert (run_folder / "outcomes").exists()


@pytest.mark.parametrize(
    ("mode", "ratio", "code"),
    [("append", 1, 1), ("mirror", 0.1, 1), ("mirror", 0, 1), ("mirror", 0.5, 0), ("mirror", 1, 0)],
)
def test_rest_of_a_mirror_removes_only_whom_the_run_may(
    emulator: Emulator, bulk: Bulk, account: str, mode: str, ratio: float, code: int
) -> None:
    bulk.people(range(1000))
    assert bulk.mirror().code == 0
    bulk.people(range(400, 1000))
    leave_open(bulk, "--mode", "mirror", skip=1, max_removal_ratio=1)
    assert members(emulator, account) > digests(range(400, 1000))
    before = members(emulator, account)
    run = bulk.sync("--mode", mode, max_removal_ratio=ratio)
    assert run.code == code, run.err
    if code:
        assert "would remove 300 more people of Customers" in run.complaints[-1]
        assert changes(emulator) == []
        assert members(emulator, account) == before
    else:
        assert members(emulator, account) == digests(range(400, 1000))


@pytest.mark.parametrize("is_open", [True, False])
def test_ledger_of_another_ad_account_is_refused(
    emulator: Emulator, bulk: Bulk, account: str, *, is_open: bool
) -> None:
    bulk.people(range(500))
    if is_open:
        leave_open(bulk, skip=1)
    else:
        assert bulk.sync().code == 0
    before = members(emulator, account)
    (other,) = emulator.seed(ad_accounts=1, audiences=0)
    (bulk.ledger / account).rename(bulk.ledger / other)
    emulator.clear()
    for run in (bulk.sync(ad_account_id=other), bulk.mirror(ad_account_id=other)):
        assert run.code == 1
        assert f"has a list of ad account {account}" in run.complaints[-1]
    assert writes(emulator) == []
    assert members(emulator, account) == before


def test_rest_of_another_list_is_sent_whatever_the_mode(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    bulk.people(range(1000))
    assert bulk.mirror().code == 0
    bulk.people(range(400, 1000))
    leave_open(bulk, "--mode", "mirror", skip=1, max_removal_ratio=1)
    run = bulk.sync("--audience", "Others")
    assert run.code == 0, run.err
    assert members(emulator, account) == digests(range(400, 1000))
    assert members(emulator, account, "Others") == digests(range(400, 1000))
