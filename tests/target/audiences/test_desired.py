"""Reading records in all forms that warehouses send."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_pinterest_audiences.audiences.desired import Desired, Sharing, read
from target_pinterest_audiences.audiences.writer import is_planned
from target_pinterest_audiences.changes import Reject


def reading(**fields: Any) -> Desired:
    desired = read({"name": "Loyal", **fields}, "5497")
    assert isinstance(desired, Desired), desired
    return desired


@pytest.mark.parametrize("value", ["12", 12, Decimal(12), Decimal("12.0"), " 12 "])
def test_ids_come_as_text_or_as_whole_numbers(value: object) -> None:
    assert reading(id=value).audience_id == "12"
    assert reading(ad_account_id=value).ad_account_id == "12"


@pytest.mark.parametrize("value", ["1234567890123456789", 2**64 - 1])
def test_an_id_may_have_as_many_digits_as_a_number_of_64_bits(value: object) -> None:
    desired = reading(id=value, ad_account_id=value)
    assert (desired.audience_id, desired.ad_account_id) == (str(value), str(value))
    assert not is_planned(str(value))


def test_ad_account_of_the_record_wins() -> None:
    assert reading().ad_account_id == "5497"
    assert reading(ad_account_id="1").ad_account_id == "1"


def test_null_and_empty_values_are_unmentioned() -> None:
    assert reading(id=None, description=None, rule=None, audience_type="") == Desired(
        "5497", name="Loyal"
    )


@pytest.mark.parametrize("blank", ["", "   ", "\t"])
def test_blank_description_clears_the_description(blank: str) -> None:
    assert reading(description=blank) == Desired("5497", name="Loyal", description="")


@pytest.mark.parametrize(
    "rule",
    [
        {"retention_days": 30, "visitor_source_id": "26"},
        '{"retention_days": 30, "visitor_source_id": "26"}',
        {"retention_days": Decimal("30.0"), "visitor_source_id": "26", "url": None},
        '{"retention_days": 30.0, "visitor_source_id": "26", "url": null}',
    ],
)
def test_a_rule_is_an_object_or_its_text(rule: object) -> None:
    read_rule = reading(rule=rule).rule
    assert read_rule == {"retention_days": 30, "visitor_source_id": "26"}
    assert type(read_rule["retention_days"]) is int


def test_removal_is_read_from_operation_or_deletion_mark() -> None:
    assert reading(operation_type="REMOVE").remove
    assert reading(_sdc_deleted_at="2026-01-01T00:00:00Z").remove
    assert not reading(operation_type="UPDATE", _sdc_deleted_at=None).remove


def test_custom_audience_fields_are_read() -> None:
    fields = {"sharing_type": "SYNDICATED", "data_party": "3p", "category": "Cars"}
    assert reading(**fields).sharing == Sharing("SYNDICATED", "3p", "Cars")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": None}, "no_id_or_name"),
        ({"name": "  "}, "no_id_or_name"),
        ({"name": 7}, "not_text"),
        ({"description": ["a"]}, "not_text"),
        ({"id": "12a"}, "bad_id"),
        ({"id": "9" * 21}, "bad_id"),
        ({"id": True}, "bad_id"),
        ({"id": Decimal("1.5")}, "bad_id"),
        ({"id": -1}, "bad_id"),
        ({"id": "٣"}, "bad_id"),
        ({"ad_account_id": "../1"}, "bad_id"),
        ({"rule": "[1]"}, "rule_not_object"),
        ({"rule": 5}, "rule_not_object"),
        ({"rule": True}, "rule_not_object"),
        ({"rule": "{broken"}, "rule_not_json"),
        ({"rule": '{"percentage": NaN}'}, "rule_not_json"),
        ({"rule": '{"percentage": 1e999999999999999999999}'}, "rule_not_json"),
        ({"rule": '{"a":' * 100_000}, "rule_not_json"),
        ({"sharing_type": "CUSTOM"}, "half_custom"),
        ({"data_party": "1p"}, "half_custom"),
        ({"sharing_type": "custom", "data_party": "1p"}, "bad_sharing_type"),
        ({"operation_type": "DELETE"}, "bad_operation"),
    ],
)
def test_unreadable_record_is_rejected_with_a_reason(fields: dict[str, Any], code: str) -> None:
    outcome = read({"name": "Loyal", **fields}, "5497")
    assert isinstance(outcome, Reject)
    assert outcome.code == code
    assert "\n" not in outcome.reason


def test_record_without_account_is_rejected() -> None:
    outcome = read({"name": "Loyal"}, None)
    assert isinstance(outcome, Reject)
    assert outcome.code == "no_ad_account"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
_columns = ["id", "name", "ad_account_id", "audience_type", "description", "rule", "sharing_type"]


@given(st.dictionaries(st.sampled_from(_columns) | st.text(max_size=6), _json))
def test_any_record_is_read_or_rejected(record: dict[str, Any]) -> None:
    assert isinstance(read(record, "5497"), (Desired, Reject))
