"""The stream ``audience_sharing``, from plan to Pinterest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from programs import record, schema

from pinterest_emulator.demo_data.sharing import OTHER_BUSINESS_ID, OWN_BUSINESS_ID
from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Programs

LARGE, SMALL, EMPTY, SHARED, FOREIGN = (str(549_755_800_001 + number) for number in range(5))
BUSINESS, OTHER_BUSINESS = str(OWN_BUSINESS_ID), str(OTHER_BUSINESS_ID)
FRESH, FRESH_TOO = "2542620000002", "2542620000003"
TWICE_SHARED = "2542620000004"
"""Of LARGE, shared with SMALL, SHARED and both businesses."""
RECEIVED = "2542620000667"
"""Of SHARED, which shares it with BUSINESS."""
STREAM = "audience_sharing"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A Pinterest with businesses."""
    with Emulator(seed="demo", access="unlimited") as emulator:
        yield emulator


@pytest.fixture
def ours(programs: Programs) -> Programs:
    programs.settings |= {
        "ad_account_id": LARGE,
        "report_path": str(programs.folder / "report.json"),
    }
    return programs


def wish(audience: Any, operation: Any = "SHARE", **fields: Any) -> dict[str, Any]:
    said = {"audience_id": audience, "operation_type": operation, **fields}
    return record(STREAM, **{field: value for field, value in said.items() if value is not None})


def bodies(emulator: Emulator) -> list[dict[str, Any]]:
    return [entry["body"] for entry in emulator.requests() if entry["method"] != "GET"]


def recipients(emulator: Emulator, audience: str) -> set[str]:
    shares = emulator.state()["shared_accounts"].get(audience, [])
    return {share["account_id"] for share in shares}


def report(programs: Programs) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((programs.folder / "report.json").read_text())
    return said


def endings(programs: Programs) -> list[str]:
    return [change.get("code", change["action"]) for change in report(programs)["changes"]]


def test_audience_is_shared_once_and_revoked_once(emulator: Emulator, ours: Programs) -> None:
    to: dict[str, Any] = {
        "recipient_account_ids": [SMALL, FOREIGN],
        "recipient_business_ids": [OTHER_BUSINESS],
    }
    run = ours.target([schema(STREAM), wish(FRESH, **to), wish(FRESH, **to)])
    assert run.code == 0, run.err
    assert "0 rejected, 1 shared; 2 requests to read and 2 to write" in run.err
    assert recipients(emulator, FRESH) == {SMALL, FOREIGN, OTHER_BUSINESS}
    assert bodies(emulator) == [
        {
            "audience_id": FRESH,
            "recipient_account_ids": [SMALL, FOREIGN],
            "operation_type": "SHARE",
        },
        {
            "audience_id": FRESH,
            "recipient_business_ids": [OTHER_BUSINESS],
            "operation_type": "SHARE",
        },
    ]
    assert report(ours)["changes"] == [
        {
            "stream": STREAM,
            "record": 1,
            "name": None,
            "action": "shared",
            "ad_account_id": LARGE,
            "audience_id": FRESH,
            "recipients": {
                "AD_ACCOUNT": [SMALL, FOREIGN],
                "BUSINESS_ACCOUNT": [OTHER_BUSINESS],
            },
        }
    ]
    emulator.clear()
    again = ours.target([schema(STREAM), wish(FRESH, **to)])
    assert "1 unchanged" in again.err
    assert bodies(emulator) == []

    back = [wish(FRESH, "REVOKE", **to), wish(FRESH, None, _sdc_deleted_at="2026-01-01", **to)]
    run = ours.target([schema(STREAM), *back])
    assert run.code == 0, run.err
    assert "1 unchanged, 0 removed, 0 rejected, 1 revoked" in run.err
    assert recipients(emulator, FRESH) == set()
    assert [body["operation_type"] for body in bodies(emulator)] == ["REVOKE"] * 2


def test_only_new_recipients_are_shared_and_only_existing_ones_revoked(
    emulator: Emulator, ours: Programs
) -> None:
    to: dict[str, Any] = {
        "recipient_account_ids": [SMALL, EMPTY],
        "recipient_business_ids": BUSINESS,
    }
    lines = [
        wish(TWICE_SHARED, **to),
        wish(FRESH, recipient_account_ids=[SMALL]),
    ]
    run = ours.target([schema(STREAM), *lines])
    assert run.code == 0, run.err
    back = wish(FRESH, "REVOKE", recipient_account_ids=[EMPTY, SMALL])
    assert ours.target([schema(STREAM), back]).code == 0
    assert [body["recipient_account_ids"] for body in bodies(emulator)] == [
        [EMPTY],
        [SMALL],
        [SMALL],
    ]


