"""The examples for Airflow and Dagster run jobs in both directions, on a real PostgreSQL."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from docs_blocks import block
from docs_shell import check
from forks import TIMEOUT_SECONDS
from orchestrated import FORWARD, REVERSE, ROOT, Jobs, Orchestrator
from people import audiences

from demo.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.parts import Postgres
    from pinterest_emulator.testing import Emulator


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def folder(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Jobs:
    return Jobs(tmp_path_factory.mktemp("orchestrators") / "jobs", postgres)


@pytest.fixture
def jobs(folder: Jobs, emulator: Emulator) -> Jobs:
    emulator.seed(ad_accounts=2, audiences=6)
    folder.prepare(emulator)
    return folder


def program_of(name: str, program: str) -> Path:
    path = ROOT / f".venv-{name}" / "bin" / program
    if not path.exists():
        pytest.skip(f"{name.title()} was not tried: `make {name}` installs it")
    return path


@contextmanager
def running(name: str, jobs: Jobs, home: Path, **variables: str) -> Iterator[Orchestrator]:
    command: list[str | Path] = [
        program_of(name, "python"),
        ROOT / "tests" / f"run_{name}.py",
        home / "example",
    ]
    log = home / "log"
    env = {**jobs.environment, **variables}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        yield Orchestrator(process, log, env)


def home_of(name: str, factory: pytest.TempPathFactory) -> Path:
    """Return a new home of an orchestrator, with its example."""
    home = factory.mktemp(name)
    shutil.copytree(ROOT / "examples" / name, home / "example")
    return home


@pytest.fixture(scope="module")
def airflow(folder: Jobs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    program = program_of("airflow", "airflow")
    home = home_of("airflow", tmp_path_factory)
    variables = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "example"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
    }
    with (home / "db").open("w") as log:
        subprocess.run(
            [program, "db", "migrate"],
            env={**folder.environment, **variables},
            stdout=log,
            stderr=log,
            check=True,
        )
    with running("airflow", folder, home, **variables) as orchestrator:
        yield orchestrator


@pytest.fixture(scope="module")
def dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program_of("dagster", "dagster")
    return home_of("dagster", tmp_path_factory)


@pytest.fixture(scope="module")
def dagster(folder: Jobs, dagster_home: Path) -> Iterator[Orchestrator]:
    example = str(dagster_home / "example")
    with running("dagster", folder, dagster_home, DAGSTER_HOME=example) as orchestrator:
        yield orchestrator


@pytest.fixture(params=["airflow", "dagster"])
def orchestrator(request: pytest.FixtureRequest) -> Orchestrator:
    found: Orchestrator = request.getfixturevalue(request.param)
    return found


def limit(emulator: Emulator, **fields: Any) -> None:
    """Let the emulator answer one request with a rate limit of more than an hour."""
    emulator.fault(operation="audiences/list", kind="rate_limit", reset=5000, **fields)


def wait_until_limited(emulator: Emulator) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while 429 not in [each["status"] for each in emulator.requests()]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wait_long(jobs: Jobs) -> None:
    """Let the tap wait for any rate limit."""
    path = jobs.folder / FORWARD / "tap-pinterest-audiences.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "max_wait": 9000}))


def test_second_run_of_a_dag_or_job_reads_no_audience(
    orchestrator: Orchestrator, jobs: Jobs
) -> None:
    assert orchestrator.run(FORWARD) == ("success", 1)
    assert len(jobs.names()) == 6
    with jobs.postgres.connect() as connection:
        connection.execute("TRUNCATE pinterest.audiences")
    assert orchestrator.run(FORWARD) == ("success", 1)
    assert jobs.names() == []


def test_long_rate_limit_is_tried_again_later(
    orchestrator: Orchestrator, jobs: Jobs, emulator: Emulator
) -> None:
    limit(emulator)
    limit(emulator, skip=1)
    assert orchestrator.run(FORWARD) == ("success", 3)
    assert len(jobs.names()) == 6


def test_failure_is_not_tried_again(
    orchestrator: Orchestrator, jobs: Jobs, emulator: Emulator
) -> None:
    emulator.fault(operation="audiences/list", kind="status", status=403)
    assert orchestrator.run(FORWARD) == ("failed", 1)
    assert len(jobs.names()) == 3, "the other ad account was read"


@pytest.mark.usefixtures("jobs")
def test_reverse_job_writes_once(orchestrator: Orchestrator, emulator: Emulator) -> None:
    account = emulator.state()["ad_accounts"][0]["id"]
    assert orchestrator.run(REVERSE) == ("success", 1)
    assert "Saved a Pin" in {each["name"] for each in audiences(emulator, account)}
    emulator.clear()
    assert orchestrator.run(REVERSE) == ("success", 1)
    assert {each["method"] for each in emulator.requests()} == {"GET"}


def test_command_runs_a_dag(airflow: Orchestrator, jobs: Jobs, tmp_path: Path) -> None:
    programs = [program_of("airflow", "airflow").parent, jobs.folder / "bin"]
    env = {key: text for key, text in airflow.environment.items() if key != "PATH"}
    command = block("docs/orchestrators.md", "airflow dags test")
    check([command], tmp_path, {}, programs=programs, env=env)
    assert len(jobs.names()) == 6


def test_command_runs_a_job(jobs: Jobs) -> None:
    command = block("docs/orchestrators.md", "python singer_job.py")
    check([command], jobs.folder, {}, programs=[jobs.folder / "bin"])
    assert len(jobs.names()) == 6


def test_stopped_task_of_airflow_stops_its_programs(
    airflow: Orchestrator, jobs: Jobs, emulator: Emulator
) -> None:
    wait_long(jobs)
    limit(emulator)
    airflow.begin(FORWARD)
    wait_until_limited(emulator)
    airflow.process.send_signal(signal.SIGTERM)
    assert airflow.end() == ("success", 2)
    assert "exit code 143: try again later" in airflow.log.read_text()
    assert len(jobs.names()) == 6


def test_stopped_run_of_dagster_stops_its_programs(
    jobs: Jobs, emulator: Emulator, dagster_home: Path, tmp_path: Path
) -> None:
    wait_long(jobs)
    limit(emulator)
    example = dagster_home / "example"
    _, *options = shlex.split(block("docs/orchestrators.md", "dagster job execute").text)
    with (tmp_path / "log").open("w") as log:
        run = subprocess.Popen(
            [program_of("dagster", "dagster"), *options],
            cwd=example,
            env={**jobs.environment, "DAGSTER_HOME": str(example)},
            stdout=log,
            stderr=log,
        )
        wait_until_limited(emulator)
        run.send_signal(signal.SIGTERM)
        assert run.wait(TIMEOUT_SECONDS) == 1
    # The lock of the folder is free only once both programs have ended.
    assert jobs.run(FORWARD) == 0
    assert len(jobs.names()) == 6


def test_second_run_of_a_job_at_a_time_is_put_off(jobs: Jobs, emulator: Emulator) -> None:
    wait_long(jobs)
    limit(emulator)
    first = jobs.start(FORWARD)
    wait_until_limited(emulator)
    assert jobs.run(FORWARD) == 75
    first.send_signal(signal.SIGTERM)
    assert first.wait(TIMEOUT_SECONDS) == 143
    assert jobs.run(FORWARD) == 0


def test_state_of_a_failed_run_is_kept(jobs: Jobs, emulator: Emulator) -> None:
    emulator.fault(operation="audiences/list", kind="status", status=403)
    assert jobs.run(FORWARD) == 1
    with jobs.postgres.connect() as connection:
        connection.execute("TRUNCATE pinterest.audiences")
    assert jobs.run(FORWARD) == 0
    assert len(jobs.names()) == 3, "those of the ad account that could not be read"
