"""The ledger of sent members, in a SQLite file and in a real PostgreSQL."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import os
import signal
import sqlite3
import stat
import sys
import time
import traceback
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from databases import url_of
from forks import Fork
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_filler import LIST, batch
from programs import environment
from psycopg import sql

from demo.parts import running_postgres
from target_pinterest_audiences.ledger import fresh_lists
from target_pinterest_audiences.ledger import ledger as ledger_module
from target_pinterest_audiences.ledger.database import LedgerError, default_url
from target_pinterest_audiences.ledger.ledger import Ledger
from target_pinterest_audiences.ledger.member_ledger import NotedList

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from demo.parts import Postgres

BATCH = 1000
KILLS = 4
SECRET = "s3cret-of-the-ledger"

_numbers = itertools.count()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as postgres:
        yield postgres


def new_schema(postgres: Postgres) -> str:
    name = f"ledger_{next(_numbers)}"
    with postgres.connect() as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    return url_of(postgres, query={"options": f"-csearch_path={name}"})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'ledger.db'}"
    return new_schema(request.getfixturevalue("postgres"))


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with contextlib.closing(Ledger(url)) as ledger:
        yield ledger


def key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def keys(*numbers: int) -> list[bytes]:
    return [key(number) for number in numbers]


def stale(ledger: Ledger, version: int, list_id: str = LIST) -> set[bytes]:
    return {member for chunk in ledger.stale(list_id, version, 10) for member in chunk}


def test_member_is_unsent_before_it_is_added_and_after_it_is_removed(ledger: Ledger) -> None:
    assert ledger.unsent(LIST, keys(1, 2, 3)) == set(keys(1, 2, 3))
    ledger.add(LIST, keys(1, 2), 1)
    ledger.add(LIST, keys(1, 2), 1)
    assert ledger.unsent(LIST, keys(1, 2, 3, 3)) == set(keys(3))
    assert ledger.unsent("1", keys(1, 2, 3)) == set(keys(1, 2, 3)), "lists are independent"
    assert (ledger.count(LIST), ledger.count("1")) == (2, 0)
    ledger.remove("1", keys(1))
    ledger.remove(LIST, keys(1, 7))
    assert ledger.unsent(LIST, keys(1, 2)) == set(keys(1))
    assert ledger.count(LIST) == 1


def test_empty_batch_has_no_effect(ledger: Ledger) -> None:
    ledger.add(LIST, [], 1)
    ledger.remove(LIST, [])
    assert ledger.unsent(LIST, []) == ledger.seen(LIST, [], 1) == set()
    assert ledger.count(LIST) == ledger.count_stale(LIST, 2) == 0
    assert not stale(ledger, 2)


def test_added_members_are_visible_to_another_process(url: str) -> None:
    with contextlib.closing(Ledger(url)) as first:
        first.add(LIST, keys(1, 2), 7)
    with contextlib.closing(Ledger(url)) as second:
        assert second.unsent(LIST, keys(1, 2, 3)) == set(keys(3))
        assert second.count_stale(LIST, 7) == 0


def test_list_that_was_empty_is_looked_up_again_after_another_process_wrote(url: str) -> None:
    with contextlib.closing(Ledger(url)) as ours, contextlib.closing(Ledger(url)) as theirs:
        assert ours.unsent(LIST, keys(1, 2)) == set(keys(1, 2))
        ours.add(LIST, keys(1), 1)
        theirs.add(LIST, keys(2), 1)
        assert ours.unsent(LIST, keys(1, 2, 3)) == set(keys(3))
        ours.remove(LIST, keys(1))
        assert theirs.unsent(LIST, keys(1, 2)) == ours.unsent(LIST, keys(1, 2)) == set(keys(1))


def test_members_of_a_new_list_that_share_a_mark_are_distinct(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_lists, "_PLACES", 8)
    with contextlib.closing(Ledger(url)) as ledger:
        ledger.add(LIST, keys(*range(0, 100, 2)), 1)
        assert ledger.unsent(LIST, keys(*range(100))) == set(keys(*range(1, 100, 2)))
        assert ledger.seen(LIST, keys(*range(50)), 2) == set(keys(*range(1, 50, 2)))


def test_seen_marks_existing_members_and_adds_none(ledger: Ledger) -> None:
    ledger.add(LIST, keys(1, 2, 3), 10)
    assert ledger.seen(LIST, keys(2, 3, 4), 20) == set(keys(4))
    assert ledger.unsent(LIST, keys(4)) == set(keys(4)), "Pinterest did not take it yet"
    assert stale(ledger, 20) == set(keys(1))
    assert ledger.count_stale(LIST, 20) == 1
    assert ledger.count(LIST) == 3


def test_interrupted_version_does_not_affect_a_later_one(ledger: Ledger) -> None:
    ledger.add(LIST, keys(1, 2, 3, 4), 10)
    ledger.seen(LIST, keys(1, 2), 20)
    ledger.add(LIST, keys(5), 20)
    ledger.seen(LIST, keys(1, 3), 30)
    assert stale(ledger, 30) == set(keys(2, 4, 5)), (
        "members of only the interrupted version are stale too"
    )


def test_resumed_version_continues_where_it_stopped(url: str) -> None:
    with contextlib.closing(Ledger(url)) as died:
        died.add(LIST, keys(1, 2, 3, 4), 10)
        died.seen(LIST, keys(1, 2), 20)
    with contextlib.closing(Ledger(url)) as again:
        again.seen(LIST, keys(3), 20)
        assert stale(again, 20) == set(keys(4))


def test_versions_may_be_in_any_order(ledger: Ledger) -> None:
    ledger.add(LIST, keys(1, 2), 1_785_000_000_000)
    ledger.seen(LIST, keys(1), 3)
    assert stale(ledger, 3) == set(keys(2))


def test_stale_members_can_be_removed_chunk_by_chunk(ledger: Ledger) -> None:
    ledger.add(LIST, keys(*range(25)), 1)
    ledger.add("1", keys(*range(25)), 1)
    ledger.seen(LIST, keys(3, 4), 2)
    sizes = []
    for chunk in ledger.stale(LIST, 2, 10):
        sizes.append(len(chunk))
        ledger.remove(LIST, chunk)
        ledger.add("1", keys(99), 1)
    assert sizes == [10, 10, 3]
    assert ledger.unsent(LIST, keys(*range(25))) == set(keys(*range(25))) - set(keys(3, 4))
    assert ledger.count("1") == 26


_members = st.lists(
    st.binary(min_size=1, max_size=2) | st.sampled_from([b"\0" * 16, b"\xff" * 32, b"XY,'\"%"]),
    max_size=6,
)
_operations = st.lists(
    st.tuples(
        st.sampled_from(["add", "seen", "remove"]), _members, st.integers(0, 3), st.booleans()
    ),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=_operations, asked=_members, most_recent=st.sampled_from([1, 3, 1000]))
def test_ledger_behaves_like_a_model_of_two_dictionaries(
    ledger: Ledger,
    operations: Sequence[tuple[str, list[bytes], int, bool]],
    asked: list[bytes],
    most_recent: int,
) -> None:
    here, there = (str(next(_numbers)) for _ in range(2))  # each example has its own ledger
    known: dict[str, dict[bytes, int]] = {here: {}, there: {}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger_module, "_MOST_RECENT", most_recent)
        for operation, members, version, elsewhere in operations:
            list_id = there if elsewhere else here
            page = known[list_id]
            if operation == "add":
                ledger.add(list_id, members, version)
                page |= dict.fromkeys(members, version)
            elif operation == "seen":
                assert ledger.seen(list_id, members, version) == set(members) - page.keys()
                page |= dict.fromkeys(page.keys() & members, version)
            else:
                ledger.remove(list_id, members)
                for member in members:
                    page.pop(member, None)
            assert ledger.unsent(list_id, asked) == set(asked) - page.keys()
        for list_id, page in known.items():
            assert ledger.unsent(list_id, [*asked, *page]) == set(asked) - page.keys()
            for version in range(4):
                gone = {member for member, last in page.items() if last != version}
                chunks = list(ledger.stale(list_id, version, 2))
                assert sorted(itertools.chain(*chunks)) == sorted(gone)
                assert all(len(chunk) <= 2 for chunk in chunks)
                assert ledger.count_stale(list_id, version) == len(gone)
            assert ledger.count(list_id) == len(page)


def test_recorded_lists_are_found_again(url: str) -> None:
    mine = NotedList(LIST, "549755885175", "Loyal", "EMAIL", 1_785_000_000)
    with contextlib.closing(Ledger(url)) as ledger:
        ledger.add("6", keys(1), 1)
        assert ledger.list_type(LIST) is ledger.list_type("6") is None
        assert ledger.noted_list("6") is None
        ledger.note_list(mine)
        ledger.note_list(NotedList("6", "549755885175", "Loyal", "MAID", None))
        ledger.note_list(NotedList("8", "1", "Loyal", "LR_ID", None))
    with contextlib.closing(Ledger(url)) as ledger:
        assert [ledger.list_type(list_id) for list_id in (LIST, "6", "8")] == [
            "EMAIL",
            "MAID",
            "LR_ID",
        ]
        assert ledger.noted_list(LIST) == mine
        assert ledger.unsent("6", keys(1, 2)) == set(keys(2)), "members came before the note"


def test_list_keeps_its_type_and_its_creator(ledger: Ledger) -> None:
    ledger.note_list(NotedList(LIST, "5", "Loyal", "EMAIL", 1_785_000_000))
    ledger.note_list(NotedList(LIST, "5", "Loyal 2", "EMAIL", None))
    expected = NotedList(LIST, "5", "Loyal 2", "EMAIL", 1_785_000_000)
    assert ledger.noted_list(LIST) == expected
    with pytest.raises(LedgerError, match="holds EMAIL by the ledger, so it cannot take MAID"):
        ledger.note_list(NotedList(LIST, "5", "Loyal 3", "MAID", None))
    assert ledger.noted_list(LIST) == expected


def adding(url: str, start: int, stop: int, folder: Path, printed: Path) -> Fork:
    command = ["ledger_filler:main", url, str(start), str(stop), str(BATCH)]
    files = [Path(os.devnull), printed, folder / "err"]
    return Fork(command, files=files, folder=folder, env=environment(folder))


def test_four_processes_create_and_fill_one_ledger(url: str, tmp_path: Path) -> None:
    ranges = [(0, 5), (5, 10), (10, 15), (10, 15)]
    nowhere = Path(os.devnull)
    processes = [adding(url, *part, tmp_path, nowhere) for part in ranges]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    with contextlib.closing(Ledger(url)) as ledger:
        assert ledger.count(LIST) == 15 * BATCH
        assert not any(ledger.unsent(LIST, batch(number, BATCH)) for number in range(15))


def test_killed_process_leaves_complete_batches_and_all_confirmed_ones(
    url: str, tmp_path: Path
) -> None:
    Ledger(url).close()
    for kill in range(KILLS):
        first = kill * 1_000_000  # more work than fits in before the kill
        printed = tmp_path / f"printed{kill}"
        printed.touch()
        process = adding(url, first, first + 1_000_000, tmp_path, printed)
        while len(printed.read_text().splitlines()) < 1 + 2 * kill:
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(kill * 0.005)  # at a random point
        process.kill()
        assert process.wait() == -signal.SIGKILL
        done = [int(line) for line in printed.read_text().splitlines(keepends=True) if "\n" in line]
        with contextlib.closing(Ledger(url)) as ledger:
            for number in done:
                assert not ledger.unsent(LIST, batch(number, BATCH)), "the error was logged before"
            left = len(ledger.unsent(LIST, batch(done[-1] + 1, BATCH)))
            assert left in {0, BATCH}, "all or nothing"
            assert len(ledger.unsent(LIST, batch(done[-1] + 2, BATCH))) == BATCH
            assert ledger.count(LIST) % BATCH == 0


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "pinterest-audiences"


def test_ledger_file_is_private(state_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert default_url() == f"sqlite:///{state_folder / 'ledger.db'}"
    old_mask = os.umask(0)
    try:
        with contextlib.closing(Ledger(default_url())) as ledger:
            ledger.add(LIST, keys(1), 1)
            files = {path.name: mode(path) for path in state_folder.iterdir()}
    finally:
        os.umask(old_mask)
    assert files == dict.fromkeys(("ledger.db", "ledger.db-shm", "ledger.db-wal"), 0o600)
    assert mode(state_folder) == 0o700
    assert not caplog.records


def test_open_ledger_file_is_restricted_with_a_warning(
    state_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Ledger(default_url()).close()
    path = state_folder / "ledger.db"
    path.chmod(0o644)
    state_folder.chmod(0o755)
    Ledger(default_url()).close()
    assert (mode(path), mode(state_folder)) == (0o600, 0o700)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert str(path) in caplog.text
    caplog.clear()
    Ledger(default_url()).close()
    assert not caplog.records


def test_a_folder_that_the_user_chose_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Ledger(f"sqlite:///{tmp_path}/ledger.db").close()
    assert (mode(tmp_path), mode(tmp_path / "ledger.db")) == (0o755, 0o600)


def complaint(url: str) -> str:
    with pytest.raises(LedgerError) as caught:
        Ledger(url)
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told
    assert "\n" not in str(caught.value)
    assert "ledger_url" in str(caught.value)
    return str(caught.value)


def test_wrong_password_is_not_shown(postgres: Postgres) -> None:
    said = complaint(url_of(postgres, password=SECRET))
    assert "password authentication failed" in said
    assert postgres.host in said
    assert "Connection refused" in complaint(url_of(postgres, password=SECRET, port=1))


def test_postgresql_url_needs_no_driver(postgres: Postgres) -> None:
    for name in ("postgresql", "postgres"):
        url = new_schema(postgres).replace("postgresql+psycopg", name)
        with contextlib.closing(Ledger(url)) as ledger:
            assert ledger.unsent(LIST, keys(1)) == set(keys(1))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"postgresql//me:{SECRET}@host/db", "no URL"),
        (f"postgresql://me:{SECRET}@host:{SECRET}/db", "no URL"),
        ("", "no URL"),
        (f"mysql://me:{SECRET}@host/db", "begins neither with"),
        (f"sqlite+aiosqlite://me:{SECRET}@/db", "begins neither with"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///file:ledger.db?mode=ro&uri=true", "names no file"),
        ("sqlite:////dev/null/ledger.db", "cannot be made"),
    ],
)
def test_unusable_url_is_refused(url: str, expected: str) -> None:
    assert expected in complaint(url)


def test_file_that_is_not_a_ledger_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("jane@shop.com\n" * 1000)
    assert "not a database" in complaint(f"sqlite:///{path}")
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.read_text() == "jane@shop.com\n" * 1000


def test_errors_and_logs_contain_no_member(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sqlalchemy")
    member, name = b"XY1005wVFg", "Divorced men of Ohio"
    with contextlib.closing(Ledger(url)) as ledger:
        ledger.note_list(NotedList(LIST, "5", name, "LR_ID", None))
        assert ledger.noted_list(LIST)
        ledger.add(LIST, [member], 1)
        assert stale(ledger, 2) == {member}
        with pytest.raises(LedgerError) as too_large:
            ledger.add(LIST, [member], 1 << 70)
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE pinterest_ledger_recent"))
        engine.dispose()
        with pytest.raises(LedgerError, match="pinterest_ledger_recent") as dropped:
            ledger.add(LIST, [member], 1)
    assert "INSERT INTO pinterest_ledger_recent" in caplog.text, "statements are logged"
    told = caplog.text
    for caught in (too_large, dropped):
        error = "".join(traceback.format_exception(caught.value))
        assert "\n" not in str(caught.value)
        assert "INSERT" not in error, "not even the statement is in errors"
        told += error
    password = sa.make_url(url).password
    for secret in (member.decode(), member.hex(), name, str(password or SECRET)):
        assert secret not in told


def test_large_list_is_never_fully_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, size = 60_000, 2000
    monkeypatch.setattr(ledger_module, "_MOST_RECENT", 10 * size)
    with contextlib.closing(Ledger(f"sqlite:///{tmp_path}/ledger.db")) as ledger:
        tracemalloc.start()
        try:
            for start in range(0, people, size):
                ledger.add(LIST, ledger.unsent(LIST, keys(*range(start, start + size))), 1)
            for start in range(0, people, size):
                assert not ledger.seen(LIST, keys(*range(start, start + size)), 2 + start % 2)
            assert ledger.count(LIST) == people
            assert sum(len(chunk) for chunk in ledger.stale(LIST, 1, size)) == people
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        ledger.add(LIST, keys(people), 4)
    whole = people * sys.getsizeof(key(0))
    assert peak < whole / 2
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        ((recent,),) = connection.execute("SELECT count(*) FROM pinterest_ledger_recent")
    assert recent == 1, "rows moved to the large table are no longer in the small one"


def everything(ledger: Ledger) -> tuple[object, ...]:
    stale = {digest for chunk in ledger.stale(LIST, 2, 2) for digest in chunk}
    totals = (ledger.count(LIST), ledger.count_all(None), ledger.count_stale(LIST, 2))
    unsent = ledger.unsent(LIST, [key(number) for number in range(6)])
    return (*totals, stale, unsent, ledger.mirrored_lists(None), ledger.list_type(LIST))


def test_reader_sees_what_the_writer_sees_and_writes_nothing(url: str) -> None:
    with contextlib.closing(Ledger(url)) as ledger:
        ledger.note_list(NotedList(LIST, "1", "A", "EMAIL", None))
        ledger.add(LIST, [key(number) for number in range(4)], 1)
        ledger.count(LIST)  # which moves the recent entries
        ledger.add(LIST, [key(number) for number in range(2, 5)], 2)
        with contextlib.closing(Ledger(url, reads_only=True)) as reader:
            assert reader.count_stale(LIST, 2) == 2, "beside a writer that has the file open"
    with contextlib.closing(Ledger(url, reads_only=True)) as reader:
        seen = everything(reader)
        assert seen[0] == 5
        with pytest.raises(LedgerError, match=r"read-?only"):
            reader.add(LIST, [key(5)], 2)
    with contextlib.closing(Ledger(url)) as ledger:
        assert everything(ledger) == seen


def test_reader_of_a_missing_ledger_finds_it_empty_and_creates_none(
    url: str, tmp_path: Path
) -> None:
    for _ in range(2):
        with contextlib.closing(Ledger(url, reads_only=True)) as reader:
            assert reader.count_all(None) == 0
            assert reader.unsent(LIST, [key(1)]) == {key(1)}
    assert list(tmp_path.iterdir()) == []
    if not url.startswith("sqlite"):
        engine = sa.create_engine(url)
        assert sa.inspect(engine).get_table_names() == []
        engine.dispose()


def test_role_with_select_only_can_read_a_ledger(postgres: Postgres) -> None:
    url = new_schema(postgres)
    with contextlib.closing(Ledger(url)) as ledger:
        ledger.add(LIST, [key(1)], 1)
    schema = url.rpartition("search_path%3D")[2]
    with postgres.connect() as connection:
        role, password = sql.Identifier("reader"), sql.Literal("reads")
        where = sql.Identifier(schema)
        for statement in (
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password),
            sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(where, role),
            sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(where, role),
        ):
            connection.execute(statement)
    options = {"options": f"-csearch_path={schema}"}
    as_reader = url_of(postgres, username="reader", password="reads", query=options)

    with contextlib.closing(Ledger(as_reader, reads_only=True)) as reader:
        assert reader.unsent(LIST, [key(1), key(2)]) == {key(2)}
        assert reader.count(LIST) == 1
    with contextlib.closing(Ledger(as_reader)) as writer, pytest.raises(LedgerError):
        writer.add(LIST, [key(2)], 1)
