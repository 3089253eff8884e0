"""Which records of a scan are new, and where the next scan begins. No I/O in here.

Pinterest has no filter by update time, so a scan reads a whole list and drops here what was
emitted before. It compares digests, because Pinterest may change the size or the status of an
audience without moving its update time. The bookmark is the server's clock when the scan began,
less a lookback: a record that changes behind the scan, on a page that was already read, is newer
than that. The largest update time seen would be too late.

A bookmark that is too early costs some comparisons. One that is too late hides changes, in every
later run as well. So this machine's clock limits it as well, and a bookmark that is later than
either clock is not used.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from pinterest_audiences.errors import PinterestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

_VALUE = "replication_key_value"
_KEY = "replication_key"
_DIGESTS = "digests"
_RECENT_DIGESTS = "recent_digests"
_SEEN_IDS = "seen_ids"
_OLD_NAMES = {_RECENT_DIGESTS: "recent", _SEEN_IDS: "known"}
"""What version 0.1 calls them in a state."""
_DIGEST_LENGTH = 10
"""Hexadecimal digits, 40 bits: one change in 10^12 is missed, until the next change."""
_encode_lines = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode_lines
"""The order of keys makes no difference to a digest, on any level."""
_MAY_BE_REMOVED = ""
"""In place of the digest of a record whose removal is about to go out; no digest begins so."""


class StateError(PinterestError):
    """A bookmark that this tap cannot have written."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a partition was read up to.

    Attributes:
        value: Unix seconds; None before the first scan.
        digests: Digests by id of records that were emitted: of all, or only of those that are
            not older than ``value``, which the next scan sees again.
        seen_ids: Ids of all records that the last scan saw and emitted, then or earlier; None if
            nobody remembers them.
    """

    value: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    seen_ids: AbstractSet[str] | None = None

    @classmethod
    def read(
        cls, state: Mapping[str, Any], replication_key: str, *, recent_is_all: bool = False
    ) -> Bookmark:
        """Read a partition's state as the tap keeps it, or kept it before it compared digests.

        Args:
            state: State of the partition.
            replication_key: Field with the time of the last update.
            recent_is_all: Whether ``recent`` in an old state has the digest of every record.

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
        is_all = _DIGESTS in state or recent_is_all
        found = state.get(_DIGESTS, _get(state, _RECENT_DIGESTS))
        digests = {
            record_id: digest if isinstance(digest, str) else _MAY_BE_REMOVED
            for record_id, digest in (found.items() if isinstance(found, dict) else ())
        }
        seen_ids = _get(state, _SEEN_IDS)
        if is_all:
            return cls(int(value), digests, digests.keys())
        if not isinstance(seen_ids, list):
            return cls(int(value), digests)
        ids = dict.fromkeys(each for each in seen_ids if isinstance(each, str))
        return cls(int(value), digests, ids.keys())

    def write(self, state: dict[str, Any], replication_key: str) -> None:
        """Put the bookmark into a partition's state, if there is one."""
        if self.value is None:
            return
        for name in (_DIGESTS, _RECENT_DIGESTS, _SEEN_IDS, *_OLD_NAMES.values()):
            state.pop(name, None)
        state[_KEY] = replication_key
        state[_VALUE] = self.value
        is_all = self.seen_ids is not None and self.seen_ids == self.digests.keys()
        state[_DIGESTS if is_all else _RECENT_DIGESTS] = dict(self.digests)
        if self.seen_ids is not None and not is_all:
            state[_SEEN_IDS] = list(self.seen_ids)


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How a list is scanned.

    Attributes:
        replication_key: Field with the time of the last update in Unix seconds.
        lookback: Seconds that the next bookmark lies behind the clock.
        start: Unix seconds; records that were last updated earlier are not wanted.
        compare_by_digest: Remember the digests of all records, to find which ones changed or are
            gone next time. Without it only the time of the last update decides.
        detect_removed: Tell which records are gone, and remember all ids for it.
    """

    replication_key: str
    lookback: int
    start: int | None = None
    compare_by_digest: bool = True
    detect_removed: bool = False


class Scan:
    """One reading of a whole list."""

    def __init__(self, bookmark: Bookmark, options: ScanOptions) -> None:
        """Begin after ``bookmark``."""
        self._old = bookmark
        self._options = options
        self._next: int | None = bookmark.value
        self._seen: set[str] = set()
        self._digests: dict[str, str] = {}
        self._emitted: dict[str, None] = {}

    def drop_future_bookmark(self, clock: int) -> int | None:
        """Stop using the bookmark if it is later than ``clock``; return it if it was."""
        value = self._old.value
        if value is None or value <= clock:
            return None
        self._old = replace(self._old, value=None, digests={})
        self._next = None
        return value

    def begin(self, clock: int) -> None:
        """Note the time of the first page, in Unix seconds, by the clock that is behind."""
        self._next = max(clock - self._options.lookback, self._old.value or 0)

    def new(self, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the records of a page that have to be emitted.

        A record without update time is one of them, if it may have changed.
        """
        digests: Iterable[str | None] = itertools.repeat(None)
        if self._options.compare_by_digest:
            digests = digests_of(records)
        return [
            record
            for record, digest in zip(records, digests, strict=False)
            if self._is_new(record, digest)
        ]

    def _is_new(self, record: Mapping[str, Any], digest: str | None) -> bool:
        options, old = self._options, self._old
        record_id = str(record.get("id"))
        updated = record.get(options.replication_key)
        if not isinstance(updated, int | Decimal):
            updated = None
        before = old.digests.get(record_id)
        recent = updated is None or self._next is None or updated >= self._next
        keep = recent or options.compare_by_digest
        if options.detect_removed:
            self._seen.add(record_id)
        if updated is not None and options.start is not None and updated < options.start:
            if before is not None:  # it was emitted once, so its removal has to be, too
                self._remember(record_id, before if keep else None)
            return False
        if digest is None and (keep or before is not None):
            (digest,) = digests_of([record])
        self._remember(record_id, digest if keep else None)
        if before is not None:
            return before != digest and not _is_old_digest(record, before)
        if old.seen_ids is not None and record_id not in old.seen_ids:
            return True
        return updated is None or old.value is None or updated >= old.value

    def removed(self) -> list[str]:
        """Return the ids that the last scan knew and this one did not see, now that it ended."""
        if not self._options.detect_removed:
            return []
        return [record_id for record_id in self._old.seen_ids or () if record_id not in self._seen]

    def before_removal(self) -> Bookmark:
        """Return the bookmark for a run that ends while the removed records are emitted.

        The next scan repeats the removal of what is still gone, and emits what is back.
        """
        marks = dict.fromkeys(self.removed(), _MAY_BE_REMOVED)
        return replace(self._old, digests={**self._old.digests, **marks})

    def end(self) -> Bookmark:
        """Return the bookmark for the next scan, now that the list was read to its end."""
        if self._options.compare_by_digest:
            return Bookmark(self._next, self._digests, self._digests.keys())
        seen_ids = self._emitted.keys() if self._options.detect_removed else None
        return Bookmark(self._next, self._digests, seen_ids)

    def _remember(self, record_id: str, digest: str | None) -> None:
        if digest is not None:
            self._digests[record_id] = digest
        if self._options.detect_removed:
            self._emitted[record_id] = None


def _get(state: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401
    return state.get(name, state.get(_OLD_NAMES[name]))


def digests_of(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a digest of each record that Pinterest sent, whatever the order of its keys."""
    try:
        texts = _encode_lines(records).split(b"\n")[:-1]
    except UnicodeEncodeError:  # half of a character
        if len(records) > 1:
            return [digest for record in records for digest in digests_of([record])]
        texts = [_text_of_old_digests(record) for record in records]
    return [_digest(text) for text in texts]


def _is_old_digest(record: Mapping[str, Any], digest: str) -> bool:
    """Tell whether ``digest``, which is not that of the record, is one that an old state has."""
    return digest.startswith(_digest(_text_of_old_digests(record)))


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:_DIGEST_LENGTH]


def _text_of_old_digests(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, default=str).encode()
