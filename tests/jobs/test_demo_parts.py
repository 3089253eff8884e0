"""The parts of the demo start, work and stop; `meltano.yml` fits them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema  # type: ignore[import-untyped]
import psycopg
import pytest
import requests
import yaml
from forks import TIMEOUT_SECONDS

from demo import parts, postgres, processes

PROJECT = Path(__file__).parents[2]


def data_folder(server: parts.Postgres) -> Path:
    with server.connect() as connection:
        row = connection.execute("show data_directory").fetchone()
    assert row
    return Path(row[0])


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((postgres.LOOPBACK, port)) == 0


def test_postgres_requires_a_password_on_loopback_and_stops_at_the_end() -> None:
    with parts.running_postgres() as server:
        folder = data_folder(server)
        wrong = {**server.environment(), "PGPASSWORD": "wrong"}
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(
                host=wrong["PGHOST"],
                port=wrong["PGPORT"],
                user=wrong["PGUSER"],
                password=wrong["PGPASSWORD"],
                dbname=wrong["PGDATABASE"],
            )
        assert server.password not in repr(postgres)
        assert folder.exists()
        assert is_open(server.port)
    assert not is_open(server.port)
    assert not folder.parent.exists()


def test_postgres_stops_after_ctrl_c_with_an_open_connection() -> None:
    folder = Path()
    with pytest.raises(KeyboardInterrupt), parts.running_postgres() as server:  # noqa: PT012 - the body is what is interrupted
        folder = data_folder(server)
        held = server.connect()
        raise KeyboardInterrupt
    held.close()
    assert not is_open(server.port)
    assert not folder.parent.exists()


def test_postgres_takes_another_port_if_the_first_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server((postgres.LOOPBACK, 0)) as other:
        ports = [other.getsockname()[1], postgres._free_port()]  # noqa: SLF001 - the race itself cannot be had
        monkeypatch.setattr(postgres, "_free_port", lambda: ports.pop(0))
        with parts.running_postgres() as server:
            assert is_open(server.port)
    assert not ports


@pytest.fixture
def fake_bin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(parts, "BIN", tmp_path)
    return tmp_path


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_meltano_gets_only_the_given_environment(
    fake_bin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stray in ("TAP_POSTGRES_HOST", "TARGET_POSTGRES_HOST", "MELTANO_ENVIRONMENT", "PGSSLMODE"):
        monkeypatch.setenv(stray, "stray")
    write_program(fake_bin / "meltano", 'echo "$@"; pwd; env')
    ended = parts.Meltano(PROJECT, {"PGHOST": "here"}).run("--full-refresh", "a-job")
    arguments, folder, *environment = ended.stdout.splitlines()
    assert arguments == f"--env-file={os.devnull} run --full-refresh a-job"
    assert folder == str(PROJECT)
    assert "PGHOST=here" in environment
    assert f"MELTANO_SYS_DIR_ROOT={PROJECT / '.meltano'}" not in environment
    assert "=stray" not in ended.stdout


def test_meltano_that_fails_shows_the_end_of_its_log(fake_bin: Path) -> None:
    write_program(fake_bin / "meltano", "seq 1000; echo it broke; exit 3")
    with pytest.raises(parts.PartError) as failed:
        parts.Meltano(PROJECT, {}).run("a-job")
    message = str(failed.value)
    assert message.startswith("meltano run a-job failed with exit code 3:\n")
    assert message.endswith("\n1000\nit broke")
    assert "\n1\n" not in message


def test_ctrl_c_stops_meltano_and_its_children(
    fake_bin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = fake_bin / "pipe"
    os.mkfifo(pipe)
    deaf = "trap '' TERM; while :; do echo {} >&3; sleep 0.02; done"
    write_program(
        fake_bin / "meltano", f"exec 3>{pipe}; ({deaf.format('child')}) & {deaf.format('parent')}"
    )
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.1)
    wait, waiting = subprocess.Popen.wait, threading.Event()

    def wait_and_say_so(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        waiting.set()
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait_and_say_so)

    def press_ctrl_c_while_both_are_waited_for() -> None:
        with pipe.open() as beats:
            waiting.wait()
            missing = {"child\n", "parent\n"}
            while missing:
                missing.discard(beats.readline())
            os.kill(os.getpid(), signal.SIGINT)
            # The pipe ends when no process is left that can write to it.
            beats.read()

    presser = threading.Thread(target=press_ctrl_c_while_both_are_waited_for, daemon=True)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        parts.Meltano(PROJECT, {}).run("a-job")
    presser.join(TIMEOUT_SECONDS)
    assert not presser.is_alive(), "one of them outlives it"


def test_emulator_counts_its_requests_and_stops_at_the_end() -> None:
    with parts.running_emulator() as emulator:
        port = urlsplit(emulator.url).port
        assert port
        assert is_open(port)
        requests.get(f"{emulator.url}/ad_accounts", timeout=5)
        (request,) = emulator.requests()
        assert request["method"] == "GET"
        emulator.clear()
        assert emulator.requests() == []
    assert not is_open(port)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "meltano.yml").read_text())
    return loaded


def plugins(project: dict[str, Any]) -> list[dict[str, Any]]:
    return [*project["plugins"]["extractors"], *project["plugins"]["loaders"]]


def test_meltano_yml_follows_the_schema_of_meltano(project: dict[str, Any]) -> None:
    schema = json.loads(files("meltano.schemas").joinpath("meltano.schema.json").read_text())
    jsonschema.validate(project, schema)


def test_meltano_yml_needs_no_hub(project: dict[str, Any]) -> None:
    own = ({"namespace"}, {"inherit_from"})  # an inherited plugin has the settings of its parent
    assert [
        plugin["name"] for plugin in plugins(project) if not any(plugin.keys() & key for key in own)
    ] == []


def test_meltano_yml_holds_no_secret(project: dict[str, Any]) -> None:
    for plugin in plugins(project):
        for setting in plugin.get("settings", ()):
            if setting.get("sensitive"):
                assert "value" not in setting
                assert str(plugin.get("config", {}).get(setting["name"], "$")).startswith("$")


def test_meltano_yml_reads_the_variables_of_the_warehouse(project: dict[str, Any]) -> None:
    warehouse = parts.Postgres("127.0.0.1", 5432, "user", "password", "database")
    for plugin in plugins(project):
        if plugin["name"].endswith("-postgres"):
            config = plugin["config"]
            wanted = {config[key][1:] for key in ("host", "port", "user", "password", "database")}
            assert wanted == set(warehouse.environment())
