"""What the sinks have in common: one record after the other, decided, done and accounted for."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from singer_sdk.sinks import Sink
from typing_extensions import override

from pinterest_audiences.errors import RequestFailedError
from target_pinterest_audiences.audiences.claims import DEPENDS_ON_NAMES
from target_pinterest_audiences.changes import Change, Pending, Reject
from target_pinterest_audiences.run.in_flight import Started

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from singer_sdk import Target

    from target_pinterest_audiences.audiences.existing import Inventory
    from target_pinterest_audiences.changes import Entry
    from target_pinterest_audiences.run.context import RunContext

T = TypeVar("T")

_NOT_FOR_THIS_RECORD_ALONE = {401}
"""Refusals that would meet every other record as well, so the run ends."""


class HasContext(Protocol):
    """The target that the SDK passes to a sink, which keeps its context only."""

    context: RunContext


class ContextSink(Sink, ABC):
    """Takes the records of one stream, as part of a run that is its ``context``."""

    def __init__(
        self,
        target: HasContext,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,  # noqa: ARG002
    ) -> None:
        """Prepare the sink; nothing is asked of Pinterest before the first record.

        The stream's own schema and key are not enforced: they describe a table in somebody's
        warehouse, and would end the run at the first bad record. A record is read by what its
        columns mean, and one that means nothing is rejected without stopping those behind it.
        """
        # All that the SDK reads of a target is its config, its logger and when it began.
        super().__init__(cast("Target", target.context), stream_name, schema, None)
        self.schema = {"properties": {}, "additionalProperties": True}
        self.context = target.context

    @property
    @override
    def include_sdc_metadata_properties(self) -> bool:
        """Keep ``_sdc_deleted_at``, which the SDK strips otherwise: it says "remove"."""
        return True

    @override
    def get_validator(self) -> None:
        """Leave the checks to those who know what a column means."""


class PinterestSink(ContextSink):
    """Does what one record asks for before the next is read, or begins to."""

    @abstractmethod
    def match(
        self, record: Mapping[str, Any], entry: Entry, *, last_call: bool
    ) -> Change | Pending | Started:
        """Make Pinterest match one record.

        Args:
            record: The record.
            entry: What the record is called, and what it claims its audience by.
            last_call: True if nothing that it may refer to can come any more.

        Raises:
            RequestFailedError: If Pinterest refused something.
        """

    @override
    def preprocess_record(self, record: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Keep what a stream map may have dropped: that the row is deleted."""
        return self.context.tracker.with_origin(record)

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Make Pinterest match one record, or reject it."""
        self.context.tracker.take(self, record)

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """There are no batches: records are applied as they come."""

    def decide(
        self, record: Mapping[str, Any], entry: Entry, *, last_call: bool
    ) -> Change | Pending | Started:
        """Make Pinterest match one record; what Pinterest refuses is rejected."""
        self.context.claims.release(entry)
        outcome = self._try(lambda: self.match(record, entry, last_call=last_call))
        if isinstance(outcome, Started):
            return replace(outcome, finish=functools.partial(self._finish, outcome.finish, entry))
        return self._without_claims(outcome, entry)

    def _finish(self, finish: Callable[[], Change | Pending], entry: Entry) -> Change | Pending:
        return self._without_claims(self._try(finish), entry)

    def _without_claims(self, outcome: T, entry: Entry) -> T:
        """Let go of what a rejected record claimed."""
        if isinstance(outcome, Reject) and outcome.code not in DEPENDS_ON_NAMES:
            self.context.claims.release(entry)
        return outcome

    def _try(self, step: Callable[[], T]) -> T | Reject:
        try:
            return step()
        except RequestFailedError as error:
            if error.status in _NOT_FOR_THIS_RECORD_ALONE:
                raise
            return self.refused(error)
        except RecursionError:
            return Reject("too_deep", "the record has more values inside values than can be read")

    def refused(self, error: RequestFailedError) -> Reject:
        """Return what becomes of a record that Pinterest refused."""
        return Reject("refused", str(error))

    def inventory(self, ad_account_id: str) -> Inventory | Reject:
        """Return what an ad account has, or why it cannot be read."""
        try:
            return self.context.inventory(ad_account_id)
        except RequestFailedError as error:
            if error.status in _NOT_FOR_THIS_RECORD_ALONE:
                raise
            return Reject("unreadable_account", f"ad account {ad_account_id}: {error}")


class DroppedSink(ContextSink):
    """Takes a stream that a stream map drops: the SDK wants a sink all the same."""

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """There are no records."""

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """There are no batches."""
