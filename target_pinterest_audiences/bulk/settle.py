"""Lets a run that was sent count in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_pinterest_audiences.bulk.ledger import DONE, Done, LedgerList

if TYPE_CHECKING:
    from target_pinterest_audiences.bulk.ledger import Current, FileLedger
    from target_pinterest_audiences.bulk.outcomes import Outcomes
    from target_pinterest_audiences.bulk.plan import Plan


def settle(ledger: FileLedger, plan: Plan, outcomes: Outcomes) -> Done:
    """Note that all batches of a plan have an outcome, then let it count, all at once.

    Whoever was killed between the two calls this again, and nothing is counted twice.

    Args:
        ledger: Has the plan.
        plan: The plan.
        outcomes: Of all its batches.
    """
    done = _done(plan, outcomes)
    ledger.store.write(f"runs/{plan.run}/{DONE}", msgspec.json.encode(done))
    ledger.write_current(_with(ledger.current(), plan, done))
    return done


def _done(plan: Plan, outcomes: Outcomes) -> Done:
    found = [outcomes.noted[key] for key in sorted(outcomes.noted)]
    refused = [item for item in found if item.refused]
    people = {
        operation: sum(item.people for item in found if item.operation == operation)
        - sum(item.people for item in refused if item.operation == operation)
        for operation in ("ADD", "REMOVE")
    }
    done = Done(
        run=plan.run,
        customer_list_id=plan.target.customer_list_id or outcomes.customer_list_id or "",
        added=people["ADD"],
        removed=people["REMOVE"],
        refused=sum(item.people for item in refused),
    )
    for item in refused:
        if item.keys:
            done.refused_keys.setdefault(item.operation, []).append(item.keys)
    return done


def _with(current: Current, plan: Plan, done: Done) -> Current:
    if not done.customer_list_id:  # Pinterest did not even take the list
        leftovers = (*current.leftovers, f"runs/{done.run}")
        return msgspec.structs.replace(current, leftovers=leftovers)
    before = current.lists.get(done.customer_list_id)
    noted = LedgerList(
        customer_list_id=done.customer_list_id,
        ad_account_id=plan.target.ad_account_id,
        name=plan.target.audience_name or "",
        list_type=plan.target.list_type,
        created_at=before.created_at if before else None,
        mirrored=plan.mode == "mirror" or bool(before and before.mirrored),
        in_base=before.in_base if before else 0,
        any_taken_out=bool(before and before.any_taken_out),
    )
    return msgspec.structs.replace(
        current,
        runs=(*current.runs, done),
        lists={**current.lists, done.customer_list_id: noted},
    )
