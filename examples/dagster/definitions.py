"""Copy Pinterest's audiences into the warehouse, and make them equal to a table, each hour."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg

JOBS = Path(os.environ.get("PINTEREST_JOBS", "/opt/pinterest-jobs"))
"""singer_job.py, and a folder for each job."""
TRY_LATER = {75, 130, 143}
"""A rate limit longer than max_wait, Ctrl-C and SIGTERM: the next try goes on."""
RETRIES = 24
RETRY_SECONDS = 15 * 60


def run(job: str, tap: str, target: str) -> None:
    """Pipe a tap into a target as processes of their own."""
    command = [sys.executable, str(JOBS / "singer_job.py"), str(JOBS / job), tap, target]
    with subprocess.Popen(command) as process:
        try:
            code = process.wait()
        except BaseException:  # somebody stops the run
            process.terminate()
            raise  # once the process has ended
    if code in TRY_LATER:
        raise dg.RetryRequested(RETRIES, RETRY_SECONDS)
    if code:
        raise dg.Failure(f"exit code {code}: somebody has to look at the log", allow_retries=False)


@dg.asset(pool="pinterest_to_warehouse")
def pinterest_audiences() -> None:
    """The tables of the tap in the warehouse."""
    run("pinterest-to-warehouse", "tap-pinterest-audiences", "target-postgres")


@dg.asset(pool="warehouse_to_pinterest")
def audiences_at_pinterest() -> None:
    """The audiences at Pinterest, as the warehouse wants them."""
    run("warehouse-to-pinterest", "tap-postgres", "target-pinterest-audiences")


reading = dg.define_asset_job("pinterest_to_warehouse", [pinterest_audiences])
writing = dg.define_asset_job("warehouse_to_pinterest", [audiences_at_pinterest])

defs = dg.Definitions(
    assets=[pinterest_audiences, audiences_at_pinterest],
    schedules=[
        dg.ScheduleDefinition(job=reading, cron_schedule="0 * * * *"),
        dg.ScheduleDefinition(job=writing, cron_schedule="30 * * * *"),
    ],
)
