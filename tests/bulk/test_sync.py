"""Syncing a table of customers into a list, through the console script and the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from people import (
    NAME,
    audiences,
    changes,
    digests,
    members,
    writes,
)

if TYPE_CHECKING:
    from bulk_runs import Bulk

    from pinterest_emulator.testing import Emulator


def test_first_run_creates_list_and_audience_and_the_second_sends_nothing(
    emulator: Emulator, bulk: Bulk, account: str
) -> None:
    bulk.people(range(1050))
    first = bulk.sync()
    assert first.code == 0, first.err
    assert members(emulator, account) == digests(range(1050))
    assert sorted(changes(emulator)) == [("ADD", 50), *[("ADD", 100)] * 10]
    assert [item["name"] for item in audiences(emulator, account)] == [NAME]
    assert bulk.report["counts"]["added"] == 1050

    emulator.clear()
    again = bulk.sync()
    assert again.code == 0, again.err
    assert writes(emulator) == []
    assert bulk.report["counts"]["unchanged"] == 1050
    assert len(bulk.runs()) == 1
