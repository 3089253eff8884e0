"""From Pinterest into a real PostgreSQL through pipes, with target-postgres."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from docs_blocks import block
from forks import Fork, until
from programs import Process, Programs, Run, environment, selecting
from psycopg import sql
from shops import small_shops

from demo.parts import running_postgres
from pinterest_emulator.testing import Emulator
from tap_pinterest_audiences.fields import storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from demo.parts import Postgres

    Row = dict[str, Any]

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "warehouse.md"
LOADER_PYTHON = ROOT / ".meltano/loaders/target-postgres/venv/bin/python"
NOTHING = Path(os.devnull)
KEYS = {s["tap_stream_id"]: s["key_properties"] for s in selecting([])["streams"]}
ZONE = dt.timezone(dt.timedelta(hours=-8))
ZONE_AT_POSTGRES = "Etc/GMT+8"  # POSIX counts the other way round
LONG_AGO = 1_700_000_000
KILLS = 20
KILLS_BETWEEN_LOADS = 5


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server in a time zone other than UTC."""
    if not LOADER_PYTHON.exists():
        pytest.fail(f"{LOADER_PYTHON} is missing: `make install` installs it")
    with running_postgres() as postgres:
        with postgres.connect() as connection:
            connection.execute(f"ALTER DATABASE postgres SET timezone TO '{ZONE_AT_POSTGRES}'")
        yield postgres


class Warehouse:
    """One schema of the server, with its loader."""

    def __init__(self, postgres: Postgres, schema: str, folder: Path) -> None:
        self.postgres = postgres
        self.schema = schema
        self.folder = folder
        settings = {
            "host": postgres.host,
            "port": postgres.port,
            "user": postgres.user,
            "password": postgres.password,
            "database": postgres.database,
            "default_target_schema": schema,
        }
        self._settings = settings
        self._config = folder / "loader.json"
        self.configure()

    def configure(self, **settings: Any) -> None:
        """Give the loader more settings."""
        self._config.write_text(json.dumps({**self._settings, **settings}))

    def load(self, lines: str) -> dict[str, Any]:
        """Load what a tap printed; return the state that the loader passes on."""
        names = ("loaded", "passed_on", "loader")
        loaded, passed_on, log = files = [self.folder / name for name in names]
        loaded.write_text(lines)
        assert self._start(*files).wait() == 0, log.read_text()
        return Run(0, passed_on.read_text(), "").state

    def ask(self, query: str | sql.Composed, *values: str) -> list[tuple[Any, ...]]:
        with self.postgres.connect() as connection:
            text = query.encode() if isinstance(query, str) else query
            return connection.execute(text, values or None).fetchall()

    def rows(self, table: str) -> list[Row]:
        """Return all rows by their keys, as JSON and without what the loader adds."""
        name = sql.Identifier(self.schema, table)
        found = self.ask(sql.SQL("SELECT to_jsonb(row) FROM {} AS row").format(name))
        return by_key(
            table,
            [{k: v for k, v in row.items() if not k.startswith("_sdc_")} for (row,) in found],
        )

    def deleted(self, table: str = "audiences") -> dict[str, dt.datetime]:
        """Return the removed rows and their times."""
        return dict(
            self.ask(
                sql.SQL("SELECT id, _sdc_deleted_at FROM {} WHERE _sdc_deleted_at NOTNULL").format(
                    sql.Identifier(self.schema, table)
                )
            )
        )

    def pump(
        self,
        programs: Programs,
        streams: Sequence[str],
        state: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> tuple[Run, dict[str, Any]]:
        """Run ``tap | tee | loader``; return what the tap printed and what the loader passed on."""
        files = {
            "--catalog": selecting(streams),
            "--config": {**programs.settings, **settings},
            "--state": state or {},
        }
        tap_command = ["tap-pinterest-audiences"]
        for option, content in files.items():
            tap_command += [option, str(programs.file(f"{option[2:]}.json", content))]
        printed, tap_log = (self.folder / name for name in ("printed", "tap"))
        passed_on, loader_log = (self.folder / name for name in ("passed_on", "loader"))
        pipes = [self.folder / "from_tap", self.folder / "to_loader"]
        for pipe in pipes:
            pipe.unlink(missing_ok=True)
            os.mkfifo(pipe)
        env = environment(self.folder)
        tap = Fork(tap_command, files=[NOTHING, pipes[0], tap_log], folder=self.folder, env=env)
        loader = self._start(pipes[1], passed_on, loader_log)
        with pipes[0].open("rb") as stdin, pipes[1].open("wb") as stdout:
            subprocess.run(["tee", str(printed)], stdin=stdin, stdout=stdout, check=True)  # noqa: S607  (every system has it)
        code = tap.wait()
        assert loader.wait() == 0, loader_log.read_text()
        run = Run(code, printed.read_text(), tap_log.read_text())
        return run, Run(0, passed_on.read_text(), "").state

    def _start(self, *files: Path) -> Fork:
        """Start the loader with its input, output and error output."""
        return Fork(
            ["target-postgres", "--config", str(self._config)],
            files=files,
            folder=self.folder,
            env=environment(self.folder),
            python=LOADER_PYTHON,
        )


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, postgres: Postgres, tmp_path: Path) -> Warehouse:
    """A schema of this test's own."""
    schema = re.sub(r"\W+", "_", request.node.name)[:60]
    return Warehouse(postgres, schema, tmp_path)


