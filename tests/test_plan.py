"""The decisions of the target, without any I/O."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_pinterest_audiences.decisions import (
    Create,
    Decision,
    Reject,
    Remove,
    Unchanged,
    Update,
)
from target_pinterest_audiences.plan import plan
from target_pinterest_audiences.rules import RULE_FIELDS, same_rule
from target_pinterest_audiences.wanted import Sharing, Wanted

VISITOR = {"visitor_source_id": "2612511566392", "retention_days": 180}
THERE: dict[str, Any] = {
    "id": "2542623499735",
    "name": "Loyal",
    "audience_type": "VISITOR",
    "description": "Came twice",
    "rule": VISITOR,
    "size": 12,
    "status": "READY",
}
NEWER = {**THERE, "id": "12542623499735"}


def wanted(**fields: Any) -> Wanted:
    return Wanted(**{"ad_account_id": "5497", "name": "Loyal", **fields})


def code(decision: Decision) -> str:
    assert isinstance(decision, Reject), decision
    return decision.code


def test_missing_is_created_with_what_the_record_says_and_nothing_else() -> None:
    decision = plan(wanted(audience_type="VISITOR", rule=VISITOR), [])
    assert decision == Create(
        "5497", {"name": "Loyal", "audience_type": "VISITOR", "rule": VISITOR}
    )


def test_equal_is_left_alone() -> None:
    same = wanted(audience_type="VISITOR", rule=VISITOR, description="Came twice")
    assert plan(same, [THERE]) == Unchanged(THERE["id"])


def test_what_a_record_does_not_mention_is_left_alone() -> None:
    assert plan(wanted(), [THERE]) == Unchanged(THERE["id"])


def test_update_sends_only_what_differs() -> None:
    decision = plan(wanted(audience_id=THERE["id"], name="Faithful", rule=VISITOR), [THERE])
    assert decision == Update("5497", THERE["id"], {"name": "Faithful"}, old={"name": "Loyal"})


def test_an_unknown_id_is_not_created_under_another() -> None:
    decision = plan(wanted(audience_id="1", audience_type="VISITOR", rule=VISITOR), [])
    assert code(decision) == "unknown_id"


def test_two_of_one_name_are_refused_or_the_newest_is_taken() -> None:
    two = [NEWER, THERE]
    assert code(plan(wanted(description="new"), two)) == "ambiguous_name"
    assert plan(wanted(description="new"), two, on_ambiguous="newest") == Update(
        "5497", NEWER["id"], {"description": "new"}, old={"description": "Came twice"}
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"audience_type": "VISITOR"}, "incomplete"),
        ({"rule": VISITOR}, "incomplete"),
        ({"audience_type": "PERSONA", "rule": VISITOR}, "not_creatable"),
        ({"audience_type": "visitor", "rule": VISITOR}, "bad_audience_type"),
        ({"audience_type": "VISITOR", "rule": {**VISITOR, "colour": 1}}, "bad_rule_field"),
    ],
)
def test_what_can_not_be_created_is_rejected(fields: dict[str, Any], expected: str) -> None:
    assert code(plan(wanted(**fields), [])) == expected


def test_the_type_of_an_audience_can_not_be_changed() -> None:
    assert code(plan(wanted(audience_type="ENGAGEMENT"), [THERE])) == "type_differs"


def test_a_type_that_this_project_never_heard_of_may_stay_as_it_is() -> None:
    novel = {**THERE, "audience_type": "NOVEL", "rule": {"novel": 1}}
    same = wanted(audience_type="NOVEL", rule={"novel": 1})
    assert plan(same, [novel]) == Unchanged(THERE["id"])


def test_write_mode_create_changes_nothing_that_exists() -> None:
    assert plan(wanted(), [THERE], write_mode="create") == Unchanged(THERE["id"])
    assert code(plan(wanted(description="new"), [THERE], write_mode="create")) == "exists"
    assert code(plan(wanted(remove=True), [THERE], write_mode="create")) == "exists"
    new = wanted(audience_type="VISITOR", rule=VISITOR)
    assert isinstance(plan(new, [], write_mode="create"), Create)


def test_write_mode_update_creates_nothing() -> None:
    new = wanted(audience_type="VISITOR", rule=VISITOR)
    assert code(plan(new, [], write_mode="update")) == "not_found"
    assert isinstance(plan(wanted(description="new"), [THERE], write_mode="update"), Update)


def test_removal() -> None:
    assert plan(wanted(remove=True), [THERE]) == Remove("5497", THERE["id"])
    assert plan(wanted(remove=True), []) == Unchanged(None)
    assert plan(wanted(remove=True, audience_id="1"), []) == Unchanged(None)
    assert code(plan(wanted(remove=True), [THERE, NEWER])) == "ambiguous_name"


def test_custom_audiences_are_created_with_the_fields_of_their_endpoint_only() -> None:
    custom = wanted(rule=VISITOR, description="d", sharing=Sharing("CUSTOM", "1p", "Cars"))
    assert plan(custom, []) == Create(
        "5497",
        {
            "name": "Loyal",
            "rule": VISITOR,
            "sharing_type": "CUSTOM",
            "data_party": "1p",
            "category": "Cars",
        },
        custom=True,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"percentage": "10"}, {"percentage": 10}),
        ({"percentage": 10.0}, {"percentage": 10}),
        ({"visitor_source_id": ["2612"]}, {"visitor_source_id": "2612"}),
        ({"seed_id": ["1", "2"]}, {"seed_id": ["2", "1"]}),
        ({"event": "search"}, {"event": "search", "prefill": True}),
        ({"event": "search"}, {"event": "search", "retention_days": 180}),
        ({"event": "search", "url": None}, {"event": "search"}),
        ({"event_source": {"=": ["web"]}}, {"event_source": {"=": "web"}}),
        ({"prefill": "false"}, {"prefill": False}),
    ],
)
def test_rules_that_mean_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert same_rule(one, other)
    assert same_rule(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"percentage": 1}, {"percentage": 10}),
        ({"event": "search"}, {"event": "search", "prefill": False}),
        ({"event": "search"}, {"event": "search", "retention_days": 30}),
        ({"seed_id": ["1", "2"]}, {"seed_id": ["1"]}),
        ({"event": "search"}, {"event": "Search"}),
        ({"customer_list_id": "0643"}, {"customer_list_id": "643"}),
        ({}, {"country": "US"}),
    ],
)
def test_rules_that_do_not(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not same_rule(one, other)
    assert not same_rule(other, one)


_scalars = st.one_of(
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.decimals(-1000, 1000, places=2),
    st.text(max_size=8),
)
_rules = st.dictionaries(
    st.sampled_from(sorted(RULE_FIELDS)),
    st.one_of(
        _scalars,
        st.lists(_scalars, max_size=3),
        st.dictionaries(st.text(max_size=4), _scalars, max_size=2),
    ),
    max_size=5,
)
_names = st.text(min_size=1, max_size=8).filter(str.strip)
_wanted = st.builds(
    Wanted,
    ad_account_id=st.just("5497"),
    name=_names,
    audience_type=st.sampled_from(["ACTALIKE", "CUSTOMER_LIST", "ENGAGEMENT", "VISITOR"]),
    description=st.none() | _names,
    rule=_rules,
)
_audiences = st.builds(
    lambda wish, number: {
        "id": str(number),
        "name": wish.name,
        "audience_type": wish.audience_type,
        "description": wish.description,
        "rule": wish.rule,
    },
    _wanted,
    st.integers(1, 10**13),
)


def applied(decision: Decision, existing: list[dict[str, Any]]) -> list[dict[str, Any]]:
    match decision:
        case Create(body=body):
            return [{"id": "1", "description": None, **body}]
        case Update(body=body):
            return [{**existing[0], **body}]
        case _:
            return existing


@given(_audiences)
def test_planning_what_exists_is_empty(audience: dict[str, Any]) -> None:
    same = Wanted(
        "5497", audience_id=audience["id"], **{k: audience[k] for k in list(audience)[1:]}
    )
    assert plan(same, [audience]) == Unchanged(audience["id"])


@given(_wanted, st.lists(_audiences, max_size=1))
def test_applying_a_plan_and_planning_again_is_empty(
    wish: Wanted, existing: list[dict[str, Any]]
) -> None:
    decision = plan(wish, existing)
    after = applied(decision, existing)
    if not isinstance(decision, Reject):
        assert isinstance(plan(wish, after), Unchanged)
