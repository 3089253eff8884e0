"""People whose record may say that they do not want to be uploaded are not uploaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from people import NAME, SCHEMA, changes, digest, digests, members, people, person, whole_version
from programs import Programs

from target_pinterest_audiences.input.consent import consent_columns

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator

ANN, BOB, CAT = "ann@shop.example", "bob@shop.example", "cat@shop.example"

SAYS_NO = [
    {"opted_out": True},
    {"OPT_OUT": "Y"},
    {"HasOptedOutOfEmail": "true"},
    {"email_opt_out": 1},
    {"opted_out_at": "2026-03-01"},
    {"opt_out_reason": "not interested"},
    {"unsubscribed": "yes"},
    {"Unsubscribed At": "01.03.2026 10:00"},
    {"do_not_sell": 1.0},
    {"doNotContact": "1.0"},
    {"is_suppressed": "t"},
    {"consent_withdrawn": "somehow"},
    {"consent": False},
    {"consent": None},
    {"consent": ""},
    {"marketing_consent": "denied"},
    {"gdpr_consent": 0.0},
    {"accepts_marketing": "FALSE"},
    {"opted_in": "n"},
    {"consented_at": None},
    {"email_marketing_consent": {"state": "not_subscribed"}},
    {"is_subscribed": "0"},
    {"status": "unsubscribed"},
    {"subscription_state": "Opted Out"},
    {"\ufeffopted_out": True},
    {"ï»¿opted_out": True},
    {"opt_out_email": True},
    {"hs_email_optout_1234": "true"},
    {"HasOptedOutOfFax": True},
    {"unsubscribed_from_all": "Y"},
    {"dont_email": 1},
    {"DNC": "x"},
    {"email_suppression_list": "global"},
    {"limit_ad_tracking": True},
    {"no_marketing": True},
    {"not_consented": "1"},
    {"consent_expired": True},
    {"disallow_targeting": "true"},
    {"anonymised_at": "2026-03-01"},
    {"consent_marketing": None},
    {"ads_consent_pinterest": "0"},
    {"subscribed_to_newsletter": False},
    {"ad_user_data": "DENIED"},
    {"is_contactable": "N"},
    {"newsletter": "no"},
    {"email_marketing": False},
    {"consent_source": "Unsubscribe link"},
    {"status": "not_subscribed"},
    {"status": "Deleted"},
    {"customer_status": "DNC"},
    {"marketing_state": "Globally unsubscribed"},
    {"Email_Opt_Out__c": True},
    {"HS_EMAIL_OPTOUT": "true"},
    {"opt_out_sale": 1},
    {"OPT_OUT_IND": "Y"},
    {"unsub_date": "2026-03-01"},
    {"unsubscribed_from_all": True},
    {"not_opted_in": True},
    {"no_consent": True},
    {"consent_marketing": False},
    {"opt_in_email": None},
    {"crm_consent": "0"},
    {"Newsletter_Consent__c": False},
    {"ad_tracking_enabled": False},
    {"subscribed_to_newsletter": "no"},
    {"profile__can_email": False},
    {"preferences": {"email_opt_out": True}},
    {"preferences": {"channels": [{"name": "email"}, {"Consent": None}]}},
    {"address": {"state": "CA", "status": "unsubscribed"}},
]
SAYS_NOTHING = [
    {"opted_out": False},
    {"OPT_OUT": "N"},
    {"email_opt_out": 0.0},
    {"email_opt_out": "0.0"},
    {"opted_out_at": ""},
    {"unsubscribed_at": "NULL"},
    {"consent": True},
    {"consent": "granted"},
    {"marketing_consent": 1.0},
    {"consented_at": "2025-01-01T10:00:00Z"},
    {"opted_in": "Double Opt-In"},
    {"status": "active"},
    {"status": True},
    {"state": "NY"},
    {"optional_note": "no", "adoption": False, "contents": "none", "status_code": "denied"},
    {"consent": True, "consent_source": "web form", "consent_version": 2, "consented_by": ""},
    {"lat": 52.5, "state": "Delaware", "credit_limit_added": 1, "forgotten_password_at": "2026"},
    {"newsletter": "Weekly", "marketing": None, "gdpr": "YES"},
    {"deletion_requested_at": "", "removed": "0", "unsubscribed_from_all": "\\N"},
    {"adopt_outcome": "cat", "laptop_out_of_stock": True, "form_unsubmitted": True},
    {"consent_version": "v2", "consent_source": "web", "option_in_basket": "blue"},
    {"Email_Opt_Out__c": False, "hs_email_optout": "false", "opt_out_sale": None},
    {"preferences": {"email_opt_out": False, "consent": "granted"}, "tags": ["opted out"]},
    {"email_marketing_consent": {"state": "subscribed", "consent_updated_at": None}},
    {"address": {"state": "CA"}, "orders": [{"status": "denied ones"}], "nothing": {}},
]


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
        "report_path": str(tmp_path / "report.json"),
        "rejected_path": str(tmp_path / "rejected.jsonl"),
    }
    return Programs(tmp_path, settings)


def rejects(target: Programs) -> list[str]:
    """The codes of the records that the last run kept."""
    lines = map(json.loads, (target.folder / "rejected.jsonl").read_text().splitlines())
    return [line["record"]["_reject_code"] for line in lines if line["type"] == "RECORD"]


def with_column(message: dict[str, Any], column: dict[str, Any]) -> dict[str, Any]:
    """Add a column that may be null."""
    return {**message, "record": message["record"] | column}


@pytest.mark.parametrize("column", SAYS_NO, ids=str)
def test_person_who_may_have_opted_out_is_not_uploaded(
    emulator: Emulator, target: Programs, account: str, column: dict[str, Any]
) -> None:
    ann, *alike = (with_column(each, column) for each in (person(email=ANN), *people(range(3))))
    for neighbours in ([], alike):
        run = target.target([SCHEMA, person(email=BOB), *neighbours, ann])
        assert run.code == 1, run.err
        assert members(emulator, account) == {digest(BOB)}
        assert set(rejects(target)) == {"unclear_consent"}
        assert ANN not in run.err
        assert next(iter(column)).strip("\ufeff") in run.err


@pytest.mark.parametrize("column", SAYS_NOTHING, ids=str)
def test_person_who_did_not_opt_out_is_uploaded(
    emulator: Emulator, target: Programs, account: str, column: dict[str, Any]
) -> None:
    run = target.target([SCHEMA, *people(range(3), **column)])
    assert run.code == 0, run.err
    assert members(emulator, account) == digests(range(3))


@pytest.mark.parametrize("column", ["opted_out", "is_deleted"])
def test_stream_map_does_not_drop_an_opt_out_without_naming_it(
    emulator: Emulator, target: Programs, account: str, column: str
) -> None:
    row = {"mail": ANN, "extra": 1, column: True}
    schema: dict[str, Any] = {"properties": {key: {} for key in row}}
    lines = [
        {"type": "SCHEMA", "stream": "people", "key_properties": [], "schema": schema},
        {"type": "RECORD", "stream": "people", "record": row},
    ]
    columns = {"__alias__": "audience_members", "audience_name": f"'{NAME}'", "email": "mail"}
    maps = {"people": {**columns, "__else__": None}}
    run = target.target(lines, stream_maps=maps)
    assert run.code == 1, run.err
    assert f"{column} " in run.err
    assert changes(emulator) == []
    run = target.target(lines, stream_maps={"people": {**maps["people"], column: None}})
    assert run.code == 0, run.err
    assert members(emulator, account) == {digest(ANN)}


def test_email_in_a_column_for_a_list_is_not_stored(target: Programs) -> None:
    lines = [
        person(email=ANN, ad_account_id=BOB),
        person(email="bob", customer_list_id=BOB),
        person(lr_id=BOB, audience_name=BOB),
    ]
    assert target.target([SCHEMA, *lines]).code == 1
    text = (target.folder / "rejected.jsonl").read_text()
    assert BOB not in text
    run = target.target([json.loads(line) for line in text.splitlines()])
    assert run.code == 1
    assert len(rejects(target)) == 3


def test_email_as_the_name_of_a_list_is_not_in_the_report(target: Programs) -> None:
    assert target.target([SCHEMA, person(email=ANN, audience_name=BOB)]).code == 0
    assert BOB not in (target.folder / "report.json").read_text()


def test_person_who_opted_out_is_removed_by_the_operation_or_a_deletion_mark(
    emulator: Emulator, target: Programs, account: str
) -> None:
    assert target.target([SCHEMA, person(email=ANN), person(email=BOB), person(1)]).code == 0
    gone = [
        person(email=ANN, opted_out=True, operation="REMOVE"),
        person(email=BOB, consent=False, _sdc_deleted_at="2026-01-01T00:00:00Z"),
    ]
    run = target.target([SCHEMA, *gone])
    assert run.code == 0, run.err
    assert members(emulator, account) == digests([1])


def test_mirror_with_a_person_who_may_have_opted_out_removes_nobody(
    emulator: Emulator, target: Programs, account: str
) -> None:
    target.settings |= {"member_mode": "mirror", "max_removal_ratio": 1}
    assert target.target(whole_version(range(5), 1)).code == 0
    run = target.target(whole_version(range(3), 2, consent=False))
    assert run.code == 1
    assert members(emulator, account) == digests(range(5))


def test_stored_record_with_unclear_consent_is_rejected_again_in_a_replay(
    emulator: Emulator, target: Programs, account: str
) -> None:
    secret = "called us, ann@shop.example"
    lines = [
        person(email=ANN, opted_out=True),
        person(email=BOB, opted_out_at=secret),
        person(email=CAT, said=[{"can_email": True}, {"can_email": False}, {"can_email": True}]),
    ]
    assert target.target([SCHEMA, *lines]).code == 1
    text = (target.folder / "rejected.jsonl").read_text()
    assert secret not in text
    run = target.target([json.loads(line) for line in text.splitlines()])
    assert run.code == 1
    assert rejects(target) == ["unclear_consent"] * 3
    assert changes(emulator) == []
    assert emulator.state()["customer_lists"].get(account, []) == []


def test_stream_map_that_drops_the_column_uploads_the_person(
    emulator: Emulator, target: Programs, account: str
) -> None:
    target.settings["stream_maps"] = {"audience_members": {"consent": None}}
    run = target.target([SCHEMA, person(email=ANN, consent="unknown")])
    assert run.code == 0, run.err
    assert members(emulator, account, NAME) == {digest(ANN)}


def test_status_of_an_order_and_state_of_an_address_say_nothing_about_a_person() -> None:
    columns = ["email", "order_status", "state", "Email Status", "STATUS", "opted-out", "country"]
    assert consent_columns(columns) == ["Email Status", "STATUS", "opted-out"]


def test_stored_status_is_read_again_in_a_replay_as_before(
    target: Programs,
) -> None:
    secret = "Unsubscribed by ann@shop.example"
    lines = [
        person(email=ANN, status=secret),
        person(email="bob at shop", status="met ann@shop.example"),
    ]
    assert target.target([SCHEMA, *lines]).code == 1
    text = (target.folder / "rejected.jsonl").read_text()
    assert "ann@shop.example" not in text
    assert target.target([json.loads(line) for line in text.splitlines()]).code == 1
    assert len(rejects(target)) == 2
    assert "unclear_consent" in rejects(target)