@pytest.fixture
def shops() -> Iterator[Emulator]:
    """Pinterest with the demo's shops."""
    with Emulator(seed="demo", access="unlimited") as emulator:
        yield emulator


@pytest.fixture
def few() -> Iterator[Emulator]:
    """The demo's shops with few audiences."""
    with small_shops() as emulator:
        yield emulator


def programs_for(emulator: Emulator, folder: Path, **settings: Any) -> Programs:
    return Programs(folder, {"access_token": "pina_demo", "api_url": emulator.url, **settings})


def call(emulator: Emulator, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"Authorization": "Bearer pina_demo"}
    return requests.request(
        method, f"{emulator.url}/{path}", headers=headers, timeout=10, **options
    )


def change(emulator: Emulator, audience: Row, **fields: str) -> None:
    path = f"ad_accounts/{audience['ad_account_id']}/audiences/{audience['id']}"
    call(emulator, "PATCH", path, json=fields).raise_for_status()


def readable_businesses(emulator: Emulator) -> list[str]:
    businesses = emulator.state()["businesses"]
    return [b for b in businesses if call(emulator, "GET", f"businesses/{b}/audiences").ok]


def by_key(table: str, rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: [row[key] for key in KEYS[table]])


def contents(emulator: Emulator, businesses: Sequence[str]) -> dict[str, list[Row]]:
    """Return the expected rows of each table, from the emulator's state and its insights."""
    state = emulator.state()
    accounts = [account["id"] for account in state["ad_accounts"]]
    owned = [audience for account in accounts for audience in state["audiences"][account]]
    insights: list[Row] = []
    definitions: list[Row] = []
    for account in accounts:
        for kind in ("YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE"):
            path = f"ad_accounts/{account}/audience_insights"
            answer = call(emulator, "GET", path, params={"audience_insight_type": kind}).json()
            if answer["date"]:
                insights.append({**answer, "ad_account_id": account})
        items = call(emulator, "GET", f"ad_accounts/{account}/insights/audiences").json()["items"]
        definitions += [{**item, "ad_account_id": account} for item in items]
    tables = {
        "ad_accounts": [{"time_zone": None, **account} for account in state["ad_accounts"]],
        "audiences": owned,
        "received_audiences": [
            {**audience, "recipient_ad_account_id": account}
            for account in accounts
            for audience in state["received"][account]
        ],
        "customer_lists": [item for a in accounts for item in state["customer_lists"][a]],
        "audience_shared_accounts": [
            {**share, "audience_id": audience["id"], "ad_account_id": audience["ad_account_id"]}
            for audience in owned
            for share in state["shared_accounts"].get(audience["id"], ())
        ],
        "audience_insights": insights,
        "audience_insight_definitions": definitions,
        "business_audiences": [
            {**audience, "business_id": business}
            for business in businesses
            for audience in state["businesses"][business]
        ],
    }
    return {
        table: [{**row, "other_fields": None} for row in rows] for table, rows in tables.items()
    }


