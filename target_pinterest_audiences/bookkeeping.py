"""What becomes of each record, so that none is forgotten and no state passes one that was."""

from __future__ import annotations

import copy
import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_pinterest_audiences.errors import redact
from target_pinterest_audiences.decisions import Decision, Defer, Reject, Wait
from target_pinterest_audiences.report import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_pinterest_audiences.rejects import Rejects
    from target_pinterest_audiences.report import Report
    from target_pinterest_audiences.sinks import PinterestSink


@dataclass(frozen=True, slots=True)
class _Item:
    """A record on its way: its sink, what the sink was given, and the message as it came."""

    sink: PinterestSink
    record: Mapping[str, Any]
    message: Mapping[str, Any]
    entry: Entry


class Bookkeeping:
    """Takes the records of a run, one by one, and accounts for each of them.

    Attributes:
        lost: Whether a record was left undone that no file keeps: no state may pass it.
    """

    def __init__(self, report: Report, rejects: Rejects | None) -> None:
        """Account to ``report``, and keep in ``rejects`` what was not applied."""
        self.lost = False
        self._report = report
        self._rejects = rejects
        self._message: Mapping[str, Any] = {}
        self._positions: Counter[str] = Counter()
        self._waiting: list[_Item] = []

    @property
    def waits(self) -> bool:
        """Whether a record waits for another one: no state may pass it before it is done."""
        return bool(self._waiting)

    def note_schema(self, message: Mapping[str, Any]) -> None:
        """Note a SCHEMA message as it came, before the SDK adds to it."""
        if self._rejects:
            self._rejects.keep_schema(copy.deepcopy(message))

    def note_message(self, message: Mapping[str, Any]) -> None:
        """Note the RECORD message from which the next records are made."""
        self._message = message

    def take(self, sink: PinterestSink, record: Mapping[str, Any]) -> None:
        """Have a record applied, or put it aside until what it refers to is there."""
        stream = sink.stream_name
        self._positions[stream] += 1
        name = record.get("name") or record.get("audience_name")
        entry = Entry(
            stream,
            self._positions[stream],
            redact(str(name)) if name else None,
            redact(str(record["id"])) if record.get("id") else None,
        )
        self._decide(_Item(sink, record, self._message, entry), last_call=False)

    def finish(self) -> None:
        """Apply what waits, as long as that makes a difference; the rest can not be applied."""
        for last_call in (False, True):
            before = len(self._waiting) + 1
            while self._waiting and len(self._waiting) < before:
                before = len(self._waiting)
                items, self._waiting = self._waiting, []
                for item in items:
                    self._decide(item, last_call=last_call)
        items, self._waiting = self._waiting, []
        for item in items:
            outcome = item.sink.decide(item.record, last_call=True)
            self._account(item, outcome.otherwise if isinstance(outcome, Wait) else outcome)

    def _decide(self, item: _Item, *, last_call: bool) -> None:
        outcome = item.sink.decide(item.record, last_call=last_call)
        if isinstance(outcome, Wait):
            self._waiting.append(item)
        else:
            self._account(item, outcome)

    def _account(self, item: _Item, decision: Decision) -> None:
        self._report.add(decision, item.entry)
        if isinstance(decision, Reject | Defer):
            if self._rejects:
                self._rejects.keep(item.message, decision, dt.datetime.now(dt.UTC))
            else:
                self.lost = True
        elif self._rejects:
            self._rejects.settle(item.message)
