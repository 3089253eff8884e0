"""Which records of a scan are new, and where the next scan begins."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tap_pinterest_audiences.answers import Page
from tap_pinterest_audiences.incremental import Bookmark, Scan, ScanOptions, StateError

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
    chosen = ScanOptions(KEY, lookback, start, **options)
    reading = Scan(bookmark or Bookmark(), chosen)
    if clock is not None:
        reading.begin(clock)
    new = [item["id"] for item in items if reading.is_new(item)]
    return new, reading.end()


def test_the_bookmark_is_the_servers_clock_less_the_lookback() -> None:
    new, bookmark = scan([audience(1, 10), audience(2, 999_999)], clock=1000)
    assert new == ["1", "2"]
    assert bookmark.value == 940


def test_it_never_moves_backwards() -> None:
    assert scan([], Bookmark(2000), clock=1000)[1].value == 2000


@pytest.mark.parametrize(("server", "own"), [(5000, 1000), (1000, 5000), (None, 1000)])
def test_the_clock_that_is_behind_counts(server: int | None, own: int) -> None:
    moment = None if server is None else dt.datetime.fromtimestamp(server, dt.UTC)
    assert Page([], moment, dt.datetime.fromtimestamp(own, dt.UTC)).clock == 1000


@pytest.mark.parametrize("value", [1001, 1_000_000])
def test_a_bookmark_later_than_the_clock_is_not_used(value: int) -> None:
    reading = Scan(Bookmark(value), ScanOptions(KEY, 60))
    assert reading.drop_future_bookmark(1000) == value
    reading.begin(1000)
    assert reading.is_new(audience(1, 10))
    assert reading.end().value == 940


def test_a_bookmark_of_this_very_second_is_used() -> None:
    assert Scan(Bookmark(1000), ScanOptions(KEY, 0)).drop_future_bookmark(1000) is None


def test_it_stays_when_the_server_does_not_tell_the_time() -> None:
    assert scan([audience(1, 10)], Bookmark(5), clock=None)[1].value == 5
    assert scan([audience(1, 10)], clock=None)[1].value is None


def test_only_what_changed_since_is_new() -> None:
    items = [audience(1, 99), audience(2, 100), audience(3, 101)]
    assert scan(items, Bookmark(100), clock=1000)[0] == ["2", "3"]


def test_start_date_counts_while_it_is_later_than_the_bookmark() -> None:
    items = [audience(1, 99), audience(2, 150), audience(3, 250)]
    assert scan(items, clock=1000, start=100)[0] == ["2", "3"]
    assert scan(items, Bookmark(200), clock=1000, start=100)[0] == ["3"]


def test_a_second_scan_of_the_same_is_empty_even_within_the_lookback() -> None:
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


def test_what_is_remembered_does_not_grow() -> None:
    _, bookmark = scan([audience(1, 970), audience(2, 10)], clock=1000)
    assert set(bookmark.recent) == {"1"}
    _, bookmark = scan([audience(1, 970), audience(2, 10)], bookmark, clock=9000)
    assert bookmark.recent == {}


def test_what_enters_a_list_without_an_update_is_new_where_all_is_remembered() -> None:
    _, bookmark = scan([audience(1, 10)], clock=1000, remember_all=True)
    assert set(bookmark.recent) == {"1"}
    items = [audience(1, 10), audience(2, 5)]
    new, bookmark = scan(items, bookmark, clock=2000, remember_all=True)
    assert new == ["2"]
    assert scan(items, bookmark, clock=3000, remember_all=True)[0] == []


def removed(items: list[dict[str, Any]], bookmark: Bookmark) -> tuple[list[str], Bookmark]:
    reading = Scan(bookmark, ScanOptions(KEY, 60, detect_removed=True))
    reading.begin(1000)
    for item in items:
        reading.is_new(item)
    return reading.removed(), reading.end()


def test_what_is_gone_is_told_once() -> None:
    both, one = [audience(1, 10), audience(2, 10)], [audience(1, 10)]
    gone, bookmark = removed(both, Bookmark())
    assert gone == []
    gone, bookmark = removed(one, bookmark)
    assert gone == ["2"]
    gone, bookmark = removed(one, bookmark)
    assert gone == []
    assert bookmark.known == ["1"]


def test_nothing_is_gone_when_nobody_remembers_what_was_there() -> None:
    assert removed([], Bookmark(500, {}, None))[0] == []


def test_state_goes_out_and_comes_back() -> None:
    state: dict[str, Any] = {"context": {"ad_account_id": "1"}}
    Bookmark(940, {"2": "abc"}).write(state, KEY)
    assert state == {
        "context": {"ad_account_id": "1"},
        "replication_key": KEY,
        "replication_key_value": 940,
        "recent": {"2": "abc"},
    }
    assert Bookmark.read(state, KEY) == Bookmark(940, {"2": "abc"})


@pytest.mark.parametrize("value", [940, 940.0])
def test_state_of_other_writers_is_read(value: object) -> None:
    assert Bookmark.read({"replication_key_value": value}, KEY) == Bookmark(940)


def test_state_of_another_key_does_not_count() -> None:
    state = {"replication_key": "created_timestamp", "replication_key_value": 5}
    assert Bookmark.read(state, KEY) == Bookmark()


@pytest.mark.parametrize("value", ["2026-01-01", True, 1.5, float("nan"), float("inf"), [1], {}])
def test_a_bookmark_that_is_no_time_is_named(value: object) -> None:
    with pytest.raises(StateError, match="replication_key_value"):
        Bookmark.read({"replication_key_value": value}, KEY)
