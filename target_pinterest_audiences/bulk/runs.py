"""Publishes a plan, sends it, settles it, and goes on with runs that were not sent to their end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from target_pinterest_audiences.bulk.ledger import PLAN, layer_names
from target_pinterest_audiences.bulk.outcomes import Outcomes
from target_pinterest_audiences.bulk.plan import FOLDERS, OPERATIONS, TAKEN_OUT, batches_of
from target_pinterest_audiences.bulk.send import Sender, texts_of
from target_pinterest_audiences.bulk.settle import settle
from target_pinterest_audiences.bulk.store import Store, StoreError
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.customer_lists import MembersError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_pinterest_audiences.bulk.ledger import FileLedger
    from target_pinterest_audiences.bulk.plan import Mode, Plan
    from target_pinterest_audiences.bulk.sent_duckdb import Machine
    from target_pinterest_audiences.members.customer_list import CustomerList
    from target_pinterest_audiences.members.records import ListRef
    from target_pinterest_audiences.run.context import RunContext

logger = logging.getLogger(__name__)


def finish_open_runs(
    run: RunContext, ledger: FileLedger, mode: Mode, lists: Sequence[ListRef]
) -> bool:
    """Send what is left of the runs before, and return whether nothing is.

    Args:
        run: The run.
        ledger: The ledger of an ad account. No other process may change it meanwhile.
        mode: Whether the run may remove people who are absent from its table.
        lists: The lists of the run.

    Raises:
        StoreError: If a plan was made for another state of the ledger.
        MembersError: If a plan would remove people, and the run may not.
    """
    for name in ledger.unsettled(ledger.current()):
        if run.config["dry_run"]:
            if ledger.has_plan(name):
                logger.warning(
                    "The run %s is not done. Without a dry run it is sent to its end before a new "
                    "plan is made, so nothing was planned now",
                    name,
                )
                return False
            continue
        plan = ledger.plan(name)
        if plan.layers != layer_names(ledger.current(), plan.target.customer_list_id):
            msg = (
                f"the plan {name} was made for another state of the ledger, so it cannot be sent: "
                f"remove the folder runs/{name} of {ledger.store.where}"
            )
            raise StoreError(msg)
        if any(map(plan.target.is_of, lists)):
            _check_removals(run, ledger, plan, mode)
        logger.info("Going on with the run %s, which was not sent to its end", name)
        send_plan(run, ledger, plan)
    return True


def _check_removals(run: RunContext, ledger: FileLedger, plan: Plan, mode: Mode) -> None:
    """Make sure that this run may send what is left of a mirror."""
    counts, ratio = plan.counts, run.config["max_removal_ratio"]
    noted = Outcomes(ledger.store, plan.run).noted.values()
    left = plan.removes - sum(item.people for item in noted if item.operation == "REMOVE")
    if plan.mode != "mirror" or plan.absent_stay or not left:
        return
    by_record = counts.taken_out - counts.unknown
    name = plan.target.audience_name or f"customer list {plan.target.customer_list_id}"
    removals = [mirror.Removal(name, counts.known, counts.absent, by_record)]
    why = mirror.objection(removals, ratio) if ratio < plan.max_removal_ratio else None
    if mode == "append" and counts.absent:
        why = "this run may remove nobody for being absent (mode append)"
    if why:
        msg = (
            f"the plan {plan.run} of a mirror was not sent to its end, and would remove {left} "
            f"more people of {name}, but {why}. Nothing was sent. To remove them, run again as a "
            f"mirror with max_removal_ratio {plan.max_removal_ratio}. To keep them, remove the "
            f"folder runs/{plan.run} of {ledger.store.where}: then the ledger does not know who "
            "came by that plan, until a run adds them again"
        )
        raise MembersError(msg)


def publish(ledger: FileLedger, plan: Plan, machine: Machine) -> None:
    """Put a plan into the ledger, ``plan.json`` last."""
    for folder in (*FOLDERS.values(), TAKEN_OUT, "rejects"):
        for file in sorted((machine.work / folder).glob("*")):
            ledger.store.put(file, f"runs/{plan.run}/{folder}/{file.name}")
    ledger.store.write(f"runs/{plan.run}/{PLAN}", msgspec.json.format(msgspec.json.encode(plan)))


def send_plan(run: RunContext, ledger: FileLedger, plan: Plan) -> None:
    """Send a plan, or what is left of it, and settle it; people whose batch is refused are named.

    Raises:
        PinterestError: If not all could be sent. The next run goes on from there.
    """
    sender = Sender(ledger, plan, run.customer_lists, run.in_flight)
    members = sender.members
    members.wants_members = members.wants_members or plan.counts.wanted > 0
    before = members.tally.removed
    try:
        sender.send()
    finally:  # which batch had them is not noted, and as a rule all batches were sent
        unknown = min(plan.counts.unknown, members.tally.removed - before)
        members.tally.removed -= unknown
        members.tally.removed_unknown += unknown
    done = settle(ledger, plan, sender.outcomes)
    if done.refused:
        msg = (
            f"{done.refused} members of {members.label} were neither added nor removed, "
            "because Pinterest refused their batches, see above: run again to try them again"
        )
        run.fail(MembersError(msg))


def count_planned(run: RunContext, members: CustomerList, plan: Plan, machine: Machine) -> None:
    """Count in the report what a dry run would send."""
    store, writer = Store.at(str(machine.work)), run.customer_lists.list_writer
    if members.list_id is None and plan.counts.add:  # the first batch makes the list
        account, name = members.ref.ad_account_id, str(members.ref.audience_name)
        made = writer.create(account, name, members.list_type, (), run.inventory(account))
        members.list_id = str(made["id"])
        writer.planned_requests -= 1
    for operation in OPERATIONS:
        names = [f"{FOLDERS[operation]}/{name}" for name in store.names(FOLDERS[operation])]
        batches = batches_of(plan, operation, texts_of(store, names, plan, operation))
        writer.planned_requests += sum(1 for _ in batches)
    members.tally.new += plan.counts.add
    members.tally.removed += plan.removes - plan.counts.unknown
    members.tally.removed_unknown += plan.counts.unknown
