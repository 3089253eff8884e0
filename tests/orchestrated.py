"""The examples for orchestrators: a folder of jobs, and processes of Airflow and Dagster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forks import TIMEOUT_SECONDS
from programs import environment

if TYPE_CHECKING:
    from demo.parts import Postgres
    from pinterest_emulator.testing import Emulator

ROOT = Path(__file__).parents[1]
PLUGINS = [
    ROOT / ".meltano" / kind / name / "venv" / "bin" / name
    for kind, name in [("extractors", "tap-postgres"), ("loaders", "target-postgres")]
]
FORWARD = "pinterest-to-warehouse"
REVERSE = "warehouse-to-pinterest"
BOTH = {
    FORWARD: ("tap-pinterest-audiences", "target-postgres"),
    REVERSE: ("tap-postgres", "target-pinterest-audiences"),
}
TABLE = """
CREATE SCHEMA activation;
CREATE TABLE activation.audiences (name text PRIMARY KEY, audience_type text, rule jsonb);
INSERT INTO activation.audiences VALUES
  ('Saved a Pin', 'ENGAGEMENT', '{"engagement_domain": ["shop.example"], "retention_days": 30}');
"""


class Jobs:
    """The folder of the jobs, with the settings of all programs."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder = folder
        self.postgres = postgres
        folder.mkdir()
        shutil.copy(ROOT / "examples" / "singer_job.py", folder)
        (folder / "bin").mkdir()
        for program in PLUGINS:
            (folder / "bin" / program.name).symlink_to(program)
        path = [str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = {
            **environment(folder),
            "PATH": os.pathsep.join(path),
            "PINTEREST_JOBS": str(folder),
        }

    def prepare(self, emulator: Emulator) -> None:
        """Forget the states of all jobs and empty the warehouse."""
        server = self.postgres
        with server.connect() as connection:
            connection.execute("DROP SCHEMA IF EXISTS pinterest, activation CASCADE")
            connection.execute(TABLE)
        postgres = {
            "host": server.host,
            "port": server.port,
            "user": server.user,
            "password": server.password,
            "database": server.database,
        }
        pinterest = {"access_token": "pina_demo", "api_url": emulator.url, "max_wait": 60}
        settings: dict[str, dict[str, Any]] = {
            "tap-pinterest-audiences": pinterest,
            "target-postgres": {**postgres, "default_target_schema": "pinterest"},
            "tap-postgres": {**postgres, "filter_schemas": ["activation"], "json_as_object": True},
            "target-pinterest-audiences": {
                **pinterest,
                "ad_account_id": emulator.state()["ad_accounts"][0]["id"],
                "stream_maps": {"activation-audiences": {"__alias__": "audiences"}},
            },
        }
        for job, programs in BOTH.items():
            shutil.rmtree(self.folder / job, ignore_errors=True)
            (self.folder / job).mkdir()
            for program in programs:
                (self.folder / job / f"{program}.json").write_text(json.dumps(settings[program]))
        self.select_table()

    def select_table(self) -> None:
        """Choose the table in a catalog, because the tap reads none without it."""
        folder = self.folder / REVERSE
        command: list[str | Path] = [
            PLUGINS[0],
            "--config",
            folder / "tap-postgres.json",
            "--discover",
        ]
        found = subprocess.run(command, capture_output=True, check=True)
        catalog = json.loads(found.stdout)
        for entry in catalog["streams"][0]["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"].update(
                    {"selected": True, "forced-replication-method": "FULL_TABLE"}
                )
        (folder / "catalog.json").write_text(json.dumps(catalog))

    def start(self, job: str) -> subprocess.Popen[bytes]:
        script = self.folder / "singer_job.py"
        command = [sys.executable, str(script), str(self.folder / job), *BOTH[job]]
        return subprocess.Popen(command, env=self.environment)

    def run(self, job: str) -> int:
        return self.start(job).wait(TIMEOUT_SECONDS)

    def names(self) -> list[str]:
        """Return the names of the audiences in the warehouse."""
        with self.postgres.connect() as connection:
            rows = connection.execute("SELECT name FROM pinterest.audiences ORDER BY name")
            return [name for (name,) in rows]


class Orchestrator:
    """An orchestrator that runs its example, see `run_airflow.py` and `run_dagster.py`."""

    def __init__(
        self, process: subprocess.Popen[str], log: Path, environment: dict[str, str]
    ) -> None:
        self.process = process
        self.log = log
        self.environment = environment

    def begin(self, job: str) -> None:
        assert self.process.stdin
        print(job.replace("-", "_"), file=self.process.stdin, flush=True)

    def end(self) -> tuple[str, int]:
        """Return the state of the run and the number of its tries."""
        assert self.process.stdout
        answer = self.process.stdout.readline()
        assert answer, self.log.read_text()
        state, tries = json.loads(answer)
        return state, tries

    def run(self, job: str) -> tuple[str, int]:
        self.begin(job)
        return self.end()