def test_deleted_record_ends_its_sharing(emulator: Emulator, ours: Programs) -> None:
    gone = wish(TWICE_SHARED, recipient_account_ids=[SMALL], _sdc_deleted_at="2026-01-01")
    assert ours.target([schema(STREAM), gone]).code == 0
    assert recipients(emulator, TWICE_SHARED) == {SHARED, BUSINESS, OTHER_BUSINESS}


@pytest.mark.parametrize(
    "said",
    [
        [SMALL, EMPTY],
        [int(SMALL), f" {EMPTY} ", SMALL, None, ""],
        json.dumps([SMALL, EMPTY]),
        f" [{SMALL}, {EMPTY}.0]",
    ],
)
def test_recipients_come_in_every_form(emulator: Emulator, ours: Programs, said: Any) -> None:
    run = ours.target([schema(STREAM), wish(FRESH, recipient_account_ids=said)])
    assert run.code == 0, run.err
    assert bodies(emulator)[0]["recipient_account_ids"] == [SMALL, EMPTY]


def test_single_recipient_needs_no_list(emulator: Emulator, ours: Programs) -> None:
    lines = [
        wish(FRESH, recipient_account_ids=SMALL),
        wish(FRESH_TOO, recipient_account_ids=int(SMALL)),
    ]
    run = ours.target([schema(STREAM), *lines])
    assert run.code == 0, run.err
    assert [body["recipient_account_ids"] for body in bodies(emulator)] == [[SMALL], [SMALL]]


def test_business_shares_owned_and_received_audiences(emulator: Emulator, ours: Programs) -> None:
    of_business: dict[str, Any] = {"business_id": BUSINESS, "ad_account_id": LARGE}
    lines = [
        wish(
            FRESH,
            recipient_account_ids=[SMALL],
            recipient_business_ids=[OTHER_BUSINESS],
            **of_business,
        ),
        wish(RECEIVED, recipient_account_ids=[EMPTY], **of_business),
        wish(TWICE_SHARED, "REVOKE", recipient_business_ids=[OTHER_BUSINESS], **of_business),
    ]
    run = ours.target([schema(STREAM), *lines])
    assert run.code == 0, run.err
    assert recipients(emulator, FRESH) == {SMALL, OTHER_BUSINESS}
    assert recipients(emulator, RECEIVED) == {BUSINESS, EMPTY}
    assert recipients(emulator, TWICE_SHARED) == {SMALL, SHARED, BUSINESS}
    assert {entry["path"].split("/audiences")[0] for entry in emulator.requests()} == {
        f"/v5/businesses/{BUSINESS}"
    }
    emulator.clear()
    again = ours.target([schema(STREAM), *lines])
    assert "3 unchanged" in again.err
    assert bodies(emulator) == []


@pytest.mark.parametrize("operation", ["SHARE", "REVOKE"])
def test_sharing_record_may_come_before_its_audience(
    emulator: Emulator, ours: Programs, operation: str
) -> None:
    lines = [
        schema(),
        schema(STREAM),
        wish(None, operation, audience_name="New here", recipient_account_ids=SMALL),
        record(name="New here", audience_type="ENGAGEMENT", rule={"engager_type": 1}),
    ]
    planned = ours.target(lines, dry_run=True)
    assert planned.code == 0, planned.err
    assert bodies(emulator) == []
    plan = report(ours)
    run = ours.target(lines)
    assert run.code == 0, run.err
    made = emulator.state()["audiences"][LARGE][-1]
    assert made["name"] == "New here"
    shared = recipients(emulator, made["id"])
    assert shared == ({SMALL} if operation == "SHARE" else set())
    done = report(ours)
    for change in done["changes"]:
        assert change["audience_id"] == made["id"]
        change["audience_id"] = None
    assert (plan["changes"], plan["counts"]) == (done["changes"], done["counts"])
    # A new audience has no recipients, so the target does not ask for them.
    assert plan["requests"] == done["requests"]
    assert "ad_accounts_audiences_shared_accounts/list" not in {
        entry["operation"] for entry in emulator.requests()
    }
    emulator.clear()
    assert "2 unchanged" in ours.target(lines).err
    assert bodies(emulator) == []


