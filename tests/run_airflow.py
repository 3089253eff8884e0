"""Runs DAGs of the example, without a scheduler. It runs in Airflow's own environment.

Each line of its input names a DAG. Each line of its output says how the run ended.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta

from airflow.dag_processing.dagbag import DagBag

answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # logs
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
waits = {task.retry_delay.total_seconds() for dag in bag.dags.values() for task in dag.tasks}
assert waits == {900}
for line in sys.stdin:
    dag = bag.dags[line.strip()]
    for task in dag.tasks:
        task.retry_delay = timedelta(0)
    run = dag.test()
    (task_instance,) = run.get_task_instances()
    print(json.dumps([str(run.state), task_instance.try_number]), file=answers)
