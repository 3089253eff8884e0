"""A source of made-up rows: PyAirbyte needs a source to write to a destination.

Its configuration names the stream, its rows and the key.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def _send(kind: str, **body: Any) -> None:
    print(json.dumps({"type": kind, **body}), flush=True)


def _stream(config: dict[str, Any]) -> dict[str, Any]:
    properties = {
        name: {"type": ["object" if isinstance(value, dict) else "string", "null"]}
        for name, value in config["rows"][0].items()
    }
    return {
        "name": config["stream"],
        "json_schema": {"type": "object", "properties": properties},
        "supported_sync_modes": ["full_refresh"],
        "source_defined_primary_key": [[config["key"]]],
    }


def _status(name: str, status: str) -> None:
    about = {"stream_descriptor": {"name": name}, "status": status}
    _send("TRACE", trace={"type": "STREAM_STATUS", "emitted_at": 1.0, "stream_status": about})


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb")
    for option in ("--config", "--catalog", "--state"):
        parser.add_argument(option, type=Path)
    given = parser.parse_args()
    if given.verb == "spec":
        schema = {"type": "object", "properties": {"rows": {"type": "array"}}}
        _send("SPEC", spec={"connectionSpecification": schema})
        return
    config = json.loads(given.config.read_text(encoding="utf-8"))
    stream = _stream(config)
    if given.verb == "check":
        _send("CONNECTION_STATUS", connectionStatus={"status": "SUCCEEDED"})
    elif given.verb == "discover":
        _send("CATALOG", catalog={"streams": [stream]})
    else:
        name = stream["name"]
        _status(name, "STARTED")
        for row in config["rows"]:
            _send("RECORD", record={"stream": name, "data": row, "emitted_at": 1})
        state = {"stream_descriptor": {"name": name}, "stream_state": {"rows": len(config["rows"])}}
        _send("STATE", state={"type": "STREAM", "stream": state})
        _status(name, "COMPLETE")


if __name__ == "__main__":
    main()
