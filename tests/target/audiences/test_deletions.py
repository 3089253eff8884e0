"""Whether a record asks for a removal, in the spellings of many tools."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.column_names import is_blank_row, may_be_removal
from target_pinterest_audiences.input.deletions import DELETION_DROPPED, ORIGIN_DELETED
from target_pinterest_audiences.input.values import UnreadableRecordError
from target_pinterest_audiences.members.records import MEMBER_COLUMNS, Member, MemberReader

ANN = {"audience_name": "V", "email": "ann@shop.example"}
BLANKS: tuple[Any, ...] = (
    *(None, "", " ", "\t", "\u00a0", "\ufeff", "\u200b", [], {}, float("nan"), Decimal("NaN")),
    *("null", "NULL", "None", "nan", "NaT", "\\N", "<NA>", "#N/A"),
)
TIMES = (
    *("2026-01-01", "20260101", "2026-01-01T00:00:00Z", "2026-01-01 10:11:12.123456789 +00:00"),
    *("2026-01-01 00:00:00 UTC", " 2026-01-01T00:00:00+0200 ", "2026-01-01t00:00:00z"),
    *("1/31/2026 14:05", "31.01.2026", 1767225600, 1767225600000, "1767225600"),
    *(Decimal(1767225600), 1767225600.5, dt.date(2026, 1, 1)),
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
)
NEITHER = (
    *("yes", "0", 0, 1, True, False, "true", "2026-13-01", "0000-00-00", "2026", "x", ["x"]),
    *("1970-01-01T00:00:00Z", "0001-01-01", "9999-12-31", {"a": 1}, "2026-01-01 or so"),
)
TIME_MARKS = (
    *("_sdc_deleted_at", "_SDC_DELETED_AT", "sdc_deleted_at", "\ufeff_sdc_deleted_at"),
    *(" _sdc_deleted_at ", "_sdc_lsn_deleted_at", "_ab_cdc_deleted_at", "_AB_CDC_DELETED_AT"),
)
FLAG_MARKS = ("_fivetran_deleted", "_FIVETRAN_DELETED", "__deleted", "_deleted", "__DELETED")


def read(**fields: Any) -> Member | Reject:
    record = {**ANN, **fields}
    one = MemberReader("1").read(record)
    chunk = MemberReader("1").read_all([record])
    if isinstance(one, Reject):
        assert chunk.rejected == [(0, record, one)], "one by one and many at a time"
    else:
        assert chunk.people == {(one.ref, one.list_type): {one.text: one.add}}
    return one


def outcome(**fields: Any) -> str:
    found = read(**fields)
    return found.code if isinstance(found, Reject) else "ADD" if found.add else "REMOVE"


@pytest.mark.parametrize("mark", TIME_MARKS)
@pytest.mark.parametrize("value", BLANKS, ids=repr)
def test_blank_deletion_mark_keeps_the_row(mark: str, value: object) -> None:
    assert outcome(**{mark: value}) == "ADD"


@pytest.mark.parametrize("mark", TIME_MARKS)
@pytest.mark.parametrize("value", TIMES, ids=repr)
def test_timestamp_as_deletion_mark_removes(mark: str, value: object) -> None:
    assert outcome(**{mark: value}) == "REMOVE"


@pytest.mark.parametrize("mark", TIME_MARKS)
@pytest.mark.parametrize("value", NEITHER, ids=repr)
def test_any_other_deletion_mark_is_rejected(mark: str, value: object) -> None:
    assert outcome(**{mark: value}) == "bad_deletion_mark"


@pytest.mark.parametrize("mark", FLAG_MARKS)
@pytest.mark.parametrize(
    ("value", "end"),
    [
        *((value, "REMOVE") for value in (True, "true", "TRUE", "t", 1, "1", "yes")),
        *((value, "ADD") for value in (False, "false", "False", 0, "0", "no", *BLANKS)),
        *((value, "bad_deletion_mark") for value in ("perhaps", 2, "2026-01-01", ["true"])),
    ],
    ids=repr,
)
def test_deletion_flag_of_another_tool_is_read(mark: str, value: object, end: str) -> None:
    assert outcome(**{mark: value}) == end


@pytest.mark.parametrize(
    ("column", "value", "end"),
    [
        ("__op", "d", "REMOVE"),
        ("__op", "u", "ADD"),
        ("__op", "t", "bad_deletion_mark"),
        ("_change_type", "delete", "REMOVE"),
        ("_CHANGE_TYPE", "INSERT", "ADD"),
        ("_change_type", "update_preimage", "bad_deletion_mark"),
        ("METADATA$ACTION", "INSERT", "ADD"),
        ("METADATA$ACTION", "DELETE", "bad_deletion_mark"),
        ("deleted_at", "2026-01-01", "unknown_deletion_mark"),
        ("DELETED_AT", "2026-01-01", "unknown_deletion_mark"),
        ("is_deleted", True, "unknown_deletion_mark"),
        ("isDeleted", "false", "ADD"),
        ("deleted_at", "", "ADD"),
        ("op", "u", "ADD"),
        ("op", "d", "unknown_deletion_mark"),
        ("Op", "D", "unknown_deletion_mark"),
        ("CHANGE_TYPE", "Delete", "unknown_deletion_mark"),
        ("action", "removed", "unknown_deletion_mark"),
        ("action", "called", "ADD"),
        ("deleted_flag", "Y", "unknown_deletion_mark"),
        ("deleted_flag", "N", "ADD"),
        ("row_deleted", 1, "unknown_deletion_mark"),
        ("is_removed", "TRUE", "unknown_deletion_mark"),
        ("deletion_requested_at", "2026-03-01", "unknown_deletion_mark"),
        ("deletion_requested_at", None, "ADD"),
        ("ï»¿_sdc_deleted_at", "2026-03-01", "REMOVE"),
        ("ï»¿_SDC_DELETED_AT", "", "ADD"),
        ("change_type", "price", "ADD"),
        ("num_deleted_orders", 3, "ADD"),
    ],
)
def test_change_log_column_is_read_or_rejected(column: str, value: object, end: str) -> None:
    assert outcome(**{column: value}) == end


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({"operation": "REMOVE"}, "REMOVE"),
        ({"operation_type": "REMOVE"}, "REMOVE"),
        ({"OPERATION": "REMOVE"}, "REMOVE"),
        ({"Operation Type": " remove "}, "REMOVE"),
        ({"operationType": "REMOVE"}, "REMOVE"),
        ({"\ufeffoperation": "REMOVE"}, "REMOVE"),
        ({"operation": "", "operation_type": "REMOVE"}, "REMOVE"),
        ({"operation": "REMOVE", "operation_type": "remove"}, "REMOVE"),
        ({"operation": "ADD", "operation_type": "REMOVE"}, "conflicting_operations"),
        ({"operation": "ADD", "OPERATION": "REMOVE"}, "conflicting_columns"),
        ({"operation": "DELETE"}, "bad_operation"),
        ({"operation": "NULL"}, "bad_operation"),
        ({"operation": True}, "not_text"),
        ({"operation": []}, "ADD"),
        ({"operation": "ADD", "_sdc_deleted_at": ""}, "ADD"),
        ({"operation": "ADD", "_sdc_deleted_at": "2026-01-01"}, "REMOVE"),
        ({"_sdc_deleted_at": None, "_fivetran_deleted": True}, "REMOVE"),
        ({"_sdc_deleted_at": "2026-01-01", "__deleted": "?"}, "bad_deletion_mark"),
        ({"_deleted": "true", "__deleted": "false"}, "conflicting_columns"),
        ({ORIGIN_DELETED: True}, DELETION_DROPPED.code),
        ({ORIGIN_DELETED: True, "operation": "REMOVE"}, "REMOVE"),
    ],
    ids=repr,
)
def test_operation_and_deletion_mark_are_read_together(fields: dict[str, Any], end: str) -> None:
    assert outcome(**fields) == end


@pytest.mark.parametrize(
    "column", ["AD_ACCOUNT_ID", "ad account id", "adAccountId", "Ad-Account-ID"]
)
def test_ad_account_in_another_spelling_is_not_the_default_one(column: str) -> None:
    found = read(**{column: 777})
    assert isinstance(found, Member)
    assert found.ref.ad_account_id == "777"


def test_two_columns_of_one_meaning_must_agree() -> None:
    assert outcome(AD_ACCOUNT_ID="7", ad_account_id="7") == "ADD"
    assert outcome(AD_ACCOUNT_ID="7", ad_account_id="8") == "conflicting_columns"
    assert outcome(AD_ACCOUNT_ID="", ad_account_id="8") == "ADD"
    with pytest.raises(UnreadableRecordError):
        MEMBER_COLUMNS.read({"EMAIL": "a@b.example", "email": "c@d.example"})


@pytest.mark.parametrize("blank", ["", " ", None, [], "NULL", "nan"], ids=repr)
def test_blank_second_identifier_is_ignored(blank: object) -> None:
    assert outcome(lr_id=blank) == "ADD"
    assert outcome(lr_id="Xy1Tz") == "several_identifiers"


def test_deletion_that_holds_only_its_key_has_a_code_of_its_own() -> None:
    gone = {"id": 7, "_sdc_deleted_at": "2026-01-01"}
    reader = MemberReader("1")
    for record in (gone, {**gone, "audience_name": "V"}, {**gone, **ANN, "email": ""}):
        found = reader.read(record)
        assert isinstance(found, Reject)
        assert found.code == "key_only_deletion"
        assert "REPLICA IDENTITY FULL" in found.reason


def test_possible_removal_is_recognised() -> None:
    assert may_be_removal({"x": 1, "_SDC_DELETED_AT": "2026-01-01"})
    assert may_be_removal({"operation": "remove"})
    assert may_be_removal({"_sdc_deleted_at": "who knows"}), "then no map may drop it"
    assert not may_be_removal({"deleted_at": "2026-01-01"}), "no tool's mark: a map may drop it"
    assert not may_be_removal({"_sdc_deleted_at": "", "operation": "ADD"})


def test_blank_row_is_recognised() -> None:
    assert is_blank_row({"email": "", "name": None, "tags": [], "_sdc_sequence": 5})
    assert is_blank_row({"email": " ", "_fivetran_deleted": False})
    assert not is_blank_row({"email": "", "_sdc_deleted_at": "2026-01-01"})
    assert not is_blank_row({"email": "", "age": 0})
