"""Runs jobs of the example, without a daemon. It runs in Dagster's own environment.

Each line of its input names a job. Each line of its output says how the run ended.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

import dagster as dg

answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # logs
sys.path.insert(0, sys.argv[1])
example: Any = importlib.import_module("definitions")
assert example.RETRY_SECONDS == 900
example.RETRY_SECONDS = 0
for line in sys.stdin:
    job = example.defs.resolve_job_def(line.strip())
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    put_off = [event for event in result.all_events if event.is_step_up_for_retry]
    print(json.dumps(["success" if result.success else "failed", 1 + len(put_off)]), file=answers)
