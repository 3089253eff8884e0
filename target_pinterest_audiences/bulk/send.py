"""Sends a plan to Pinterest, from one process, a few requests at a time.

It computes nothing: a batch is a slice of files that never change, so that whoever goes on after
a run that ended early only needs the numbers of the batches that were answered.
"""

from __future__ import annotations

import copy
import functools
import logging
import time
from dataclasses import replace
from operator import lt
from typing import TYPE_CHECKING

import requests

from pinterest_audiences.errors import PinterestError, RequestFailedError
from target_pinterest_audiences.bulk.outcomes import Outcome, Outcomes
from target_pinterest_audiences.bulk.plan import OPERATIONS, batches_of
from target_pinterest_audiences.bulk.store import StoreError
from target_pinterest_audiences.members.customer_lists import MembersError
from target_pinterest_audiences.members.identifiers import to_key, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_pinterest_audiences.bulk.ledger import FileLedger
    from target_pinterest_audiences.bulk.plan import Batch, OperationType, Plan
    from target_pinterest_audiences.bulk.store import Store
    from target_pinterest_audiences.members.customer_list import CustomerList
    from target_pinterest_audiences.members.customer_lists import CustomerLists
    from target_pinterest_audiences.members.writer import ListWriter, SentPart
    from target_pinterest_audiences.run.in_flight import InFlight

logger = logging.getLogger(__name__)

_ROWS = 100_000
_REPORT_EVERY_SECONDS = 10.0
_LIST_TAKES_NOTHING = (requests.codes.forbidden, requests.codes.not_found)


class Sender:
    """Sends one plan, or what is left of it."""

    def __init__(
        self, ledger: FileLedger, plan: Plan, lists: CustomerLists, in_flight: InFlight
    ) -> None:
        """Find the list, as it is at Pinterest now.

        Args:
            ledger: Has the plan.
            plan: The plan.
            lists: Finds the list, and writes to it.
            in_flight: The requests on their way.

        Raises:
            MembersError: If it cannot be told which list is meant.
        """
        self.outcomes = Outcomes(ledger.store, plan.run)
        self._ledger = ledger
        self._plan = plan
        self._writer: ListWriter = lists.list_writer
        self._in_flight = in_flight
        ref = plan.target.ref
        list_id = ref.customer_list_id or self.outcomes.customer_list_id
        self.members: CustomerList = lists.list_of(
            replace(ref, customer_list_id=list_id), plan.target.list_type
        )
        self._given_up: str | None = None
        if failed := self.members.failed:
            if failed.code != "unknown_list":  # it was removed since
                raise MembersError(failed.reason)
            self._given_up = failed.reason

    def send(self) -> None:
        """Send all batches without an outcome: additions first, and removals once they are done.

        Raises:
            PinterestError: If not all could be sent; what was sent is noted.
        """
        try:
            for operation in OPERATIONS:
                self._send_all(operation)
                self._in_flight.settle()
        except (KeyboardInterrupt, SystemExit):
            self._in_flight.abandon()
            raise
        except PinterestError as error:
            first = self._in_flight.settle_after(error)
            if first is error:
                raise
            raise first from None

    def _send_all(self, operation: OperationType) -> None:
        """Send all batches of an operation; the last ones are on their way then."""
        left = self._left(operation)
        if operation == "ADD" and self.members.list_id is None:
            self._create(left)
        progress = _Progress(self._plan, operation, self.outcomes)
        for batch in left:
            self._begin(batch, progress)

    def _begin(self, batch: Batch, progress: _Progress) -> None:
        self._in_flight.make_room()
        sent = None
        if self._in_flight.is_possible and not self._given_up:
            account, list_id = self._plan.target.ad_account_id, str(self.members.list_id)
            add = batch.operation == "ADD"
            sent = self._writer.send_ahead(account, list_id, batch.texts, add=add)
        take_up = functools.partial(self._take_up, batch, sent, progress)
        if sent:
            self._in_flight.start(sent.answer, frozenset(), take_up)
        else:
            self._in_flight.run(take_up)

    def _take_up(self, batch: Batch, sent: SentPart | None, progress: _Progress) -> None:
        outcome = self._send(batch, sent)
        self._count(outcome)
        progress.note(outcome)

    def _left(self, operation: OperationType) -> Iterator[Batch]:
        names = self._ledger.files(self._plan.run, operation)
        texts = texts_of(self._ledger.store, names, self._plan, operation)
        for batch in batches_of(self._plan, operation, texts):
            if (operation, batch.number) not in self.outcomes.noted:
                yield batch

    def _create(self, left: Iterator[Batch]) -> None:
        """Make the list of the first batch, exactly once."""
        batch = None if self._given_up else next(left, None)
        if batch is None:
            return
        before = copy.deepcopy(self.members.tally)
        self.members.add(dict.fromkeys(batch.texts, True), None)
        self.members.flush()
        if failed := self.members.failed:
            self._given_up = failed.reason
        self.members.tally = before  # the batch is counted below, as all others are
        self._count(self._note(batch, self._given_up))

    def _send(self, batch: Batch, sent: SentPart | None) -> Outcome:
        """Wait for Pinterest's response to a batch, and note it."""
        if self._given_up and not sent:
            return self._note(batch, self._given_up)
        refused = None
        try:
            self._writer.change(
                self._plan.target.ad_account_id,
                str(self.members.list_id),
                batch.texts,
                add=batch.operation == "ADD",
                sent=sent,
            )
        except RequestFailedError as error:
            if error.status == requests.codes.unauthorized:
                raise
            refused = str(error)
            if error.status in _LIST_TAKES_NOTHING:
                self._given_up = refused
        return self._note(batch, refused)

    def _note(self, batch: Batch, refused: str | None) -> Outcome:
        ends = (batch.texts[0], batch.texts[-1])
        first, last = (to_key(self._plan.target.list_type, text).hex() for text in ends)
        outcome = Outcome(
            operation=batch.operation,
            number=batch.number,
            people=len(batch.texts),
            customer_list_id=self.members.list_id,
            refused=refused,
            keys=(first, last) if refused else None,
        )
        self.outcomes.note(outcome)
        return outcome

    def _count(self, outcome: Outcome) -> None:
        tally = self.members.tally
        if outcome.refused:
            logger.error(
                "Batch %d to %s %d members was refused: %s",
                *(outcome.number, outcome.operation, outcome.people, outcome.refused),
            )
            tally.rejected["refused"] += outcome.people
            tally.refused += outcome.people
        elif outcome.operation == "ADD":
            tally.new += outcome.people
        else:
            tally.removed += outcome.people


