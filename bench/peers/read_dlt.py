"""dlt's REST API source, to files of JSON lines. It runs in dlt's own environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
from dlt.sources.rest_api import rest_api_source


def main(url: str, folder: Path) -> None:
    """Read all audiences of all ad accounts into files below ``folder``."""
    query = {"page_size": 250, "order": "ASCENDING"}
    source = rest_api_source(
        {
            "client": {
                "base_url": url,
                "auth": {"type": "bearer", "token": "pina_bench"},
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "bookmark",
                    "cursor_param": "bookmark",
                },
            },
            "resource_defaults": {
                "endpoint": {"params": query, "data_selector": "items"},
                "primary_key": "id",
            },
            "resources": [
                {"name": "ad_accounts", "endpoint": {"path": "ad_accounts"}},
                {
                    "name": "audiences",
                    "endpoint": {
                        "path": "ad_accounts/{resources.ad_accounts.id}/audiences",
                        "params": query,
                    },
                },
            ],
        }
    )
    dlt.pipeline(
        "bench",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.filesystem(bucket_url=folder.as_uri()),
        dataset_name="loaded",
    ).run(source, loader_file_format="jsonl").raise_on_failed_jobs()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
