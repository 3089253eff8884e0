"""Copy Pinterest's audiences into the warehouse, and make them equal to a table, each hour."""

import os
import sys
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

JOBS = Path(os.environ.get("PINTEREST_JOBS", "/opt/pinterest-jobs"))
"""singer_job.py, and a folder for each job."""
TRY_LATER = {75, 130, 143}
"""A rate limit longer than max_wait, Ctrl-C and SIGTERM: the next try goes on."""


class SingerJob(BaseOperator):
    """Pipes a tap into a target as processes of their own."""

    def __init__(self, *, job: str, tap: str, target: str, **kwargs):
        super().__init__(**kwargs)
        self.command = [sys.executable, str(JOBS / "singer_job.py"), str(JOBS / job), tap, target]
        self.hook = SubprocessHook()

    def execute(self, context):
        code = self.hook.run_command(self.command).exit_code
        if code in TRY_LATER:
            raise AirflowException(f"exit code {code}: try again later")
        if code:
            raise AirflowFailException(f"exit code {code}: somebody has to look at the log")

    def on_kill(self):
        self.hook.send_sigterm()


one_at_a_time = {
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {"retries": 24, "retry_delay": timedelta(minutes=15)},
}

with DAG("pinterest_to_warehouse", schedule="@hourly", **one_at_a_time):
    SingerJob(
        task_id="run",
        job="pinterest-to-warehouse",
        tap="tap-pinterest-audiences",
        target="target-postgres",
    )

with DAG("warehouse_to_pinterest", schedule="30 * * * *", **one_at_a_time):
    SingerJob(
        task_id="run",
        job="warehouse-to-pinterest",
        tap="tap-postgres",
        target="target-pinterest-audiences",
    )
