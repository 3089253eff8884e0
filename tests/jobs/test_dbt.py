"""The dbt example: its models on a real PostgreSQL, then the target on the emulator."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from people import audiences, digest, members
from programs import Programs

from demo.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.parts import Postgres
    from pinterest_emulator.testing import Emulator

ROOT = Path(__file__).parents[2]
DBT = ROOT / ".venv-dbt" / "bin" / "dbt"
TAP = ROOT / ".meltano" / "extractors" / "tap-postgres" / "venv" / "bin" / "tap-postgres"
STREAMS = {"activation-audiences": "audiences", "activation-audience_members": "audience_members"}
EVERYBODY = {"ann@shop.example", "bob@shop.example", "carol@shop.example"}

pytestmark = pytest.mark.skipif(
    not DBT.exists(), reason="dbt was not tried: `make dbt` installs it"
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


class Project:
    """A copy of the example, and a warehouse."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder = folder
        self.example = folder / "dbt"
        shutil.copytree(ROOT / "examples" / "dbt", self.example)
        self.postgres = postgres

    def build(self) -> None:
        """Run ``dbt build``, which also runs the tests of the models."""
        server = self.postgres
        variables = {
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.user,
            "PGPASSWORD": server.password,
            "PGDATABASE": server.database,
        }
        self._run([DBT, "build", "--project-dir", ".", "--profiles-dir", "."], **variables)

    def read(self) -> list[dict[str, Any]]:
        """Return what ``tap-postgres`` reads of the models' tables."""
        server = self.postgres
        config = self._file(
            "tap.json",
            {
                "host": server.host,
                "port": server.port,
                "user": server.user,
                "password": server.password,
                "database": server.database,
                "filter_schemas": ["activation"],
            },
        )
        catalog = json.loads(self._run([TAP, "--config", config, "--discover"]))
        for stream in catalog["streams"]:
            stream["replication_method"] = "FULL_TABLE"
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = stream["tap_stream_id"] in STREAMS
        selected = self._file("catalog.json", catalog)
        printed = self._run([TAP, "--config", config, "--catalog", selected])
        return [json.loads(line) for line in printed.splitlines()]

    def opt_out(self, address: str) -> None:
        """Note in the customers' table that somebody opted out."""
        path = self.example / "seeds" / "crm_customers.csv"
        changed = path.read_text().replace(f"{address},true,,", f"{address},true,2026-03-01,")
        assert changed != path.read_text()
        path.write_text(changed)

    def _file(self, name: str, content: object) -> str:
        (self.folder / name).write_text(json.dumps(content))
        return str(self.folder / name)

    def _run(self, command: list[Path | str], **variables: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.example,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def test_models_of_dbt_make_audiences_and_opt_outs_leave_the_lists(
    emulator: Emulator, account: str, postgres: Postgres, tmp_path: Path
) -> None:
    project = Project(tmp_path, postgres)
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
        "stream_maps": {name: {"__alias__": alias} for name, alias in STREAMS.items()},
    }
    target = Programs(tmp_path, settings)
    project.build()
    run = target.target(project.read())
    assert run.code == 0, run.err
    names = {each["name"] for each in audiences(emulator, account)}
    assert names == {
        "Site visitors, 30 days",
        "Site visitors, 90 days",
        "All customers",
        "Big spenders",
    }
    assert members(emulator, account, "All customers") == set(map(digest, EVERYBODY))
    assert members(emulator, account, "Big spenders") == {
        digest("ann@shop.example"),
        digest("carol@shop.example"),
    }
    project.opt_out("ann@shop.example")
    project.build()
    run = target.target(project.read())
    assert run.code == 0, run.err
    left = EVERYBODY - {"ann@shop.example"}
    assert members(emulator, account, "All customers") == set(map(digest, left))
    assert members(emulator, account, "Big spenders") == {digest("carol@shop.example")}
    emulator.clear()
    again = target.target(project.read())
    assert again.code == 0, again.err
    assert [each["method"] for each in emulator.requests() if each["method"] != "GET"] == []
