"""Hypothesis strategies for unusual input, and checks of the errors that it may cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pinterest_audiences.errors import PinterestError

OFTEN = settings(max_examples=200)
SOMETIMES = settings(max_examples=80)
A_FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Includes values that JSON does not allow but Python produces: infinities, lone surrogates.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.integers(),
    st.floats(),
    st.sampled_from([10**30, 2**63, 10**400, -(10**400), 1783598400]),
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
DEEP = "[" * 200_000
ODD_JSON = [DEEP, '{"a":' * 200_000, "1e99999999999999999999", "-1e99999999999999999999", "NaN"]

ODD = st.integers(0, len(ODD_JSON) - 1).map(ODD_JSON.__getitem__)


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the fields, with valid or invalid values."""
    return st.fixed_dictionaries({}, optional={name: it | JSON for name, it in fields.items()})


def is_told(error: PinterestError) -> None:
    """Check that an error fits into one line of a log."""
    assert len(str(error).encode().splitlines()) == 1
