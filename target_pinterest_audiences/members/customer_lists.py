"""All customer lists that a run brings people into and out of."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from pinterest_audiences.errors import PinterestError, SettingsError
from target_pinterest_audiences.ledger.dry_ledger import DryLedger
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.customer_list import CustomerList
from target_pinterest_audiences.members.list_context import ListContext
from target_pinterest_audiences.members.match_stats import health
from target_pinterest_audiences.members.uploads import REQUESTS_TO_WRITE
from target_pinterest_audiences.members.writer import (
    DryListWriter,
    ListWriter,
    RecordsWriter,
    UploadWriter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pinterest_audiences.api.client import PinterestAPI
    from target_pinterest_audiences.audiences.existing import Inventory
    from target_pinterest_audiences.audiences.writer import Writer
    from target_pinterest_audiences.changes import Create
    from target_pinterest_audiences.ledger.member_ledger import MemberLedger, NotedList
    from target_pinterest_audiences.members.list_batches import Queue
    from target_pinterest_audiences.members.records import ListRef
    from target_pinterest_audiences.write_access import WriteAccess


class MembersError(PinterestError):
    """Members were neither added to a list nor removed; the run went on without them."""


class CustomerLists:
    """Customer lists by how records name them.

    Attributes:
        lists: Those that records named so far.
        list_writer: Writes them.
        run_number: Distinguishes this run from all others, where a table has no version.
    """

    def __init__(  # noqa: PLR0913  (a run has them all)
        self,
        settings: Mapping[str, Any],
        api: PinterestAPI,
        writer: Writer,
        inventory: Callable[[str], Inventory],
        access: WriteAccess,
        *,
        queue: Queue,
        note_undone: Callable[[], None],
    ) -> None:
        """Begin without any list.

        Args:
            settings: The target's config.
            api: Pinterest.
            writer: Makes the audiences of lists.
            inventory: Returns what an ad account has.
            access: Knows the ad accounts to which this run may not write.
            queue: Where batches are on their way.
            note_undone: Called in the turn of a batch that Pinterest refused.

        Raises:
            SettingsError: If the settings contradict each other.
        """
        self.lists: dict[ListRef, CustomerList] = {}
        self.run_number = time.time_ns()
        self._settings = settings
        self._api = api
        self._writer = writer
        self._inventory = inventory
        self._queue = queue
        self._note_undone = note_undone
        self.list_writer = self._list_writer(access)
        if self.mirrors and settings.get("ledger_url") == "":
            msg = "Settings: member_mode mirror needs a ledger, and ledger_url is empty"
            raise SettingsError(msg)

    @property
    def mirrors(self) -> bool:
        """Whether to remove members that a table no longer has."""
        return bool(self._settings["member_mode"] == "mirror")

    @functools.cached_property
    def ledger(self) -> MemberLedger | None:
        """The members that the lists were sent before, opened on first use; None without one.

        Raises:
            LedgerError: If it cannot be opened.
        """
        url = self._settings.get("ledger_url")
        if url == "":
            return None
        # SQLAlchemy takes as long to import as all the rest, and not every run needs it.
        from target_pinterest_audiences.ledger.database import default_url  # noqa: PLC0415
        from target_pinterest_audiences.ledger.ledger import Ledger  # noqa: PLC0415

        dry_run: bool = self._settings["dry_run"]
        ledger = Ledger(url or default_url(), reads_only=dry_run)
        return DryLedger(ledger) if dry_run else ledger

    @property
    def pending(self) -> int:
        """How many people were taken in and not sent yet."""
        return sum(members.pending for members in self._all())

    def list_of(self, ref: ListRef, list_type: str) -> CustomerList:
        """Return a list; the first identifier decides the type of its members."""
        if ref not in self.lists:
            context = ListContext(
                inventory=functools.partial(self._inventory, ref.ad_account_id),
                writer=self._writer,
                list_writer=self.list_writer,
                queue=self._queue,
                note_undone=self._note_undone,
                ledger=self.ledger,
                on_ambiguous=self._settings["on_ambiguous"],
                write_mode=self._settings["write_mode"],
                mirrors=self.mirrors,
                most_members=self._settings["member_batch_size"],
                most_bytes=self._settings["member_batch_bytes"],
            )
            made = CustomerList(ref, list_type, context)
            # Records may call one list by its id and by its name.
            same = (known for known in self._all() if known.list_id == made.list_id)
            self.lists[ref] = next(same, made) if made.list_id else made
            if ref.audience_name:
                self.lists[ref].ref = ref
        return self.lists[ref]

    def flush(self) -> None:
        """Send all that is left, but the removals of a mirror, and wait until it is done."""
        for members in self._all():
            members.flush()
        self._queue.settle()

    def look_up(self) -> None:
        """Find all lists again, since other runs could write to them meanwhile."""
        found: dict[str, CustomerList] = {}
        for members in self._all():
            members.look_up()
            if members.list_id and not members.failed:
                first = found.setdefault(members.list_id, members)
                if first is not members:
                    members.reject_as_changed()

    def complete(self) -> None:
        """Make the audiences that lists lack."""
        for members in self._all():
            members.complete()

    def remove_absent(self, table: mirror.TableVersion, partial: str | None) -> list[str]:
        """Remove members that records of a table remove, and those that it no longer has.

        Args:
            table: The version of the table.
            partial: Why it does not hold the whole table, if anything says so.

        Returns:
            Why people who should have gone were not removed.
        """
        reading = self.reading(table)
        lists = [
            members
            for members in self._all()
            if members.list_id and not members.failed and members.reading == reading
        ]
        removals = [members.removal() for members in lists]
        shared = [members.label for members in lists if len(members.tables) > 1]
        unlocked = [members.label for members in lists if members.was_unlocked]
        ratio = self._settings["max_removal_ratio"]
        kept = mirror.why_absent_stay(table, removals, partial, shared)
        kept = kept or mirror.why_unlocked_stay(table, removals, unlocked)
        kept = kept or mirror.objection(removals, ratio)
        if kept:
            removals = mirror.by_record_only(removals)
        refused = mirror.objection(removals, ratio)
        for members in lists:
            if refused:
                members.drop_removals()
            else:
                members.remove(absent=not kept)
        self._queue.settle()
        return list(dict.fromkeys(reason for reason in (kept, refused) if reason))

    def reading(self, table: mirror.TableVersion) -> mirror.Reading:
        """Return what distinguishes a reading of a table from all others."""
        mark = self.run_number if table.number is None else table.number
        return mirror.Reading(table.stream, mark)

    def unmentioned(self) -> list[tuple[NotedList, int]]:
        """Return the mirrored lists that no record of this run names, and how many they hold."""
        if not self.ledger:
            return []
        named = {members.list_id for members in self._all()}
        mirrored = self.ledger.mirrored_lists(self._settings.get("ad_account_id"))
        return [(noted, held) for noted, held in mirrored if noted.customer_list_id not in named]

    def known_to_the_ledger(self) -> int:
        """Return how many people the ledger has in lists of the settings' ad account."""
        return self.ledger.count_all(self._settings.get("ad_account_id")) if self.ledger else 0

    def created_audiences(self) -> list[tuple[str | None, Create]]:
        """Return the audiences that this run made of lists, and their names."""
        return [
            (members.ref.audience_name, members.created_audience)
            for members in self._all()
            if members.created_audience
        ]

    def failures(self) -> list[str]:
        """Return why lists could not be written."""
        return [
            f"{members.label}: members neither added nor removed: {members.tally.refused}. "
            f"{members.failed.reason}"
            for members in self._all()
            if members.failed
        ]

    def counts(self) -> dict[str, int]:
        """Return what became of the people, in the words of the report."""
        tallies = [members.tally for members in self._all()]
        return {
            "added": sum(tally.new for tally in tallies),
            "unchanged": sum(tally.already_there + tally.not_there for tally in tallies),
            "removed": sum(tally.removed for tally in tallies),
            "removed_unknown": sum(tally.removed_unknown for tally in tallies),
            "rejected": sum(tally.refused for tally in tallies),
        }

    def health(self, *, ask: bool) -> list[dict[str, Any]]:
        """Return what the report says of each list; ``ask`` Pinterest what changed, or do not."""
        return [health(members, self._api if ask else None) for members in self._all()]

    def _all(self) -> list[CustomerList]:
        return list({id(members): members for members in self.lists.values()}.values())

    def _list_writer(self, access: WriteAccess) -> ListWriter:
        by_upload = self._settings["member_transport"] == "upload"
        if self._settings["dry_run"]:
            return DryListWriter(REQUESTS_TO_WRITE if by_upload else 1)
        return (UploadWriter if by_upload else RecordsWriter)(self._api, access)
