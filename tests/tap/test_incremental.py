"""Which records of a scan are new, and where the next scan begins."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from odd import JSON, TEXT

from pinterest_audiences.api.responses import Page, from_json
from tap_pinterest_audiences.incremental import (
    Bookmark,
    Scan,
    ScanOptions,
    StateError,
    digests_of,
)

KEY = "updated_timestamp"


def audience(number: int, updated: int | None, **fields: Any) -> dict[str, Any]:
    return {"id": str(number), KEY: updated, "name": "A", **fields}


def scan(
    items: list[dict[str, Any]],
    bookmark: Bookmark | None = None,
    *,
    clock: int | None,
    start: int | None = None,
    lookback: int = 60,
    **options: bool,
) -> tuple[list[str], Bookmark]:
    chosen = ScanOptions(KEY, lookback, start, **{"compare_by_digest": False, **options})
    reading = Scan(bookmark or Bookmark(), chosen)
    if clock is not None:
        reading.begin(clock)
    new = [item["id"] for item in reading.new(items)]
    return new, reading.end()


def test_bookmark_is_the_server_clock_minus_lookback() -> None:
    new, bookmark = scan([audience(1, 10), audience(2, 999_999)], clock=1000)
    assert new == ["1", "2"]
    assert bookmark.value == 940


def test_bookmark_never_moves_backwards() -> None:
    assert scan([], Bookmark(2000), clock=1000)[1].value == 2000


@pytest.mark.parametrize(("server", "own"), [(5000, 1000), (1000, 5000), (None, 1000)])
def test_bookmark_follows_the_clock_that_is_behind(server: int | None, own: int) -> None:
    moment = None if server is None else dt.datetime.fromtimestamp(server, dt.UTC)
    assert Page([], moment, dt.datetime.fromtimestamp(own, dt.UTC)).clock == 1000


@pytest.mark.parametrize("value", [1001, 1_000_000])
def test_a_bookmark_later_than_the_clock_is_not_used(value: int) -> None:
    reading = Scan(Bookmark(value), ScanOptions(KEY, 60))
    assert reading.drop_future_bookmark(1000) == value
    reading.begin(1000)
    assert reading.new([audience(1, 10)])
    assert reading.end().value == 940


def test_bookmark_of_the_current_second_is_used() -> None:
    assert Scan(Bookmark(1000), ScanOptions(KEY, 0)).drop_future_bookmark(1000) is None


def test_bookmark_stays_without_a_server_time() -> None:
    assert scan([audience(1, 10)], Bookmark(5), clock=None)[1].value == 5
    assert scan([audience(1, 10)], clock=None)[1].value is None


def test_only_records_changed_since_the_bookmark_are_new() -> None:
    items = [audience(1, 99), audience(2, 100), audience(3, 101)]
    assert scan(items, Bookmark(100), clock=1000)[0] == ["2", "3"]


def test_start_date_applies_while_it_is_later_than_the_bookmark() -> None:
    items = [audience(1, 99), audience(2, 150), audience(3, 250)]
    assert scan(items, clock=1000, start=100)[0] == ["2", "3"]
    assert scan(items, Bookmark(200), clock=1000, start=100)[0] == ["3"]


def test_second_scan_is_empty_even_within_the_lookback() -> None:
    items = [audience(1, 10), audience(2, 970), audience(3, 1000), audience(4, None)]
    new, bookmark = scan(items, clock=1000)
    assert new == ["1", "2", "3", "4"]
    again, bookmark = scan(items, bookmark, clock=1001)
    assert again == []
    assert scan(items, bookmark, clock=5000)[0] == []


def test_a_second_change_in_the_same_second_is_not_lost() -> None:
    _, bookmark = scan([audience(1, 1000, name="first")], clock=1000)
    assert scan([audience(1, 1000, name="second")], bookmark, clock=1100)[0] == ["1"]


def test_a_record_without_update_time_is_new_when_it_differs() -> None:
    _, bookmark = scan([audience(1, None)], clock=1000)
    assert scan([audience(1, None, size=5)], bookmark, clock=2000)[0] == ["1"]


def test_digests_before_the_bookmark_are_dropped() -> None:
    _, bookmark = scan([audience(1, 970), audience(2, 10)], clock=1000)
    assert set(bookmark.digests) == {"1"}
    _, bookmark = scan([audience(1, 970), audience(2, 10)], bookmark, clock=9000)
    assert bookmark.digests == {}


def test_size_is_compared_even_if_the_update_time_stays() -> None:
    items = [audience(1, 10, size=5), audience(2, 10, size=5)]
    new, bookmark = scan(items, clock=1000, compare_by_digest=True)
    assert new == ["1", "2"]
    items[1]["size"] = 6
    new, bookmark = scan(items, bookmark, clock=2000, compare_by_digest=True)
    assert new == ["2"]
    assert scan(items, bookmark, clock=3000, compare_by_digest=True)[0] == []


def test_record_that_enters_a_list_without_an_update_is_new() -> None:
    _, bookmark = scan([audience(1, 10)], clock=1000, compare_by_digest=True)
    assert set(bookmark.digests) == {"1"}
    items = [audience(1, 10), audience(2, 5)]
    new, bookmark = scan(items, bookmark, clock=2000, compare_by_digest=True)
    assert new == ["2"]
    assert scan(items, bookmark, clock=3000, compare_by_digest=True)[0] == []


def removed(
    items: list[dict[str, Any]], bookmark: Bookmark, **options: Any
) -> tuple[list[str], list[str], Bookmark]:
    """Scan; return the new records, the removed ones, and the stored bookmark."""
    reading = Scan(bookmark, ScanOptions(KEY, 60, detect_removed=True, **options))
    reading.begin(1000)
    new = [item["id"] for item in reading.new(items)]
    return new, reading.removed(), stored(reading.end())


def stored(bookmark: Bookmark) -> Bookmark:
    state: dict[str, Any] = {}
    bookmark.write(state, KEY)
    return Bookmark.read(json.loads(json.dumps(state)), KEY)


COMPARING = pytest.mark.parametrize("digests", [True, False], ids=["digests", "times"])


@COMPARING
def test_removed_record_is_reported_once_and_is_new_if_it_comes_back(*, digests: bool) -> None:
    both, one = [audience(1, 10), audience(2, 10)], [audience(1, 10)]
    bookmark = Bookmark()
    found = []
    for items in (both, one, one, both, both):
        new, gone, bookmark = removed(items, bookmark, compare_by_digest=digests)
        found.append((new, gone))
    assert found == [(["1", "2"], []), ([], ["2"]), ([], []), (["2"], []), ([], [])]


@COMPARING
def test_record_that_comes_back_after_an_interrupted_removal_is_new(*, digests: bool) -> None:
    both, one = [audience(1, 10), audience(2, 10)], [audience(1, 10)]
    _, _, bookmark = removed(both, Bookmark(), compare_by_digest=digests)
    reading = Scan(bookmark, ScanOptions(KEY, 60, None, digests, detect_removed=True))
    reading.begin(1000)
    assert not reading.new(one)
    interrupted = stored(reading.before_removal())
    assert removed(both, interrupted, compare_by_digest=digests)[:2] == (["2"], [])
    assert removed(one, interrupted, compare_by_digest=digests)[:2] == ([], ["2"])


@COMPARING
def test_record_before_start_date_is_not_reported_as_removed(*, digests: bool) -> None:
    options: dict[str, Any] = {"compare_by_digest": digests, "start": 100}
    new, _, bookmark = removed([audience(1, 10), audience(2, 200)], Bookmark(), **options)
    assert new == ["2"]
    assert removed([], bookmark, **options)[:2] == ([], ["2"])


def test_emitted_record_is_reported_as_removed_after_start_date_moved() -> None:
    _, _, bookmark = removed([audience(1, 10)], Bookmark())
    new, gone, bookmark = removed([audience(1, 10)], bookmark, start=100)
    assert (new, gone) == ([], [])
    assert removed([], bookmark, start=100)[1] == ["1"]


def test_nothing_is_reported_as_removed_without_known_ids() -> None:
    assert removed([], Bookmark(500, {}, None))[1] == []


OLD = {"replication_key": KEY, "replication_key_value": 940}


def test_old_state_without_all_digests_is_read() -> None:
    items = [audience(1, 10), audience(2, 970), audience(3, 970)]
    long = {item["id"]: old_digest(item) for item in items[1:]}
    before = Bookmark.read({**OLD, "recent": long, "known": ["1", "2", "3", "9"]}, KEY)
    items[2]["name"] = "B"
    assert removed([*items, audience(4, 10)], before)[:2] == (["3", "4"], ["9"])


def test_old_state_of_a_list_with_all_digests_is_read() -> None:
    items = [audience(1, 10), audience(2, 10)]
    state = {**OLD, "recent": {"1": old_digest(items[0])}}
    before = Bookmark.read(state, KEY, recent_is_all=True)
    assert scan(items, before, clock=2000, compare_by_digest=True)[0] == ["2"]


def old_digest(record: dict[str, Any]) -> str:
    content = json.dumps(record, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def test_state_of_a_hundred_thousand_audiences_stays_small() -> None:
    reading = Scan(Bookmark(), ScanOptions(KEY, 60, detect_removed=True))
    reading.begin(2_000_000_000)
    for number in range(2_542_620_905_475, 2_542_620_905_475 + 100_000):
        reading.new([{"id": str(number), KEY: 10}])
    state: dict[str, Any] = {}
    reading.end().write(state, KEY)
    assert len(json.dumps(state)) <= 3_200_000


def test_state_survives_a_round_trip() -> None:
    state: dict[str, Any] = {"context": {"ad_account_id": "1"}}
    Bookmark(940, {"2": "abc"}).write(state, KEY)
    assert state == {
        "context": {"ad_account_id": "1"},
        "replication_key": KEY,
        "replication_key_value": 940,
        "recent_digests": {"2": "abc"},
    }
    assert Bookmark.read(state, KEY) == Bookmark(940, {"2": "abc"})
    Bookmark(940, {"2": "abc"}, {"1": None, "2": None}.keys()).write(state, KEY)
    assert state["seen_ids"] == ["1", "2"]
    assert Bookmark.read(state, KEY) == Bookmark(940, {"2": "abc"}, {"1", "2"})
    Bookmark(940, {"2": "abc"}, {"2"}).write(state, KEY)
    assert state == {
        "context": {"ad_account_id": "1"},
        "replication_key": KEY,
        "replication_key_value": 940,
        "digests": {"2": "abc"},
    }
    assert Bookmark.read(state, KEY) == Bookmark(940, {"2": "abc"}, {"2"})


@pytest.mark.parametrize("value", [940, 940.0])
def test_state_written_by_another_tap_is_read(value: object) -> None:
    assert Bookmark.read({"replication_key_value": value}, KEY) == Bookmark(940)


def test_state_of_another_replication_key_is_ignored() -> None:
    state = {"replication_key": "created_timestamp", "replication_key_value": 5}
    assert Bookmark.read(state, KEY) == Bookmark()


@pytest.mark.parametrize("value", ["2026-01-01", True, 1.5, float("nan"), float("inf"), [1], {}])
def test_invalid_bookmark_is_named(value: object) -> None:
    with pytest.raises(StateError, match="replication_key_value"):
        Bookmark.read({"replication_key_value": value}, KEY)


def in_another_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_another_order(value[key]) for key in reversed(value)}
    return [in_another_order(each) for each in value] if isinstance(value, list) else value


def sorted_text(content: object) -> str:
    return json.dumps(content, sort_keys=True, default=lambda number: {"Decimal": str(number)})


ITEM = st.dictionaries(TEXT, JSON).map(lambda item: from_json(json.dumps(item).encode()))


@given(first=ITEM, second=ITEM)
@example(first={"size": True}, second={"size": 1})
@example(first={"size": Decimal("1.0")}, second={"size": "1.0"})
@example(first={"rule": {"\ud800": [1, {"b": 1, "a": 2}]}}, second={})
def test_digest_depends_on_the_content_and_not_on_the_order_of_keys(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    more = {**first, **second}
    digest, same, other = digests_of([first, in_another_order(first), more])
    assert same == digest
    assert (other == digest) == (sorted_text(more) == sorted_text(first))
    assert digests_of([more]) == [other]
