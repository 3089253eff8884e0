"""A stopped run loses nothing, repeats nothing and fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from forks import TIMEOUT_SECONDS
from programs import BIN, Run, environment, record, schema, selecting, state

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator

LONG_AGO = 1_700_000_000
RULE = {"visitor_source_id": "2612511566392"}


def stopped(
    emulator: Emulator,
    programs: Programs,
    command: list[str],
    lines: str,
    *,
    when: tuple[str, int],
    number: signal.Signals,
) -> Run:
    """Start a program and stop it after so many requests of an operation."""
    operation, count = when
    # Files instead of pipes, because a full pipe without a reader would block the program.
    paths = [programs.folder / name for name in ("in", "out", "err")]
    paths[0].write_text(lines)
    with paths[0].open() as stdin, paths[1].open("w") as stdout, paths[2].open("w") as stderr:
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment(programs.folder),
        )
        while process.poll() is None and len(emulator.requests(operation)) < count:
            time.sleep(0.005)
        process.send_signal(number)
        code = process.wait(TIMEOUT_SECONDS)
    return Run(code, paths[1].read_text(), paths[2].read_text())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_stopped_tap_continues_where_it_stopped(
    emulator: Emulator, programs: Programs, number: signal.Signals
) -> None:
    accounts = emulator.seed(ad_accounts=4, audiences=2000, updated_timestamp=LONG_AGO)
    emulator.fault(
        operation="audiences/list", path_contains=accounts[2], kind="delay", seconds=3600
    )
    config = programs.file("c.json", {**programs.settings, "concurrency": 1})
    catalog = programs.file("catalog.json", selecting(["audiences"]))
    command = ["tap-pinterest-audiences", "--config", str(config), "--catalog", str(catalog)]
    first = stopped(emulator, programs, command, "", when=("audiences/list", 5), number=number)
    assert first.code == (-number if number is signal.SIGKILL else 128 + number)
    assert "Traceback" not in first.err
    second = programs.tap(state=first.state, streams=["audiences"])
    assert second.code == 0
    one, other = ({a["id"] for a in run.records("audiences")} for run in (first, second))
    assert len(one | other) == 2000
    assert len(other) == 1000, "lists finished before are not read again"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_stopped_target_continues_where_it_stopped(
    emulator: Emulator, programs: Programs, account: str, number: signal.Signals
) -> None:
    emulator.fault(operation="audiences/create", kind="delay", seconds=3600, skip=6)
    messages: list[dict[str, Any]] = [schema()]
    for position in range(10):
        made = record(name=f"Audience {position}", audience_type="VISITOR", rule=RULE)
        messages += [made, state(position)]
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    settings = {**programs.settings, "ad_account_id": account, "concurrency": 1}
    command = ["target-pinterest-audiences", "--config", str(programs.file("c.json", settings))]
    first = stopped(emulator, programs, command, lines, when=("audiences/create", 7), number=number)
    assert first.code == (-number if number is signal.SIGKILL else 128 + number)
    assert "Traceback" not in first.err
    assert first.state == ({} if number is signal.SIGKILL else {"seen": 5})
    second = programs.target(lines, ad_account_id=account)
    assert second.code == 0
    names = [audience["name"] for audience in emulator.state()["audiences"][account]]
    assert sorted(names) == [f"Audience {position}" for position in range(10)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("plugin", ["tap", "target"])
def test_stopped_renewal_keeps_the_new_refresh_token(
    emulator: Emulator, programs: Programs, account: str, plugin: str, number: signal.Signals
) -> None:
    emulator.fault(operation="oauth/token", kind="delay", seconds=1)
    programs.settings = {
        "api_url": emulator.url,
        "ad_account_id": account,
        "client_id": "demo-app",
        "client_secret": "demo-secret",
        "refresh_token": "pinr.demo",
        "token_path": str(programs.folder / "token.json"),
    }
    config = programs.file("c.json", programs.settings)
    command = [f"{plugin}-pinterest-audiences", "--config", str(config)]
    made = record(name="Audience", audience_type="VISITOR", rule=RULE)
    lines = "".join(json.dumps(message) + "\n" for message in (schema(), made))
    stop = stopped(emulator, programs, command, lines, when=("oauth/token", 1), number=number)
    assert stop.code == 128 + number
    assert "Traceback" not in stop.err
    assert len(emulator.requests("oauth/token")) == 1
    again = programs.tap() if plugin == "tap" else programs.target(lines)
    assert again.code == 0, again.err


AT_A_BAD_MOMENT = """
import os, signal, sys, time
from pinterest_audiences.plugin import run_program
from target_pinterest_audiences.target import TargetPinterestAudiences

class Destroyed:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

def lines(stdin):
    yield from stdin
    Destroyed()
    time.sleep(3600)

sys.stdin = lines(sys.stdin)
run_program(TargetPinterestAudiences, ["--config", sys.argv[1]])
"""
"""A target that gets SIGTERM in a destructor, from which no exception can escape."""


def test_signal_during_object_destruction_is_handled(programs: Programs, account: str) -> None:
    config = programs.file("c.json", {**programs.settings, "ad_account_id": account})
    made = record(name="Buyers", audience_type="VISITOR", rule=RULE)
    run = subprocess.run(
        [sys.executable, "-c", AT_A_BAD_MOMENT, str(config)],
        input="".join(json.dumps(message) + "\n" for message in (schema(), made, state(1))),
        capture_output=True,
        text=True,
        env=environment(programs.folder),
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert run.returncode == 128 + signal.SIGTERM, run.stderr
    assert "Traceback" not in run.stderr
    assert json.loads(run.stdout) == {"seen": 1}