def test_all_streams_load_twice_without_changes(
    few: Emulator, warehouse: Warehouse, tmp_path: Path
) -> None:
    businesses = readable_businesses(few)
    programs = programs_for(few, tmp_path, page_size=25, business_ids=businesses)
    expected = contents(few, businesses)
    assert expected.keys() == KEYS.keys()

    first, state = warehouse.pump(programs, list(KEYS))
    assert first.code == 0, first.err
    loaded = {table: warehouse.rows(table) for table in KEYS}
    for table, rows in expected.items():
        assert rows, f"the demo shows nothing of {table}"
        assert len(loaded[table]) == len(rows)
        assert loaded[table] == by_key(table, rows)

    second, _ = warehouse.pump(programs, list(KEYS), state)
    assert second.code == 0, second.err
    assert {table: warehouse.rows(table) for table in KEYS} == loaded
    for table in ("audiences", "received_audiences", "customer_lists"):
        assert first.records(table)
        assert not second.records(table)

    columns = warehouse.ask(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = %s AND NOT starts_with(column_name, '_sdc_')",
        warehouse.schema,
    )
    for table, column, kind in columns:
        if column == "id" or column.endswith("_id"):
            assert kind == "text", (table, column)
        elif column.endswith(("_time", "_timestamp")):
            assert kind == "bigint", (table, column)
        elif column == "rule":
            assert kind == "jsonb", (table, column)
    assert {table for table, column, _ in columns if column == "rule"} == {
        table for table in KEYS if table.endswith("audiences")
    }

    keys = defaultdict(list)
    for table, column in warehouse.ask(
        "SELECT table_name, column_name FROM information_schema.key_column_usage "
        "WHERE table_schema = %s",
        warehouse.schema,
    ):
        keys[table].append(column)
    assert {table: sorted(columns) for table, columns in keys.items()} == {
        table: sorted(re.findall(r"\w+", key))
        for table, key in re.findall(
            r"^\| `(\w+)` \|.+\| (.+) \|$", GUIDE.read_text(), re.MULTILINE
        )
    }


@pytest.mark.parametrize("by_loader", [False, True])
def test_flattening_keeps_the_rule(
    few: Emulator, warehouse: Warehouse, tmp_path: Path, *, by_loader: bool
) -> None:
    account = few.state()["ad_accounts"][0]["id"]
    rule = {
        "visitor_source_id": "2612511566001",
        "retention_days": 30,
        "prefill": True,
        "event_source": {"=": ["web", "mobile"]},
        "url": ["https://shop.example/shoes"],
    }
    body = {"name": "Long rule", "audience_type": "VISITOR", "rule": rule}
    call(few, "POST", f"ad_accounts/{account}/audiences", json=body).raise_for_status()
    flattening = {"flattening_enabled": True, "flattening_max_depth": 1}
    if by_loader:
        warehouse.configure(**flattening)
    programs = programs_for(few, tmp_path, page_size=25, **({} if by_loader else flattening))
    streams = [table for table in KEYS if table != "business_audiences"]
    for _ in range(2):
        run, _ = warehouse.pump(programs, streams)
        assert run.code == 0, run.err
        rows = {row["id"]: row for row in warehouse.rows("audiences")}
        state = few.state()
        expected = [
            item for account in state["ad_accounts"] for item in state["audiences"][account["id"]]
        ]
        assert rows.keys() == {audience["id"] for audience in expected}
        for audience in expected:
            loaded = {
                column.removeprefix("rule__"): text
                for column, text in rows[audience["id"]].items()
                if column.startswith("rule__") and text is not None
            }
            assert loaded.keys() == audience["rule"].keys()
            for field, value in audience["rule"].items():
                text = loaded[field]
                read = text if isinstance(value, str) else json.loads(text.lower())
                assert read == value, field
        assert all("exceptions" in row for row in warehouse.rows("customer_lists"))


def test_names_that_postgres_refuses_are_loaded(
    shops: Emulator, warehouse: Warehouse, tmp_path: Path
) -> None:
    account = shops.state()["ad_accounts"][0]["id"]
    audience = shops.state()["audiences"][account][0]
    change(shops, audience, name="A\x00B", description="\x00")
    run, _ = warehouse.pump(programs_for(shops, tmp_path), ["audiences"])
    assert run.code == 0, run.err
    (row,) = [row for row in warehouse.rows("audiences") if row["id"] == audience["id"]]
    assert (row["name"], row["description"]) == ("A\ufffdB", "\ufffd")


def test_lone_surrogates_are_replaced_everywhere() -> None:
    record = {"a": "x\ud83d", "rule": {"b\x00": ["\udc00", {"c": "fine"}, 5, None]}}
    cleaned = {"a": "x\ufffd", "rule": {"b\ufffd": ["\ufffd", {"c": "fine"}, 5, None]}}
    assert storable(record) == cleaned
    assert storable("\N{GRINNING FACE}") == "\N{GRINNING FACE}"