class _Progress:
    """Reports how much was sent, from time to time."""

    def __init__(self, plan: Plan, operation: OperationType, outcomes: Outcomes) -> None:
        noted = [item for item in outcomes.noted.values() if item.operation == operation]
        self._what = "to add" if operation == "ADD" else "to remove"
        self._people = sum(item.people for item in noted)
        self._requests = len(noted)
        self._of = plan.people(operation)
        self._next = time.monotonic() + _REPORT_EVERY_SECONDS

    def note(self, outcome: Outcome) -> None:
        self._people += outcome.people
        self._requests += 1
        if time.monotonic() >= self._next or self._people == self._of:
            self._next = time.monotonic() + _REPORT_EVERY_SECONDS
            logger.info(
                "Done with %d of %d members %s, in %d batches",
                *(self._people, self._of, self._what, self._requests),
            )


def texts_of(
    store: Store, names: Sequence[str], plan: Plan, operation: OperationType
) -> Iterator[list[str]]:
    """Yield what an operation of a plan sends, some at a time.

    Args:
        store: Has the files.
        names: The files, in order.
        plan: The plan.
        operation: The operation.

    Raises:
        StoreError: If the files are not those that the plan counted, or not in order.
    """
    last, people = b"", 0
    for name in names:
        with store.parquet(name) as file:
            for batch in file.iter_batches(_ROWS, columns=["key"]):
                keys: list[bytes] = batch.column(0).to_pylist()
                if not all(map(lt, [last, *keys], keys)):
                    msg = f"the plan {plan.run} is damaged: {name} is not in order"
                    raise StoreError(msg)
                last, people = keys[-1], people + len(keys)
                yield [to_text(plan.target.list_type, key) for key in keys]
    if people != plan.people(operation):
        msg = f"the plan {plan.run} is damaged: {people} of {plan.people(operation)} members found"
        raise StoreError(msg)