TO_SMALL: dict[str, Any] = {"recipient_account_ids": SMALL}
REJECTED: list[tuple[dict[str, Any], str]] = [
    (wish(None, **TO_SMALL), "no_audience"),
    (wish(None, business_id=BUSINESS, audience_name="Any", **TO_SMALL), "no_audience"),
    (wish(FRESH), "no_recipients"),
    (wish(FRESH, recipient_account_ids=[], recipient_business_ids="[]"), "no_recipients"),
    (wish(FRESH, None, **TO_SMALL), "no_operation_type"),
    (wish(FRESH, "ADD", **TO_SMALL), "bad_operation"),
    (wish(FRESH, 7, **TO_SMALL), "not_text"),
    (wish("Loyal", **TO_SMALL), "bad_id"),
    (wish("9" * 21, **TO_SMALL), "bad_id"),
    (wish(FRESH, recipient_account_ids=f"{SMALL},{EMPTY}"), "bad_id"),
    (wish(FRESH, recipient_account_ids={"id": SMALL}), "bad_id"),
    (wish(FRESH, recipient_business_ids="9" * 21), "bad_id"),
    (wish(FRESH, recipient_account_ids="[1, "), "recipient_account_ids_not_json"),
    (wish("1", **TO_SMALL), "unknown_id"),
    (wish("1", business_id=BUSINESS, **TO_SMALL), "unknown_id"),
    (wish(TWICE_SHARED, ad_account_id=SMALL, recipient_account_ids=EMPTY), "unknown_id"),
    (wish(FRESH, business_id=OTHER_BUSINESS, **TO_SMALL), "refused"),
    (wish(FRESH, recipient_account_ids=LARGE), "refused"),
    (wish(FRESH, ad_account_id=FOREIGN, **TO_SMALL), "refused"),
    (wish(None, audience_name="Any", ad_account_id=FOREIGN, **TO_SMALL), "unreadable_account"),
]


def test_unshareable_audience_is_rejected_with_a_reason(emulator: Emulator, ours: Programs) -> None:
    lines = [schema(STREAM), *(line for line, _ in REJECTED), wish(FRESH, **TO_SMALL)]
    run = ours.target(lines)
    assert run.code == 1
    assert endings(ours) == [*(code for _, code in REJECTED), "shared"]
    reasons = [change["reason"] for change in report(ours)["changes"][:-1]]
    assert f"ad account {LARGE} has no audience 1" in reasons[13]
    assert f"business {BUSINESS} has no audience 1" in reasons[14]
    assert recipients(emulator, FRESH) == {SMALL}


def test_unknown_and_ambiguous_names_are_rejected(emulator: Emulator, ours: Programs) -> None:
    names = [audience["name"] for audience in emulator.state()["audiences"][LARGE]]
    twin = next(name for name in names if names.count(name) == 2)
    lines = [
        schema(STREAM),
        wish(None, audience_name="Nobody", **TO_SMALL),
        wish(None, audience_name=twin, recipient_account_ids=EMPTY),
        wish(None, "REVOKE", audience_name="Nobody", recipient_account_ids=EMPTY),
    ]
    run = ours.target(lines)
    assert run.code == 1
    assert sorted(endings(ours)) == ["ambiguous_reference", "unknown_reference"]
    assert "1 unchanged" in run.err
    newest = ours.target([lines[0], lines[2]], on_ambiguous="newest")
    assert newest.code == 0, newest.err
    (change,) = report(ours)["changes"]
    twins = [item["id"] for item in emulator.state()["audiences"][LARGE] if item["name"] == twin]
    assert (change["name"], change["audience_id"]) == (twin, twins[1])
    revoke = wish(None, "REVOKE", audience_name=twin, recipient_account_ids=EMPTY)
    emulator.clear()
    assert ours.target([lines[0], revoke], on_ambiguous="newest").code == 1
    assert endings(ours) == ["ambiguous_reference"]
    assert bodies(emulator) == []


def test_record_without_owner_is_rejected(ours: Programs) -> None:
    del ours.settings["ad_account_id"]
    lines = [wish(FRESH, **TO_SMALL), wish(FRESH, ad_account_id=LARGE, **TO_SMALL)]
    run = ours.target([schema(STREAM), *lines])
    assert run.code == 1
    assert endings(ours) == ["no_owner", "shared"]


def test_revoke_of_missing_sharing_succeeds(emulator: Emulator, ours: Programs) -> None:
    to: dict[str, Any] = {
        "recipient_account_ids": [EMPTY],
        "recipient_business_ids": [OTHER_BUSINESS],
    }
    lines = [
        schema(STREAM),
        wish("1", "REVOKE", **to),
        wish("1", "REVOKE", business_id=BUSINESS, **to),
        wish(FRESH, "REVOKE", **to),
    ]
    run = ours.target(lines)
    assert run.code == 0, run.err
    assert "3 unchanged" in run.err
    assert bodies(emulator) == []


