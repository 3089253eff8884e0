"""Rows that are read together mean what each of them means by itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_people import ODD

from target_pinterest_audiences.bulk import alike as module
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.members.identifiers import to_key
from target_pinterest_audiences.members.records import MemberReader

_TIMES = st.sampled_from(
    [None, dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.datetime(1, 1, 1, tzinfo=dt.UTC)]
)
_FLAGS = st.sampled_from([None, True, False])
_OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "Audience Name": st.sampled_from(["Customers", "Others"]),
    "customer_list_id": st.sampled_from([None, 1, 2]),
    "ad_account_id": st.sampled_from([None, "549755800002", "x"]),
    "operation": st.sampled_from([None, "add", "REMOVE", "remove ", "both", ""]),
    "_sdc_deleted_at": _TIMES,
    "_fivetran_deleted": _FLAGS,
    "deleted": _FLAGS,
    "__op": st.sampled_from([None, "c", "d", "x"]),
    "opted_out": _FLAGS,
    "marketing_consent": st.sampled_from([None, 1.0, 0.0, float("nan")]),
    "status": st.sampled_from([None, "active", "Unsubscribed"]),
    "_origin_deleted": _FLAGS,
    "identifier_sha256": st.sampled_from([None, "0" * 64]),
    "maid": st.sampled_from([None, "", "6D92078A-8246-4777-8888-76104861E7DC"]),
    "tags": st.sampled_from([None, ["a"]]),
    "preferences": st.sampled_from([None, {"opted_out": True}, {"opted_out": False}]),
    "deleted_on": st.sampled_from([None, []]),
}
_EMAILS = st.sampled_from([*ODD[:30], *["ann@shop.example", "bob@shop.example"] * 30])
_NAMES = st.sampled_from([*["Customers"] * 20, None, " Customers", "n/a", ""])


@pytest.mark.parametrize("name", sorted(_OTHERS))
@given(st.data())
def test_rows_read_together_mean_what_each_means(name: str, data: st.DataObject) -> None:
    columns = {"email": _EMAILS, "audience_name": _NAMES, name: _OTHERS[name]}
    rows = data.draw(st.lists(st.fixed_dictionaries(columns), min_size=4, max_size=20))
    account = data.draw(st.sampled_from(["549755800001", None]))
    names = dict.fromkeys(name for row in rows for name in row)
    batch = pa.record_batch({name: pa.array([row.get(name) for row in rows]) for name in names})
    reader = MemberReader(account)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEWEST", 1)
        found = [*module.alike(batch, reader)]
    places = [place for kind in found for place in kind.places.to_pylist()]
    assert len(places) == len({*places})
    for member, keys, where in found:
        for key, place in zip(keys.to_pylist(), where.to_pylist(), strict=True):
            (row,) = batch.slice(place, 1).to_pylist()
            read = reader.read(row)
            assert not isinstance(read, Reject)
            assert (member.ref, member.list_type, member.add) == (
                read.ref,
                read.list_type,
                read.add,
            )
            assert key == to_key(read.list_type, read.text)


def test_many_columns_of_many_values_are_told_apart() -> None:
    """Their numbers would not fit into 64 bits, and ADD and REMOVE would be alike."""
    others = ["audience_name", "_sdc_deleted_at", "_ab_cdc_deleted_at", "deleted", "deleted_at"]
    others += ["opted_out"]
    values = 2**10 - 2
    different = [
        {"operation": f"x{min(number, 15)}" if number else "ADD", "email": "ann@shop.example"}
        | {name: str(number) for name in others}
        for number in range(values)
    ]
    alike = [
        {"operation": operation, "email": "ann@shop.example", "audience_name": "Customers"}
        for operation in ("ADD", "REMOVE")
        for _ in range(600)
    ]
    names = ["operation", *others, "email"]
    rows = [*different, *alike]
    batch = pa.record_batch({name: [row.get(name) for row in rows] for name in names})
    found = [*module.alike(batch, MemberReader("1"))]
    assert [(member.add, len(keys)) for member, keys, _ in found] == [(True, 600), (False, 600)]


def test_rows_with_a_map_are_read_one_by_one() -> None:
    kind = pa.map_(pa.string(), pa.bool_())
    said = pa.array([[("opted_out", number % 2 == 1)] for number in range(600)], kind)
    names = pa.array(["Customers"] * 600)
    emails = pa.array([f"{number}@shop.example" for number in range(600)])
    rows = pa.record_batch({"email": emails, "audience_name": names, "said": said})
    assert [*module.alike(rows, MemberReader("1"))] == []
    read = [MemberReader("1").read(row) for row in rows.to_pylist()]
    assert [isinstance(each, Reject) for each in read] == [False, True] * 300
