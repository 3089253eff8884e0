"""Loads Singer messages into DuckDB with dlt. It runs in dlt's own environment."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt

keys: dict[str, list[str]] = {}
records: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "SCHEMA":
        keys[message["stream"]] = message["key_properties"]
    elif message["type"] == "RECORD":
        records[message["stream"]].append(message["record"])

path = Path(sys.argv[1])
pipeline = dlt.pipeline(
    "loader",
    pipelines_dir=str(path.parent / "pipelines"),
    destination=dlt.destinations.duckdb(str(path)),
    dataset_name="pinterest",
)
pipeline.run(
    [
        dlt.resource(
            rows,
            name=stream,
            primary_key=keys[stream],
            write_disposition="merge",
            max_table_nesting=0,  # objects and lists become JSON
        )
        for stream, rows in records.items()
    ]
).raise_on_failed_jobs()
