"""BATCH messages of Parquet with a ledger of files, through the console script and the emulator."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from batch_runs import Batches, records_of, rows_of, table
from odd_people import people
from people import (
    NAME,
    SCHEMA,
    STREAM,
    audiences,
    changes,
    digest,
    digests,
    email,
    lists,
    members,
    new_list,
    writes,
)

if TYPE_CHECKING:
    from bulk_runs import Bulk

    from pinterest_emulator.testing import Emulator

OPT_OUT = {"_sdc_deleted_at": "2026-01-02T03:04:05Z"}
STATE = {"seen": 1}


@pytest.fixture
def batches(emulator: Emulator, account: str, tmp_path: Path) -> Batches:
    return Batches(tmp_path, emulator, account)


@pytest.fixture
def sql(emulator: Emulator, tmp_path: Path) -> Batches:
    """The same team with another ad account and a ledger in a database."""
    (account,) = emulator.seed(ad_accounts=1, audiences=0)
    ledger = {"ledger_url": f"sqlite:///{tmp_path}/ledger.db"}
    return Batches(tmp_path / "sql", emulator, account, ledger)


def kept_in(file: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in file.read_text().splitlines()]
    for each in found:
        each.get("record", {}).pop("_rejected_at", None)
    return found


@pytest.mark.parametrize("settings", [{}, {"max_rejected": 60}, {"dry_run": True}])
def test_outcome_is_that_of_records_with_a_ledger_of_a_database(
    emulator: Emulator, batches: Batches, sql: Batches, settings: dict[str, Any]
) -> None:
    rows = rows_of(people(9000))
    for number in range(0, 9000, 90):
        rows[number] |= OPT_OUT
    rows += rows_of([email(1)], operation="perhaps") + rows_of([None], **OPT_OUT)
    outcomes = []
    for team, messages in (
        (batches, [batches.batch(table(rows[:4000]), table(rows[4000:]))]),
        (sql, records_of(rows)),
    ):
        kept = {"rejected_path": str(team.folder / "kept")} if "max_rejected" in settings else {}
        run = team.run(*messages, **settings, **kept)
        file = kept_in(team.folder / "kept") if kept else []
        outcomes.append((run.code, run.state, team.list_report, team.report["counts"], file))
        assert [line for line in run.complaints if "Rejected" in line], run.err
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][:2] == ((0, STATE) if "max_rejected" in settings else (1, {}))
    if "dry_run" in settings:
        assert writes(emulator) == []
        assert not batches.ledger.exists()
        assert batches.report["requests"] == sql.report["requests"]
    else:
        assert members(emulator, batches.account) == members(emulator, sql.account)


def test_second_run_sends_nothing(emulator: Emulator, batches: Batches) -> None:
    rows = rows_of(map(email, range(2000)))
    for number in range(0, 2000, 50):
        rows[number] |= OPT_OUT
    assert batches.run(batches.batch(table(rows))).code == 0
    assert len(members(emulator, batches.account)) == 1960
    assert len(audiences(emulator, batches.account)) == 1
    emulator.clear()
    run = batches.run(batches.batch(table(rows)))
    assert (run.code, run.state) == (0, STATE), run.err
    assert writes(emulator) == []
    assert batches.list_report["already_there"] == 1960
    assert batches.list_report["not_there"] == 40


def test_opt_out_in_a_batch_is_removed(emulator: Emulator, batches: Batches) -> None:
    assert batches.run(batches.batch(table(rows_of(map(email, range(1000)))))).code == 0
    emulator.clear()
    changed = table([*rows_of([email(5), email(2000)], **OPT_OUT), *rows_of([email(1000)])])
    run = batches.run(batches.batch(changed))
    assert run.code == 0, run.err
    assert sorted(changes(emulator)) == [("ADD", 1), ("REMOVE", 2)]
    assert members(emulator, batches.account) == digests({*range(1001)} - {5})
    assert batches.list_report["removed"] == batches.list_report["removed_unknown"] == 1
    emulator.clear()
    assert batches.run(batches.batch(changed)).code == 0
    assert writes(emulator) == []
    back = batches.run(batches.batch(table(rows_of([email(5)]))))
    assert back.code == 0, back.err
    assert members(emulator, batches.account) == digests(range(1001))


def test_last_row_of_a_person_counts(emulator: Emulator, batches: Batches) -> None:
    everybody = rows_of(map(email, range(1000)))
    out_and_in = [*rows_of([email(999)]), *rows_of([email(1)], operation="REMOVE"), *everybody]
    in_and_out = [*out_and_in, *rows_of([email(2)], operation="REMOVE")]
    first = batches.batch(table(in_and_out), table(rows_of([email(3)], operation="REMOVE")))
    run = batches.run(first, *records_of(rows_of([email(4)], operation="REMOVE")))
    assert run.code == 0, run.err
    assert members(emulator, batches.account) == digests({*range(1000)} - {2, 3, 4})


def test_parquet_jsonl_and_records_of_one_stream_are_planned_together(
    emulator: Emulator, batches: Batches
) -> None:
    file = batches.folder / "jsonl.gz"
    lines = [json.dumps(row) + "\n" for row in rows_of(map(email, range(500, 1200)))]
    file.write_bytes(gzip.compress("".join(lines).encode()))
    of_lines = batches.batch() | {"manifest": [str(file)]}
    of_lines["encoding"] = {"format": "jsonl", "compression": "gzip"}
    run = batches.run(
        batches.batch(table(rows_of(map(email, range(700))))),
        of_lines,
        *records_of(rows_of(map(email, range(1000, 1300)))),
        batches.batch(table(rows_of(map(email, range(1250, 2000))))),
    )
    assert (run.code, run.state) == (0, STATE), run.err
    assert members(emulator, batches.account) == digests(range(2000))
    assert [size for _, size in changes(emulator)] == [100] * 20


def test_several_lists_in_one_file_by_name_and_by_id(emulator: Emulator, batches: Batches) -> None:
    list_id = new_list(emulator, batches.account, "Found")
    rows = rows_of(map(email, range(700)))
    rows += [{"customer_list_id": list_id, "email": email(each)} for each in range(600)]
    rows += [{"audience_name": "Found", "email": email(599), "operation": "REMOVE"}]
    rows += [
        {"audience_name": "Devices", "maid": f"6D92078A-8246-4777-8888-7610486{number:05}"}
        for number in range(600)
    ]
    rows += [{"audience_name": NAME, "maid": "6D92078A-8246-4777-8888-76104861E7DC"}]
    rows += [{"audience_name": "Nobody", "email": email(1), "operation": "REMOVE"}]
    others = [
        {"audience_name": NAME, "maid": f"7D92078A-8246-4777-8888-7610486{number:05}"}
        for number in range(600)
    ]
    run = batches.run(batches.batch(table(rows), table(others)))
    assert run.code == 1
    assert members(emulator, batches.account) == digests(range(700))
    assert emulator.members(list_id) >= digests(range(599))
    assert digest(email(599)) not in emulator.members(list_id)
    assert len(members(emulator, batches.account, "Devices")) == 600
    assert len(lists(emulator, batches.account)) == 3
    assert batches.report["counts"]["rejected"] == 601
    assert "holds identifiers of type EMAIL" in run.err


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"E-Mail": "other@shop.example"}, "conflicting_columns"),
        ({"maid": "6D92078A-8246-4BA4-AE5B-76104861E7DC"}, "several_identifiers"),
        ({"operation": "perhaps"}, "bad_operation"),
        ({"_sdc_deleted_at": "yes"}, "bad_deletion_mark"),
        ({"deleted_at": "2026-01-02"}, "unknown_deletion_mark"),
        ({"opted_out": True}, "unclear_consent"),
        ({"email_status": "unsubscribed"}, "unclear_consent"),
    ],
)
def test_table_that_can_be_read_two_ways_sends_nothing(
    emulator: Emulator, batches: Batches, sql: Batches, more: dict[str, Any], code: str
) -> None:
    rows = rows_of(map(email, range(600)), **more)
    for team in (batches, sql):
        kept = team.folder / "kept"
        run = team.run(team.batch(table(rows)), rejected_path=str(kept))
        assert run.code == 1
        found = [each["record"]["_reject_code"] for each in kept_in(kept) if "record" in each]
        assert set(found) == {code}
        assert team.report["counts"]["rejected"] == 600
    assert writes(emulator) == []


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("kind", ["records", "batch"])
def test_kept_record_is_let_go_once_it_is_applied(
    emulator: Emulator, batches: Batches, kind: str, *, refused: bool
) -> None:
    kept = batches.folder / "kept"
    rows = rows_of(map(email, range(600)))
    message = [batches.batch(table(rows))] if kind == "batch" else records_of(rows)
    account = batches.programs.settings.pop("ad_account_id")
    assert batches.run(*message, rejected_path=str(kept), max_rejected=600).code == 0
    assert len(kept_in(kept)) == 601
    if refused:
        emulator.fault(kind="status", status=400, operation="customer_lists/update")
    run = batches.run(*message, rejected_path=str(kept), ad_account_id=account, max_rejected=600)
    assert run.code == int(refused)
    assert kept.exists() is refused


def test_refused_batch_holds_the_state_and_is_tried_again(
    emulator: Emulator, batches: Batches
) -> None:
    everybody = batches.batch(table(rows_of(map(email, range(1000)))))
    emulator.fault(kind="status", status=400, operation="customer_lists/update", skip=2)
    run = batches.run(everybody)
    assert (run.code, run.state) == (1, {})
    assert "100 members of customer list" in run.err
    assert len(members(emulator, batches.account)) == 900
    assert batches.report["counts"]["rejected"] == 100
    emulator.clear()
    again = batches.run(everybody)
    assert (again.code, again.state) == (0, STATE), again.err
    assert changes(emulator) == [("ADD", 100)]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"member_transport": "upload"}, "member_transport upload does not work"),
        ({"write_mode": "create"}, "write_mode create does not work"),
    ],
)
def test_setting_that_does_not_go_with_the_ledger_is_refused(
    emulator: Emulator, batches: Batches, settings: dict[str, str], problem: str
) -> None:
    run = batches.run(batches.batch(table(rows_of([email(1)]))), **settings)
    assert run.code == 1
    assert problem in run.complaints[-1]
    assert emulator.requests() == []


@pytest.mark.parametrize("module", ["duckdb", "pyarrow"])
def test_missing_extra_is_named(emulator: Emulator, batches: Batches, module: str) -> None:
    message = batches.batch(table(rows_of([email(1)])))
    run = batches.start(message, prepare=("bulk_faults", "take_away", module)).wait()
    assert run.code == 1
    assert "pip install 'pinterest-audiences[bulk]'" in run.complaints[-1]
    assert emulator.requests() == []


def test_value_that_no_record_can_have_sends_nothing(emulator: Emulator, batches: Batches) -> None:
    far = pa.array([9 * 10**17] * 600, pa.timestamp("us"))
    rows = table(rows_of(map(email, range(600)))).append_column("_sdc_deleted_at", far)
    run = batches.run(batches.batch(rows))
    assert (run.code, run.state) == (1, {})
    assert "cannot be read" in run.complaints[-1]
    assert "Traceback" not in run.err
    assert writes(emulator) == []


def test_ledger_that_cannot_be_used_ends_the_run_at_once(
    emulator: Emulator, batches: Batches
) -> None:
    current = batches.ledger / batches.account / "CURRENT"
    current.parent.mkdir(parents=True)
    current.write_text('{"format": 99}')
    run = batches.run(batches.batch(table(rows_of([email(1)]))), *records_of(rows_of(["x"])))
    assert run.code == 1
    assert "is of format 99" in run.complaints[-1]
    assert writes(emulator) == []


@pytest.mark.parametrize("folder", ["opted_out=true", "consent=1", "operation=REMOVE"])
def test_file_in_a_folder_that_may_say_who_is_out_sends_nothing(
    emulator: Emulator, batches: Batches, folder: str
) -> None:
    message = batches.batch(table(rows_of([email(1)])))
    (file,) = map(Path, message["manifest"])
    (file.parent / folder).mkdir()
    moved = file.rename(file.parent / folder / file.name)
    run = batches.run({**message, "manifest": [str(moved)]})
    assert run.code == 1
    assert f"in a folder {folder.partition('=')[0]}=…" in run.complaints[-1]
    assert writes(emulator) == []
    other = file.parent / "country=DE"
    other.mkdir()
    assert batches.run({**message, "manifest": [str(moved.rename(other / file.name))]}).code == 0


@pytest.mark.parametrize("rows", [5, 600])
@pytest.mark.parametrize("ledger", ["file", "sqlite"])
def test_file_with_two_columns_of_one_name_sends_nothing(
    emulator: Emulator, batches: Batches, ledger: str, rows: int
) -> None:
    url = f"{ledger}:///{batches.folder}/members"
    found = table(rows_of(map(email, range(rows)), operation="ADD"))
    twice = found.append_column("operation", pa.array(["REMOVE"] * rows))
    run = batches.run(batches.batch(twice), ledger_url=url)
    assert run.code == 1
    assert "has two columns operation" in run.complaints[-1]
    assert run.out == ""
    assert writes(emulator) == []


def test_file_that_cannot_be_read_sends_nothing(emulator: Emulator, batches: Batches) -> None:
    broken = batches.folder / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    message = batches.batch(table(rows_of(map(email, range(1000)))))
    message["manifest"].append(str(broken))
    run = batches.run(message)
    assert (run.code, run.state) == (1, {})
    assert "broken.parquet" in run.complaints[-1]
    assert writes(emulator) == []


def test_nothing_that_is_kept_or_printed_has_an_identifier_or_a_token(batches: Batches) -> None:
    rows = rows_of([*map(email, range(700)), "secret@@person.example"])
    run = batches.run(batches.batch(table(rows)))
    found = [path.read_bytes() for path in batches.ledger.rglob("*") if path.is_file()]
    found += [run.err.encode(), run.out.encode(), (batches.folder / "report.json").read_bytes()]
    assert len(found) > 5
    for text in found:
        assert not re.search(rb"pina_|(?i:person\.|@shop|secret|\.example)", text)


def test_who_was_taken_out_stays_known_wherever_the_list_moves(
    emulator: Emulator, batches: Batches, bulk: Bulk
) -> None:
    everybody = rows_of(map(email, range(1000)))
    assert batches.run(batches.batch(table(everybody))).code == 0
    for number in range(0, 1000, 100):
        everybody[number] |= OPT_OUT
    message = batches.batch(table(everybody))
    emulator.fault(kind="status", status=400, operation="customer_lists/update")
    assert batches.run(message).code == 1
    emulator.clear()
    assert batches.run(message).code == 0
    assert changes(emulator) == [("REMOVE", 10)]
    emulator.clear()
    assert bulk.run("ledger", "compact", "--ledger", str(batches.ledger)).code == 0
    assert batches.run(message).code == 0
    (found,) = lists(emulator, batches.account)
    database = {"ledger_url": f"sqlite:///{batches.folder}/moved.db"}
    config = batches.programs.file("moved.json", {**batches.programs.settings, **database})
    move = ("--customer-list-id", found["id"], "--config", str(config))
    assert bulk.run("ledger", "export", "--ledger", str(batches.ledger), *move).code == 0
    assert batches.run(*records_of(everybody), **database).code == 0
    assert bulk.run("ledger", "import", "--ledger", str(batches.ledger), *move).code == 0
    assert batches.run(message).code == 0
    assert writes(emulator) == []
    assert batches.list_report["not_there"] == 10


def test_members_sync_and_the_target_share_the_ledger(
    emulator: Emulator, batches: Batches, bulk: Bulk
) -> None:
    bulk.people(range(1000))
    assert bulk.sync().code == 0
    emulator.clear()
    run = batches.run(batches.batch(table(rows_of(map(email, range(1010))))))
    assert run.code == 0, run.err
    assert changes(emulator) == [("ADD", 10)]
    bulk.people(range(1010))
    emulator.clear()
    assert bulk.sync().code == 0
    assert writes(emulator) == []


def test_schema_alone_sends_nothing(emulator: Emulator, batches: Batches) -> None:
    assert SCHEMA["stream"] == STREAM
    run = batches.run()
    assert (run.code, run.state) == (0, STATE), run.err
    assert emulator.requests() == []
