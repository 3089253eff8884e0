"""A ledger of an older format is migrated, and no sent member is lost."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from databases import url_of
from people import SCHEMA, people
from psycopg import sql

from demo.parts import running_postgres
from target_pinterest_audiences.ledger import tables
from target_pinterest_audiences.ledger.database import LedgerError
from target_pinterest_audiences.ledger.ledger import Ledger
from target_pinterest_audiences.ledger.member_ledger import NotedList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Programs

    from demo.parts import Postgres

DATA = Path(__file__).parents[2] / "data"
LIST = "2680068678965"
SENT = [b"%032d" % number for number in range(100)]
OTHER = b"x" * 32
TIMEOUT_SECONDS = 120

MIGRATIONS = {
    1: ("ALTER TABLE pinterest_ledger_lists ADD COLUMN note TEXT",),
    2: (
        "UPDATE pinterest_ledger_lists SET note = name",
        "ALTER TABLE pinterest_ledger_lists ADD COLUMN other TEXT",
    ),
}
"""What a program with two newer formats would have."""

MIGRATING = """
import os, signal, sys
from target_pinterest_audiences.ledger import tables
from target_pinterest_audiences.ledger.ledger import Ledger

def statements():
    yield "ALTER TABLE pinterest_ledger_lists ADD COLUMN note TEXT"
    yield "DELETE FROM pinterest_ledger_recent"
    yield "DELETE FROM pinterest_ledger_members"
    print("migrating", flush=True)
    if sys.stdin.readline() == "kill\\n":
        os.kill(os.getpid(), signal.SIGKILL)
    yield "ALTER TABLE pinterest_ledger_lists ADD COLUMN other TEXT"

tables.FORMAT_NUMBER, tables.MIGRATIONS = 2, {1: statements()}
print("opening", flush=True)
Ledger(sys.argv[1]).close()
"""

_numbers = itertools.count()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger of today's format, which has members."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        postgres, name = request.getfixturevalue("postgres"), f"migration_{next(_numbers)}"
        with postgres.connect() as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        url = url_of(postgres, query={"options": f"-csearch_path={name}"})
    with contextlib.closing(Ledger(url)) as ledger:
        ledger.note_list(NotedList(LIST, "5", "Loyal", "EMAIL", None))
        ledger.add(LIST, SENT, 1)
        ledger.count(LIST)  # which moves the recent members to the large table
        ledger.add(LIST, SENT[:10], 2)
    return url


def know_newer_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn this process into a program that knows two newer formats."""
    monkeypatch.setattr(tables, "FORMAT_NUMBER", 3)
    monkeypatch.setattr(tables, "MIGRATIONS", MIGRATIONS)


def assert_nothing_is_lost(url: str, **options: bool) -> None:
    with contextlib.closing(Ledger(url, **options)) as ledger:
        assert ledger.unsent(LIST, [*SENT, OTHER]) == {OTHER}
        assert ledger.count(LIST) == len(SENT)
        assert ledger.count_stale(LIST, 2) == len(SENT) - 10
        assert ledger.list_type(LIST) == "EMAIL"


