"""The tap's output for records that changed, disappeared or came back at Pinterest."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Programs, Run

    from pinterest_emulator.data.table import Table
    from pinterest_emulator.testing import Emulator

LONG_AGO = 1_700_000_000
STREAMS = ["audiences", "customer_lists"]


@contextlib.contextmanager
def hidden(emulator: Emulator, stream: str, account: str) -> Iterator[str]:
    """Remove the first record of a list from Pinterest's responses."""
    store = emulator._state.store  # noqa: SLF001  (no fault leaves a record out)
    tables: dict[str, Any] = {
        "audiences": store.audiences,
        "customer_lists": store.customer_lists,
    }
    table: Table[Any] = tables[stream](int(account))
    row = table.remove(next(iter(table)).id)
    yield str(row.id)
    table.put(row.id, row)


def found(run: Run, stream: str) -> list[tuple[str, bool]]:
    """Return the ids that a run emitted, and whether each was removed."""
    assert run.code == 0, run.err
    return [(row["id"], row.get("_sdc_deleted_at") is not None) for row in run.records(stream)]


@pytest.mark.parametrize("digests", [True, False], ids=["digests", "times"])
@pytest.mark.parametrize("stream", STREAMS)
def test_record_that_comes_back_is_emitted_with_all_fields(
    emulator: Emulator, programs: Programs, stream: str, *, digests: bool
) -> None:
    (account,) = emulator.seed(
        ad_accounts=1, audiences=5, customer_lists=5, updated_timestamp=LONG_AGO
    )
    settings: dict[str, Any] = {"detect_removed": True, "compare_by_digest": digests}
    first = programs.tap(streams=[stream], **settings)
    row = first.records(stream)[0]
    with hidden(emulator, stream, account) as record_id:
        second = programs.tap(streams=[stream], state=first.state, **settings)
        assert found(second, stream) == [(record_id, True)]
    third = programs.tap(streams=[stream], state=second.state, **settings)
    assert third.records(stream) == [row]
    fourth = programs.tap(streams=[stream], state=third.state, **settings)
    assert found(fourth, stream) == []


def test_record_that_comes_back_after_a_killed_removal_is_emitted(
    emulator: Emulator, programs: Programs
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=5, updated_timestamp=LONG_AGO)
    first = programs.tap(streams=["audiences"], detect_removed=True)
    with hidden(emulator, "audiences", account) as record_id:
        second = programs.tap(streams=["audiences"], state=first.state, detect_removed=True)
    lines = second.out.splitlines()
    (removal,) = [number for number, line in enumerate(lines) if '"RECORD"' in line]
    killed = dataclasses.replace(second, out="\n".join(lines[: removal + 1]))
    third = programs.tap(streams=["audiences"], state=killed.state, detect_removed=True)
    assert found(third, "audiences") == [(record_id, False)]


def test_audience_left_out_by_start_date_is_not_reported_as_removed(
    emulator: Emulator, programs: Programs
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=5, updated_timestamp=LONG_AGO)
    settings: dict[str, Any] = {"detect_removed": True, "start_date": "2025-01-01T00:00:00Z"}
    first = programs.tap(streams=["audiences"], **settings)
    assert found(first, "audiences") == []
    with hidden(emulator, "audiences", account):
        second = programs.tap(streams=["audiences"], state=first.state, **settings)
    assert found(second, "audiences") == []


@pytest.mark.parametrize(("settings", "emitted"), [({}, 1), ({"compare_by_digest": False}, 0)])
def test_size_and_status_are_emitted_even_if_the_update_time_stays(
    emulator: Emulator, programs: Programs, settings: dict[str, Any], emitted: int
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=5, updated_timestamp=LONG_AGO)
    first = programs.tap(streams=["audiences"], **settings)
    table = emulator._state.store.audiences(int(account))  # noqa: SLF001  (no request changes it)
    row = next(iter(table))
    table.put(row.id, msgspec.structs.replace(row, size=77, status="TOO_SMALL"))
    second = programs.tap(streams=["audiences"], state=first.state, **settings)
    rows = [(each["id"], each["size"], each["status"]) for each in second.records("audiences")]
    assert rows == [(str(row.id), 77, "TOO_SMALL")][:emitted]
    third = programs.tap(streams=["audiences"], state=second.state, **settings)
    assert third.records("audiences") == []


def gone(emulator: Emulator, account: str, *, exists: bool) -> None:
    """Hide an ad account from the token: it is deleted, or its user lost the role."""
    accounts = emulator._state.store.ad_accounts  # noqa: SLF001  (no request does it)
    row = accounts.remove(int(account))
    if exists:
        accounts.put(row.id, msgspec.structs.replace(row, permissions=()))


def restored(emulator: Emulator, account: str, template: str) -> None:
    """Give an ad account back, with the role that the token's user has on another one."""
    accounts = emulator._state.store.ad_accounts  # noqa: SLF001  (no request does it)
    row = accounts[int(template)]
    accounts.put(int(account), msgspec.structs.replace(row, id=int(account)))


@pytest.mark.parametrize("exists", [True, False], ids=["403", "404"])
def test_missing_ad_account_is_named_and_its_rows_stay(
    emulator: Emulator, programs: Programs, *, exists: bool
) -> None:
    _, other = emulator.seed(ad_accounts=2, audiences=6, updated_timestamp=LONG_AGO)
    first = programs.tap()
    gone(emulator, other, exists=exists)
    second = programs.tap(state=first.state)
    assert found(second, "audiences") == []
    warnings = [line for line in second.err.splitlines() if "WARNING" in line]
    assert len(warnings) == 1
    assert f"Ad account {other}: an earlier run read it" in warnings[0]
    third = programs.tap(state=second.state)
    assert f"Ad account {other}: an earlier run read it" in third.err


def test_deleted_ad_account_removes_its_audiences_and_its_partition(
    emulator: Emulator, programs: Programs
) -> None:
    one, other = emulator.seed(
        ad_accounts=2, audiences=6, customer_lists=4, updated_timestamp=LONG_AGO
    )
    settings: dict[str, Any] = {"streams": STREAMS, "detect_removed": True}
    first = programs.tap(**settings)
    gone(emulator, other, exists=False)
    second = programs.tap(state=first.state, **settings)
    for stream in STREAMS:
        ids = [row["id"] for row in first.records(stream) if row["ad_account_id"] == other]
        assert found(second, stream) == [(each, True) for each in ids]
        assert {row["ad_account_id"] for row in second.records(stream)} == {other}
        partitions = second.state["bookmarks"][stream]["partitions"]
        assert [part["context"]["ad_account_id"] for part in partitions if len(part) > 1] == [one]
    third = programs.tap(state=second.state, **settings)
    assert found(third, "audiences") == []
    assert other not in third.err
    restored(emulator, other, one)
    fourth = programs.tap(state=third.state, **settings)
    again = [row for row in first.records("audiences") if row["ad_account_id"] == other]
    assert fourth.records("audiences") == again


def test_ad_account_with_a_lost_role_keeps_its_audiences(
    emulator: Emulator, programs: Programs
) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=6, updated_timestamp=LONG_AGO)
    first = programs.tap(streams=["audiences"], detect_removed=True)
    gone(emulator, other, exists=True)
    second = programs.tap(streams=["audiences"], state=first.state, detect_removed=True)
    assert found(second, "audiences") == []
    assert f"Rows stay as they are: ad account {other}, stream audiences" in second.err
    restored(emulator, other, one)
    third = programs.tap(streams=["audiences"], state=second.state, detect_removed=True)
    assert found(third, "audiences") == []
