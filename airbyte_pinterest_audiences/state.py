"""Airbyte's states and Singer's. No I/O."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from airbyte_pinterest_audiences.catalog import converted
from airbyte_pinterest_audiences.channel import encode
from pinterest_audiences.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection

READ_IN_FULL = "__ab_full_refresh_sync_complete"
"""The state of a stream that was read in full. Airbyte gives it back, and it means nothing."""


class Descriptor(msgspec.Struct):
    """The name of a stream."""

    name: str
    namespace: str | None = None


class _StreamState(msgspec.Struct):
    stream_descriptor: Descriptor
    stream_state: dict[str, Any] | None = None


class _State(msgspec.Struct, rename={"of_all": "global", "pyairbytes": "global_"}):
    stream: _StreamState | None = None
    of_all: Any = None
    pyairbytes: Any = None
    data: Any = None


def read_states(content: object, streams: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """Read what Airbyte kept: a list of states, or nothing in one of several forms.

    Args:
        content: What came; None if nothing did. The last state of a stream counts.
        streams: The streams that are read incrementally.

    Returns:
        The Singer state, and the names of streams whose state was left out.

    Raises:
        SettingsError: If it is no list of states of streams. Its values are not shown.
    """
    if content is None or content in ([], {}):
        return {}, []
    what = "State: this is no list of Airbyte states of streams"
    kept: dict[str, dict[str, Any]] = {}
    for each in converted(content, list[_State], what):
        if each.of_all or each.pyairbytes or each.data:
            msg = (
                f"{what}: it may be of another connector. Clear the state of the connection to "
                "read everything again"
            )
            raise SettingsError(msg)
        if each.stream:
            found = each.stream.stream_state or {}
            kept[each.stream.stream_descriptor.name] = {} if READ_IN_FULL in found else found
    kept = {name: found for name, found in kept.items() if found}
    bookmarks = {name: state for name, state in kept.items() if name in streams}
    left_out = sorted(kept.keys() - bookmarks.keys())
    return ({"bookmarks": bookmarks} if bookmarks else {}), left_out


class StreamState:
    """What Airbyte knows of the state of one stream: it gets each state once.

    Attributes:
        is_empty: Whether no record has come.
    """

    def __init__(self, bookmark: Any) -> None:  # noqa: ANN401
        """Begin with the state that Airbyte has."""
        self._known = encode(bookmark)
        self._is_sent = False
        self._records = 0
        self.is_empty = True

    def count(self) -> None:
        """Count a record that comes before the next state."""
        self._records += 1
        self.is_empty = False

    def next(self, bookmark: Any, *, last: bool) -> dict[str, Any] | None:  # noqa: ANN401
        """Return what to send now: the state and how many records came before it.

        Args:
            bookmark: The state of the stream, or None if there is none to send.
            last: Whether the stream was read to its end: then it needs a state in any case.
        """
        encoded = encode(bookmark)
        is_due = encoded != self._known or (last and (self._records or not self._is_sent))
        if bookmark is None or not is_due:
            return None
        self._known, self._is_sent = encoded, True
        records, self._records = self._records, 0
        return {
            "stream": {"stream_state": msgspec.Raw(encoded)},
            "sourceStats": {"recordCount": float(records)},
        }


class Answers:
    """The states that a destination was given, until what they cover is written."""

    def __init__(self) -> None:
        """Begin without any."""
        self._states: dict[int, dict[str, Any]] = {}
        self._records: Counter[str] = Counter()
        self._number = 0

    def count(self, stream: str) -> None:
        """Count a record that comes before the next state."""
        self._records[stream] += 1

    def add(self, state: dict[str, Any]) -> int:
        """Keep a state, and return its number: 1 for the first.

        The answer has no nulls, which PyAirbyte adds, but for those of the source's own.
        """
        plain = _without_nulls(state)
        if "global_" in plain:  # PyAirbyte's name for it
            plain["global"] = plain.pop("global_")
        counted = [*self._records]
        if "stream" in plain:
            plain["stream"] = _described(plain["stream"])
            counted = [plain["stream"]["stream_descriptor"]["name"]]
        elif "global" in plain:
            states = [_described(each) for each in plain["global"].get("stream_states") or ()]
            plain["global"] = {**_without_nulls(plain["global"]), "stream_states": states}
        count = sum(self._records.pop(name, 0) for name in counted)
        self._number += 1
        stats = {"destinationStats": {"recordCount": float(count)}}
        self._states[self._number] = {**plain, **stats}
        return self._number

    def up_to(self, number: int) -> list[dict[str, Any]]:
        """Return the states that were not answered yet, up to a number, in order."""
        return [self._states.pop(each) for each in sorted(self._states) if each <= number]


def _described(stream: dict[str, Any]) -> dict[str, Any]:
    descriptor = _without_nulls(stream["stream_descriptor"])
    return {**_without_nulls(stream), "stream_descriptor": descriptor}


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {name: inner for name, inner in value.items() if inner is not None}
