"""Syncing a table of customers into a list, through the console script and the emulator."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bulk_runs import keys, texts_below
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
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
from programs import Programs, record

if TYPE_CHECKING:
    from bulk_runs import Bulk

    from pinterest_emulator.testing import Emulator


def test_first_run_creates_list_and_audience_and_the_second_sends_nothing(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    bulk.people(range(1050))
    first = bulk.sync()
    assert first.code == 0, first.err
    assert members(emulator, account) == digests(range(1050))
    assert sorted(changes(emulator)) == [("ADD", 50), *[("ADD", 100)] * 10]
    assert [item["name"] for item in audiences(emulator, account)] == [NAME]
    assert bulk.report["counts"]["added"] == 1050

    emulator.clear()
    again = bulk.sync()
    assert again.code == 0, again.err
    assert writes(emulator) == []
    assert bulk.report["counts"]["unchanged"] == 1050
    assert len(bulk.runs()) == 1


def test_only_changes_are_sent(emulator: Emulator, bulk: Bulk, account: str) -> None:
    bulk.people(range(1000))
    assert bulk.sync().code == 0
    emulator.clear()
    bulk.people(range(50, 1025))
    appended = bulk.sync()
    assert appended.code == 0, appended.err
    assert changes(emulator) == [("ADD", 25)]
    assert members(emulator, account) == digests(range(1025))

    emulator.clear()
    mirrored = bulk.mirror()
    assert mirrored.code == 0, mirrored.err
    assert changes(emulator) == [("REMOVE", 50)]
    assert members(emulator, account) == digests(range(50, 1025))
    assert bulk.report["counts"]["removed"] == 50

    emulator.clear()
    bulk.people(range(40, 1025))
    again = bulk.mirror()
    assert again.code == 0, again.err
    assert changes(emulator) == [("ADD", 10)]
    assert members(emulator, account) == digests(range(40, 1025))
    emulator.clear()
    assert bulk.mirror().code == 0
    assert writes(emulator) == []


def test_list_that_others_filled_is_found_and_gets_an_audience(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    list_id = new_list(emulator, account, NAME)
    bulk.people(range(10))
    run = bulk.sync()
    assert run.code == 0, run.err
    assert emulator.members(list_id) >= digests(range(10))
    (made,) = audiences(emulator, account)
    assert made["rule"] == {"customer_list_id": list_id}


def test_dry_run_counts_and_writes_nothing(emulator: Emulator, bulk: Bulk, account: str) -> None:
    bulk.people(range(1050))
    run = bulk.sync("--dry-run")
    assert run.code == 0, run.err
    assert "1050 to add and 0 to remove" in run.err
    assert writes(emulator) == []
    assert bulk.report["dry_run"]
    assert bulk.report["counts"]["added"] == 1050
    assert bulk.report["requests"]["write"] == 11
    assert not bulk.ledger.exists()
    assert lists(emulator, account) == []


def test_report_is_as_the_schema_describes_it(bulk: Bulk) -> None:
    bulk.customers([email(1), None, "nobody", "nobody"])
    run = bulk.sync(max_rejected=3)
    assert run.code == 0, run.err
    schema = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
    Draft202012Validator(schema).validate(bulk.report)
    (of_list,) = bulk.report["customer_lists"]
    assert of_list["rejected"] == {"no_at": 2, "no_identifier": 1}
    assert bulk.report["counts"]["rejected"] == 3
    assert bulk.sync(max_rejected=2).code == 1


def test_too_large_removal_stops_before_any_request(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    bulk.people(range(100))
    assert bulk.mirror().code == 0
    emulator.clear()
    bulk.people([*range(79), *range(1000, 1100)])
    run = bulk.mirror()
    assert run.code == 1
    assert "21 of 100 members" in run.complaints[-1]
    assert writes(emulator) == []
    assert members(emulator, account) == digests(range(100))
    allowed = bulk.mirror(max_removal_ratio=0.21)
    assert allowed.code == 0, allowed.err
    assert members(emulator, account) == digests([*range(79), *range(1000, 1100)])


def test_empty_table_removes_nobody(emulator: Emulator, bulk: Bulk, account: str) -> None:
    bulk.people(range(10))
    assert bulk.mirror().code == 0
    emulator.clear()
    bulk.people([])
    run = bulk.mirror(max_removal_ratio=1)
    assert run.code == 1
    assert "the table is empty" in run.complaints[-1]
    assert writes(emulator) == []
    assert members(emulator, account) == digests(range(10))


@pytest.mark.parametrize("blank", [None, "", "NULL"])
def test_table_that_names_nobody_empties_no_list(
    emulator: Emulator, bulk: Bulk, account: str, blank: str | None
) -> None:
    bulk.people(range(50))
    assert bulk.mirror().code == 0
    bulk.customers([blank] * 50)
    run = bulk.mirror(max_removal_ratio=1, max_rejected=50)
    assert run.code == 1
    assert "none of 50 records names a person" in run.complaints[-1]
    assert members(emulator, account) == digests(range(50))


def test_mode_that_leaves_lists_alone_is_refused(emulator: Emulator, bulk: Bulk) -> None:
    bulk.people(range(50))
    run = bulk.sync(write_mode="create")
    assert run.code == 1
    assert "choose write_mode upsert or update" in run.complaints[-1]
    assert emulator.requests() == []


def test_folder_that_cannot_be_written_is_named(emulator: Emulator, bulk: Bulk) -> None:
    bulk.people(range(50))
    run = bulk.sync("--temp-directory", "/proc")
    assert run.code == 1
    assert "Traceback" not in run.err
    assert "no folder can be made in /proc: " in run.complaints[-1]
    assert writes(emulator) == []


@pytest.mark.parametrize("address", ["nobody", "nobody@shop.example"])
def test_full_disk_is_named(emulator: Emulator, bulk: Bulk, address: str) -> None:
    bulk.customers(f"{number}-{address}" for number in range(20_000))
    run = bulk.start(prepare=("bulk_faults", "limit_files", 200_000)).wait()
    assert run.code == 1
    assert "disk" in run.complaints[-1]
    assert "File too large" in run.complaints[-1]
    assert writes(emulator) == []


def test_unreadable_row_keeps_absent_people(emulator: Emulator, bulk: Bulk, account: str) -> None:
    bulk.people(range(100))
    assert bulk.mirror().code == 0
    bulk.customers([*map(email, range(1, 101)), "no address"])
    run = bulk.mirror(max_rejected=1)
    assert run.code == 1
    assert "1 of its records cannot be read" in run.complaints[-1]
    assert members(emulator, account) == digests(range(101))
    bulk.customers([*map(email, range(1, 101)), None])  # means nobody
    assert bulk.mirror(max_rejected=1).code == 0
    assert members(emulator, account) == digests(range(1, 101))


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        ("operation", "can say who is to be in which list"),
        ("Deleted_At", "can say who is to be in which list"),
        ("Opted Out", "can say who is to be in which list"),
        ("consent", "can say who is to be in which list"),
        ("Subscription Status", "can say who is to be in which list"),
        ("status", "can say who is to be in which list"),
        ("_origin_deleted", "can say who is to be in which list"),
        ("KEY_SHA256", "can say who is to be in which list"),
        ("maid", "2 of them"),
    ],
)
def test_table_that_can_be_read_two_ways_is_refused(
    emulator: Emulator, bulk: Bulk, column: str, problem: str
) -> None:
    bulk.customers([email(1)], **{column: "x"})
    run = bulk.sync()
    assert run.code == 1
    assert problem in run.complaints[-1]
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--ledger", "", "a path is empty"),
        ("--ledger", "https://lake.example/l?sig=S3cr3t", "https://lake.example/l cannot be used"),
        ("--customers", "https://lake.example/c?sig=S3cr3t", "lake.example/c cannot be used"),
        ("--customers", " ", "a path is empty"),
        ("--ledger", "{folder}/config.json", "config.json/549755800001 cannot be used: Not a dir"),
        ("--memory-limit", "lots", "lots is no amount of memory, as 4GB is"),
    ],
)
def test_option_that_cannot_be_used_is_named(
    emulator: Emulator, bulk: Bulk, option: str, value: str, problem: str
) -> None:
    bulk.people(range(3))
    command = bulk.command()
    command[command.index(option) + 1] = value.format(folder=bulk.folder)
    run = bulk.run(*command[2:])
    assert run.code == 1
    assert "Traceback" not in run.err
    assert "S3cr3t" not in run.err
    assert problem in run.complaints[-1]
    assert writes(emulator) == []


def test_missing_files_and_missing_column_are_named(bulk: Bulk) -> None:
    (bulk.folder / "customers").mkdir()
    assert "there are no files" in bulk.sync().complaints[-1]
    bulk.customers([email(1)])
    for file in (bulk.folder / "customers").iterdir():
        pq.write_table(pa.table({"name": ["Ann"]}), file)
    assert "it has none" in bulk.sync().complaints[-1]


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"email": ["ann@shop.example"], "operation": ["REMOVE"]}, "can say who is to be in"),
        ({"e-mail": ["ann@shop.example"]}, "2 of them"),
        ({"name": ["ann@shop.example"]}, "do not all have the same column email"),
        ({"email": [1]}, "do not all have the same column email"),
    ],
)
def test_files_that_differ_in_what_they_mean_are_refused(
    emulator: Emulator, bulk: Bulk, other: dict[str, list[object]], problem: str
) -> None:
    bulk.customers([email(1), email(2)])
    pq.write_table(pa.table(other), bulk.folder / "customers" / "2.parquet")
    run = bulk.sync()
    assert run.code == 1
    assert problem in run.complaints[-1]
    assert emulator.requests() == []


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_any_type_of_column_is_read_like_text(
    emulator: Emulator, bulk: Bulk, account: str, kind: pa.DataType
) -> None:
    bulk.customers([])
    table = pa.table({"email": pa.array([email(1), None, email(2)], pa.string()).cast(kind)})
    for file in (bulk.folder / "customers").iterdir():
        pq.write_table(table, file)
    run = bulk.sync(max_rejected=6)
    assert run.code == 0, run.err
    assert bulk.report["customer_lists"][0]["rejected"] == {"no_identifier": 2}
    assert members(emulator, account) == digests([1, 2])


def test_file_that_is_cut_short_is_refused_without_a_value(emulator: Emulator, bulk: Bulk) -> None:
    bulk.people(range(20_000))
    (first, _) = sorted((bulk.folder / "customers").iterdir())
    whole = first.read_bytes()
    first.write_bytes(whole[:100] + bytes(5000) + whole[5100:])
    run = bulk.sync()
    assert run.code == 1
    assert len(run.complaints) == 1
    assert "Traceback" not in run.err
    assert writes(emulator) == []


def test_keys_and_reject_codes_are_those_of_the_target(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    rows = [*people(8000)]
    bulk.customers(rows)
    assert bulk.sync(max_rejected=80).code == 0
    (by_bulk,) = bulk.report["customer_lists"]

    (other,) = emulator.seed(ad_accounts=1, audiences=0)
    settings = {"access_token": "pina_demo", "api_url": emulator.url, "ad_account_id": other}
    settings |= {"ledger_url": f"sqlite:///{bulk.folder}/ledger.db"}
    settings |= {"report_path": str(bulk.folder / "other.json")}
    target = Programs(bulk.folder, settings)
    lines = [SCHEMA, *(record(STREAM, audience_name=NAME, email=row) for row in rows)]
    target.target(lines)
    (by_target,) = json.loads((bulk.folder / "other.json").read_text())["customer_lists"]
    assert by_bulk["rejected"] == by_target["rejected"]
    assert by_bulk["added"] == by_target["added"] > 7000
    assert members(emulator, account) == members(emulator, other)
    assert keys(bulk.runs()[0], "add") == sorted(members(emulator, account))


def test_refused_batch_leaves_only_its_people_out(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    bulk.people(range(1000))
    emulator.fault(kind="status", status=400, operation="customer_lists/update", skip=2)
    run = bulk.sync()
    assert run.code == 1
    assert "100 members of customer list" in run.complaints[-1]
    assert len(members(emulator, account)) == 900
    assert bulk.report["counts"]["added"] == 900
    emulator.clear()
    again = bulk.sync()
    assert again.code == 0, again.err
    assert changes(emulator) == [("ADD", 100)]
    assert members(emulator, account) == digests(range(1000))


def test_refused_removal_is_tried_again(emulator: Emulator, bulk: Bulk, account: str) -> None:
    bulk.people(range(1000))
    assert bulk.sync().code == 0
    bulk.people(range(200, 1000))
    emulator.fault(kind="status", status=400, operation="customer_lists/update")
    assert bulk.mirror().code == 1
    assert len(members(emulator, account)) == 900
    emulator.clear()
    assert bulk.mirror().code == 0
    assert changes(emulator) == [("REMOVE", 100)]
    assert members(emulator, account) == digests(range(200, 1000))


def test_list_that_is_refused_at_its_creation_is_tried_again(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    bulk.people(range(300))
    emulator.fault(kind="status", status=400, operation="customer_lists/create")
    run = bulk.sync()
    assert run.code == 1
    assert len(writes(emulator)) == 1
    assert bulk.report["counts"]["rejected"] == 300
    assert "members added" not in run.err
    assert bulk.sync().code == 0
    assert members(emulator, account) == digests(range(300))
    assert len(bulk.runs()) == 1


def test_list_that_is_gone_takes_nothing(emulator: Emulator, bulk: Bulk) -> None:
    bulk.people(range(1000))
    emulator.fault(kind="status", status=404, operation="customer_lists/update", times=None)
    run = bulk.sync("--requests-in-flight", "1")
    assert run.code == 1
    assert [count for _, count in changes(emulator)] == [100, 100]  # one made it, one was refused
    assert bulk.current["runs"][0]["added"] == 100


def test_nothing_that_is_kept_or_printed_has_an_identifier_or_a_token(bulk: Bulk) -> None:
    bulk.customers([*map(email, range(300)), "secret@@person.example", "secret,person"])
    first = bulk.sync("--dry-run")
    second = bulk.sync()
    assert second.code == 1
    bulk.customers([*map(email, range(10, 310)), None])
    third = bulk.mirror()
    found = [*texts_below(bulk.ledger), (bulk.folder, (bulk.folder / "report.json").read_bytes())]
    found += [(bulk.folder, run.err.encode() + run.out.encode()) for run in (first, second, third)]
    assert len(found) > 10
    for path, text in found:
        assert not re.search(rb"pina_|(?i:person\.|@shop|secret|\.example)", text), path


def test_files_are_for_this_user_alone(bulk: Bulk) -> None:
    bulk.people(range(300))
    assert bulk.sync().code == 0
    for path in [bulk.ledger, *bulk.ledger.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_list_of_another_type_is_refused(bulk: Bulk) -> None:
    bulk.people(range(3))
    assert bulk.sync().code == 0
    for file in (bulk.folder / "customers").iterdir():
        pq.write_table(pa.table({"maid": ["6D92078A-8246-4BA4-AE5B-76104861E7DC"]}), file)
    run = bulk.sync()
    assert run.code == 1
    assert "holds identifiers of type EMAIL" in run.complaints[-1]


def test_device_ids_are_sent_like_those_of_the_target(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    bulk.customers([])
    device = "6D92078A-8246-4BA4-AE5B-76104861E7DC"
    for file in (bulk.folder / "customers").iterdir():
        pq.write_table(pa.table({"MAID": [device, "x"]}), file)
    assert bulk.sync(max_rejected=4).code == 0
    assert members(emulator, account) == {digest(device)}


def test_object_store_works_like_a_folder(emulator: Emulator, bulk: Bulk, account: str) -> None:
    remote = ("bulk_faults", "use_object_store", "objects:/")
    url = f"objects:/{bulk.folder}/ledger"
    table = f"objects:/{bulk.folder}/customers"
    bulk.people(range(1000))
    first = bulk.start("--ledger", url, "--customers", table, prepare=remote).wait()
    assert first.code == 0, first.err
    assert members(emulator, account) == digests(range(1000))
    bulk.people(range(200, 1010))
    second = bulk.start(
        "--ledger", url, "--customers", table, "--mode", "mirror", prepare=remote
    ).wait()
    assert second.code == 0, second.err
    assert members(emulator, account) == digests(range(200, 1010))
    emulator.clear()
    third = bulk.start("--ledger", url, "--mode", "mirror", prepare=remote).wait()
    assert third.code == 0, third.err
    assert writes(emulator) == []
    assert bulk.current["base"] == 1  # a fifth changed
    claims = bulk.ledger / account / "claims"
    assert [*claims.iterdir()] == []
    (claims / "other").write_text("")
    fourth = bulk.start("--ledger", url, prepare=remote, max_wait=0).wait()
    assert fourth.code == 75
    assert "--take-over" in fourth.complaints[-1]
    assert bulk.start("--ledger", url, "--take-over", prepare=remote, max_wait=0).wait().code == 0
