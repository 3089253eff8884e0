"""What a report shows of a field that was sent: all that differs, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinterest_audiences.errors import LONGEST_MESSAGE
from target_pinterest_audiences.report.differences import Difference, differences, text_of

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab,", max_size=3)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=8,
)


def leaves(value: Any, path: str = "f") -> dict[str, str]:
    """The parts of a value that have no parts but items, by their path."""
    if isinstance(value, dict) and value:
        return {
            leaf: text
            for key, inner in value.items()
            for leaf, text in leaves(inner, f"{path}.{key}").items()
        }
    return {path: json.dumps(value, sort_keys=True)}


def related(one: str, other: str) -> bool:
    """Whether one path is that of the other one, or of what holds it."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


@given(VALUES.filter(lambda value: value is not None), VALUES)
def test_every_part_that_differs_is_shown_and_no_other(old: Any, new: Any) -> None:
    shown = differences("f", old, new)
    before, after = leaves(old), leaves(new)
    differing = {path for path in before | after if before.get(path) != after.get(path)}
    for path in differing:
        assert any(related(path, each.field) for each in shown), path
    if differing:
        for each in shown:
            assert any(related(path, each.field) for path in differing), each
            assert (each.old, each.note) != (each.new, "")
    else:
        (only,) = shown
        assert "not shown" in only.note


@given(VALUES.filter(lambda value: value is not None))
def test_created_field_is_shown_whole(new: Any) -> None:
    shown = differences("f", None, new)
    assert all(each.old is None for each in shown)
    assert {each.field for each in shown} == set(leaves(new))


def test_long_lists_show_only_the_items_that_differ() -> None:
    old = [f"shop{number}.example" for number in range(500)]
    (shown,) = differences("rule", {"domain": old}, {"domain": [*old[2:], "new.example"]})
    assert shown == Difference(
        "rule.domain", "shop0.example, shop1.example", "new.example", "498 items stay"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a [redacted]", "a [redacted]"),
        ("x" * LONGEST_MESSAGE, "x" * LONGEST_MESSAGE),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_field_that_was_sent_is_shown_even_if_its_difference_is_hidden(old: Any, new: Any) -> None:
    (shown,) = differences("f", old, new)
    assert (shown.field, shown.old, shown.new) == ("f", text_of(old), text_of(new))
    assert "not shown" in shown.note


def test_redacted_part_may_differ_beside_one_that_does() -> None:
    shown = differences("f", {"a": "[redacted]", "b": 1}, {"a": "[redacted]", "b": 2})
    assert [each.field for each in shown] == ["f.a", "f.b"]
    assert "not shown" in shown[0].note


def test_number_and_the_same_digits_as_text_differ() -> None:
    assert differences("f", {"a": 1}, {"a": "1"}) == [Difference("f.a", "1", '"1"')]


def test_long_text_says_how_much_is_missing() -> None:
    (shown,) = differences("f", None, [0] * 1000)
    assert shown.new is not None
    assert shown.new.endswith("… (2,400 more characters)")


def test_control_and_bidirectional_characters_are_replaced() -> None:
    (shown,) = differences("f\x1b", None, "a\n\u202eb")
    assert (shown.field, shown.new) == ("f\ufffd", "a\ufffd\ufffdb")
