"""When a STATE message is worth its bytes. No I/O in here.

A STATE holds all partitions, so one STATE a partition makes the output grow with the square of
their number. A run that is killed only reads again what came after its last STATE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = 60
"""Longest time between two STATE messages, for runs in which nothing changed."""
_ENTRIES_A_RECORD = 4
"""So many digests in a state take about a quarter of the bytes of one record."""


def is_state_due(state: Mapping[str, Any], records: int, seconds: float) -> bool:
    """Tell whether to write ``state``.

    Args:
        state: State of the tap.
        records: Records that went out since the last STATE.
        seconds: Seconds since the last STATE.

    Returns:
        True if the records since the last STATE take at least four times the bytes of this one,
        or if it is a minute old.
    """
    if seconds >= _SECONDS:
        return True
    return records > 0 and records * _ENTRIES_A_RECORD >= _entries(state)


def _entries(state: Mapping[str, Any]) -> int:
    return sum(
        sum(len(value) for value in partition.values() if isinstance(value, dict | list))
        for bookmark in state.get("bookmarks", {}).values()
        for partition in bookmark.get("partitions", ())
    )
