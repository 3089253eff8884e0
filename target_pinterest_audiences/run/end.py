"""The end of a run: its report, and whether it ends well."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from pinterest_audiences.errors import EXIT_FAILED, EXIT_SIGNAL, PinterestError, redact
from target_pinterest_audiences.changes import Entry
from target_pinterest_audiences.members.customer_lists import MembersError
from target_pinterest_audiences.members.records import STREAM as MEMBERS
from target_pinterest_audiences.run.report_files import write_report
from target_pinterest_audiences.run.report_table import print_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_pinterest_audiences.run.context import RunContext


def check(run: RunContext) -> None:
    """Make sure that all was done.

    Raises:
        PinterestError: If not.
    """
    run.access.check_all()
    run.report.check(run.config["max_rejected"], kept=bool(run.config.get("rejected_path")))
    if run.problems:
        raise run.problems[0]


def report_end(
    run: RunContext,
    ended: BaseException | None = None,
    check: Callable[[RunContext], None] = check,
) -> None:
    """Bring the files up to date and report, then make sure that all was done.

    Args:
        run: The run.
        ended: Why it ended early, if it did. A report that cannot be written does not hide that.
        check: Makes sure that all was done, for a run that did not end early.

    Raises:
        PinterestError: If a run that did not end early did not do all, or a file cannot be written.
    """
    try:
        failure = _write_report(run, ended, check)
    except PinterestError as other:
        if ended is None:
            raise
        run.logger.error("%s", other)  # noqa: TRY400
        return
    if failure and ended is None:
        raise failure


def _write_report(
    run: RunContext, ended: BaseException | None, check: Callable[[RunContext], None]
) -> PinterestError | None:
    """Report, and return why the run fails although it did not end early."""
    if run.dead_letters:
        run.dead_letters.commit()
    lists, report = run.customer_lists, run.report
    for reason in lists.failures():
        run.fail(MembersError(reason))
    for name, created in lists.created_audiences():
        report.add(created, Entry(MEMBERS, None, redact(name) if name else None, None))
    report.add_members(lists.counts(), lists.health(ask=ended is None))
    failure = None if ended else _failure(run, check)
    cause = ended or failure
    others = [problem for problem in run.problems if problem is not cause]
    summary = report.summary(
        run.api,
        run.writer.planned_requests + lists.list_writer.planned_requests,
        error=_reason(ended),
        exit_code=_exit_code(cause),
        failures=[str(each) for each in (*([failure] if failure else []), *others)],
    )
    report.log(summary)
    print_table(summary)
    if run.report_path:
        write_report(run.report_path, summary)
    return failure


def _failure(run: RunContext, check: Callable[[RunContext], None]) -> PinterestError | None:
    try:
        check(run)
    except PinterestError as error:
        return error
    return None


def _reason(ended: BaseException | None) -> str | None:
    if ended is None:
        return None
    return str(ended) if isinstance(ended, PinterestError) else "stopped by a signal"


def _exit_code(cause: BaseException | None) -> int:
    match cause:
        case None:
            return 0
        case PinterestError(exit_code=code) | SystemExit(code=int(code)):
            return code
        case KeyboardInterrupt():
            return EXIT_SIGNAL + signal.SIGINT
        case _:
            return EXIT_FAILED
