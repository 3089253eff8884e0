"""What a plan decides: whether it may be sent, and what its batches are. Without I/O."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_pinterest_audiences.bulk.plan import (
    FORMAT,
    Counts,
    Plan,
    PlannedList,
    batches_of,
    judge,
)
from target_pinterest_audiences.members.records import batches

TEXTS = st.lists(st.text("ab\u00e9", min_size=1, max_size=30), max_size=60)


def counts(**changed: Any) -> Counts:
    known: dict[str, Any] = {
        "rows": 100,
        "rejected": {},
        "unread": 0,
        "wanted": 100,
        "known": 100,
        "add": 0,
        "absent": 0,
    }
    return Counts(**(known | changed))


def plan(members: int, size: int) -> Plan:
    target = PlannedList(
        ad_account_id="1", customer_list_id="2", audience_name="Customers", list_type="LR_ID"
    )
    return Plan(
        format=FORMAT,
        run="run",
        target=target,
        mode="append",
        max_removal_ratio=0.2,
        batch_members=members,
        batch_bytes=size,
        counts=counts(),
        absent_stay=None,
        layers=[],
        made_by={},
        made_at="",
    )


@given(TEXTS, st.lists(st.integers(0, 60)), st.integers(1, 9), st.integers(1, 90))
def test_batches_do_not_depend_on_how_the_files_are_read(
    texts: list[str], cuts: list[int], members: int, size: int
) -> None:
    places = sorted({0, len(texts), *(cut for cut in cuts if cut < len(texts))})
    parts = [texts[start:stop] for start, stop in itertools.pairwise(places)]
    found = [*batches_of(plan(members, size), "ADD", [[], *parts])]
    assert [batch.texts for batch in found] == [*batches(texts, members, size)]
    assert [batch.number for batch in found] == [*range(len(found))]


@pytest.mark.parametrize(
    ("rows", "rejected", "stops"),
    [
        (100_000, 100_000, False),
        (100_001, 100_001, True),
        (10_000_000, 100_000, False),
        (10_000_000, 100_001, True),
        (100_000_000, 1_000_000, False),
        (100_000_000, 1_000_001, True),
    ],
)
def test_rejected_rows_stop_a_plan_by_their_share_and_above_a_floor(
    rows: int, rejected: int, *, stops: bool
) -> None:
    some = counts(rows=rows, rejected={"no_at": rejected - 1, "missing": 1})
    verdict = judge(some, "append", 0.2, "the list")
    assert bool(verdict.refused) is stops
    if verdict.refused:
        assert f"(missing 1, no_at {rejected - 1})" in verdict.refused


@pytest.mark.parametrize(
    ("changed", "refused", "stay"),
    [
        ({}, None, None),
        ({"absent": 20}, None, None),
        ({"absent": 21}, "21 of 100 members", None),
        ({"absent": 20, "unread": 1}, None, "1 of its records cannot be read"),
        ({"absent": 0, "unread": 1}, None, None),
        ({"rows": 0, "wanted": 0, "absent": 100}, "the table is empty", None),
        ({"rows": 0, "wanted": 0, "known": 0}, None, None),
        ({"known": 1, "absent": 1}, None, None),
    ],
)
def test_mirror_is_judged_as_in_the_target(
    changed: dict[str, Any], refused: str | None, stay: str | None
) -> None:
    verdict = judge(counts(**changed), "mirror", 0.2, "the list")
    for found, expected in zip(verdict, (refused, stay), strict=True):
        assert (expected in (found or "")) if expected else found is None
    assert judge(counts(**changed), "append", 0.2, "the list") == (None, None)
