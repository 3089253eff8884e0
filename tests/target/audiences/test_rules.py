"""Rules: rejected, normalised and unchanged ones."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from singer_sdk.singerlib.json import serialize_json

from pinterest_emulator.checks import audiences as audience_checks
from pinterest_emulator.errors import ApiError
from target_pinterest_audiences.audiences.rule_fields import RULE_FIELDS, meaning, normalised
from target_pinterest_audiences.audiences.rules import REFERENCES, check_rule, same_rule
from target_pinterest_audiences.changes import Reject

TYPES = ["ACTALIKE", "CUSTOMER_LIST", "ENGAGEMENT", "VISITOR"]
ACTALIKE = {"seed_id": ["2542620639259"], "country": "US", "percentage": 3}


def rejected(
    rule: dict[str, Any],
    audience_type: str | None = None,
    known: dict[str, Any] | None = None,
) -> Reject:
    reject = check_rule(rule, audience_type, known)
    assert isinstance(reject, Reject), rule
    return reject


def emulator_takes(rule: dict[str, Any], audience_type: str | None) -> bool:
    """Check a rule as the emulator does."""
    try:
        audience_checks.check_rule(json.loads(serialize_json(rule)), audience_type)
    except ApiError:
        return False
    return True


def has_digits_for_ids(rule: dict[str, Any]) -> bool:
    """Tell whether the ids are as the descriptions before 5.28 have them."""
    fields = ("ad_id", "campaign_id", "pin_id", "visitor_source_id")
    values = (normalised(rule).get(field) or [] for field in fields)
    ids = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return all(str(one).isdigit() for one in ids)


@pytest.mark.parametrize(
    ("audience_type", "rule"),
    [
        ("CUSTOMER_LIST", {"customer_list_id": "643"}),
        ("ACTALIKE", {"seed_id": ["25"], "country": "US", "percentage": "10"}),
        (
            "VISITOR",
            {
                "visitor_source_id": ["26"],
                "retention_days": "180",
                "event_source": {"=": ["web", "mobile"]},
                "ingestion_source": {"=": ["tag"]},
            },
        ),
        ("VISITOR", {"visitor_source_id": "26", "url": {"contains": "/view_item/shoe"}}),
        (
            "VISITOR",
            {"visitor_source_id": "26", "event": "checkout", "event_data": {"value": 116}},
        ),
        ("ENGAGEMENT", {"engagement_domain": ["www.example.com"], "engager_type": 1}),
        ("ENGAGEMENT", {"engager_type": 1}),
    ],
)
def test_examples_of_pinterest_are_accepted(audience_type: str, rule: dict[str, Any]) -> None:
    assert check_rule(rule, audience_type) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("percentage", Decimal("10.0")),
        ("retention_days", 540),
        ("customer_list_id", 643),
        ("visitor_source_id", 2612511566392),
        ("ad_account_id", "9" * 18),
        ("seed_id", "25"),
        ("pin_id", [25, "26"]),
        ("event", "partner-defined"),
        ("event_source", {"=": "web"}),
        ("url", ["/shoe", "/boot"]),
        ("url", {"contains": ["/shoe"], "!=": "/boot"}),
        ("prefill", False),
        ("engagement_domain", "www.example.com"),
        ("engagement_type", "closeup"),
        ("objective_type", ["AWARENESS", "VIDEO_COMPLETION"]),
        ("objective_type", ["SALES"]),
        ("objective_type", "VIDEO_VIEW"),
        ("objective_type", ["WEB_SESSIONS", "APP_INSTALL", "CTV_CONSIDERATION"]),
        ("visitor_source_id", ["2612511566392", 2612511566393]),
        ("customer_list_id", "9" * 19),
        ("ad_account_id", 10**24),
        ("seed_id", ["1" * 25, 10**20]),
        *((field, ["9" * 19, 10**30]) for field in ("pin_id", "ad_id", "campaign_id")),
        ("pin_id", "AbC-1_2"),
        ("visitor_source_id", "tag-1"),
        ("country", None),
    ],
)
def test_unambiguous_values_are_accepted(field: str, value: Any) -> None:
    # `event_data` is the only field that needs another one.
    assert check_rule({field: value}, None) == ()


@pytest.mark.parametrize(
    ("rule", "where", "allowed"),
    [
        ({"percentage": 11}, "rule.percentage is 11:", "from 1 to 10"),
        ({"percentage": "0"}, "rule.percentage is 0:", "from 1 to 10"),
        ({"percentage": Decimal("2.50")}, "rule.percentage is 2.5:", "whole number"),
        ({"percentage": True}, "rule.percentage is true:", "whole number"),
        ({"retention_days": 541}, "rule.retention_days is 541:", "from 1 to 540"),
        ({"retention_days": "30d"}, "rule.retention_days is '30d':", "whole number"),
        ({"engager_type": 3}, "rule.engager_type is 3:", "from 1 to 2"),
        ({"ad_account_id": -5}, "rule.ad_account_id is -5:", "digits"),
        ({"customer_list_id": "list-1"}, "rule.customer_list_id is 'list-1':", "digits only"),
        ({"visitor_source_id": []}, "rule.visitor_source_id is an empty list:", "one value or"),
        ({"visitor_source_id": ["1", "my tag"]}, "rule.visitor_source_id is 'my tag':", "an id"),
        ({"visitor_source_id": {"=": "1"}}, "rule.visitor_source_id is an object:", "an id"),
        ({"pin_id": ["1,2"]}, "rule.pin_id is '1,2':", "an id"),
        ({"objective_type": ["SALES", "SALE"]}, "rule.objective_type is 'SALE':", "SALES"),
        ({"percentage": "1" * 19}, "rule.percentage is ", "from 1 to 10"),
        ({"customer_list_id": ["1"]}, "rule.customer_list_id is a list:", "an id"),
        ({"seed_id": "1,2"}, "rule.seed_id is '1,2':", "digits"),
        ({"seed_id": ["1", "Loyal"]}, "rule.seed_id is 'Loyal':", "digits"),
        ({"seed_id": [None]}, "rule.seed_id is null:", "digits"),
        ({"pin_id": []}, "rule.pin_id is an empty list:", "one value or more"),
        ({"country": "us"}, "rule.country is 'us':", "two capital letters"),
        ({"country": "USA"}, "rule.country is 'USA':", "two capital letters"),
        ({"event": " "}, "rule.event is '':", "not empty"),
        ({"event": "x", "event_data": "y"}, "rule.event_data is 'y':", "an object"),
        (
            {"event": "x", "event_data": {"line_items": [{"price": Decimal("NaN")}]}},
            "rule.event_data holds NaN:",
            "JSON",
        ),
        (
            {"event": "x", "event_data": {"value": 10**5000 + 1}},
            "rule.event_data holds a number with many digits:",
            "JSON",
        ),
        ({"event_source": "web"}, "rule.event_source is 'web':", '{"=": ["web"]}'),
        ({"event_source": {}}, "rule.event_source is an empty object:", '{"=": ["web"]}'),
        ({"event_source": {"=": ["Web"]}}, "rule.event_source.= is 'Web':", "web, mobile"),
        ({"event_source": {"=": []}}, "rule.event_source.= is an empty list:", "one value or"),
        ({"ingestion_source": {"!=": ["tag"]}}, "rule.ingestion_source has the operator '!='", "="),
        ({"url": {"like": "shoe"}}, "rule.url has the operator 'like':", "not_contains"),
        ({"url": {"contains": 5}}, "rule.url.contains is 5:", "text"),
        ({"url": 5}, "rule.url is 5:", "text"),
        ({"prefill": "true"}, "rule.prefill is 'true':", "without quotes"),
        ({"prefill": 1}, "rule.prefill is 1:", "true or false"),
        ({"engagement_domain": [""]}, "rule.engagement_domain is '':", "a domain"),
        ({"engagement_type": "CLICK"}, "rule.engagement_type is 'CLICK':", "click, save"),
        ({"objective_type": ["awareness"]}, "rule.objective_type is 'awareness':", "AWARENESS"),
    ],
)
def test_wrong_value_is_named_with_its_field_and_the_allowed_values(
    rule: dict[str, Any], where: str, allowed: str
) -> None:
    reject = rejected(rule)
    assert reject.code == "bad_rule_value"
    assert reject.reason.startswith(where)
    assert allowed in reject.reason.removeprefix(where)


@pytest.mark.parametrize(
    ("audience_type", "rule", "lacking"),
    [
        ("CUSTOMER_LIST", {"visitor_source_id": "26"}, "customer_list_id"),
        ("VISITOR", {"retention_days": 30}, "visitor_source_id"),
        ("ACTALIKE", {"country": "US"}, "seed_id"),
        ("ACTALIKE", {"country": "US"}, "percentage"),
        ("ACTALIKE", {**ACTALIKE, "country": None}, "country"),
        (None, {"event_data": {"value": 1}}, "`event`"),
    ],
)
def test_required_fields_of_a_type_must_exist(
    audience_type: str | None, rule: dict[str, Any], lacking: str
) -> None:
    reject = rejected(rule, audience_type)
    assert reject.code == "rule_incomplete"
    assert lacking in reject.reason


@pytest.mark.parametrize("audience_type", ["ENGAGEMENT", "PERSONA", "NOVEL", None])
def test_other_types_require_nothing(audience_type: str | None) -> None:
    assert check_rule({}, audience_type) == ()


def test_fields_of_another_type_are_accepted() -> None:
    assert check_rule({**ACTALIKE, "engager_type": 1, "event": "search"}, "ACTALIKE") == ()


ODD: dict[str, Any] = {
    "visitor_source_id": {"=": ["26"]},
    "retention_days": 900,
    "objective_type": ["NOVEL", "AWARENESS"],
    "event_source": {"=": ["web", "watch"], "near": ["x"]},
    "url": {"like": "/shoe"},
    "prefill": "sometimes",
    "novel": {"a": [1, 2]},
    "event_data": {"value": 1},
}
"""Values that Pinterest may return in the future, and that no description has."""


def test_returned_values_are_accepted_with_a_warning_for_each_field() -> None:
    for known in (ODD, json.loads(json.dumps(ODD))):
        warnings = check_rule(ODD, "VISITOR", known)
        assert isinstance(warnings, tuple)
        assert len(warnings) == len(ODD)
        for field in ODD:
            assert any(f"rule.{field}" in line or repr(field) in line for line in warnings)
        assert all("Pinterest itself returned it" in line for line in warnings)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("objective_type", ["AWARENESS", "NOVEL", "SALES"]),
        ("objective_type", "NOVEL"),
        ("event_source", {"=": ["watch", "mobile"], "near": "x"}),
        ("event_source", {"=": ["mobile"], "near": ["x"]}),
        ("url", {"like": ["/shoe"], "contains": "/boot"}),
        ("novel", {"a": [2, 1]}),
        ("retention_days", "900"),
    ],
)
def test_a_value_that_pinterest_returned_may_stay_while_others_change(
    field: str, value: Any
) -> None:
    assert check_rule({**ODD, field: value}, "VISITOR", ODD)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("retention_days", 901, "901"),
        ("objective_type", ["NOVEL", "NOWHERE"], "'NOWHERE'"),
        ("objective_type", [], "an empty list"),
        ("event_source", {"=": ["web", "watches"]}, "'watches'"),
        ("event_source", {"=": ["web"], "far": ["x"]}, "'far'"),
        ("event_source", {}, "an empty object"),
        ("url", {"like": "/boot"}, "'like'"),
        ("prefill", "never", "'never'"),
        ("novel", {"a": [1, 2, 3]}, "'novel'"),
        ("colour", 1, "'colour'"),
        ("visitor_source_id", {"=": ["27"]}, "an object"),
        ("seed_id", [None], "null"),
        ("country", "us", "'us'"),
    ],
)
def test_a_value_that_the_user_changed_is_checked(field: str, value: Any, named: str) -> None:
    reject = rejected({**ODD, field: value}, "VISITOR", ODD)
    assert named in reject.reason


def test_a_field_that_the_returned_rule_lacks_as_well_is_not_required() -> None:
    known = {"seed_id": ["25"], "percentage": 3}
    warnings = check_rule({"seed_id": "25", "percentage": 4}, "ACTALIKE", known)
    assert isinstance(warnings, tuple)
    (warning,) = warnings
    assert "lacks country" in warning
    reject = rejected({"seed_id": "25"}, "ACTALIKE", known)
    assert reject.code == "rule_incomplete"
    assert "percentage" in reject.reason
    assert "country" not in reject.reason


@pytest.mark.parametrize("field", ["colour", "Country", *REFERENCES])
def test_a_field_that_pinterest_does_not_describe_is_refused(field: str) -> None:
    reject = rejected({**ACTALIKE, field: "x"}, "ACTALIKE")
    assert reject.code == "bad_rule_field"
    assert repr(field) in reject.reason
    assert "visitor_source_id" in reject.reason


def test_a_reference_stands_for_a_field_of_a_rule() -> None:
    assert set(REFERENCES.values()) <= RULE_FIELDS
    assert not set(REFERENCES) & RULE_FIELDS


@pytest.mark.parametrize(
    "rule",
    [
        {"customer_list_id": "mary@example.com"},
        {"pin_id": ["1", "mary@example.com"]},
        {"engagement_type": f"\n{'0a' * 32}"},
        {"event_source": {"mary@example.com": ["web"]}},
        {"url": {"mary@example.com": "x"}},
        {"mary@example.com": 1},
        {"event": ["mary@example.com"]},
        {"country": {"mary@example.com": 1}},
    ],
)
def test_reason_contains_no_personal_data(rule: dict[str, Any]) -> None:
    reason = rejected(rule).reason
    assert "mary" not in reason
    assert "0a0a" not in reason


@pytest.mark.parametrize("field", sorted(RULE_FIELDS))
def test_huge_number_is_refused_like_any_other(field: str) -> None:
    endless = 10**5000 + 1
    assert rejected({field: endless}).reason.startswith(
        f"rule.{field} is a number with many digits"
    )
    assert same_rule({field: endless}, {field: [endless]})
    assert not same_rule({field: endless}, {field: endless + 1})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"seed_id": "25"}, {"seed_id": ["25"]}),
        ({"percentage": "3"}, {"percentage": 3}),
        ({"visitor_source_id": ["26"]}, {"visitor_source_id": "26"}),
        ({"visitor_source_id": ["26", "27"]}, {"visitor_source_id": [27, "26"]}),
        ({"pin_id": ["1" * 25]}, {"pin_id": int("1" * 25)}),
    ],
)
def test_both_forms_of_a_response_are_equal_and_one_is_sent(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert same_rule(one, other)
    assert same_rule(normalised(one), one)
    (sent,) = normalised(one).values()
    (field,) = one
    wanted = {"seed_id": list, "percentage": int, "pin_id": list}
    several = isinstance(one[field], list) and len(one[field]) > 1
    assert type(sent) is wanted.get(field, list if several else str)


VALUES = st.sampled_from([True, 1, 1.0, Decimal("1.0"), "1", "true", [1], {"=": 1}, {"=": [True]}])
REST = [("retention_days", 180), ("seed_id", ["1"])]


@given(value=VALUES, other_value=VALUES, order=st.permutations(range(3)))
def test_rules_are_equal_when_they_mean_the_same_in_any_order(
    value: object, other_value: object, order: list[int]
) -> None:
    one = dict([("new_field", value), *REST])
    items = [("new_field", other_value), *REST]
    other = dict(items[place] for place in order)
    assert same_rule(one, other) == (meaning(one) == meaning(other))


def test_long_value_is_shortened() -> None:
    assert len(rejected({"country": "so long " * 1000}).reason) < 150


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"customer_list_id": 643}, {"customer_list_id": "643"}),
        ({"customer_list_id": " 0643 "}, {"customer_list_id": "0643"}),
        ({"visitor_source_id": [26]}, {"visitor_source_id": "26"}),
        ({"visitor_source_id": ["26", "27"]}, {"visitor_source_id": ["26", "27"]}),
        ({"seed_id": 25}, {"seed_id": ["25"]}),
        ({"ad_id": ["1", 2]}, {"ad_id": ["1", "2"]}),
        ({"percentage": "10"}, {"percentage": 10}),
        ({"retention_days": "030"}, {"retention_days": 30}),
        ({"engager_type": Decimal("1.0")}, {"engager_type": 1}),
        ({"percentage": "ten"}, {"percentage": "ten"}),
        ({"percentage": True}, {"percentage": True}),
        ({"ingestion_source": {"=": "tag"}}, {"ingestion_source": {"=": ["tag"]}}),
        ({"objective_type": "AWARENESS"}, {"objective_type": ["AWARENESS"]}),
        ({"url": "/shoe"}, {"url": "/shoe"}),
        ({"event": "10", "prefill": "true"}, {"event": "10", "prefill": "true"}),
        ({"event_data": {"value": "116"}}, {"event_data": {"value": "116"}}),
        ({"country": None, "colour": "10"}, {"colour": "10"}),
    ],
)
def test_normal_form_changes_only_the_forms_that_the_schema_requires(
    rule: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = json.dumps(rule, default=str)
    assert serialize_json(normalised(rule)) == serialize_json(expected)
    assert json.dumps(rule, default=str) == before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"event_data": {"value": Decimal("199.90")}}, {"event_data": {"value": 199.9}}),
        (
            {"event_data": {"line_items": [{"a": 1, "b": 2}, {"b": 1, "a": 2}]}},
            {"event_data": {"line_items": [{"b": 1, "a": 2}, {"b": 2, "a": 1}]}},
        ),
        ({"retention_days": " 180 "}, {}),
    ],
)
def test_spelling_of_numbers_and_objects_makes_no_difference(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert same_rule(one, other)


def test_numbers_that_differ_in_the_last_of_many_digits_differ() -> None:
    one, other = ({"event_data": {"value": Decimal(f"{'1' * 40}.{end}")}} for end in ("25", "26"))
    assert not same_rule(one, other)


_ids = st.integers(0, 10**22).flatmap(lambda number: st.sampled_from([number, str(number)]))
_texts = st.text("ab/. ", min_size=1, max_size=6).filter(str.strip)


def _wholes(low: int, high: int) -> st.SearchStrategy[Any]:
    return st.integers(low, high).flatmap(
        lambda number: st.sampled_from([number, str(number), f"0{number}", Decimal(f"{number}.0")])
    )


def _some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3)


def _sources(*words: str) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"=": _some(st.sampled_from(words))})


_right: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["ad_account_id", "customer_list_id"], _ids),
    "visitor_source_id": _some(_ids),
    **dict.fromkeys(["ad_id", "campaign_id", "pin_id", "seed_id"], _some(_ids)),
    "percentage": _wholes(1, 10),
    "retention_days": _wholes(1, 540),
    "engager_type": _wholes(1, 2),
    "country": st.text("ABCXYZ", min_size=2, max_size=2),
    "event": _texts,
    "event_data": st.dictionaries(_texts, _texts | st.decimals(-9, 9, places=2), max_size=2),
    "event_source": _sources("web", "mobile", "offline"),
    "ingestion_source": _sources("tag", "mmp", "file_upload", "conversions_api"),
    "url": _some(_texts)
    | st.dictionaries(
        st.sampled_from(["=", "!=", "contains", "not_contains"]), _some(_texts), min_size=1
    ),
    "prefill": st.booleans(),
    "engagement_domain": _some(st.text("ab/.-", min_size=1, max_size=6)),
    "engagement_type": st.sampled_from(["click", "save", "closeup", "comment", "like"]),
    "objective_type": _some(st.sampled_from(["AWARENESS", "CATALOG_SALES"])),
}
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["=", "web", "US", "10", "²", "٣", "1" * 19])
    | st.sampled_from([Decimal("sNaN"), Decimal("1E+999999999"), Decimal("1E-999999999")])
)
_anything = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["=", "contains"]) | st.text(max_size=3), inner)
    ),
    max_leaves=6,
)
_fields = st.sampled_from(sorted(RULE_FIELDS))
_right_rules = st.fixed_dictionaries({}, optional=_right)
_one_broken = st.tuples(_right_rules, _fields, _anything).map(lambda it: {**it[0], it[1]: it[2]})
_wild_rules = st.dictionaries(_fields | st.text(max_size=4), _anything, max_size=4)
_rules = _right_rules | _one_broken | _wild_rules
_types = st.sampled_from([*TYPES, "PERSONA", None])


@given(_right_rules)
def test_rule_of_valid_values_can_only_lack_fields(rule: dict[str, Any]) -> None:
    outcome = check_rule(rule, None)
    if isinstance(outcome, Reject):
        assert outcome.code == "rule_incomplete"
        assert "event" not in rule


@given(st.fixed_dictionaries(_right), _types)
def test_rule_with_all_fields_is_accepted_for_every_type(
    rule: dict[str, Any], audience_type: str | None
) -> None:
    assert check_rule(rule, audience_type) == ()
    assert emulator_takes(normalised(rule), audience_type)


@given(_rules, _types)
@example({"seed_id": [], "country": "US", "percentage": 3}, "ACTALIKE")
@example({"visitor_source_id": []}, "VISITOR")
@example({"percentage": "²"}, None)
def test_accepted_rule_is_accepted_by_the_api_in_normal_form(
    rule: dict[str, Any], audience_type: str | None
) -> None:
    if check_rule(rule, audience_type) == () and has_digits_for_ids(rule):
        assert emulator_takes(normalised(rule), audience_type)


@given(_right_rules, st.sampled_from(TYPES), st.data())
def test_rule_refused_by_the_api_is_rejected(
    rule: dict[str, Any], audience_type: str, data: st.DataObject
) -> None:
    checked_there = sorted(set(_right) & {"ad_account_id", "pin_id", "percentage", *ACTALIKE})
    field = data.draw(st.sampled_from(checked_there))
    broken = {**rule, field: data.draw(st.sampled_from([0, -1, "x", "", [], ["x"], {}, True]))}
    if not emulator_takes(normalised(broken), audience_type):
        rejected(broken, audience_type)


@given(_rules, _types)
def test_check_never_raises_and_returns_one_line(
    rule: dict[str, Any], audience_type: str | None
) -> None:
    outcome = check_rule(rule, audience_type)
    if isinstance(outcome, Reject):
        assert outcome.code in {"bad_rule_field", "bad_rule_value", "rule_incomplete"}
        assert outcome.reason.splitlines() == [outcome.reason]
        assert outcome.reason.isprintable()


@given(_rules, _rules, _types)
def test_returned_rule_is_accepted_and_valid_rule_stays_accepted(
    rule: dict[str, Any], known: dict[str, Any], audience_type: str | None
) -> None:
    assert isinstance(check_rule(rule, audience_type, rule), tuple)
    if isinstance(check_rule(rule, audience_type), tuple):
        assert check_rule(rule, audience_type, known) == ()


@given(_rules)
def test_normal_form_is_stable_and_equivalent(rule: dict[str, Any]) -> None:
    normal = normalised(rule)
    assert normalised(normal) == normal
    assert same_rule(rule, normal)
    assert check_rule(normal, None) == check_rule(rule, None)