def test_undescribed_field_reaches_every_table_twice(
    few: Emulator, warehouse: Warehouse, tmp_path: Path
) -> None:
    programs = programs_for(few, tmp_path, page_size=25, business_ids=readable_businesses(few))
    state: dict[str, Any] | None = None
    for _ in range(2):
        few.fault(kind="extra_field", times=None)
        run, state = warehouse.pump(programs, list(KEYS), state)
        assert run.code == 0, run.err
        few.clear()
        for table in KEYS:
            rows = warehouse.rows(table)
            held = [row["other_fields"] for row in rows if row["other_fields"]]
            if run.records(table):
                assert any(record["other_fields"] for record in run.records(table)) == bool(held)
            if table.endswith("audiences") or table in {"ad_accounts", "customer_lists"}:
                assert len(held) == len(rows) > 0, table
                assert all("future_field" in each for each in held)


def test_audience_that_comes_back_has_all_its_values_again(
    emulator: Emulator, warehouse: Warehouse, programs: Programs
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=5, updated_timestamp=LONG_AGO)
    settings: dict[str, Any] = {"detect_removed": True}
    _, state = warehouse.pump(programs, ["audiences"], **settings)
    before = warehouse.rows("audiences")
    table = emulator._state.store.audiences(int(account))  # noqa: SLF001  (no fault leaves one out)
    hidden = table.remove(next(iter(table)).id)
    _, state = warehouse.pump(programs, ["audiences"], state, **settings)
    assert warehouse.deleted().keys() == {str(hidden.id)}
    table.put(hidden.id, hidden)
    run, _ = warehouse.pump(programs, ["audiences"], state, **settings)
    assert run.code == 0, run.err
    assert not warehouse.deleted()
    assert warehouse.rows("audiences") == before


def expected_sizes(state: Row) -> list[tuple[Any, ...]]:
    rows = []
    for account in state["ad_accounts"]:
        groups: dict[str, list[Row]] = defaultdict(list)
        for audience in state["audiences"][account["id"]]:
            groups[audience["audience_type"]].append(audience)
        for kind, members in groups.items():
            people = [member["size"] or 0 for member in members]
            ready = [member for member in members if member["status"] == "READY"]
            counts = (len(members), len(ready), sum(people), max(people))
            rows.append((account["id"], account["name"], kind, *counts))
    return sorted(rows, key=lambda row: (row[0], -row[5], row[2]))


def expected_changes(state: Row, since: int) -> list[tuple[Any, ...]]:
    rows = [
        (
            "new" if audience["created_timestamp"] >= since else "changed",
            *(audience[field] for field in ("ad_account_id", "id", "name", "audience_type")),
            dt.datetime.fromtimestamp(audience["updated_timestamp"], dt.UTC),
        )
        for account in state["ad_accounts"]
        for audience in state["audiences"][account["id"]]
        if audience["updated_timestamp"] >= since
    ]
    return sorted(sorted(rows, key=lambda row: row[2]), key=lambda row: row[5], reverse=True)


def expected_small_lists(state: Row) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for account in state["ad_accounts"]:
        for item in state["customer_lists"][account["id"]]:
            sent = item["num_uploaded_user_records"] - item["num_removed_user_records"]
            above = [
                (audience["id"], audience["name"], audience["status"])
                for audience in state["audiences"][account["id"]]
                if audience["rule"].get("customer_list_id") == item["id"]
            ]
            rows += [
                (account["id"], item["id"], item["name"], sent, *audience)
                for audience in above or [(None, None, None)]
                if item["status"] == "TOO_SMALL"
            ]
    return rows


