"""What becomes of each record, so that none is forgotten and no state passes one that was."""

from __future__ import annotations

import copy
import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pinterest_audiences.errors import PinterestError, redact
from target_pinterest_audiences.changes import Change, Defer, Entry, Pending, Reject
from target_pinterest_audiences.input.column_names import may_be_removal
from target_pinterest_audiences.input.consent import dropped
from target_pinterest_audiences.input.deletions import ORIGIN_DELETED
from target_pinterest_audiences.input.names import name_key
from target_pinterest_audiences.input.values import is_blank
from target_pinterest_audiences.members.identifiers import rejected_digest
from target_pinterest_audiences.members.reject_limit import (
    FEW_REJECTED,
    MOST_REJECTED,
    are_too_many,
)
from target_pinterest_audiences.run.in_flight import Started

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from target_pinterest_audiences.run.dead_letters import DeadLetters
    from target_pinterest_audiences.run.in_flight import InFlight
    from target_pinterest_audiences.run.report import Report


class Decider(Protocol):
    """A sink that makes Pinterest match one record at a time, and returns what it did.

    Attributes:
        stream_name: Its stream.
    """

    stream_name: str

    def decide(
        self, record: Mapping[str, Any], entry: Entry, *, last_call: bool
    ) -> Change | Pending | Started:
        """Make Pinterest match one record, or say why not."""


@dataclass(slots=True)
class _Origin:
    """A message as it came. Stream maps may make several records of one.

    Attributes:
        message: The RECORD message.
        private: Whether it holds a person's identifier, so that it must not be kept.
        taken: How many records were made of it.
        done: How many of these need nothing more.
        last: True as long as more can be made of it.
    """

    message: Mapping[str, Any]
    private: bool = False
    taken: int = 0
    done: int = 0
    last: bool = True


@dataclass(frozen=True, slots=True)
class _Item:
    """A record on its way: its sink, what the sink was given, and where that came from."""

    sink: Decider
    record: Mapping[str, Any]
    origin: _Origin
    entry: Entry


class TooManyRejectedError(PinterestError):
    """Nearly everything is refused."""


