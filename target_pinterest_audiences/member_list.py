"""One customer list in a run: who is to come in and out, sent in batches, one after the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from tap_pinterest_audiences.errors import RequestFailedError, redact
from target_pinterest_audiences.decisions import Create, Reject
from target_pinterest_audiences.list_finder import find_list, other_type
from target_pinterest_audiences.members import batches
from target_pinterest_audiences.sent import Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_pinterest_audiences.inventory import Inventory
    from target_pinterest_audiences.list_writer import ListWriter
    from target_pinterest_audiences.member_ledger import MemberLedger
    from target_pinterest_audiences.members import ListRef
    from target_pinterest_audiences.references import OnAmbiguous
    from target_pinterest_audiences.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a list is written with.

    Attributes:
        inventory: Returns what the list's ad account has.
        writer: Makes the audience.
        list_writer: Makes and changes the list.
        ledger: Who was sent before; None to send everybody each time.
        on_ambiguous: What to do if several lists have the name.
        most_members: In a request.
        most_bytes: Of identifiers, with the commas between them, in a request.
    """

    inventory: Callable[[], Inventory]
    writer: Writer
    list_writer: ListWriter
    ledger: MemberLedger | None
    on_ambiguous: OnAmbiguous
    most_members: int
    most_bytes: int


@dataclass(slots=True)
class Tally:
    """What became of the people of a list.

    ``rejected`` counts by reason code, ``refused`` those among them for whom the whole list failed.
    """

    new: int = 0
    already_there: int = 0
    removed: int = 0
    not_there: int = 0
    refused: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


