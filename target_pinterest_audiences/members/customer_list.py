"""One customer list in a run: who is to come in and out, sent in batches."""

from __future__ import annotations

import functools
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import requests

from pinterest_audiences.errors import RequestFailedError, redact
from target_pinterest_audiences.changes import Create, Reject
from target_pinterest_audiences.input.names import name_key
from target_pinterest_audiences.members.list_batches import ListBatches
from target_pinterest_audiences.members.lookup import find_list, other_type
from target_pinterest_audiences.members.mirror import Removal
from target_pinterest_audiences.members.records import batches
from target_pinterest_audiences.members.sent_members import SentMembers
from target_pinterest_audiences.members.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_pinterest_audiences.members.list_context import ListContext
    from target_pinterest_audiences.members.mirror import Reading
    from target_pinterest_audiences.members.records import ListRef

logger = logging.getLogger(__name__)


class CustomerList:
    """Brings people into a list and out of it.

    A person counts, and goes into the ledger, once Pinterest took the batch. Several batches may be
    on their way, but never an addition and a removal.

    Attributes:
        ref: How records name it.
        list_type: The type of its members.
        list_id: Pinterest's id; None before it is made.
        found: The list as it was when the run began, if it was there.
        found_audience: Its audience as it was then, likewise.
        tally: What became of the people.
        failed: Why nothing can be done with the list, if that is so.
        created_audience: The audience that this run made of the list.
        reading: The reading of a mirrored table that had a member of it last.
        tables: The streams of all mirrored tables that had one in this run.
        was_unlocked: Whether another run could change the list since that reading began.
        wants_members: Whether anybody is to be in it, so that it needs an audience.
    """

    def __init__(self, ref: ListRef, list_type: str, context: ListContext) -> None:
        """Find the list."""
        self.ref = ref
        self.list_type = list_type
        self.list_id: str | None = None
        self.found: Mapping[str, Any] | None = None
        self.found_audience: Mapping[str, Any] | None = None
        self.tally = Tally()
        self.failed: Reject | None = None
        self.created_audience: Create | None = None
        self.reading: Reading | None = None
        self.tables: set[str] = set()
        self.was_unlocked = False
        self._context = context
        self._sent: SentMembers | None = None
        self._batches = ListBatches(context.list_writer, context.queue)
        self._add: dict[str, None] = {}
        self._remove: dict[str, None] = {}
        self._known = 0
        self.wants_members = False
        self.look_up()

    @property
    def pending(self) -> int:
        """How many people came and were not sent yet."""
        return len(self._add) + len(self._remove)

    @property
    def label(self) -> str:
        """What the list is called in a message."""
        list_id = self.list_id or self.ref.customer_list_id
        if list_id:
            return f"customer list {list_id}"
        return f"the list of audience {redact(str(self.ref.audience_name))!r}"

    @property
    def audience(self) -> Mapping[str, Any] | None:
        """The audience that is made of the list."""
        over = self._context.inventory().over_list(self.list_id) if self.list_id else []
        key = name_key(self.ref.audience_name or "")
        named = [item for item in over if name_key(str(item.get("name"))) == key]
        return next(iter(named or over), None)

    def look_up(self) -> None:
        """Find the list; again if another run could change it meanwhile, unless it failed."""
        if self.failed:
            return
        self.was_unlocked = True
        try:
            found = find_list(self.ref, self._context.inventory(), self._context.on_ambiguous)
        except RequestFailedError as error:
            self._fail(error)
            return
        if isinstance(found, Reject):
            self._give_up(found)
        elif self.list_id and (not found or str(found["id"]) != self.list_id):
            self.reject_as_changed()
        elif self.list_id:
            self._is_there(self.list_id)
            self._known = min(self._known, self._sent.count()) if self._sent else 0
        elif found:
            self.found = found
            self._is_there(str(found["id"]))
            self.found_audience = self.audience
        elif self._context.write_mode == "update":
            self._give_up(
                Reject(
                    "not_found",
                    f"ad account {self.ref.ad_account_id} has no list of this name, and write_mode "
                    "update makes none: choose write_mode upsert",
                )
            )

    def reject_as_changed(self) -> None:
        """Give up the list, because its name or id means another one than before."""
        self._give_up(
            Reject(
                "list_changed",
                "while this run waited for another run, somebody changed which customer list is "
                "meant: look which list has this name, then run again",
            )
        )

    def add(self, people: Mapping[str, bool], reading: Reading | None) -> None:
        """Take people in or out; who was sent to Pinterest before need not be sent again.

        Args:
            people: What is sent for a person, and whether the person is to be in.
            reading: The reading of the mirrored table that has them, if one is mirrored.
        """
        if not self.failed:
            # What the ledger has to say of a person is known when the person's batch is done.
            self._batches.settle_those_with(people)
        if not self.failed and reading != self.reading:
            self._begin(reading)
        if self.failed:
            self._reject(len(people))
            return
        coming = [text for text, add in people.items() if add]
        going = [text for text, add in people.items() if not add]
        mark = reading.mark if reading else None
        unsent = self._sent.unsent(coming, mark) if self._sent else coming
        still_in = self._sent.not_taken_out(going) if self._sent else going
        if self.found and self._context.write_mode == "create" and (unsent or still_in):
            self.failed = Reject(
                "exists",
                f"{self.label} is there already, and write_mode create changes nothing: set "
                "write_mode to upsert",
            )
            self._reject(len(people))
            return
        if self._sent and mark is not None:
            self._sent.unsent(going, mark)  # the version has them, so they are not absent from it
        self.wants_members = self.wants_members or bool(coming)
        for text in coming if self._remove else ():
            self._remove.pop(text, None)
        self._add.update(dict.fromkeys(unsent))
        self.tally.already_there += len(coming) - len(unsent)
        for text in going if self._add else ():
            self._add.pop(text, None)
        self._remove.update(dict.fromkeys(still_in))
        self.tally.not_there += len(going) - len(still_in)
        self._send(all_of_them=False)

    def flush(self) -> None:
        """Send all that is left, but the removals of a mirror; it is on its way then."""
        self._send(all_of_them=True)

    def complete(self) -> None:
        """Make sure that there is an audience of a list that was to have members."""
        if not self.list_id or not self.ref.audience_name or self.failed or not self.wants_members:
            return
        if self.audience:
            return
        if self._context.write_mode == "update":
            logger.warning(
                "No audience is made of %s, and write_mode update creates none", self.label
            )
            return
        body = {
            "name": self.ref.audience_name,
            "audience_type": "CUSTOMER_LIST",
            "rule": {"customer_list_id": self.list_id},
        }
        inventory = self._context.inventory()
        change = Create(self.ref.ad_account_id, body)
        try:
            made = self._context.writer.create(change, inventory)
        except RequestFailedError as error:
            self._fail(error)
        else:
            inventory.put(made)
            self.created_audience = replace(change, audience_id=str(made["id"]))

    def removal(self) -> Removal:
        """Return how many people the reading of a mirrored table would remove."""
        absent = self._sent.count_absent(self.reading.mark) if self._sent and self.reading else 0
        known = self._sent.count_known(list(self._remove)) if self._sent else 0
        return Removal(self.label, self._known, absent, known)

    def remove(self, *, absent: bool) -> None:
        """Remove members that records name, and with ``absent`` those missing from a reading."""
        self._send_removals(all_of_them=True)
        if not absent or not self._sent or not self.reading:
            return
        self._batches.settle()
        for texts in self._sent.absent(self.reading.mark):
            if self.failed:
                return
            self._remove.update(dict.fromkeys(texts))
            self._send_removals(all_of_them=True, by_record=False)

    def drop_removals(self) -> None:
        """Give up the removals for which records ask, because there are too many."""
        self.tally.rejected["too_many_removals"] += len(self._remove)
        self.tally.refused += len(self._remove)
        self._remove.clear()

    def _begin(self, reading: Reading | None) -> None:
        """Send those of the last reading, who must not count as of this one."""
        self.flush()
        self._batches.settle()
        self.reading = reading
        self.was_unlocked = False
        if reading:
            self.tables.add(reading.stream)
        self._known = self._sent.count() if self._sent else 0

    def _is_there(self, list_id: str) -> None:
        self.list_id = list_id
        ledger = self._context.ledger
        if ledger is None:
            return
        holds = ledger.list_type(list_id)
        if holds not in {None, self.list_type}:
            self._give_up(other_type(str(holds), self.list_type))
        else:
            self._sent = SentMembers(ledger, self.ref, list_id, self.list_type)

    def _send(self, *, all_of_them: bool) -> None:
        if self.list_id or self._add:
            self._send_to(self._add, all_of_them=all_of_them)
        if not self._context.mirrors:
            self._send_removals(all_of_them=all_of_them)

    def _send_removals(self, *, all_of_them: bool, by_record: bool = True) -> None:
        if self.list_id:
            self._send_to(self._remove, all_of_them=all_of_them, by_record=by_record)
        elif all_of_them:
            self.tally.not_there += len(self._remove)
            self._remove.clear()

    def _send_to(
        self, waiting: dict[str, None], *, all_of_them: bool, by_record: bool = True
    ) -> None:
        most = self._context.most_members
        if not waiting or (not all_of_them and len(waiting) < most):
            return
        add = waiting is self._add
        for batch in batches(list(waiting), most, self._context.most_bytes):
            self._batches.make_room(add=add)
            if self.failed or (not all_of_them and len(waiting) < most):
                return
            for text in batch:
                del waiting[text]
            if add:
                self._send_added(batch)
            else:
                self._send_removed(batch, by_record=by_record)

    def _send_added(self, batch: Sequence[str]) -> None:
        mark = self.reading.mark if self.reading else None
        if self.list_id is None:
            self._context.queue.settle()
            self._finish_added(batch, mark, functools.partial(self._create, batch))
            return
        if self._sent:
            self._sent.expect_added(batch, mark)
        finish = functools.partial(self._finish_added, batch, mark)
        self._batches.send(self.ref.ad_account_id, self.list_id, batch, add=True, finish=finish)

    def _create(self, batch: Sequence[str]) -> None:
        account, name = self.ref.ad_account_id, str(self.ref.audience_name)
        create = self._context.list_writer.create
        made = create(account, name, self.list_type, batch, self._context.inventory())
        self._is_there(str(made["id"]))

    def _finish_added(
        self, batch: Sequence[str], mark: int | None, write: Callable[[], None]
    ) -> None:
        if self._is_done(batch, write):
            self.tally.new += len(batch)
            if self._sent:
                self._sent.note_added(batch, mark)

    def _send_removed(self, batch: Sequence[str], *, by_record: bool) -> None:
        known = self._sent.expect_removed(batch) if self._sent else len(batch)

        def finish(write: Callable[[], None]) -> None:
            if self._is_done(batch, write):
                self.tally.removed += known
                self.tally.removed_unknown += len(batch) - known
                if self._sent:
                    self._sent.note_removed(batch, by_record=by_record)

        account, list_id = self.ref.ad_account_id, str(self.list_id)
        self._batches.send(account, list_id, batch, add=False, finish=finish)

    def _is_done(self, batch: Sequence[str], write: Callable[[], None]) -> bool:
        """Wait for Pinterest's response, and return whether it took a batch."""
        try:
            write()
        except RequestFailedError as error:
            self._fail(error)
            self._reject(len(batch))
            self._context.note_undone()
            return False
        return True

    def _fail(self, error: RequestFailedError) -> None:
        if error.status == requests.codes.unauthorized:
            raise error
        if not self.failed:
            self._give_up(Reject("refused", str(error)))

    def _give_up(self, reject: Reject) -> None:
        self.failed = reject
        left = len(self._add) + len(self._remove)
        self._add.clear()
        self._remove.clear()
        self._reject(left)

    def _reject(self, people: int) -> None:
        if self.failed and people:
            self.tally.rejected[self.failed.code] += people
            self.tally.refused += people