def test_queries_of_the_guide_work(shops: Emulator, postgres: Postgres, tmp_path: Path) -> None:
    warehouse = Warehouse(postgres, "pinterest", tmp_path)  # as the guide calls it
    programs = programs_for(shops, tmp_path, detect_removed=True)
    streams = ["ad_accounts", "audiences", "customer_lists"]
    today = dt.datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = int((today - dt.timedelta(days=1)).timestamp())
    for edge in (yesterday, yesterday - 1):
        shops.seed(ad_accounts=1, audiences=2, updated_timestamp=edge)
    _, state = warehouse.pump(programs, streams)

    account, list_id, *_, removed_id, _, _ = expected_small_lists(shops.state())[0]
    above = [
        audience
        for audience in shops.state()["audiences"][account]
        if audience["rule"].get("customer_list_id") == list_id
    ]
    removed_from = dt.datetime.now(dt.UTC)
    change(shops, above[0], operation_type="REMOVE")
    change(shops, above[1], name="Another name")
    body = {"name": "New", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612511566"}}
    call(shops, "POST", f"ad_accounts/{account}/audiences", json=body).raise_for_status()
    run, _ = warehouse.pump(programs, streams, state)
    assert run.code == 0, run.err
    assert len(run.records("audiences")) == 3

    sizes = warehouse.ask(block("docs/warehouse.md", "SELECT a.ad_account_id").text)
    changes = warehouse.ask(block("docs/warehouse.md", "SELECT CASE").text)
    small_lists = warehouse.ask(block("docs/warehouse.md", "SELECT l.ad_account_id").text)
    assert sizes == expected_sizes(shops.state())
    assert len({row[1:3] for row in sizes}) > 10

    gone = [row for row in changes if row[0] == "removed"]
    assert [row[1:5] for row in gone] == [(account, removed_id, None, None)]
    assert removed_from <= gone[0][5] <= dt.datetime.now(dt.UTC)
    assert changes[0] == gone[0]
    assert changes[1:] == expected_changes(shops.state(), yesterday)
    assert sorted(row[0] for row in changes[1:]) == ["changed"] * 3 + ["new"]

    assert small_lists == expected_small_lists(shops.state())
    assert len({row[0] for row in small_lists}) > 1

    with postgres.connect() as connection:
        connection.execute(block("docs/warehouse.md", "CREATE VIEW pinterest").text.encode())
        view = "SELECT id, created_at, updated_at FROM pinterest.audiences_with_times"
        shown = connection.execute(f"{view} WHERE _sdc_deleted_at IS NULL".encode()).fetchall()
    assert {key: [at.timestamp() for at in times] for key, *times in shown} == {
        each["id"]: [each["created_timestamp"], each["updated_timestamp"]]
        for account in shops.state()["ad_accounts"]
        for each in shops.state()["audiences"][account["id"]]
    }


def killed(
    emulator: Emulator, programs: Programs, state: Mapping[str, Any], reads: int, concurrency: int
) -> str:
    """Kill the tap after so many requests; return the complete lines that it printed."""
    emulator.clear()
    settings = {**programs.settings, "page_size": 10, "concurrency": concurrency}
    command = ["tap-pinterest-audiences"]
    for option, content in (("config", settings), ("state", state)):
        command += [f"--{option}", str(programs.file(f"{option}.json", content))]
    command += ["--catalog", str(programs.file("catalog.json", selecting(["audiences"])))]
    tap = Process(command, "", programs.folder)
    until(lambda: len(emulator.requests()) >= reads)
    run = tap.stop(signal.SIGKILL)
    assert run.code == -signal.SIGKILL, run.err
    return run.out[: run.out.rfind("\n") + 1]  # an incomplete line is not a message


def test_run_killed_at_twenty_points_loads_everything(warehouse: Warehouse, tmp_path: Path) -> None:
    """No row is lost at any kill of the tap, and none is out of date at the end.

    To save time the loader runs only after every fifth kill, with all output since its last run.
    It emits the last state of its input (asserted) and writes the last row of each key. So one
    load has the effect of five, and between loads the last printed state is the one that the
    loader would have emitted.
    """
    with Emulator(seed="empty", access="unlimited", latency_ms=15) as emulator:
        accounts = emulator.seed(ad_accounts=10, audiences=250, updated_timestamp=LONG_AGO)
        programs = programs_for(emulator, tmp_path)
        state: dict[str, Any] = {}
        waiting = ""
        unfinished = 0
        for kill in range(1, KILLS + 1):
            account = accounts[kill * 7 % len(accounts)]
            change(emulator, emulator.state()["audiences"][account][kill], name=f"Name {kill}")
            printed = killed(emulator, programs, state, kill, concurrency=1 + kill % 3)
            messages = Run(-signal.SIGKILL, printed, "").messages
            unfinished += bool(messages) and messages[-1]["type"] == "RECORD"
            state = Run(-signal.SIGKILL, printed, "").state or state
            waiting += printed
            if kill % KILLS_BETWEEN_LOADS == 0:
                assert (warehouse.load(waiting) or state) == state
                waiting = ""
        finished = [
            partition["context"]["ad_account_id"]
            for partition in state["bookmarks"]["audiences"]["partitions"]
            if "replication_key_value" in partition
        ]
        assert unfinished >= KILLS // 4, "some runs were killed within an ad account"
        assert 2 <= len(finished) < len(accounts), "some ad accounts were finished, some not"

        last, _ = warehouse.pump(programs, ["audiences"], state)
        assert last.code == 0, last.err
        assert len(last.records("audiences")) < 250, "finished lists are not read again"
        expected = [
            {**item, "other_fields": None}
            for items in emulator.state()["audiences"].values()
            for item in items
        ]
        assert sum(item["name"].startswith("Name ") for item in expected) == KILLS
        assert warehouse.rows("audiences") == by_key("audiences", expected)


def test_removal_is_emitted_once_and_only_by_a_complete_scan(
    emulator: Emulator, warehouse: Warehouse, programs: Programs
) -> None:
    accounts = emulator.seed(ad_accounts=2, audiences=30, updated_timestamp=LONG_AGO)
    settings: dict[str, Any] = {"detect_removed": True, "page_size": 5}
    run, state = warehouse.pump(programs, ["audiences"], **settings)
    assert run.code == 0, run.err
    assert not warehouse.deleted()
    audiences = emulator.state()["audiences"]
    one, other = (audiences[account][12] for account in accounts)
    for audience in (one, other):
        change(emulator, audience, operation_type="REMOVE")

    second_page = {"operation": "audiences/list", "path_contains": accounts[0], "skip": 1}
    for fault in ({"kind": "repeat_bookmark", "times": None}, {"kind": "status", "status": 403}):
        emulator.fault(**second_page, **fault)
        run, state = warehouse.pump(programs, ["audiences"], state, **settings)
        assert run.code == 1
        assert emulator.faults()[0]["fired"]
        assert one["id"] not in warehouse.deleted()
        emulator.clear()
    declared = warehouse.deleted()
    assert declared.keys() == {other["id"]}, "the other ad account was read to its end"

    run, state = warehouse.pump(programs, ["audiences"], state, **settings)
    assert run.code == 0, run.err
    assert [record["id"] for record in run.records("audiences")] == [one["id"]]
    assert warehouse.deleted().keys() == {one["id"], other["id"]}
    assert warehouse.deleted()[other["id"]] == declared[other["id"]]
    assert len(warehouse.rows("audiences")) == 30
    for row in warehouse.rows("audiences"):
        gone = row["id"] in warehouse.deleted()
        assert (row["name"] is None) == gone, "only the key and the ad account are left"
        assert row["ad_account_id"] in accounts

    run, _ = warehouse.pump(programs, ["audiences"], state, **settings)
    assert run.code == 0, run.err
    assert not run.records("audiences")


def test_activated_version_marks_rows_missing_in_a_full_read(
    shops: Emulator, warehouse: Warehouse, tmp_path: Path
) -> None:
    businesses = readable_businesses(shops)
    settings = {"business_ids": businesses, "emit_activate_version_messages": True}
    programs = programs_for(shops, tmp_path, **settings)
    run, state = warehouse.pump(programs, ["business_audiences"])
    assert run.code == 0, run.err
    now = shops.state()
    received = now["businesses"][businesses[0]]
    accounts = {account["id"] for account in now["ad_accounts"]}
    ours = next(audience for audience in received if audience["ad_account_id"] in accounts)
    change(shops, ours, operation_type="REMOVE")
    second = int(time.time())
    until(lambda: time.time() > second + 1)  # the SDK's version is the second of the run
    run, _ = warehouse.pump(programs, ["business_audiences"], state)
    assert run.code == 0, run.err
    assert warehouse.deleted("business_audiences").keys() == {ours["id"]}
    assert len(warehouse.rows("business_audiences")) == len(received)


def test_a_partial_read_activates_no_version(
    shops: Emulator, warehouse: Warehouse, tmp_path: Path
) -> None:
    settings = {
        "business_ids": readable_businesses(shops),
        "emit_activate_version_messages": True,
    }
    programs = programs_for(shops, tmp_path, **settings)
    _, state = warehouse.pump(programs, ["business_audiences"])
    shops.fault(kind="status", status=403, operation="shared_audiences_for_business/list")
    run, _ = warehouse.pump(programs, ["business_audiences"], state)
    assert run.code == 1
    assert not warehouse.deleted("business_audiences")
