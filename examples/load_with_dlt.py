"""Load what a Singer tap prints with dlt, and print the state.

    tap-pinterest-audiences … | python load_with_dlt.py duckdb

The argument names a destination of dlt: duckdb, bigquery, snowflake and others. dlt reads how to
log in there from environment variables, such as DESTINATION__DUCKDB__CREDENTIALS.
"""

import json
import sys

import dlt

TYPES = {
    "array": "json",
    "boolean": "bool",
    "integer": "bigint",
    "number": "double",
    "object": "json",
    "string": "text",
}


def column(described):
    """Return the column of a property, which is there even if it is null in all records."""
    kinds = described.get("type", "object")
    (kind, *_) = [each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null"]
    formats = {"date-time": "timestamp", "date": "date"}
    return {"data_type": formats.get(described.get("format")) or TYPES[kind]}


schemas = {}
records = {}
state = None
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "SCHEMA":
        schemas[message["stream"]] = message
        records.setdefault(message["stream"], {})
    elif message["type"] == "RECORD":
        name, record = message["stream"], message["record"]
        key = tuple(record[part] for part in schemas[name]["key_properties"])
        records[name][key] = record
    elif message["type"] == "STATE":
        state = message["value"]

pipeline = dlt.pipeline("pinterest_audiences", destination=sys.argv[1], dataset_name="pinterest")
pipeline.run(
    [
        dlt.resource(
            list(rows.values()),
            name=name,
            primary_key=schemas[name]["key_properties"],
            columns={
                each: column(described)
                for each, described in schemas[name]["schema"]["properties"].items()
            },
            write_disposition="merge",
            max_table_nesting=0,  # objects and lists become JSON
        )
        for name, rows in records.items()
    ]
).raise_on_failed_jobs()
if state is not None:
    print(json.dumps(state))
