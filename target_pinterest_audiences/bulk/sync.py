"""Brings a customer list up to date with a table of tens of millions: plan, send, settle."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pinterest_audiences.errors import PinterestError, SettingsError, redact
from target_pinterest_audiences.bulk.claim import claimed
from target_pinterest_audiences.bulk.compact import compact, is_worth_it
from target_pinterest_audiences.bulk.customer_files import CustomersError
from target_pinterest_audiences.bulk.interrupts import kept_interrupts
from target_pinterest_audiences.bulk.ledger import FileLedger, layer_names, new_run_name
from target_pinterest_audiences.bulk.plan import (
    FOLDERS,
    FORMAT,
    OPERATIONS,
    Plan,
    PlannedList,
    judge,
)
from target_pinterest_audiences.bulk.runs import (
    count_planned,
    finish_open_runs,
    publish,
    send_plan,
)
from target_pinterest_audiences.bulk.sent_duckdb import Machine
from target_pinterest_audiences.bulk.store import Store
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.members.customer_lists import MembersError
from target_pinterest_audiences.members.lookup import other_type
from target_pinterest_audiences.members.records import STREAM, MemberReader
from target_pinterest_audiences.members.reject_codes import REJECTS
from target_pinterest_audiences.run.context import RunContext
from target_pinterest_audiences.run.end import report_end
from target_pinterest_audiences.run.report import RejectedRecordsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pinterest_audiences.api.hooks import Hooks
    from target_pinterest_audiences.bulk.maker import PlanMaker
    from target_pinterest_audiences.bulk.plan import Mode
    from target_pinterest_audiences.members.customer_list import CustomerList
    from target_pinterest_audiences.members.records import ListRef

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be synced.

    Attributes:
        customers: Finds the table, and returns what makes plans of it.
        audience_name: The name of the list's audience.
        ledger: A folder; see ``Store.at``.
        mode: Whether people are removed who are absent from the table.
        requests_in_flight: How many requests may be under way.
        memory_limit: For making the plan.
        work: Where to spill, for this user alone; None for the usual place.
        take_over: Whether the process that holds the ledger has ended for certain.
        dry_run: Whether nothing is to be written, also if the settings do not say so.
    """

    customers: Callable[[Mode], PlanMaker]
    audience_name: str
    ledger: str
    mode: Mode
    requests_in_flight: int
    memory_limit: str
    work: str | None
    take_over: bool
    dry_run: bool


def sync_context(
    config: Mapping[str, Any], target_logger: logging.Logger, hooks: Hooks, request: Request
) -> RunContext:
    """Return a run for ``sync``.

    Args:
        config: The target's settings, with their defaults.
        target_logger: Where to report.
        hooks: What to replace in the connection.
        request: What is to be synced.

    Raises:
        SettingsError: If a setting does not allow it.
    """
    if config["member_transport"] != "records":
        msg = "Settings: members sync needs member_transport records"
        raise SettingsError(msg)
    if config["write_mode"] == "create":
        msg = "Settings: members sync changes lists that exist: choose write_mode upsert or update"
        raise SettingsError(msg)
    settings = {
        **config,
        # The target's own ledger and its file of rejected records have no part in this.
        "ledger_url": "",
        "rejected_path": None,
        "member_mode": "add",
        "concurrency": request.requests_in_flight,
        "dry_run": config["dry_run"] or request.dry_run,
    }
    return RunContext(settings, target_logger, hooks=hooks)


def sync(run: RunContext, request: Request) -> None:
    """Do it, and report what was done, whether all of it was or not.

    Args:
        run: The run. Its settings say to which ad account, and whether nothing is to be written.
        request: What to do.

    Raises:
        PinterestError: If not all could be done.
    """
    with run.account_locks:
        try:
            with kept_interrupts():
                _sync(run, request)
        except (KeyboardInterrupt, SystemExit, PinterestError) as ended:
            report_end(run, ended)
            raise
        finally:
            run.in_flight.close()
        report_end(run, check=_check)