class RecordTracker:
    """Takes the records of a run, one by one, and accounts for each of them.

    Attributes:
        lost: Whether a record was left undone that no file keeps: no state may pass it.
    """

    def __init__(
        self,
        report: Report,
        dead_letters: DeadLetters | None,
        in_flight: InFlight,
        mapped_columns: Collection[str] = (),
    ) -> None:
        """Account for what was done.

        Args:
            report: Counts it.
            dead_letters: Keeps what was not applied.
            in_flight: What is not done yet, so that all is accounted for in order.
            mapped_columns: The columns that stream maps name.
        """
        self._mapped_columns = mapped_columns
        self._in_flight = in_flight
        self.has_unhandled = False
        self._report = report
        self._dead_letters = dead_letters
        self._origin = _Origin({})
        self._positions: Counter[str] = Counter()
        self._waiting: list[_Item] = []
        self._put_off: set[str | None] = set()
        self._keys: dict[str, Sequence[str]] = {}

    @property
    def records(self) -> int:
        """How many records came so far. Another thread may ask for it."""
        return sum(list(self._positions.values()))

    @property
    def has_pending(self) -> bool:
        """Whether a record waits for another one: no state may pass it before it is done."""
        return bool(self._waiting)

    def note_schema(self, message: Mapping[str, Any]) -> None:
        """Note a SCHEMA message as it came, before the SDK adds to it."""
        self._keys[message["stream"]] = message.get("key_properties") or ()
        if self._dead_letters:
            self._dead_letters.keep_schema(copy.deepcopy(message))

    def note_message(
        self, message: Mapping[str, Any], aliases: Iterable[str], *, private: bool = False
    ) -> None:
        """Note the RECORD message from which the next records are made.

        Args:
            message: The message as it came.
            aliases: The streams to which stream maps send it.
            private: Whether it holds a person's identifier, so that it must not be kept.
        """
        for stream in {message["stream"], *aliases}:
            self.count(stream)
        self._no_more_of(self._origin)
        self._origin = _Origin(message, private)

    def count(self, stream: str, records: int = 1) -> int:
        """Count records of a stream as they come, and return the number of the last one.

        Records that a stream map drops, blank ones and unreadable ones count, too: the number is
        the place of a record in the input. 1 is the first.
        """
        self._positions[stream] += records
        return self._positions[stream]

    def number(self, stream: str) -> int:
        """Return the number of the last record of a stream that came."""
        return self._positions[stream]

    @property
    def message(self) -> Mapping[str, Any]:
        """The RECORD message from which the next record is made."""
        return self._origin.message

    def with_origin(self, record: dict[str, Any], key_digest: str | None = None) -> dict[str, Any]:
        """Add to a record what a stream map must not lose: a deletion, and an opt-out.

        Args:
            record: What a stream map made of the message.
            key_digest: The column that takes digests of the row's key, if any does.
        """
        came = self._origin.message["record"]
        # A record that has all that came says it by itself, but not what its row's key was.
        says_it_itself = key_digest is None and came.items() <= record.items()
        if not says_it_itself:
            record |= dropped(came, record, self._mapped_columns)
        if not says_it_itself and may_be_removal(came):
            record[ORIGIN_DELETED] = True
            if key_digest and (keys := self.key_digests(self.message["stream"], came)):
                record[key_digest] = keys
        return record

    def key_digests(self, stream: str, record: Mapping[str, Any]) -> dict[str, str]:
        """Return the SHA-256 of each value of a row's key, by which its owner finds the row."""
        keys = ((name, record.get(name)) for name in self._keys.get(stream, ()))
        return {name: rejected_digest(value) for name, value in keys if not is_blank(value)}

    def take(self, sink: Decider, record: Mapping[str, Any]) -> None:
        """Have a record applied, or put it aside until what it refers to is there."""
        entry = self._entered(sink.stream_name, record)
        self._decide(_Item(sink, record, self._origin, entry), last_call=False)

    def refuse(self, stream: str, reject: Reject) -> None:
        """Account for a message of which no record can be made."""
        origin, entry = self._origin, self._entered(stream, {})
        self._in_flight.run(lambda: self._account(origin, entry, reject))

    def refuse_member(self, position: int, message: Mapping[str, Any], reject: Reject) -> None:
        """Account for a record of a member that was refused.

        Args:
            position: 1 for the first record of the stream.
            message: A RECORD message that can be kept: without an identifier of a person.
            reject: Why.

        Raises:
            TooManyRejectedError: If so many of those that came are kept that the input can hardly
                be right.
        """
        self._report.refused(message["stream"], reject, position)
        if self._dead_letters is None:
            self.note_unhandled()
            return
        self._dead_letters.keep(message, reject, dt.datetime.now(dt.UTC))
        stream = message["stream"]
        rejected, rows = self._report.counts[stream]["rejected"], self._positions[stream]
        if are_too_many(rejected, rows):
            msg = (
                f"{rejected} of {rows} records were rejected, more than {FEW_REJECTED} and "
                f"{float(MOST_REJECTED):.0%} of them, so something is wrong with all: see the "
                "reasons above, correct the query or the stream map, and run again"
            )
            raise TooManyRejectedError(msg)

    def note_unhandled(self) -> None:
        """Let no state pass what was left undone just now; those before it still may."""
        if not self.has_unhandled:
            self._in_flight.settle()
            self.has_unhandled = True

    @property
    def kept_texts(self) -> AbstractSet[int]:
        """Hashes of texts in the records that are kept: no other record needs ``key_of_kept``."""
        return self._dead_letters.texts if self._dead_letters else frozenset()

    def key_of_kept(self, message: Mapping[str, Any]) -> bytes | None:
        """Return the key under which a member's record is kept; None if it is not kept."""
        return self._dead_letters.key_of(message) if self._dead_letters else None

    def settle_member(self, key: bytes) -> None:
        """Let go of a member's record that was kept under a key and is applied now."""
        if self._dead_letters:
            self._dead_letters.settle(key)

    def retry(self, *, last_call: bool = False) -> None:
        """Apply what waits, as long as that makes a difference.

        Args:
            last_call: Whether nothing else can come that a record may wait for.
        """
        self._in_flight.settle()
        before = len(self._waiting) + 1
        while self._waiting and len(self._waiting) < before:
            before = len(self._waiting)
            items, self._waiting = self._waiting, []
            for item in items:
                self._decide(item, last_call=last_call)
            self._in_flight.settle()

    def finish(self) -> None:
        """Apply what waits, now that nothing else can come; the rest cannot be applied."""
        self._no_more_of(self._origin)
        self.retry()
        self.retry(last_call=True)
        items, self._waiting = self._waiting, []
        ends = []
        for item in items:
            end = item.sink.decide(item.record, item.entry, last_call=True)
            ends.append((item, end.finish() if isinstance(end, Started) else end))
        self._give_up(ends)

    def _give_up(self, ends: list[tuple[_Item, Change | Pending]]) -> None:
        """Account for what waits in vain: deferred if so is what it waits for, else refused."""
        put_off = [
            (item, outcome)
            for item, outcome in ends
            if isinstance(outcome, Pending) and outcome.name in self._put_off
        ]
        for item, outcome in put_off:
            reason = f"what it needs, {outcome.name!r}, was itself deferred: run again later"
            self._account(item.origin, item.entry, Defer("reference_deferred", reason))
        left = [end for end in ends if end not in put_off]
        if put_off:
            self._give_up(left)
            return
        for item, end in left:
            change = end.otherwise if isinstance(end, Pending) else end
            self._account(item.origin, item.entry, change)

    def _decide(self, item: _Item, *, last_call: bool) -> None:
        outcome = item.sink.decide(item.record, item.entry, last_call=last_call)
        if isinstance(outcome, Started):
            answer, touched, finish = outcome.answer, outcome.touched, outcome.finish
            self._in_flight.start(answer, touched, lambda: self._take_up(item, finish()))
        else:
            self._in_flight.run(lambda: self._take_up(item, outcome))

    def _take_up(self, item: _Item, outcome: Change | Pending) -> None:
        if isinstance(outcome, Pending):
            self._waiting.append(item)
        else:
            self._account(item.origin, item.entry, outcome)

    def _entered(self, stream: str, record: Mapping[str, Any]) -> Entry:
        self._in_flight.turn_to("records")
        self._origin.taken += 1
        name = name_key(str(record.get("name") or record.get("audience_name") or ""))
        return Entry(
            stream,
            self.number(stream),
            redact(name) or None,
            redact(str(record["id"])) if record.get("id") else None,
        )

    def _account(self, origin: _Origin, entry: Entry, change: Change) -> None:
        self._report.add(change, entry)
        if isinstance(change, Defer) and entry.name:
            self._put_off.add(entry.name)
        if not isinstance(change, Reject | Defer):
            origin.done += 1
            self._settle(origin)
        elif self._dead_letters and not origin.private:
            self._dead_letters.keep(origin.message, change, dt.datetime.now(dt.UTC))
        else:
            self.has_unhandled = True

    def _no_more_of(self, origin: _Origin) -> None:
        origin.last = False
        self._settle(origin)

    def _settle(self, origin: _Origin) -> None:
        """Let go of a message if all that was made of it is done."""
        is_done = not origin.last and 0 < origin.taken == origin.done
        if self._dead_letters and is_done and (key := self._dead_letters.key_of(origin.message)):
            self._dead_letters.settle(key)
