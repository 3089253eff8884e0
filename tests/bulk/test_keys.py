"""Keys made in SQL, and many at a time, are those that the target makes one by one."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_people import ODD, people

from target_pinterest_audiences.bulk.keys import fast_email_keys, keys_of
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.members.identifiers import (
    LIST_TYPES,
    REFUSED,
    read_identifier,
    to_key,
)
from target_pinterest_audiences.members.records import MemberReader
from target_pinterest_audiences.members.reject_codes import REJECTS

COLUMN_OF = {kind: column for column, kind in LIST_TYPES.items()}
SPECIAL = st.sampled_from([*REFUSED, *filter(None, ODD)])
VALUES = st.none() | st.text() | st.integers(-(2**63), 2**63 - 1) | SPECIAL
ODD_LETTERS = (
    "aAkK\u212ai\u0130\u0131sS\u017f\u00df@@..+-_%'\"<> \t\n\x1c\x00\u00a0\u200be\u0301\u00e9,0"
)
EMAILS = (
    st.text(ODD_LETTERS, max_size=12)
    | st.builds("{}@{}".format, st.text(ODD_LETTERS, max_size=8), st.text(ODD_LETTERS, max_size=8))
    | st.emails()
    | st.builds("{}{}@shop.example".format, st.text("ab", min_size=235, max_size=245), st.text())
    | SPECIAL.map(str.upper)
    | SPECIAL
)


def fast_keys(values: list[str | None]) -> list[bytes | None]:
    with duckdb.connect() as connection:
        connection.register("customers", pa.table({"address": pa.array(values, pa.string())}))
        found = connection.execute(fast_email_keys("address", "customers")).fetchall()
        assert [email for _, email in found] == values
        return [key for key, _ in found]


def one_by_one(value: Any, list_type: str) -> tuple[bytes | None, str | None]:
    """Return key and code as the target's reader of records decides them."""
    record = {"customer_list_id": "1", COLUMN_OF[list_type]: value}
    read = MemberReader("549755885175").read_all([record, record])
    if read.rejected:
        return None, read.rejected[0][2].code
    ((text, add),) = next(iter(read.people.values())).items()
    assert add
    return to_key(list_type, text), None


@given(st.lists(EMAILS, min_size=1, max_size=40))
def test_fast_key_is_the_one_that_python_makes_or_null(values: list[str]) -> None:
    for value, fast in zip(values, fast_keys([*values]), strict=True):
        if fast is not None:
            text = read_identifier("EMAIL", value)
            assert not isinstance(text, Reject), value
            assert fast == to_key("EMAIL", text), value


@given(st.lists(VALUES, min_size=1, max_size=20), st.sampled_from(sorted(COLUMN_OF)))
def test_keys_and_codes_are_those_of_the_target(values: list[Any], list_type: str) -> None:
    for kind in (str, int):
        same = [value for value in values if value is None or isinstance(value, kind)]
        keys, codes = keys_of(pa.array(same), list_type)
        for value, key, code in zip(same, keys.to_pylist(), codes.to_pylist(), strict=True):
            assert (key, code) == one_by_one(value, list_type), value


def test_plain_emails_need_no_python() -> None:
    plain = ["Person.1+news@Shop1.example", " ann@shop.example ", "a_b'c@x.co"]
    assert None not in fast_keys([*plain])


@pytest.mark.parametrize("count", [20_000])
def test_rows_with_odd_ones_have_the_keys_of_the_target(count: int) -> None:
    values = [*people(count)]
    fast = fast_keys(values)
    odd = [value for value, key in zip(values, fast, strict=True) if key is None]
    assert 0 < len(odd) <= count / 100
    for value, key in zip(values, fast, strict=True):
        expected, _ = one_by_one(value, "EMAIL")
        assert key in {None, expected}
    keys, codes = keys_of(pa.array(odd, pa.string()), "EMAIL")
    found = [*zip(keys.to_pylist(), codes.to_pylist(), strict=True)]
    assert found == [one_by_one(value, "EMAIL") for value in odd]
    assert {code for _, code in found} - {None} <= REJECTS.keys()
