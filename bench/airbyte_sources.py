"""Airbyte's own Pinterest source and ours, as programs.

Airbyte's source is the published package, of which only the address of the API is changed. It is in
an environment of its own, because its kit cannot be installed beside this project.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.parts import BIN, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

THEIRS = Path(__file__).parents[1] / ".venv-airbyte-compare"
CAN_RUN_THEIRS = sys.version_info[:2] in {(3, 11), (3, 12)}
APP = {"client_id": "demo-app", "client_secret": "demo-secret", "refresh_token": "pinr.demo"}


@dataclass(frozen=True)
class Source:
    """A source, and the files of its read.

    Attributes:
        command: The program.
        config: Its settings.
        folder: Where its files are.
        env: What to add to the environment.
    """

    command: list[str]
    config: Mapping[str, Any]
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def reading(self, catalog: Mapping[str, Any]) -> list[str]:
        """Return the command that reads what ``catalog`` selects."""
        path = write_json(self.folder / "catalog.json", catalog)
        return [*self.command, "read", *self._config(), "--catalog", str(path)]

    def catalog(self) -> dict[str, Any]:
        """Return a configured catalog with the stream audiences only."""
        found = subprocess.run(  # noqa: S603
            [*self.command, "discover", *self._config()],
            check=True,
            capture_output=True,
            env={**os.environ, **self.env},
        )
        messages = map(json.loads, found.stdout.splitlines())
        catalog = next(each["catalog"] for each in messages if each["type"] == "CATALOG")
        return {
            "streams": [
                {
                    "stream": stream,
                    "sync_mode": "full_refresh",
                    "destination_sync_mode": "overwrite",
                }
                for stream in catalog["streams"]
                if stream["name"] == "audiences"
            ]
        }

    def _config(self) -> list[str]:
        return ["--config", str(write_json(self.folder / "config.json", self.config))]


def airbytes_source(folder: Path, url: str) -> Source:
    """Copy Airbyte's source into ``folder``, with ``url`` instead of Pinterest's."""
    (found,) = THEIRS.glob("lib/python*/site-packages/source_pinterest")
    copied = folder / "theirs" / found.name
    shutil.copytree(found, copied)
    manifest = copied / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("https://api.pinterest.com/v5", url))
    config = {
        "credentials": {"auth_method": "oauth2.0", **APP},
        "start_date": time.strftime("%Y-%m-%d"),
    }
    start = "from source_pinterest.run import run; run()"
    command = [str(THEIRS / "bin" / "python"), "-c", start]
    return Source(command, config, folder, {"PYTHONPATH": str(copied.parent), "HOME": str(folder)})


def own_source(folder: Path, url: str) -> Source:
    """Return this project's source, which keeps its tokens in ``folder``."""
    config = {
        "credentials": {"auth_type": "refresh_token", **APP},
        "api_url": url,
        "max_wait": 60,
    }
    return Source([str(BIN / "source-pinterest-audiences")], config, folder, {"HOME": str(folder)})