def _sync(run: RunContext, request: Request) -> None:
    ref = _ref(run, request)
    maker = request.customers(request.mode)
    ledger = FileLedger(Store.at(request.ledger).folder(ref.ad_account_id))
    dry_run = bool(run.config["dry_run"])
    with contextlib.ExitStack() as stack:
        if not dry_run:
            stack.enter_context(
                claimed(ledger.store, run.api.max_wait, take_over=request.take_over)
            )
            ledger.remove_leftovers()
        if not finish_open_runs(run, ledger, request.mode, [ref]):
            return
        work = stack.enter_context(_work_folder(request.work))
        machine = Machine(work=work, memory_limit=request.memory_limit)
        members = run.customer_lists.list_of(ref, maker.list_type)
        plan = _plan(run, ledger, members, _Wish(maker, request.mode), machine)
        if dry_run:
            count_planned(run, members, plan, machine)
            return
        if any(map(plan.people, OPERATIONS)):
            publish(ledger, plan, machine)
            send_plan(run, ledger, plan)
        members.complete()
        if is_worth_it(ledger.current()):
            compact(ledger, machine)


@contextlib.contextmanager
def _work_folder(parent: str | None) -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(dir=parent)
    except OSError as error:
        msg = f"no folder can be made in {redact(parent or 'TMPDIR')}: {error.strerror}"
        raise SettingsError(msg) from None
    with folder as name:
        yield Path(name)


@dataclass(frozen=True, slots=True)
class _Wish:
    maker: PlanMaker
    mode: Mode


def _ref(run: RunContext, request: Request) -> ListRef:
    reader = MemberReader(run.config.get("ad_account_id"))
    ref = reader.ref({"audience_name": request.audience_name})
    if isinstance(ref, Reject):
        raise CustomersError(ref.reason)
    return ref


def _plan(
    run: RunContext, ledger: FileLedger, members: CustomerList, wish: _Wish, machine: Machine
) -> Plan:
    """Make a plan, and report what it counts.

    Raises:
        PinterestError: If nothing of it may be sent.
    """
    if members.failed:
        raise MembersError(members.failed.reason)
    list_id, list_type = members.list_id, wish.maker.list_type
    current = ledger.current()
    noted = current.lists.get(list_id or "")
    if noted and noted.list_type != list_type:
        raise MembersError(other_type(noted.list_type, list_type).reason)
    ratio = run.config["max_removal_ratio"]
    layers = ledger.layers(current, list_id or "")
    counts = wish.maker.make(layers, list_id, wish.mode, machine)
    logger.info(
        "Planned for %s: %d to add and %d to remove, with %d people in %d rows and %d in the "
        "ledger; %d rows rejected",
        *(members.label, counts.add, counts.absent, counts.wanted, counts.rows, counts.known),
        sum(counts.rejected.values()),
    )
    _report_rows(run, members, counts.rejected)
    members.tally.already_there += counts.wanted - counts.add
    members.wants_members = counts.wanted > 0
    verdict = judge(counts, wish.mode, ratio, members.label)
    if verdict.refused:
        raise MembersError(verdict.refused)
    if verdict.absent_stay:
        run.fail(MembersError(verdict.absent_stay))
        (machine.work / FOLDERS["REMOVE"] / "0.parquet").unlink()
    now = dt.datetime.now(dt.UTC)
    return Plan(
        format=FORMAT,
        run=new_run_name(now),
        target=PlannedList(
            ad_account_id=members.ref.ad_account_id,
            customer_list_id=list_id,
            audience_name=members.ref.audience_name,
            list_type=list_type,
        ),
        mode=wish.mode,
        max_removal_ratio=ratio,
        batch_members=run.config["member_batch_size"],
        batch_bytes=run.config["member_batch_bytes"],
        counts=counts,
        absent_stay=verdict.absent_stay,
        layers=layer_names(current, list_id),
        made_by=wish.maker.versions(),
        made_at=now.isoformat(),
    )


def _report_rows(run: RunContext, members: CustomerList, rejected: dict[str, int]) -> None:
    for code, rows in rejected.items():
        logger.error("%d rows rejected: %s", rows, REJECTS[code].reason)
    members.tally.rejected.update(rejected)
    counts = run.report.counts.setdefault(STREAM, Counter())
    counts["rejected"] += sum(rejected.values())


def _check(run: RunContext) -> None:
    run.access.check_all()
    if run.problems:
        raise run.problems[0]
    rejected, most = run.report.total("rejected"), run.config["max_rejected"]
    if rejected > most:
        msg = f"{rejected} rows were rejected, see above, and max_rejected allows {most}"
        raise RejectedRecordsError(msg)