def facts(url: str) -> tuple[int, set[str]]:
    """Return the format and the columns of the lists."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        number = connection.scalar(sa.text("SELECT schema_version FROM pinterest_ledger"))
        columns = sa.inspect(connection).get_columns("pinterest_ledger_lists")
    engine.dispose()
    assert isinstance(number, int)
    return number, {column["name"] for column in columns}


def set_format(url: str, number: int) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.update(tables.FORMAT).values(schema_version=number))
    engine.dispose()


def migrating(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MIGRATING, url]
    process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "opening\n"
    return process


def test_each_earlier_format_has_a_migration_and_a_stored_ledger(tmp_path: Path) -> None:
    assert set(tables.MIGRATIONS) == set(range(1, tables.FORMAT_NUMBER))
    new = f"sqlite:///{tmp_path / 'new.db'}"
    Ledger(new).close()
    stored = set()
    for script in DATA.glob("ledger-*.sql"):
        old = tmp_path / f"{script.stem}.db"
        with contextlib.closing(sqlite3.connect(old)) as database:
            database.executescript(script.read_text())
        url = f"sqlite:///{old}"
        stored.add(facts(url)[0])
        Ledger(url).close()
        assert facts(url) == facts(new)
    assert stored == set(range(1, tables.FORMAT_NUMBER + 1))


def test_migration_over_two_formats_keeps_the_sent_members(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_newer_formats(monkeypatch)
    assert_nothing_is_lost(url)
    number, columns = facts(url)
    assert number == 3
    assert {"note", "other"} < columns


def test_failed_migration_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = facts(url)
    know_newer_formats(monkeypatch)
    wrong = ("DELETE FROM pinterest_ledger_members", "ALTER TABLE no_such_table ADD x TEXT")
    monkeypatch.setattr(tables, "MIGRATIONS", {**MIGRATIONS, 2: wrong})
    with pytest.raises(LedgerError, match="no_such_table"):
        Ledger(url)
    monkeypatch.undo()
    assert facts(url) == before
    assert_nothing_is_lost(url)


def test_killed_migration_changes_nothing(url: str) -> None:
    before = facts(url)
    with migrating(url) as process:
        process.communicate("kill\n", TIMEOUT_SECONDS)
    assert process.returncode == -signal.SIGKILL
    assert facts(url) == before
    assert_nothing_is_lost(url)


def test_two_runs_that_migrate_at_once_migrate_once(url: str) -> None:
    with migrating(url) as first:
        assert first.stdout
        assert first.stdout.readline() == "migrating\n"
        with migrating(url) as second:
            first.communicate("go on\n", TIMEOUT_SECONDS)
            out, _ = second.communicate("go on\n", TIMEOUT_SECONDS)
    assert (first.returncode, second.returncode) == (0, 0)
    assert out == ""
    assert facts(url)[0] == 2


def test_dry_run_does_not_migrate(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = facts(url)
    know_newer_formats(monkeypatch)
    with pytest.raises(LedgerError, match=r"is of format 1, .* a run without dry_run migrates it"):
        Ledger(url, reads_only=True)
    monkeypatch.undo()
    assert facts(url) == before
    assert_nothing_is_lost(url, reads_only=True)


@pytest.mark.parametrize("reads_only", [False, True])
@pytest.mark.parametrize("number", [0, 2])
def test_ledger_of_an_unknown_format_is_refused(url: str, number: int, *, reads_only: bool) -> None:
    set_format(url, number)
    with pytest.raises(LedgerError, match=rf"is of format {number}, .* only format 1; "):
        Ledger(url, reads_only=reads_only)
    set_format(url, 1)
    assert_nothing_is_lost(url)


def test_run_stops_when_a_newer_version_migrates_its_ledger(url: str) -> None:
    with contextlib.closing(Ledger(url)) as ledger:
        with migrating(url) as newer:
            newer.communicate("go on\n", TIMEOUT_SECONDS)
        for use in (
            lambda: ledger.add(LIST, [OTHER], 2),
            lambda: ledger.unsent(LIST, [OTHER]),
            lambda: ledger.count(LIST),
        ):
            with pytest.raises(LedgerError, match=r"is of format 2, .* newer version"):
                use()


@pytest.mark.parametrize("dry_run", [False, True])
def test_target_writes_nothing_with_a_ledger_of_a_newer_format(
    programs: Programs, account: str, tmp_path: Path, *, dry_run: bool
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger(url).close()
    set_format(url, tables.FORMAT_NUMBER + 1)
    run = programs.target(
        [SCHEMA, *people(range(5))], ad_account_id=account, ledger_url=url, dry_run=dry_run
    )
    assert run.code == 1
    assert any(re.search(r"ledger_url: .* is of format", line) for line in run.complaints)
