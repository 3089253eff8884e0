"""Which records of a scan are new, and where the next scan begins. No I/O in here.

Pinterest has no filter by update time, so a scan reads a whole list and drops here what was
emitted before. The bookmark is the server's clock when the scan began, less a lookback: a record
that changes behind the scan, on a page that was already read, is newer than that. The largest
update time seen would be too late.

A bookmark that is too early costs some comparisons. One that is too late hides changes, in every
later run as well. So this machine's clock limits it as well, and a bookmark that is later than
either clock is not used.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_pinterest_audiences.errors import PinterestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VALUE = "replication_key_value"
_KEY = "replication_key"
_RECENT = "recent"
_KNOWN = "known"


class StateError(PinterestError):
    """A bookmark that this tap can not have written."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a partition was read up to.

    Attributes:
        value: Unix seconds; None before the first scan.
        recent: Digests by id of the records that were emitted but are not older than ``value``.
            The next scan sees them again and needs to tell whether they changed.
        known: Ids that the list held, if removed ones are to be detected.
    """

    value: int | None = None
    recent: Mapping[str, str] = field(default_factory=dict)
    known: Sequence[str] | None = None

    @classmethod
    def read(cls, state: Mapping[str, Any], replication_key: str) -> Bookmark:
        """Read a partition's state as the tap keeps it.

        Raises:
            StateError: If the bookmark is no number of seconds.
        """
        value = state.get(_VALUE)
        if value is None or state.get(_KEY, replication_key) != replication_key:
            return cls()
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (number and value == value // 1):
            msg = (
                f"State: {_VALUE} {value!r} of {state.get('context', {})} is not a whole number "
                "of Unix seconds; remove that bookmark from the state to read everything again"
            )
            raise StateError(msg)
        recent = state.get(_RECENT)
        known = state.get(_KNOWN)
        return cls(
            int(value),
            recent if isinstance(recent, dict) else {},
            [each for each in known if isinstance(each, str)] if isinstance(known, list) else None,
        )

    def write(self, state: dict[str, Any], replication_key: str) -> None:
        """Put the bookmark into a partition's state, if there is one."""
        if self.value is None:
            return
        state[_KEY] = replication_key
        state[_VALUE] = self.value
        state[_RECENT] = dict(self.recent)
        state.pop(_KNOWN, None)
        if self.known is not None:
            state[_KNOWN] = list(self.known)


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How a list is scanned.

    Attributes:
        replication_key: Field with the time of the last update in Unix seconds.
        lookback: Seconds that the next bookmark lies behind the clock.
        start: Unix seconds; records that were last updated earlier are not wanted.
        remember_all: For lists that a record can enter without being updated, as an audience does
            that is shared: tell by the digests of all records what is new.
        detect_removed: Remember all ids, to tell which ones are gone next time.
    """

    replication_key: str
    lookback: int
    start: int | None = None
    remember_all: bool = False
    detect_removed: bool = False


class Scan:
    """One reading of a whole list."""

    def __init__(self, bookmark: Bookmark, options: ScanOptions) -> None:
        """Begin after ``bookmark``."""
        self._old = bookmark
        self._options = options
        self._next: int | None = bookmark.value
        self._recent: dict[str, str] = {}
        self._known: dict[str, None] | None = {} if options.detect_removed else None

    def drop_future_bookmark(self, clock: int) -> int | None:
        """Stop using the bookmark if it is later than ``clock``; return it if it was."""
        value = self._old.value
        if value is None or value <= clock:
            return None
        self._old = replace(self._old, value=None)
        self._next = None
        return value

    def begin(self, clock: int) -> None:
        """Note the time of the first page, in Unix seconds, by the clock that is behind."""
        self._next = max(clock - self._options.lookback, self._old.value or 0)

    def is_new(self, record: Mapping[str, Any]) -> bool:
        """Tell whether ``record`` has to be emitted. A record without update time may be."""
        record_id = str(record.get("id"))
        if self._known is not None:
            self._known[record_id] = None
        updated = record.get(self._options.replication_key)
        if not isinstance(updated, (int, Decimal)):
            updated = None
        if updated is not None and updated < self._since():
            return False
        recent = updated is None or self._next is None or updated >= self._next
        remembered = recent or self._options.remember_all
        if not remembered and record_id not in self._old.recent:
            return True
        content = json.dumps(record, sort_keys=True, default=str)
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        if remembered:
            self._recent[record_id] = digest
        return self._old.recent.get(record_id) != digest

    def _since(self) -> int:
        since = None if self._options.remember_all else self._old.value
        return max((time for time in (since, self._options.start) if time is not None), default=0)

    def removed(self) -> list[str]:
        """Return the ids that the last scan saw and this one did not, now that it is finished."""
        if self._known is None:
            return []
        return [record_id for record_id in self._old.known or () if record_id not in self._known]

    def end(self) -> Bookmark:
        """Return the bookmark for the next scan, now that the list was read to its end."""
        known = None if self._known is None else list(self._known)
        return Bookmark(self._next, self._recent, known)
