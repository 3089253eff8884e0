"""Brings lists up to date with the records of a run, once all have come: plan, send, settle."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from target_pinterest_audiences.bulk.claim import claimed
from target_pinterest_audiences.bulk.compact import compact, is_worth_it
from target_pinterest_audiences.bulk.ledger import FileLedger, layer_names, new_run_name
from target_pinterest_audiences.bulk.plan import FORMAT, OPERATIONS, Plan, PlannedList
from target_pinterest_audiences.bulk.plan_spooled import plan_spooled, write_removals
from target_pinterest_audiences.bulk.runs import (
    count_planned,
    finish_open_runs,
    publish,
    send_plan,
)
from target_pinterest_audiences.bulk.sent_duckdb import (
    Machine,
    connected,
    count,
    quoted,
    sent_members,
    versions,
)
from target_pinterest_audiences.bulk.spool import Spool
from target_pinterest_audiences.bulk.store import Store
from target_pinterest_audiences.ledger.member_ledger import NotedList
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.customer_lists import MembersError
from target_pinterest_audiences.members.lookup import other_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from target_pinterest_audiences.bulk.ledger import Current
    from target_pinterest_audiences.bulk.plan import Counts, Mode
    from target_pinterest_audiences.bulk.spool import Spooled
    from target_pinterest_audiences.members.customer_list import CustomerList
    from target_pinterest_audiences.run.context import RunContext

logger = logging.getLogger(__name__)

_MEMORY_LIMIT = "1GB"


class Table(NamedTuple):
    """The version of a table that is mirrored.

    Attributes:
        version: What came of it.
        partial: Why it does not hold the whole table, if anything says so.
    """

    version: mirror.TableVersion
    partial: str | None


class Held(NamedTuple):
    """A list that the ledger has.

    Attributes:
        noted: What is known of it.
        mirrored: Whether a mirror filled it.
        members: How many it holds.
    """

    noted: NotedList
    mirrored: bool
    members: int


class _Planned(NamedTuple):
    members: CustomerList
    ledger: FileLedger
    counts: Counts
    machine: Machine


class SpooledSync:
    """The people that records of a run name, and the ledger of files that says who was sent."""

    def __init__(self, run: RunContext, url: str, *, mirrors: bool) -> None:
        """Prepare; the ledger is not read yet.

        Args:
            run: The run.
            url: The ledger.
            mirrors: Whether people who do not come may be removed.
        """
        self._run = run
        self._store = Store.at(url)
        self._mirrors = mirrors
        self._work = tempfile.TemporaryDirectory()
        self._folders = 0
        self._spool = Spool(self._machine().work)
        self._before: dict[str, Current] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what is left on this machine."""
        self._work.cleanup()

    def add(self, members: CustomerList, keys: pa.Array, numbers: pa.Array, *, is_in: bool) -> None:
        """Note who came for a list; see ``Spool.add``."""
        account = members.ref.ad_account_id
        if id(members) not in self._spool.lists:
            members.was_unlocked = False
        if account not in self._before:  # also shows early that the ledger can be used
            self._before[account] = self._ledger(account).current()
        self._spool.add(members, keys, numbers, is_in=is_in)

    def sync(self, table: Table | None) -> None:
        """Send what has to change, and let it count.

        Args:
            table: The table that is mirrored, if one is.

        Raises:
            PinterestError: If not all could be sent. The next run goes on from there.
        """
        self._spool.flush()
        lists = sorted(self._spool.lists.values(), key=_account_of)
        with contextlib.ExitStack() as stack:
            ledgers = {}
            for account in dict.fromkeys(map(_account_of, lists)):
                ledgers[account] = self._claimed(account, stack)
                mode: Mode = "mirror" if self._mirrors else "append"
                refs = [
                    replace(each.members.ref, customer_list_id=each.members.list_id)
                    for each in lists
                    if _account_of(each) == account
                ]
                if not finish_open_runs(self._run, ledgers[account], mode, refs):
                    return
            found = [self._planned(ledgers[_account_of(each)], each) for each in lists]
            planned = [each for each in found if each]
            kept, refused = self._judge(planned, table)
            for each in planned:
                self._apply(each, kept, drop=bool(refused))
            if self._run.config["dry_run"]:
                return
            for ledger in ledgers.values():
                if is_worth_it(ledger.current()):
                    compact(ledger, self._machine())

    def held(self) -> list[Held]:
        """Return all lists that the ledger has, of the ad account of the settings or of all."""
        account = self._run.config.get("ad_account_id")
        accounts = [account] if account else [*filter(str.isdigit, self._store.names(""))]
        found = []
        for ledger in map(self._ledger, accounts):
            current = ledger.current()
            for list_id, noted in sorted(current.lists.items()):
                with (
                    connected(self._machine()) as connection,
                    sent_members(connection, ledger.layers(current, list_id)),
                ):
                    members = count(connection, "sent")
                shown = NotedList(
                    list_id, noted.ad_account_id, noted.name, noted.list_type, noted.created_at
                )
                found.append(Held(shown, noted.mirrored, members))
        return found

    def _ledger(self, ad_account_id: str) -> FileLedger:
        return FileLedger(self._store.folder(ad_account_id))

    def _machine(self) -> Machine:
        self._folders += 1
        work = Path(self._work.name, str(self._folders))
        work.mkdir(mode=0o700)
        return Machine(work=work, memory_limit=_MEMORY_LIMIT)

    def _claimed(self, ad_account_id: str, stack: contextlib.ExitStack) -> FileLedger:
        ledger = self._ledger(ad_account_id)
        if not self._run.config["dry_run"]:
            stack.enter_context(claimed(ledger.store, self._run.api.max_wait))
        if ledger.current() != self._before[ad_account_id]:
            # Another run may have made the list that this one did not find.
            with self._run.interrupted():
                pass
        if not self._run.config["dry_run"]:
            ledger.remove_leftovers()
        return ledger

    def _planned(self, ledger: FileLedger, spooled: Spooled) -> _Planned | None:
        """Plan what a list needs; None if nothing can be done with it, or nobody is to be in it."""
        members, tally = spooled.members, spooled.members.tally
        current = ledger.current()
        noted = current.lists.get(members.list_id or "")
        if noted and noted.list_type != members.list_type and not members.failed:
            members.failed = other_type(noted.list_type, members.list_type)
        machine = self._machine()
        if members.failed:
            with connected(machine) as connection:
                keys = f"(SELECT DISTINCT key FROM read_parquet({quoted(spooled.files)}))"
                people = count(connection, keys)
            tally.rejected[members.failed.code] += people
            tally.refused += people
            return None
        layers = ledger.layers(current, members.list_id or "")
        counts, sent_before = plan_spooled(
            spooled, layers, members.list_id, machine, mirror=self._mirrors
        )
        logger.info(
            "Planned for %s: %d to add, %d to remove by records, and %d are not in the table, with "
            "%d in the ledger",
            *(members.label, counts.add, counts.taken_out, counts.absent, counts.known),
        )
        tally.already_there += counts.wanted - counts.add
        tally.not_there += sent_before
        members.wants_members = members.wants_members or counts.wanted > 0
        if members.list_id is None and not counts.add:
            tally.not_there += counts.taken_out
            return None
        return _Planned(members, ledger, counts, machine)

    def _judge(
        self, planned: Sequence[_Planned], table: Table | None
    ) -> tuple[str | None, str | None]:
        """Return why absent people stay in all lists, and why even removals by records do not go.

        These are the rules of ``CustomerLists.remove_absent``.
        """
        if table is None:
            return None, None
        removals = [
            mirror.Removal(
                each.members.label,
                each.counts.known,
                each.counts.absent,
                each.counts.taken_out - each.counts.unknown,
            )
            for each in planned
        ]
        ratio = self._run.config["max_removal_ratio"]
        unlocked = [each.members.label for each in planned if each.members.was_unlocked]
        kept = mirror.why_absent_stay(table.version, removals, table.partial, [])
        kept = kept or mirror.why_unlocked_stay(table.version, removals, unlocked)
        kept = kept or mirror.objection(removals, ratio)
        if kept:
            removals = mirror.by_record_only(removals)
        refused = mirror.objection(removals, ratio)
        for reason in dict.fromkeys(filter(None, (kept, refused))):
            self._run.fail(MembersError(reason))
        return kept, refused

    def _apply(self, planned: _Planned, kept: str | None, *, drop: bool) -> None:
        members, ledger, counts, machine = planned
        if drop:
            members.tally.rejected["too_many_removals"] += counts.taken_out
            members.tally.refused += counts.taken_out
            counts = msgspec.structs.replace(counts, taken_out=0, unknown=0)
        write_removals(members.list_id, machine, absent=not kept, taken_out=not drop)
        now = dt.datetime.now(dt.UTC)
        plan = Plan(
            format=FORMAT,
            run=new_run_name(now),
            target=PlannedList(
                ad_account_id=members.ref.ad_account_id,
                customer_list_id=members.list_id,
                audience_name=members.ref.audience_name,
                list_type=members.list_type,
            ),
            mode="mirror" if self._mirrors else "append",
            max_removal_ratio=self._run.config["max_removal_ratio"],
            batch_members=self._run.config["member_batch_size"],
            batch_bytes=self._run.config["member_batch_bytes"],
            counts=counts,
            absent_stay=kept,
            layers=layer_names(ledger.current(), members.list_id),
            made_by=versions(),
            made_at=now.isoformat(),
        )
        if self._run.config["dry_run"]:
            count_planned(self._run, members, plan, machine)
        elif any(map(plan.people, OPERATIONS)):
            publish(ledger, plan, machine)
            send_plan(self._run, ledger, plan)


def _account_of(spooled: Spooled) -> str:
    return spooled.members.ref.ad_account_id
