"""Members are neither lost nor sent to a second list, whatever fails."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from forks import until
from no_waits import WITHOUT_WAITS
from people import (
    NAME,
    SCHEMA,
    STREAM,
    activate,
    audiences,
    call,
    changes,
    digests,
    lists,
    members,
    new_list,
    people,
    person,
    versioned,
    whole_version,
    writes,
)
from programs import Programs, schema, state

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from pathlib import Path

CREATE, UPDATE = "customer_lists/create", "customer_lists/update"


def settings_for(emulator: Emulator, account: str, folder: Path) -> dict[str, Any]:
    return {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{folder}/ledger.db",
    }


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    """The target, with a default ad account and its own ledger."""
    return Programs(tmp_path, settings_for(emulator, account, tmp_path))


@pytest.mark.parametrize("operation", [CREATE, "audiences/create"])
@pytest.mark.parametrize("kind", ["drop_after", "error_after", "truncate"])
def test_list_created_by_a_lost_response_is_found_again(
    emulator: Emulator, target: Programs, account: str, operation: str, kind: str
) -> None:
    target.prepare = WITHOUT_WAITS
    emulator.fault(operation=operation, kind=kind)
    run = target.target([SCHEMA, *people(range(9)), state(1)], member_batch_size=5)
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert len(lists(emulator, account)) == len(audiences(emulator, account)) == 1
    assert members(emulator, account) == digests(range(9))
    assert [operation for operation, _ in writes(emulator)].count(operation) == 1


def test_list_is_created_again_if_the_request_never_arrived(
    emulator: Emulator, target: Programs, account: str
) -> None:
    target.prepare = WITHOUT_WAITS
    emulator.fault(operation=CREATE, kind="drop_before")
    assert target.target([SCHEMA, *people(range(9))]).code == 0
    assert len(lists(emulator, account)) == 1
    assert members(emulator, account) == digests(range(9))


def test_refused_audience_of_a_list_holds_back_the_state_until_it_is_created(
    emulator: Emulator, target: Programs, account: str
) -> None:
    emulator.fault(operation="audiences/create", kind="status", status=403, code=29)
    lines = [SCHEMA, *people(range(9)), state(1)]
    refused = target.target(lines)
    assert (refused.code, refused.state) == (1, {})
    assert audiences(emulator, account) == []

    emulator.clear()
    again = target.target(lines)
    assert (again.code, again.state) == (0, {"seen": 1})
    assert len(audiences(emulator, account)) == 1


@pytest.mark.parametrize("how", ["before the next", "before its answer"])
def test_next_run_completes_a_run_killed_after_any_request(tmp_path: Path, how: str) -> None:
    """Requests: two reads, the list, two more batches, the audience, two reads."""
    lines = [SCHEMA, *people(range(25)), state(1)]
    with Emulator(seed="empty", access="unlimited") as emulator:
        for done in range(1, 8):
            (account,) = emulator.seed(ad_accounts=1, audiences=0)
            folder = tmp_path / str(done)
            folder.mkdir()
            target = Programs(folder, settings_for(emulator, account, folder))
            if how == "before its answer":
                emulator.fault(kind="drop_after", skip=done - 1)
                emulator.fault(kind="drop_before", skip=done - 1, times=None)
            else:
                emulator.fault(kind="drop_before", skip=done, times=None)
            process = target.start(lines, member_batch_size=10)
            until(lambda: any(fault["fired"] for fault in emulator.faults()))
            killed = process.stop(signal.SIGKILL)
            assert killed.code == -signal.SIGKILL
            assert bool(killed.out) == (done > (5 if how == "before the next" else 6))
            # A request dropped before its arrival may occur several times.
            met = [entry for entry in emulator.requests() if entry["fault"] != "drop_before"]
            before = sum(e["body"]["records"] for e in met if e["operation"] in {CREATE, UPDATE})
            emulator.clear()
            run = target.target(lines, member_batch_size=10)
            assert run.code == 0, run.err
            assert run.state == {"seen": 1}
            assert len(lists(emulator, account)) == len(audiences(emulator, account)) == 1
            assert members(emulator, account) == digests(range(25))
            twice = before + sum(count for _, count in changes(emulator)) - 25
            assert twice in (0, 5, 10), "one batch at the most"
            emulator.clear()
            assert target.target(lines).code == 0
            assert writes(emulator) == []
            emulator.clear()


def test_rate_limit_ends_the_run_and_the_next_one_continues(
    emulator: Emulator, target: Programs, account: str
) -> None:
    emulator.fault(operation=UPDATE, kind="rate_limit", reset=67150, skip=1)
    lines = [SCHEMA, *people(range(40)), state(1)]
    run = target.target(lines, member_batch_size=10, concurrency=1)
    assert run.code == 75
    assert run.state == {}
    assert "Traceback" not in run.err
    assert members(emulator, account) == digests(range(20))
    emulator.clear()
    again = target.target(lines, member_batch_size=10)
    assert again.code == 0, again.err
    assert again.state == {"seen": 1}
    assert changes(emulator) == [("ADD", 10), ("ADD", 10)]
    assert members(emulator, account) == digests(range(40))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503},
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "truncate"},
        {"kind": "delay", "seconds": 3600},
        {"kind": "rate_limit", "reset": 1},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_batch_is_retried_until_a_response_arrives(
    emulator: Emulator, target: Programs, account: str, fault: dict[str, Any]
) -> None:
    list_id = new_list(emulator, account, NAME)
    emulator.fault(operation=UPDATE, **fault)
    run = target.target([SCHEMA, *people(range(9)), state(1)], request_timeout=5)
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert digests(range(9)) < emulator.members(list_id)
    sent = [item for item in changes(emulator)[1:] if item == ("ADD", 9)]
    assert len(sent) == 2


def test_revoked_token_ends_the_run(
    emulator: Emulator, target: Programs, account: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    emulator.fault(kind="status", status=401, code=2, operation=UPDATE, times=None)
    emulator.fault(kind="status", status=401, code=2, method="GET", skip=2, times=None)
    lines = [SCHEMA, *people(range(20)), state(1), *people(range(3), audience_name="Other")]
    run = target.target(lines, member_batch_size=10, report_path=str(report))
    assert run.code == 1
    assert run.state == {}
    assert "HTTP 401" in run.err
    assert "Traceback" not in run.err
    assert [item["name"] for item in lists(emulator, account)] == [NAME]
    said = json.loads(report.read_text())
    assert "HTTP 401" in said["error"]
    assert said["customer_lists"][0]["added"] == 10
    emulator.clear()
    assert target.target(lines).state == {"seen": 1}
    assert members(emulator, account) == digests(range(20))


def test_run_succeeds_without_the_status_of_the_list(
    emulator: Emulator, target: Programs, account: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    emulator.fault(operation="customer_lists/get", kind="rate_limit", reset=67150)
    run = target.target([SCHEMA, person(1), state(1)], report_path=str(report))
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert "does now is not known" in run.err
    (said,) = json.loads(report.read_text())["customer_lists"]
    assert (said["added"], said["status"]) == (1, None)
    assert members(emulator, account) == digests([1])


@pytest.mark.parametrize("operation", ["audiences/list", CREATE, UPDATE, "audiences/create"])
def test_signal_in_any_request_loses_no_member_and_creates_nothing_twice(
    emulator: Emulator, target: Programs, account: str, operation: str
) -> None:
    emulator.fault(operation=operation, kind="delay", seconds=1)
    lines = [SCHEMA, *people(range(25)), state(1)]
    process = target.start(lines, member_batch_size=10)
    until(lambda: any(fault["fired"] for fault in emulator.faults()))
    run = process.stop(signal.SIGTERM)
    assert run.code == 128 + signal.SIGTERM, run.err
    assert run.state == {}
    assert "Traceback" not in run.err
    until(lambda: all(entry["status"] for entry in emulator.requests()))
    again = target.target(lines, member_batch_size=10)
    assert again.code == 0, again.err
    assert again.state == {"seen": 1}
    assert len(lists(emulator, account)) == len(audiences(emulator, account)) == 1
    assert members(emulator, account) == digests(range(25))


def test_batch_enters_the_ledger_after_pinterest_accepted_it(
    emulator: Emulator, target: Programs, account: str
) -> None:
    for kind in ("drop_before", "rate_limit"):
        emulator.clear()
        options = {"reset": 67150} if kind == "rate_limit" else {}
        emulator.fault(operation=CREATE, kind=kind, times=None, **options)
        process = target.start([SCHEMA, *people(range(9))])
        until(lambda: any(fault["fired"] for fault in emulator.faults()))
        process.stop(signal.SIGKILL)
    emulator.clear()
    assert target.target([SCHEMA, *people(range(9))]).code == 0
    assert members(emulator, account) == digests(range(9))


def test_member_changed_around_a_crash_ends_as_the_last_record_says(
    emulator: Emulator, target: Programs, account: str
) -> None:
    """The ledger does not know whether Pinterest accepted the last batch before the crash."""
    assert target.target([SCHEMA, *people(range(5))]).code == 0
    for lines, then, there in (
        ([person(1, operation="REMOVE")], [person(1)], range(5)),
        ([person(1, operation="REMOVE")], [person(1, operation="REMOVE")], [0, 2, 3, 4]),
        ([person(1)], [person(1, operation="REMOVE")], [0, 2, 3, 4]),
        ([person(1)], [person(1)], range(5)),
    ):
        emulator.clear()
        emulator.fault(operation=UPDATE, kind="drop_after")
        emulator.fault(operation=UPDATE, kind="drop_before", times=None)
        process = target.start([SCHEMA, *lines])
        until(lambda: any(fault["fired"] for fault in emulator.faults()))
        process.stop(signal.SIGKILL)
        emulator.clear()
        assert target.target([SCHEMA, *then]).code == 0
        assert members(emulator, account) == digests(there)


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all/ledger.db", "mysql://x/y"])
def test_unusable_ledger_ends_the_run_before_any_request(
    emulator: Emulator, programs: Programs, account: str, tmp_path: Path, url: str
) -> None:
    (tmp_path / "nowhere").write_text("a file, no folder")
    url = url.replace("/nowhere", f"{tmp_path}/nowhere")
    run = programs.target([SCHEMA, person(1), state(1)], ad_account_id=account, ledger_url=url)
    assert run.code == 1
    assert run.state == {}
    assert "ledger_url" in run.err
    assert "Traceback" not in run.err
    assert writes(emulator) == []


class TestMirror:
    """The mirror makes a list equal to a table."""

    @pytest.fixture
    def mirror(self, target: Programs) -> Programs:
        target.settings["member_mode"] = "mirror"
        return target

    def test_mirror_removes_members_absent_from_the_table(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        assert mirror.target([*whole_version(range(1000), 1), state(1)]).state == {"seen": 1}
        by_hand = {"f" * 64}
        (made,) = lists(emulator, account)
        new_list(emulator, account, "Other")
        patch(emulator, account, made["id"], *by_hand)
        emulator.clear()
        run = mirror.target([*whole_version(range(100, 1000), 2), state(2)])
        assert run.code == 0, run.err
        assert run.state == {"seen": 2}
        assert changes(emulator) == [("REMOVE", 100)]
        assert members(emulator, account) == digests(range(100, 1000)) | by_hand
        emulator.clear()
        assert mirror.target(whole_version(range(100, 1000), 3)).code == 0
        assert writes(emulator) == []
        assert mirror.target(whole_version(range(50, 1000), 4)).code == 0
        assert members(emulator, account) == digests(range(50, 1000)) | by_hand

    def test_mirror_removes_nobody_beyond_max_removal_ratio(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        assert mirror.target(whole_version(range(1000), 1)).code == 0
        emulator.clear()
        lines = [*whole_version(range(100), 2), state(2)]
        run = mirror.target([lines[0], state(1), *lines[1:]])
        assert run.code == 1
        assert run.state in ({}, {"seen": 1})
        assert writes(emulator) == []
        assert "900 of 1000 members of customer list" in run.err
        assert "max_removal_ratio 0.2" in run.err
        assert "set max_removal_ratio to 0.9 or more" in run.err
        assert members(emulator, account) == digests(range(1000))
        assert mirror.target(lines, max_removal_ratio=0.89).code == 1
        assert writes(emulator) == []
        allowed = mirror.target(lines, max_removal_ratio=0.9)
        assert allowed.code == 0, allowed.err
        assert allowed.state == {"seen": 2}
        assert changes(emulator) == [("REMOVE", 900)]
        assert members(emulator, account) == digests(range(100))

    def test_no_state_is_emitted_before_a_complete_and_accepted_version(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        assert mirror.target(whole_version(range(10), 1)).code == 0
        version = versioned(people(range(2)), 2)
        lines = [SCHEMA, *version, state(1), activate(2), state(2)]
        run = mirror.target(lines)
        assert run.code == 1
        assert run.state == {}
        assert members(emulator, account) == digests(range(10))
        file = mirror.folder / "rows.jsonl"
        file.write_text("".join(json.dumps(row["record"]) + "\n" for row in version))
        batch = {"type": "BATCH", "stream": STREAM, "encoding": {"format": "jsonl"}}
        nothing_waits = [SCHEMA, {**batch, "manifest": [file.as_uri()]}, state(1), activate(3)]
        run = mirror.target(nothing_waits)
        assert run.code == 1
        assert run.state == {}
        assert mirror.target(lines, max_removal_ratio=1).state == {"seen": 2}
        assert members(emulator, account) == digests(range(2))

    def test_interrupted_tap_removes_nobody_and_a_later_version_removes_the_absent(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        assert mirror.target(whole_version(range(20), 1)).code == 0
        emulator.clear()
        died = mirror.target([SCHEMA, *versioned(people([0, 1, 30]), 2), state(2)])
        assert died.code == 1
        assert died.state == {}
        assert "18 members are not in the new version, but no ACTIVATE_VERSION came" in died.err
        assert changes(emulator) == [("ADD", 1)]
        assert mirror.target(whole_version(range(2, 20), 3)).code == 0
        assert members(emulator, account) == digests(range(2, 20))

    def test_interrupted_version_and_a_complete_one_in_one_run(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        assert mirror.target(whole_version(range(20), 1)).code == 0
        died = [SCHEMA, *versioned(people([0, 1, 30]), 2)]
        run = mirror.target([*died, *whole_version(range(3, 20), 3)])
        assert run.code == 0, run.err
        assert members(emulator, account) == digests(range(3, 20))

    def test_two_complete_versions_in_one_run(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        run = mirror.target([*whole_version(range(20), 1), *whole_version(range(2, 22), 2)])
        assert run.code == 0, run.err
        assert members(emulator, account) == digests(range(2, 22))
        run = mirror.target([*whole_version(range(22), 3), *whole_version(range(2), 4)])
        assert run.code == 1
        assert "20 of 22 members" in run.err

    def test_an_empty_version_removes_nobody(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        nothing = [SCHEMA, activate(1), state(1)]
        assert mirror.target(nothing).state == {"seen": 1}, "fine without known members"
        assert mirror.target(whole_version(range(9), 2)).code == 0
        emulator.clear()
        run = mirror.target(nothing, max_removal_ratio=1)
        assert run.code == 1
        assert run.state == {}
        assert "is empty, and the ledger has 9 members" in run.err
        assert writes(emulator) == []
        assert members(emulator, account) == digests(range(9))

    def test_version_activated_before_its_records_removes_nobody(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        assert mirror.target(whole_version(range(20), 1)).code == 0
        for gone in (0, 1):
            records = versioned(people(range(gone, 20)), 2 + gone)
            run = mirror.target([SCHEMA, activate(2 + gone), *records, state(1)])
            assert run.code == gone, run.err
            assert run.state == ({} if gone else {"seen": 1})
            assert ("ACTIVATE_VERSION came before" in run.err) == bool(gone)
        assert members(emulator, account) == digests(range(20))
        both = [SCHEMA, activate(4), *versioned(people(range(1, 20)), 4), activate(4)]
        assert mirror.target(both).code == 0
        assert members(emulator, account) == digests(range(1, 20))

    def test_no_list_loses_members_if_one_would_lose_too_many(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        def both(first: range, second: range, version: int) -> list[dict[str, Any]]:
            records = [*people(first), *people(second, audience_name="Other")]
            return [SCHEMA, *versioned(records, version), activate(version)]

        assert mirror.target(both(range(20), range(20), 1)).code == 0
        emulator.clear()
        run = mirror.target(both(range(1, 20), range(15, 20), 2))
        assert run.code == 1
        assert "15 of 20" in run.err
        assert writes(emulator) == []
        assert mirror.target(both(range(1, 20), range(15, 20), 3), max_removal_ratio=0.75).code == 0
        assert members(emulator, account) == digests(range(1, 20))
        assert members(emulator, account, "Other") == digests(range(15, 20))

    def test_a_list_that_the_version_does_not_mention_stays(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        other = versioned(people(range(9), audience_name="Other"), 1)
        assert mirror.target([*whole_version(range(9), 1)[:-1], *other, activate(1)]).code == 0
        lines = [SCHEMA, *versioned(people([1], audience_name="Other"), 2)]
        lines += whole_version(range(8), 3)
        run = mirror.target(lines)
        assert run.code == 0, run.err
        assert members(emulator, account) == digests(range(8))
        assert members(emulator, account, "Other") == digests(range(9))
        bad = [SCHEMA, *versioned([person(audience_name="Other", email="x")], 4), activate(4)]
        assert mirror.target(bad, max_removal_ratio=1).code == 1
        assert members(emulator, account, "Other") == digests(range(9))

    def test_records_without_a_version_are_mirrored_too(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        assert mirror.target([SCHEMA, *people(range(20)), activate(5)]).code == 0
        assert mirror.target([SCHEMA, *people(range(1, 20)), activate(5)]).code == 0
        assert members(emulator, account) == digests(range(1, 20))

    def test_changed_schema_does_not_begin_another_version(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        other = schema(SCHEMA["stream"], email={"type": "string"})
        assert mirror.target(whole_version(range(20), 1)).code == 0
        lines = [*whole_version(range(1, 20), 2)[:-1], other, activate(2), state(2)]
        run = mirror.target(lines)
        assert run.code == 0, run.err
        assert run.state == {"seen": 2}
        assert members(emulator, account) == digests(range(1, 20))

    def test_dry_run_reports_the_same_numbers_and_changes_nothing(
        self, emulator: Emulator, mirror: Programs, tmp_path: Path
    ) -> None:
        assert mirror.target(whole_version(range(100), 1)).code == 0
        emulator.clear()
        mirror.settings["report_path"] = str(tmp_path / "report.json")
        said = []
        for dry in (True, True, False):
            lines = [*whole_version(range(10, 105), 2), state(2)]
            run = mirror.target(lines, dry_run=dry)
            assert run.code == 0, run.err
            assert run.state == ({} if dry else {"seen": 2})
            assert bool(writes(emulator)) != dry
            report = json.loads((tmp_path / "report.json").read_text())
            (entry,) = report["customer_lists"]
            said.append((report["counts"], {k: entry[k] for k in ("added", "removed")}))
        assert said[0] == said[1] == said[2]
        assert said[0][1] == {"added": 5, "removed": 10}
        refused = mirror.target(whole_version(range(10), 3), dry_run=True)
        assert refused.code == 1
        assert "95 of 95 members" in refused.err

    def test_refused_list_loses_nobody(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        assert mirror.target(whole_version(range(20), 1)).code == 0
        emulator.clear()
        emulator.fault(operation=UPDATE, kind="status", status=400, code=1)
        lines = [*whole_version(range(15, 40), 2), state(2)]
        run = mirror.target(lines, member_batch_size=10, max_removal_ratio=1)
        assert run.code == 1
        assert run.state == {}
        assert len(writes(emulator)) == 1
        assert members(emulator, account) == digests(range(20))

    @pytest.mark.parametrize(
        "bad", [{"operation": "?"}, {"lr_id": "Xy1Tz"}, {"ad_account_id": "x"}]
    )
    def test_unreadable_record_keeps_all_absent_members(
        self, emulator: Emulator, mirror: Programs, account: str, bad: dict[str, str]
    ) -> None:
        mirror.settings |= {"rejected_path": str(mirror.folder / "rejected"), "max_rejected": 9}
        assert mirror.target(whole_version(range(20), 1)).code == 0
        records = [*people(range(1, 19)), person(19, **bad)]
        run = mirror.target([SCHEMA, *versioned(records, 2), activate(2), state(2)])
        assert run.code == 1
        assert run.state == {}
        assert (
            "2 members are not in the new version, but 1 of its records cannot be read" in run.err
        )
        assert members(emulator, account) == digests(range(20))

    def test_failed_stream_map_keeps_all_absent_members(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        assert mirror.target(whole_version(range(20), 1)).code == 0
        maps = {"audience_members": {"age": "int(age)"}}
        records = versioned([*people(range(19), age="7"), person(19, age="x")], 2)
        lines = [schema("audience_members", age={"type": "string"}, email={}, audience_name={})]
        run = mirror.target([*lines, *records, activate(2), state(2)], stream_maps=maps)
        assert run.code == 1
        assert run.state == {}
        assert "1 of its records" in run.err
        assert members(emulator, account) == digests(range(20))

    def test_member_added_and_removed_within_a_version(
        self, emulator: Emulator, mirror: Programs, account: str
    ) -> None:
        lines = [
            SCHEMA,
            *versioned([person(1), person(2), person(2, operation="REMOVE")], 1),
            activate(1),
            state(1),
        ]
        run = mirror.target(lines, member_batch_size=1)
        assert run.code == 0, run.err
        assert run.state == {"seen": 1}
        assert members(emulator, account) == digests([1])

    def test_mirror_needs_a_ledger(self, mirror: Programs) -> None:
        run = mirror.target([SCHEMA, person(1)], ledger_url="")
        assert run.code == 1
        assert "member_mode mirror needs a ledger" in run.err


def patch(emulator: Emulator, account: str, list_id: str, *records: str) -> None:
    body = {"operation_type": "ADD", "records": ",".join(records)}
    call(emulator, "PATCH", f"ad_accounts/{account}/customer_lists/{list_id}", body)
