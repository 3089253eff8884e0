"""Adding and removing members of customer lists, against the emulator over HTTP."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from people import (
    NAME,
    SCHEMA,
    STREAM,
    activate,
    audiences,
    changes,
    digest,
    digests,
    email,
    lists,
    members,
    new_audience,
    new_list,
    people,
    person,
    run_here,
    writes,
)
from programs import Programs, schema, state

from target_pinterest_audiences.sinks import members as members_sink

if TYPE_CHECKING:
    from pinterest_emulator.testing import Emulator

SCHEMA_OF_REPORT = Path(__file__).parents[3] / "docs" / "report.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA_OF_REPORT.read_text()))
UUID = "6D92078A-8246-4BA4-AE5B-76104861E7DC"


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    """The target, with a default ad account and its own ledger."""
    return Programs(
        tmp_path,
        {
            "access_token": "pina_demo",
            "api_url": emulator.url,
            "ad_account_id": account,
            "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
        },
    )


def test_fifty_thousand_members_are_sent_once_and_then_only_changes(
    emulator: Emulator, programs: Programs, account: str, tmp_path: Path
) -> None:
    settings = {"ad_account_id": account, "ledger_url": f"sqlite:///{tmp_path}/ledger.db"}
    everybody = range(50_000)
    lines = [SCHEMA, *people(everybody), state(1)]
    first = programs.target(lines, **settings)
    assert first.code == 0, first.err
    assert first.state == {"seen": 1}
    assert members(emulator, account) == digests(everybody)
    assert sum(count for _, count in changes(emulator)) == 50_000

    emulator.clear()
    again = programs.target(lines, **settings)
    assert again.code == 0, again.err
    assert again.state == {"seen": 1}
    assert writes(emulator) == []

    emulator.clear()
    new, gone = range(50_000, 50_500), range(1000, 1500)
    lines = [SCHEMA, *people(everybody), *people(new), *people(gone, operation="REMOVE")]
    changed = programs.target(lines, **settings)
    assert changed.code == 0, changed.err
    assert sorted(changes(emulator)) == [("ADD", 500), ("REMOVE", 500)]
    assert members(emulator, account) == digests([*everybody, *new]) - digests(gone)


def test_list_and_audience_are_created_with_the_first_batch_and_found_again(
    emulator: Emulator, target: Programs, account: str
) -> None:
    first = target.target([SCHEMA, *people(range(25))], member_batch_size=10)
    assert first.code == 0, first.err
    (made,) = lists(emulator, account)
    assert writes(emulator) == [
        ("customer_lists/create", {"name": NAME, "list_type": "EMAIL", "records": 10}),
        *[("customer_lists/update", {"operation_type": "ADD", "records": n}) for n in (10, 5)],
        (
            "audiences/create",
            {
                "name": NAME,
                "audience_type": "CUSTOMER_LIST",
                "rule": {"customer_list_id": made["id"]},
            },
        ),
    ]
    assert {entry["in_flight"] for entry in emulator.requests()} == {1}
    emulator.clear()
    second = target.target([SCHEMA, *people(range(30))])
    assert second.code == 0, second.err
    assert changes(emulator) == [("ADD", 5)]
    assert len(writes(emulator)) == 1
    assert members(emulator, account) == digests(range(30))


def test_list_without_an_audience_gets_one(
    emulator: Emulator, target: Programs, account: str
) -> None:
    list_id = new_list(emulator, account, NAME)
    run = target.target([SCHEMA, person(1)])
    assert run.code == 0, run.err
    assert [item["id"] for item in lists(emulator, account)] == [list_id]
    (audience,) = audiences(emulator, account)
    assert (audience["name"], audience["rule"]) == (NAME, {"customer_list_id": list_id})
    assert target.target([SCHEMA, person(1)]).code == 0
    assert len(audiences(emulator, account)) == 1


def test_list_of_the_audience_wins_over_a_list_with_that_name(
    emulator: Emulator, target: Programs, account: str
) -> None:
    other, same_name = (new_list(emulator, account, name) for name in ("Other", NAME))
    new_audience(emulator, account, NAME, "CUSTOMER_LIST", customer_list_id=other)
    assert target.target([SCHEMA, person(1)]).code == 0
    assert digests([1]) <= emulator.members(other)
    assert digests([1]).isdisjoint(emulator.members(same_name))
    assert len(audiences(emulator, account)) == 1


def test_one_run_fills_lists_of_several_ad_accounts(
    emulator: Emulator, target: Programs, account: str
) -> None:
    (other,) = emulator.seed(ad_accounts=1, audiences=0)
    by_id = new_list(emulator, other, "By id")
    lines = [
        SCHEMA,
        *people(range(5)),
        *people(range(3, 9), audience_name="VIPs"),
        *people(range(2), audience_name=None, customer_list_id=by_id, ad_account_id=other),
        *people(range(4), ad_account_id=other),
        person(audience_name="Phones", maid=UUID),
        person(audience_name="Partner", lr_id="Xy1Tz"),
    ]
    run = target.target(lines)
    assert run.code == 0, run.err
    assert members(emulator, account) == digests(range(5))
    assert members(emulator, account, "VIPs") == digests(range(3, 9))
    assert members(emulator, account, "Phones") == {digest(UUID)}
    assert members(emulator, account, "Partner") == {"Xy1Tz"}
    assert members(emulator, other) == digests(range(4))
    assert digests(range(2)) < emulator.members(by_id)
    assert {item["name"] for item in audiences(emulator, other)} == {NAME}, "no name, no audience"
    overridden = target.target(
        [SCHEMA, person(7, ad_account_id=other)], ad_account_id=account, override_ad_account=True
    )
    assert overridden.code == 0, overridden.err
    assert digests([7]) <= members(emulator, account)
    assert digests([7]).isdisjoint(members(emulator, other))


def test_lists_with_the_same_name_are_ambiguous(
    emulator: Emulator, target: Programs, account: str
) -> None:
    older, newer = (new_list(emulator, account, NAME) for _ in range(2))
    lines = [SCHEMA, person(1), person(2, audience_name="Another"), state(1)]
    run = target.target(lines)
    assert run.code == 1
    assert run.state == {}
    assert f"2 customer lists in ad account {account} have this name" in run.err
    assert "set on_ambiguous to newest" in run.err
    assert members(emulator, account, "Another") == digests([2]), "the other lists continue"
    run = target.target(lines, on_ambiguous="newest")
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert digests([1]) <= emulator.members(newer)
    assert digests([1]).isdisjoint(emulator.members(older))


def test_failed_lists_hold_back_the_state_but_not_the_other_lists(
    emulator: Emulator, target: Programs, account: str
) -> None:
    (locked,) = emulator.seed(ad_accounts=1, audiences=0)
    new_audience(emulator, account, "Visitors", "VISITOR", visitor_source_id="2612511566392")
    emulator.fault(kind="status", status=403, code=29, path_contains=locked, times=None)
    lines = [
        SCHEMA,
        person(1, audience_name="Visitors"),
        person(2, audience_name=None, customer_list_id="123456"),
        person(3, ad_account_id=locked),
        *people(range(5), audience_name="Good"),
        state(1),
    ]
    run = target.target(lines)
    assert run.code == 1
    assert run.state == {}
    assert "is of audience_type VISITOR and has no members" in run.err
    assert "customer list 123456: members neither added nor removed: 1. ad account" in run.err
    assert "HTTP 403" in run.err
    assert "3 rejected, 5 added" in run.err
    assert members(emulator, account, "Good") == digests(range(5))


def test_refused_batch_fails_only_its_list(
    emulator: Emulator, target: Programs, account: str
) -> None:
    assert target.target([SCHEMA, person(0)]).code == 0
    emulator.fault(operation="customer_lists/update", kind="status", status=400, code=1)
    lines = [SCHEMA, *people(range(30)), *people(range(3), audience_name="Other"), state(1)]
    run = target.target(lines, member_batch_size=10)
    assert run.code == 1
    assert run.state == {}
    assert "members neither added nor removed: 29" in run.err
    assert members(emulator, account, "Other") == digests(range(3))
    assert members(emulator, account) == digests([0])
    again = target.target(lines)
    assert again.code == 0, again.err
    assert again.state == {"seen": 1}
    assert members(emulator, account) == digests(range(30)), "none of them was in the ledger"


def test_a_list_holds_one_type_of_identifier(
    emulator: Emulator, target: Programs, account: str
) -> None:
    lines = [SCHEMA, person(1), person(maid=UUID), person(2), state(1)]
    run = target.target(lines)
    assert run.code == 1
    assert run.state == {}
    assert "holds identifiers of type EMAIL, and Pinterest takes one type a list: send MAID" in (
        run.err
    )
    assert members(emulator, account) == digests([1, 2])
    later = target.target([SCHEMA, person(maid=UUID), state(2)])
    assert later.code == 1
    assert later.state == {}
    assert members(emulator, account) == digests([1, 2]), "the ledger knows the type"


def test_last_record_of_a_person_decides(
    emulator: Emulator, target: Programs, account: str
) -> None:
    gone = {"operation": "REMOVE"}
    deleted = {"_sdc_deleted_at": "2026-01-01T00:00:00Z"}
    assert target.target([SCHEMA, *people(range(6))]).code == 0
    emulator.clear()
    lines = [
        SCHEMA,
        *[person(1, **gone), person(1)],
        *[person(2), person(2, **deleted)],
        *[person(10), person(10, **gone)],
        *[person(11, **gone), person(11, operation="ADD")],
        *[person(3, **gone), person(12)],
        schema(STREAM, email={"type": "string"}),
        *[person(3), person(12, **gone), person(13)],
        schema(STREAM, email={"type": ["string", "null"]}),
        *[person(13, **gone), person(4, **gone)],
    ]
    run = target.target(lines)
    assert run.code == 0, run.err
    assert members(emulator, account) == digests([0, 1, 3, 5, 11])
    emulator.clear()
    assert target.target(lines).code == 0
    assert writes(emulator) == []


def test_last_record_decides_across_chunks_and_names_of_one_list(
    emulator: Emulator, account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
        "member_batch_size": 4,
    }
    list_id = new_list(emulator, account, NAME, digest(email(99)))
    by_id: dict[str, Any] = {"audience_name": None, "customer_list_id": list_id}
    lines = [
        SCHEMA,
        *[person(1, **by_id), person(2, operation="REMOVE")],
        *[person(2, **by_id), person(1, operation="REMOVE")],
        *[person(3), person(4)],
        *[person(3, operation="REMOVE", **by_id), person(4, **by_id)],
        *[person(3), person(3, operation="REMOVE"), person(5, **by_id)],
    ]
    for intake in (1, 2, 3, 100):
        monkeypatch.setattr(members_sink, "LOOKUP_BATCH_SIZE", intake)
        assert run_here(settings, lines).code == 0
        assert members(emulator, account) == digests([2, 4, 5, 99]), intake
    assert len(audiences(emulator, account)) == 1


def test_removal_of_an_unknown_member_is_sent_once(
    emulator: Emulator, target: Programs, account: str
) -> None:
    new_list(emulator, account, NAME, digest(email(1)), digest(email(2)))
    lines = [SCHEMA, *people([1, 3, 3], operation="REMOVE"), person(1, operation="REMOVE")]
    assert target.target(lines).code == 0
    assert changes(emulator)[1:] == [("REMOVE", 2)], "other programs may have added them"
    assert members(emulator, account) == digests([2])
    emulator.clear()
    assert target.target(lines).code == 0
    assert writes(emulator) == []
    assert target.target([SCHEMA, person(1)]).code == 0
    assert members(emulator, account) == digests([1, 2])
    assert target.target(lines).code == 0
    assert members(emulator, account) == digests([2])


def test_removals_create_no_list(emulator: Emulator, target: Programs) -> None:
    run = target.target([SCHEMA, *people(range(3), operation="REMOVE"), state(1)])
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert writes(emulator) == []


@pytest.mark.parametrize(
    ("count", "settings", "sizes"),
    [
        (30, {"member_batch_size": 10}, [10, 10, 10]),
        (31, {"member_batch_size": 10}, [10, 10, 10, 1]),
        (10_000, {}, [10_000]),
        (20_001, {}, [10_000, 10_000, 1]),
        (46, {"member_batch_bytes": 1000}, [15, 15, 15, 1]),
        (45, {"member_batch_bytes": 1000, "member_batch_size": 4}, [4] * 11 + [1]),
    ],
)
def test_requests_follow_the_batch_settings(
    emulator: Emulator,
    target: Programs,
    account: str,
    count: int,
    settings: dict[str, int],
    sizes: list[int],
) -> None:
    run = target.target([SCHEMA, *people(range(count))], concurrency=1, **settings)
    assert run.code == 0, run.err
    assert changes(emulator) == [("ADD", size) for size in sizes]
    assert {entry["in_flight"] for entry in emulator.requests()} == {1}
    assert members(emulator, account) == digests(range(count))


def test_all_members_are_sent_each_time_without_a_ledger(
    emulator: Emulator, target: Programs, account: str, tmp_path: Path
) -> None:
    for _ in range(2):
        emulator.clear()
        assert target.target([SCHEMA, *people(range(9))], ledger_url="").code == 0
        assert changes(emulator) == [("ADD", 9)]
    assert members(emulator, account) == digests(range(9))
    assert not list(tmp_path.rglob("*.db"))


def test_the_ledger_is_in_the_users_state_folder_by_default(
    emulator: Emulator, target: Programs, tmp_path: Path
) -> None:
    del target.settings["ledger_url"]
    for requests in (["customer_lists/create", "audiences/create"], []):
        emulator.clear()
        assert target.target([SCHEMA, person(1)]).code == 0
        assert [operation for operation, _ in writes(emulator)] == requests
    assert (tmp_path / "state" / "pinterest-audiences" / "ledger.db").stat().st_mode & 0o777 == (
        0o600
    )


def batch(*files: Path, **encoding: str) -> dict[str, Any]:
    return {
        "type": "BATCH",
        "stream": STREAM,
        "encoding": {"format": "jsonl", **encoding},
        "manifest": [file.as_uri() for file in files],
    }


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "parquet"])
def test_batch_files_have_the_effect_of_records(
    emulator: Emulator, target: Programs, account: str, tmp_path: Path, form: str
) -> None:
    rows = [message["record"] for message in people(range(12_000))]
    rows += [{**person(number)["record"], "operation": "REMOVE"} for number in range(5)]
    rows.append({**person()["record"], "email": "nobody"})
    path = tmp_path / f"people.{form}"
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if form == "parquet":
        pyarrow.parquet.write_table(
            pa.Table.from_pylist(
                rows,
                schema=pa.schema(
                    [(name, pa.string()) for name in ("audience_name", "email", "operation")]
                ),
            ),
            path,
        )
        message = batch(path, format="parquet")
    elif form == "jsonl":
        path.write_bytes(text)
        message = batch(path)
    else:
        path.write_bytes(gzip.compress(text))
        message = batch(path, compression="gzip")
    run = target.target([SCHEMA, person(20_000), message, person(20_001), state(1)])
    assert run.code == 1
    assert run.state == {}
    assert f"Rejected {STREAM} record {len(rows) + 1}: the email has no @" in run.err
    assert members(emulator, account) == digests([*range(5, 12_000), 20_000, 20_001])


@pytest.mark.parametrize(
    ("name", "content", "encoding"),
    [
        ("missing.jsonl", None, {}),
        (
            "cut.jsonl.gz",
            gzip.compress(b'{"email": "a@b.example"}\n' * 99)[:-9],
            {"compression": "gzip"},
        ),
        ("no.jsonl", b'{"email": "secret@person.example"\n', {}),
        ("list.jsonl", b"[1]\n", {}),
        ("no.parquet", b"PAR1", {"format": "parquet"}),
        ("no.csv", b"email\n", {"format": "csv"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_broken_batch_file_logs_one_line_and_holds_back_the_state(
    emulator: Emulator,
    target: Programs,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    encoding: dict[str, str],
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    run = target.target([SCHEMA, batch(path, **encoding), person(1), state(1)])
    assert run.code == 1
    assert run.state == {}
    (said,) = run.complaints
    assert name in said
    assert "cannot be read" in said
    assert "Traceback" not in run.err
    assert "secret" not in run.err
    assert writes(emulator) == []


def test_stream_maps_of_a_batch_file_apply(
    emulator: Emulator, target: Programs, account: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"mail": email(n)}) + "\n" for n in range(2500)))
    maps = {
        "shop": {
            "__alias__": STREAM,
            "__else__": None,
            "audience_name": f"'{NAME}'",
            "email": "mail",
        }
    }
    lines = [schema("shop", mail={"type": "string"}), {**batch(path), "stream": "shop"}, state(1)]
    run = target.target(lines, stream_maps=maps)
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert members(emulator, account) == digests(range(2500))


def report(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert list(VALIDATOR.iter_errors(said)) == []
    return said


def test_report_shows_the_status_of_each_list(
    emulator: Emulator, target: Programs, account: str, tmp_path: Path
) -> None:
    target.settings |= {"report_path": str(tmp_path / "report.json")}
    lines = [SCHEMA, *people(range(150)), person(email="no"), person(email=""), person(maid=UUID)]
    assert target.target(lines).code == 1
    said = report(tmp_path)
    (entry,) = said["customer_lists"]
    (made,) = lists(emulator, account)
    assert entry == {
        "ad_account_id": account,
        "customer_list_id": made["id"],
        "audience_name": NAME,
        "list_type": "EMAIL",
        "added": 150,
        "already_there": 0,
        "removed": 0,
        "removed_unknown": 0,
        "not_there": 0,
        "rejected": {"no_at": 1, "missing": 1, "other_type": 1},
        "status_before": None,
        "status": "PROCESSING",
        "size_before": None,
        "size": audiences(emulator, account)[0]["size"],
        "people_missing": 100,
    }
    counts = said["streams"][STREAM]
    assert {key: count for key, count in counts.items() if count} == {
        "added": 150,
        "created": 1,
        "rejected": 3,
    }
    (created,) = [change for change in said["changes"] if change["action"] == "created"]
    assert created["audience_id"] == audiences(emulator, account)[0]["id"]
    assert (created["record"], created["name"]) == (None, NAME)
    emulator.advance(4000)
    (audience,) = audiences(emulator, account)
    changed = [*people(range(10), operation="REMOVE"), *people(range(100, 155))]
    for removed, added, there in ((10, 5, 50), (0, 0, 55)):
        assert target.target([SCHEMA, *changed]).code == 0
        said = report(tmp_path)
        (entry,) = said["customer_lists"]
        assert (entry["removed"], entry["added"], entry["already_there"]) == (removed, added, there)
        assert entry["not_there"] == 10 - removed
        assert entry["size_before"] == entry["size"] == audience["size"]
        assert entry["people_missing"] == max(0, 100 - audience["size"])
        counts = said["counts"]
        assert (counts["added"], counts["removed"]) == (added, removed)
        assert counts["unchanged"] == there + 10 - removed
    assert report(tmp_path)["requests"]["write"] == 0


def test_report_covers_dry_runs_and_failed_lists(
    emulator: Emulator, target: Programs, account: str, tmp_path: Path
) -> None:
    target.settings |= {"report_path": str(tmp_path / "report.json"), "dry_run": True}
    run = target.target([SCHEMA, *people(range(9)), state(1)])
    assert run.code == 0, run.err
    assert run.state == {}
    said = report(tmp_path)
    (entry,) = said["customer_lists"]
    assert (entry["customer_list_id"], entry["added"], entry["people_missing"]) == (None, 9, 100)
    assert said["requests"]["write"] == 2
    assert writes(emulator) == []
    lines = [SCHEMA, *people(range(9), audience_name=None, customer_list_id="1")]
    assert target.target(lines, dry_run=False).code == 1
    said = report(tmp_path)
    (entry,) = said["customer_lists"]
    assert entry["rejected"] == {"unknown_list": 9}
    assert said["counts"]["rejected"] == 9
    assert lists(emulator, account) == []


some_record = st.one_of(
    st.builds(
        person,
        st.integers(0, 9),
        audience_name=st.sampled_from([NAME, "Other", "Phones"]),
        operation=st.sampled_from([None, "ADD", "REMOVE"]),
    ),
    st.builds(person, maid=st.sampled_from([UUID, "x"]), audience_name=st.just("Phones")),
    st.sampled_from(
        [
            person(1, operation="?"),
            person(),
            person(email="no"),
            person(1, maid=UUID),
            person(1, audience_name=None),
            person(2, customer_list_id="1", audience_name=None),
            person(3, _sdc_deleted_at="2026-01-01"),
        ]
    ),
)
some_messages = st.lists(
    st.tuples(some_record, st.sampled_from([None, 1, 1, 1, 2])).map(
        lambda pair: {**pair[0], "version": pair[1]} if pair[1] else pair[0]
    )
    | st.sampled_from([activate(1), activate(2), state(1), state(2), SCHEMA]),
    max_size=14,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_messages, st.sampled_from(["add", "mirror"]))
def test_fast_path_has_the_effect_of_the_sdk_path(
    emulator: Emulator, tmp_path: Path, messages: list[dict[str, Any]], member_mode: str
) -> None:
    outcomes = []
    for way in ("short", "long"):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (account,) = emulator.seed(ad_accounts=1, audiences=0)
        emulator.clear()
        config: dict[str, Any] = {
            "access_token": "pina_demo",
            "api_url": emulator.url,
            "ad_account_id": account,
            "ledger_url": f"sqlite:///{folder}/ledger.db",
            "member_mode": member_mode,
            "max_removal_ratio": 0.5,
            "member_batch_size": 3,
            "rejected_path": str(folder / "rejected"),
            "max_rejected": 99,
            "stream_maps": {STREAM: {"note": "'short of nothing'"}} if way == "long" else {},
        }
        outcome: list[Any] = []
        for part in (messages[:7], messages[7:]):
            run = run_here(config, [SCHEMA, *part])
            kept = (folder / "rejected").read_text() if (folder / "rejected").exists() else ""
            outcome += [run.code, run.state, writes_without_ids(emulator), reasons(kept, account)]
        found = {item["name"]: emulator.members(item["id"]) for item in lists(emulator, account)}
        outcomes.append([*outcome, found])
    assert outcomes[0] == outcomes[1]


def writes_without_ids(emulator: Emulator) -> list[Any]:
    return [
        (operation, {key: value for key, value in body.items() if key != "rule"})
        for operation, body in writes(emulator)
    ]


def reasons(kept: str, account: str) -> list[str]:
    records = [json.loads(line).get("record") for line in kept.splitlines()]
    said = [{k: v for k, v in item.items() if k != "_rejected_at"} for item in records if item]
    return sorted(json.dumps(item, sort_keys=True).replace(account, "") for item in said)
