"""The end of a run: its report, and whether it ends well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_audiences.errors import PinterestError
from target_pinterest_audiences.changes import Entry
from target_pinterest_audiences.members.customer_lists import MembersError
from target_pinterest_audiences.members.records import STREAM as MEMBERS
from target_pinterest_audiences.run.report import write
from target_pinterest_audiences.run.report_table import print_table

if TYPE_CHECKING:
    from target_pinterest_audiences.run.context import RunContext


def report_end(run: RunContext, error: str | None = None) -> None:
    """Bring the files up to date and report, whether the run ended well or not.

    Args:
        run: The run.
        error: Why it ended early, if it did. A report that cannot be written does not hide that.

    Raises:
        PinterestError: If a file cannot be written after a run that did not end early.
    """
    try:
        _write_report(run, error)
    except PinterestError as other:
        if error is None:
            raise
        run.logger.error("%s", other)  # noqa: TRY400


def check(run: RunContext) -> None:
    """Make sure that all was done.

    Raises:
        PinterestError: If not.
    """
    run.access.check_all()
    run.report.check(run.config["max_rejected"], kept=bool(run.config.get("rejected_path")))
    if run.problems:
        raise run.problems[0]


def _write_report(run: RunContext, error: str | None) -> None:
    if run.dead_letters:
        run.dead_letters.commit()
    lists, report = run.customer_lists, run.report
    for reason in lists.failures():
        run.fail(MembersError(reason))
    for name, created in lists.created_audiences():
        report.add(created, Entry(MEMBERS, None, name, None))
    report.add_members(lists.counts(), lists.health(ask=error is None))
    planned_requests = run.writer.planned_requests + lists.list_writer.planned_requests
    summary = report.summary(run.api, planned_requests, error=error)
    report.log(summary)
    print_table(summary)
    if run.report_path:
        write(run.report_path, summary)