class MemberList:
    """Brings people into a list and out of it.

    A person counts, and goes into the ledger, once Pinterest took the batch. Requests follow one
    another, so an addition and a removal are never on their way together.

    Attributes:
        ref: How records name it.
        list_type: The type of its members.
        list_id: Pinterest's id; None before it is made.
        found: The list as it was when the run began, if it was there.
        found_audience: Its audience as it was then, likewise.
        tally: What became of the people.
        failed: Why nothing can be done with the list, if that is so.
        version: The version of the mirrored table that had a member of it last.
    """

    def __init__(self, ref: ListRef, list_type: str, means: Means) -> None:
        """Find the list."""
        self.ref = ref
        self.list_type = list_type
        self.list_id: str | None = None
        self.found: Mapping[str, Any] | None = None
        self.found_audience: Mapping[str, Any] | None = None
        self.tally = Tally()
        self.failed: Reject | None = None
        self.version: int | None = None
        self._means = means
        self._sent: Sent | None = None
        self._add: dict[str, None] = {}
        self._remove: dict[str, None] = {}
        self._known = 0
        self._mirroring = False
        try:
            found = find_list(ref, means.inventory(), means.on_ambiguous)
        except RequestFailedError as error:
            self._fail(error)
            return
        if isinstance(found, Reject):
            self.failed = found
        elif found:
            self.found = found
            self._is_there(str(found["id"]))
            self.found_audience = self.audience

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
        over = self._means.inventory().over_list(self.list_id) if self.list_id else []
        named = [item for item in over if item.get("name") == self.ref.audience_name]
        return next(iter(named or over), None)

    def take(self, people: Mapping[str, bool], version: int | None) -> None:
        """Take people in or out; who was sent to Pinterest before need not be sent again.

        Args:
            people: What is sent for a person, and whether the person is to be in.
            version: Of the mirrored table that has them, if one is mirrored.
        """
        if self.failed:
            self._reject(len(people))
            return
        if version != self.version:
            self._send(all_of_them=True)  # those of the last version must not count as of this one
            self.version = version
            self._known = self._sent.count() if self._sent else 0
        coming = [text for text, add in people.items() if add]
        going = [text for text, add in people.items() if not add]
        if self._remove:
            for text in coming:
                self._remove.pop(text, None)
        if self.failed:
            self._reject(len(people))
            return
        unsent = self._sent.unsent(coming, version) if self._sent else coming
        self._add.update(dict.fromkeys(unsent))
        self.tally.already_there += len(coming) - len(unsent)
        for text in going:
            self._add.pop(text, None)
        still_in = self._sent.not_taken_out(going) if self._sent else going
        self._remove.update(dict.fromkeys(still_in))
        self.tally.not_there += len(going) - len(still_in)
        self._send(all_of_them=False)

    def flush(self) -> None:
        """Send all that is left, and make sure that there is an audience of the list."""
        self._send(all_of_them=True)
        if self.list_id and self.ref.audience_name and not self.failed and not self.audience:
            body = {
                "name": self.ref.audience_name,
                "audience_type": "CUSTOMER_LIST",
                "rule": {"customer_list_id": self.list_id},
            }
            inventory = self._means.inventory()
            try:
                made = self._means.writer.create(Create(self.ref.ad_account_id, body), inventory)
            except RequestFailedError as error:
                self._fail(error)
            else:
                inventory.put(made)

    def known(self) -> int:
        """Return how many people the ledger had before the mirrored version."""
        return self._known

    def stale(self, version: int) -> int:
        """Return how many of those in the ledger a version of the table does not have."""
        return self._sent.count_stale(version) if self._sent else 0

    def remove_stale(self, version: int) -> None:
        """Remove those in the ledger whom a version of the table does not have."""
        if self._sent:
            self._mirroring = True
            for texts in self._sent.stale(version):
                self._remove.update(dict.fromkeys(texts))
                self._send(all_of_them=True)

    def _is_there(self, list_id: str) -> None:
        self.list_id = list_id
        ledger = self._means.ledger
        if ledger is None:
            return
        holds = ledger.list_type(list_id)
        if holds not in {None, self.list_type}:
            self.failed = other_type(str(holds), self.list_type)
        else:
            self._sent = Sent(ledger, self.ref, list_id, self.list_type)

    def _send(self, *, all_of_them: bool) -> None:
        try:
            if self.list_id or self._add:
                self._send_to(self._add, add=True, all_of_them=all_of_them)
            if self.list_id:
                self._send_to(self._remove, add=False, all_of_them=all_of_them)
        except RequestFailedError as error:
            self._fail(error)
        if all_of_them and not self.list_id:
            self.tally.not_there += len(self._remove)
            self._remove.clear()

    def _send_to(self, waiting: dict[str, None], *, add: bool, all_of_them: bool) -> None:
        most = self._means.most_members
        if not waiting or (not all_of_them and len(waiting) < most):
            return
        for batch in batches(list(waiting), most, self._means.most_bytes):
            if not all_of_them and len(waiting) < most:
                return
            self._send_batch(batch, add=add)
            for text in batch:
                del waiting[text]

    def _send_batch(self, batch: Sequence[str], *, add: bool) -> None:
        account = self.ref.ad_account_id
        if self.list_id is None:
            body = {
                "name": self.ref.audience_name,
                "list_type": self.list_type,
                "records": ",".join(batch),
            }
            made = self._means.list_writer.create(account, body, self._means.inventory())
            self._is_there(str(made["id"]))
        else:
            if self._sent:
                self._sent.expect(batch, self.version, add=add)
            self._means.list_writer.change(account, self.list_id, batch, add=add)
        if add:
            self.tally.new += len(batch)
            if self._sent:
                self._sent.note_added(batch, self.version)
        else:
            self.tally.removed += len(batch)
            if self._sent:
                self._sent.note_removed(batch, by_record=not self._mirroring)

    def _fail(self, error: RequestFailedError) -> None:
        if error.status == requests.codes.unauthorized:
            raise error
        self.failed = Reject("refused", str(error))
        left = len(self._add) + len(self._remove)
        self._add.clear()
        self._remove.clear()
        self._reject(left)

    def _reject(self, people: int) -> None:
        if self.failed and people:
            self.tally.rejected[self.failed.code] += people
            self.tally.refused += people