def test_partly_refused_sharing_is_rejected_and_completed_by_a_later_run(
    emulator: Emulator, ours: Programs
) -> None:
    emulator.fault(
        operation="update_ad_account_to_business_shared_audience", kind="status", status=400, code=1
    )
    to: dict[str, Any] = {
        "recipient_account_ids": [SMALL],
        "recipient_business_ids": [OTHER_BUSINESS],
    }
    lines = [schema(STREAM), wish(FRESH, **to), wish(FRESH_TOO, **to)]
    assert ours.target(lines).code == 1
    assert endings(ours) == ["refused", "shared"]
    assert recipients(emulator, FRESH) == {SMALL}
    assert ours.target(lines).code == 0
    assert report(ours)["changes"][0]["recipients"] == {"BUSINESS_ACCOUNT": [OTHER_BUSINESS]}
    assert recipients(emulator, FRESH) == {SMALL, OTHER_BUSINESS}


def of_large(audience: str | None, **fields: Any) -> dict[str, Any]:
    return wish(audience, ad_account_id=LARGE, recipient_account_ids=SHARED, **fields)


@pytest.mark.parametrize("sharing_first", [True, False])
def test_override_shares_the_copy_created_in_the_run(
    emulator: Emulator,
    ours: Programs,
    sharing_first: bool,  # noqa: FBT001
) -> None:
    copied = record(
        id=FRESH,
        name="Copied",
        ad_account_id=LARGE,
        audience_type="ENGAGEMENT",
        rule={"engager_type": 1},
    )
    lines = [of_large(FRESH), copied] if sharing_first else [copied, of_large(FRESH)]
    settings = {"ad_account_id": SMALL, "override_ad_account": True}
    run = ours.target([schema(), schema(STREAM), *lines], **settings)
    assert run.code == 0, run.err
    made = emulator.state()["audiences"][SMALL][-1]
    assert (made["name"], recipients(emulator, made["id"])) == ("Copied", {SHARED})
    assert recipients(emulator, FRESH) == set()
    emulator.clear()
    assert ours.target([schema(), schema(STREAM), *lines], **settings).code == 0
    assert bodies(emulator) == []


def test_override_shares_by_name_and_never_a_foreign_audience(
    emulator: Emulator, ours: Programs
) -> None:
    own = emulator.state()["audiences"][SMALL][0]
    lines = [
        of_large(FRESH),
        of_large(TWICE_SHARED, operation="REVOKE"),
        of_large(FRESH_TOO, audience_name="Nobody"),
        of_large(FRESH, business_id=BUSINESS),
        of_large("1", audience_name=own["name"]),
        wish(None, audience_name=own["name"], ad_account_id=LARGE, recipient_account_ids=EMPTY),
    ]
    before = emulator.state()["shared_accounts"]
    run = ours.target([schema(STREAM), *lines], ad_account_id=SMALL, override_ad_account=True)
    assert run.code == 1
    codes = ["no_copy", "no_copy", "owner_not_copied", "shared", "shared", "unknown_reference"]
    assert sorted(endings(ours)) == codes
    after = emulator.state()["shared_accounts"]
    assert {share["account_id"] for share in after.pop(own["id"])} >= {SHARED, EMPTY}
    before.pop(own["id"], None)
    assert after == before


@pytest.mark.parametrize(
    ("write_mode", "expected"),
    [
        ("update", {"SHARE": "not_found", "REVOKE": "revoked"}),
        ("create", {"SHARE": "shared", "REVOKE": "exists"}),
    ],
)
def test_write_mode_limits_sharing(
    emulator: Emulator, ours: Programs, write_mode: str, expected: dict[str, str]
) -> None:
    lines = [
        wish(FRESH, recipient_account_ids=SMALL),
        wish(TWICE_SHARED, "REVOKE", recipient_account_ids=SMALL),
        wish(TWICE_SHARED, recipient_account_ids=SHARED),
        wish(FRESH_TOO, "REVOKE", recipient_account_ids=SMALL),
    ]
    run = ours.target([schema(STREAM), *lines], write_mode=write_mode)
    assert run.code == 1
    assert "2 unchanged" in run.err
    assert endings(ours) == list(expected.values())
    assert recipients(emulator, FRESH) == ({SMALL} if write_mode == "create" else set())
    kept = {SHARED, BUSINESS, OTHER_BUSINESS}
    ended = write_mode == "update"
    assert recipients(emulator, TWICE_SHARED) == (kept if ended else {*kept, SMALL})
