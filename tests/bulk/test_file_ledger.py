"""The ledger of files: folded, moved to and from the target's own, and made to forget."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from bulk_runs import texts_below
from people import (
    SCHEMA,
    changes,
    digest,
    digests,
    email,
    lists,
    members,
    people,
    whole_version,
    writes,
)
from programs import Programs, Run

from target_pinterest_audiences.ledger.ledger import Ledger
from target_pinterest_audiences.members.sent_members import taken_out_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulk_runs import Bulk

    from pinterest_emulator.testing import Emulator


class Both:
    """A team that uses the target and the bulk command for one ad account."""

    def __init__(self, bulk: Bulk) -> None:
        self.bulk = bulk
        self.settings: dict[str, Any] = {
            "access_token": "pina_demo",
            "api_url": bulk.emulator.url,
            "ad_account_id": bulk.account,
            "ledger_url": f"sqlite:///{bulk.folder}/sql.db",
        }
        self._target = Programs(bulk.folder, self.settings)

    def target(self, messages: Iterable[object], **settings: Any) -> Run:
        return self._target.target(messages, **settings)

    def move(self, where: str, list_id: str | None = None) -> Run:
        config = self.bulk.folder / "move.json"
        config.write_text(json.dumps(self.settings))
        (found,) = self.bulk.emulator.state()["customer_lists"][self.bulk.account]
        options = ["--config", str(config), "--ledger", str(self.bulk.ledger)]
        options += ["--customer-list-id", list_id or found["id"]]
        return self.bulk.run("ledger", where, *options)


@pytest.fixture
def both(bulk: Bulk) -> Both:
    return Both(bulk)


def base_keys(bulk: Bulk) -> list[str]:
    number = bulk.current["base"]
    folder = bulk.ledger / bulk.account / "base"
    assert [path.name for path in folder.iterdir()] == [str(number)]
    return [
        key.hex()
        for file in sorted((folder / str(number)).glob("*.parquet"))
        for key in pq.read_table(file).column("key").to_pylist()
    ]


def test_many_changes_are_folded_into_a_base(emulator: Emulator, bulk: Bulk, account: str) -> None:
    bulk.people(range(1000))
    assert bulk.sync().code == 0
    for number in range(1, 4):
        bulk.people(range(number * 30, 1000 + number * 30))
        assert bulk.mirror().code == 0
    assert bulk.current["base"] == 1
    bulk.people(range(120, 1120))
    assert bulk.mirror().code == 0
    assert members(emulator, account) == digests(range(120, 1120))
    emulator.clear()
    assert bulk.mirror().code == 0
    assert writes(emulator) == []


def test_refused_batches_do_not_come_back_when_runs_are_folded(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    bulk.people(range(1000))
    emulator.fault(kind="status", status=400, operation="customer_lists/update", skip=2, times=2)
    assert bulk.sync().code == 1
    there = members(emulator, account)
    assert bulk.run("ledger", "compact", "--ledger", str(bulk.ledger)).code == 0
    assert base_keys(bulk) == sorted(there)
    assert bulk.runs() == []
    emulator.clear()
    assert bulk.sync().code == 0
    assert changes(emulator) == [("ADD", 100), ("ADD", 100)]


@pytest.mark.parametrize(
    ("when", "name"),
    [("kill_at", ".parquet"), ("kill_at", "CURRENT"), ("kill_after", "CURRENT")],
)
def test_folding_that_is_killed_changes_nothing(
    emulator: Emulator, bulk: Bulk, account: str, when: str, name: str
) -> None:
    bulk.people(range(1000))
    assert bulk.sync().code == 0
    bulk.people(range(1, 1001))
    assert bulk.mirror().code == 0
    bulk.prepare = ("bulk_faults", when, name)
    killed = bulk.run("ledger", "compact", "--ledger", str(bulk.ledger))
    assert killed.code == -signal.SIGKILL
    bulk.prepare = None
    emulator.clear()
    assert "0 to add and 0 to remove" in bulk.mirror("--dry-run").err
    assert bulk.mirror().code == 0
    assert writes(emulator) == []
    assert bulk.run("ledger", "compact", "--ledger", str(bulk.ledger)).code == 0
    assert base_keys(bulk) == sorted(members(emulator, account))


def test_person_who_is_forgotten_is_nowhere(emulator: Emulator, bulk: Bulk, account: str) -> None:
    bulk.people(range(300))
    assert bulk.sync().code == 0
    bulk.people(range(1, 301))
    assert bulk.mirror().code == 0
    forgotten = digest(email(7))
    before = [path for path, text in texts_below(bulk.ledger) if bytes.fromhex(forgotten) in text]
    assert before
    lines = f"{email(7)}\n{email(0)}\n"
    run = bulk.run("ledger", "forget", "--ledger", str(bulk.ledger), stdin=lines)
    assert run.code == 0, run.err
    assert run.out == "1 entries of 2 people forgotten\n"  # the other one was removed
    assert "still in it, and no mirror removes them" in run.err
    for path, text in texts_below(bulk.ledger):
        for number in (7, 0):
            assert bytes.fromhex(digest(email(number))) not in text, path
            assert digest(email(number)).encode() not in text, path
    assert forgotten in members(emulator, account)
    emulator.clear()
    bulk.people([number for number in range(1, 301) if number != 7])
    assert bulk.mirror().code == 0
    assert writes(emulator) == []


def test_nobody_is_forgotten_if_a_line_cannot_be_read(bulk: Bulk) -> None:
    bulk.people(range(3))
    assert bulk.sync().code == 0
    before = texts_below(bulk.ledger)
    lines = f"{email(1)}\nann@@shop.example\n"
    run = bulk.run("ledger", "forget", "--ledger", str(bulk.ledger), stdin=lines)
    assert run.code == 1
    assert run.complaints == ["line 2: the email has more than one @; nobody was forgotten"]
    assert texts_below(bulk.ledger) == before


@pytest.mark.parametrize(
    ("command", "folder", "lines", "problem"),
    [
        ("forget", "typo", email(1), "there is no ledger"),
        ("compact", "typo", "", "there is no ledger"),
        ("forget", "ledger", " \n", "no identifier came, so nobody was forgotten"),
    ],
)
def test_command_that_changes_nothing_fails(
    bulk: Bulk, command: str, folder: str, lines: str, problem: str
) -> None:
    bulk.people(range(3))
    assert bulk.sync().code == 0
    run = bulk.run("ledger", command, "--ledger", str(bulk.folder / folder), stdin=lines)
    assert run.code == 1
    assert problem in run.complaints[-1]
    assert run.out == ""


def test_nobody_is_forgotten_while_a_run_is_open(bulk: Bulk) -> None:
    bulk.people(range(1000))
    bulk.start(prepare=("bulk_faults", "kill_at", "done.json")).wait()
    run = bulk.run("ledger", "forget", "--ledger", str(bulk.ledger), stdin=email(1))
    assert run.code == 1
    assert "let members sync finish it first" in run.complaints[-1]
    assert bulk.sync().code == 0


def test_list_moves_in_and_out_with_who_was_taken_out(
    emulator: Emulator, both: Both, account: str
) -> None:
    bulk = both.bulk
    gone = people(range(20), operation="REMOVE")
    assert both.target([SCHEMA, *people(range(500)), *gone]).code == 0
    moved = both.move("import")
    assert moved.code == 0, moved.err
    assert moved.out == "480 members moved in\n"
    emulator.clear()
    bulk.people(range(5, 510))
    run = bulk.sync()
    assert run.code == 0, run.err
    assert changes(emulator) == [("ADD", 25)]  # 15 of them had been taken out

    out = both.move("export")
    assert out.code == 0, out.err
    assert out.out == "505 members moved out\n"
    assert bulk.current["lists"] == {}
    assert bulk.runs() == []
    emulator.clear()
    assert both.target([SCHEMA, *people(range(5, 510)), *gone[:5]]).code == 0
    assert writes(emulator) == []
    assert both.target([SCHEMA, *people(range(5, 7), operation="REMOVE")]).code == 0
    assert changes(emulator) == [("REMOVE", 2)]
    assert members(emulator, account) == digests(range(7, 510))


def test_person_who_may_be_in_or_out_is_added_again(
    emulator: Emulator, both: Both, account: str
) -> None:
    assert both.target([SCHEMA, *people(range(50))]).code == 0
    # As if the target was killed after it had asked for a removal: noted as in, and as taken out.
    (found,) = lists(emulator, account)
    ledger = Ledger(both.settings["ledger_url"])
    ledger.add(taken_out_of(found["id"]), [bytes.fromhex(digest(email(1)))], 0)
    ledger.close()
    assert both.move("import").code == 0
    both.bulk.people(range(50))
    emulator.clear()
    assert both.bulk.mirror().code == 0
    assert changes(emulator) == [("ADD", 1)]
    assert members(emulator, account) == digests(range(50))
    emulator.clear()
    assert both.bulk.mirror().code == 0
    assert writes(emulator) == []


def test_list_that_everybody_was_taken_out_of_is_filled_once(
    emulator: Emulator, both: Both, account: str
) -> None:
    assert both.target([SCHEMA, *people(range(20))]).code == 0
    assert both.target([SCHEMA, *people(range(20), operation="REMOVE")]).code == 0
    assert both.move("import").code == 0
    both.bulk.people(range(20))
    assert both.bulk.sync().code == 0
    assert members(emulator, account) == digests(range(20))
    emulator.clear()
    assert both.bulk.sync().code == 0
    assert writes(emulator) == []


def test_mirrored_list_goes_on_being_mirrored(emulator: Emulator, both: Both, account: str) -> None:
    assert both.target(whole_version(range(100), 1), member_mode="mirror").code == 0
    assert both.move("import").code == 0
    both.bulk.people(range(10, 110))
    assert both.bulk.mirror().code == 0
    assert both.move("export").code == 0
    assert both.target(whole_version(range(20, 110), 2), member_mode="mirror").code == 0
    assert members(emulator, account) == digests(range(20, 110))


def test_move_that_is_killed_can_be_repeated(emulator: Emulator, both: Both, account: str) -> None:
    assert both.target([SCHEMA, *people(range(100))]).code == 0
    both.bulk.prepare = ("bulk_faults", "kill_after", "CURRENT")
    assert both.move("import").code == -signal.SIGKILL
    both.bulk.prepare = None
    again = both.move("import")
    assert again.code == 0, again.err
    both.bulk.prepare = ("bulk_faults", "kill_at", "CURRENT")
    assert both.move("export").code == -signal.SIGKILL
    both.bulk.prepare = None
    again = both.move("export")
    assert again.code == 0, again.err
    emulator.clear()
    assert both.target([SCHEMA, *people(range(100))]).code == 0
    assert writes(emulator) == []
    assert members(emulator, account) == digests(range(100))


def test_list_in_both_ledgers_stays_as_it_is(both: Both) -> None:
    assert both.target([SCHEMA, *people(range(10))]).code == 0
    assert both.move("import").code == 0
    assert both.target([SCHEMA, *people(range(20))]).code == 0
    assert "is in both ledgers" in both.move("import").complaints[-1]
    assert "is in both ledgers" in both.move("export").complaints[-1]


def test_list_that_no_ledger_knows_is_named(both: Both) -> None:
    both.bulk.people(range(10))
    assert both.bulk.sync().code == 0
    assert "does not know customer list" in both.move("import").complaints[-1]
    assert "does not know customer list 77" in both.move("export", "77").complaints[-1]


def test_missing_extra_is_named(bulk: Bulk) -> None:
    bulk.people(range(10))
    run = bulk.start(prepare=("bulk_faults", "take_away", "duckdb")).wait()
    assert run.code == 1
    assert run.complaints == ["duckdb is missing: pip install 'pinterest-audiences[bulk]'"]
