"""Let Airbyte's own programs judge the connectors: PyAirbyte, and Airbyte's standard tests.

Both run in `.venv-airbyte`, because what they need cannot be installed beside this project. The
emulator stands in for Pinterest. `make airbyte` starts this.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors import DESTINATION, SOURCE
from databases import url_of
from docs_blocks import block
from programs import BIN, Programs, selecting

from demo.parts import running_postgres
from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
JUDGES = ROOT / ".venv-airbyte" / "bin"
PYTHONS = {(3, 11), (3, 12)}
"""Versions of Python on which PyAirbyte can be installed."""

LEAST_PASSED = {SOURCE: 13, DESTINATION: 3}
GOOD = {"auth_type": "access_token", "access_token": "pina_demo"}
BAD = {"auth_type": "access_token", "access_token": "pina_wrong_token_for_the_judges"}
_HOOKS = "airbyte_cdk.test.standard_tests.pytest_hooks"
_NOT_OURS = "not backward_compatibility"  # compares with a version that Airbyte published


def main() -> None:
    """Run all judges."""
    if sys.version_info[:2] not in PYTHONS:
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"make airbyte: skipped: PyAirbyte needs Python 3.11 or 3.12, and this is {version}")
        return
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Emulator(access="unlimited") as emulator, running_postgres() as postgres:
            pyairbyte(emulator, url_of(postgres), folder)
        with Emulator(access="unlimited") as emulator:
            for connector in (SOURCE, DESTINATION):
                standard_tests(connector, emulator, folder)
            image(emulator, folder)
    print(f"All of it took {time.monotonic() - started:.0f} s")


def pyairbyte(emulator: Emulator, ledger_url: str, folder: Path) -> None:
    """Let PyAirbyte read and write.

    Raises:
        SystemExit: If it does not see what it expects.
    """
    programs = Programs(folder, {"access_token": "pina_demo", "api_url": emulator.url})
    account = emulator.seed(ad_accounts=1, audiences=0)[0]
    names = [each["tap_stream_id"] for each in selecting([])["streams"]]
    run = programs.tap(streams=names, detect_removed=True)
    assert run.code == 0, run.err
    expected = {name: [_as_airbyte(record) for record in run.records(name)] for name in names}
    emulator.clear()
    rows_source = _program(folder / "bin" / "source-rows", HERE / "rows_source.py")
    given = {
        "base": emulator.base,
        "folder": str(folder),
        "expected": expected,
        "account": account,
        "ledger_url": ledger_url,
        "page": [
            block("docs/airbyte.md", "import json").text,
            block("docs/airbyte.md", "destination = ab.get_destination").text,
        ],
    }
    done = subprocess.run(
        [JUDGES / "python", HERE / "pyairbyte.py"],
        input=json.dumps(given),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=folder,
        env=_environment(folder, ROWS_SOURCE=str(rows_source)),
    )
    if done.returncode or "Exception ignored" in done.stderr:
        sys.exit(f"{done.stderr[-6000:]}\nPyAirbyte failed")


def standard_tests(connector: str, emulator: Emulator, folder: Path) -> None:
    """Run Airbyte's standard tests.

    Raises:
        SystemExit: If one fails, or too few pass.
    """
    root = folder / "standard_tests" / connector
    root.mkdir(parents=True)
    docker = _program(folder / "bin" / "docker", HERE / "docker.py")
    # The first ad account has most audiences, and one stream takes two requests for each.
    few = [each["id"] for each in emulator.state()["ad_accounts"][1:]]
    only = {"ad_account_ids": few} if connector == SOURCE else {}
    for name, credentials in (("config", GOOD), ("invalid_config", BAD)):
        config = {"credentials": credentials, "api_url": emulator.url, **only}
        (root / f"{name}.json").write_text(json.dumps(config))
    (root / "metadata.yaml").write_text(json.dumps(_metadata(connector)))
    tests = json.dumps({"acceptance_tests": _acceptance_tests(connector)})
    (root / "acceptance-test-config.yml").write_text(tests)
    shutil.copy(HERE / "airbyte_suite.py", root / "test_airbyte.py")
    env = _environment(folder, PATH=f"{docker.parent}:{os.environ['PATH']}")
    options = [
        "--connector-image",
        f"x/{connector}:dev",
        "--read-from-streams=all",
        "-k",
        _NOT_OURS,
    ]
    command = [str(JUDGES / "python"), "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
    done = _run([*command, "-p", _HOOKS, *options], root, env)
    summary = done.stdout.strip().splitlines()[-1]
    print(f"Airbyte's standard tests, {connector}: {summary}", flush=True)
    passed = re.search(r"(\d+) passed", summary)
    if done.returncode or not passed or int(passed[1]) < LEAST_PASSED[connector]:
        sys.exit(f"{done.stdout[-8000:]}\nAirbyte's standard tests of {connector} failed")


def image(emulator: Emulator, folder: Path) -> None:
    """Run the install lines of the Dockerfile in a clean environment, and start what they install.

    Raises:
        SystemExit: If something does not work.
    """
    started = time.monotonic()
    source, connector = folder / "src", folder / "connector"
    source.mkdir()
    for path in re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE):
        (source / path).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        copy(ROOT / path, source / path)
    text = re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text())
    commands = re.findall(r"^RUN (python -m venv .+|/opt/.+)$", text, re.MULTILINE)
    entrypoints = re.findall(r'^ENTRYPOINT \["(.+)"\]$', text, re.MULTILINE)
    assert len(commands) == len(entrypoints) == len((SOURCE, DESTINATION))
    clean = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(folder)}
    for command in commands:
        line = command.replace("/opt/connector", str(connector))
        done = _run(["/bin/sh", "-c", line], source, clean)
        if done.returncode:
            sys.exit(f"{done.stdout}\nThe Dockerfile's line failed: {line}")
    config = folder / "config.json"
    config.write_text(json.dumps({"credentials": GOOD, "api_url": emulator.url}))
    for path in entrypoints:
        program = path.replace("/opt/connector", str(connector))
        done = _run([program, "check", "--config", str(config)], folder, clean)
        if '"SUCCEEDED"' not in done.stdout:
            sys.exit(f"{done.stdout}\n{path} does not work")
    took = time.monotonic() - started
    print(f"The Dockerfile's install lines, in a clean environment: both work ({took:.0f} s)")


def _run(command: list[str], folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=folder,
        env=env,
    )


def _as_airbyte(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "_sdc_deleted_at"}


def _program(path: Path, script: Path) -> Path:
    """Make a script of the judges a program."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{JUDGES / 'python'}\n{script.read_text()}")
    path.chmod(0o755)
    return path


def _environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment in which no judge writes elsewhere, or tells anybody."""
    folders = {
        name: str(folder)
        for name in (
            "AIRBYTE_CACHE_ROOT",
            "AIRBYTE_INSTALL_DIR",
            "AIRBYTE_LOGGING_ROOT",
            "AIRBYTE_PROJECT_DIR",
            "AIRBYTE_TEMP_DIR",
            "HOME",
            "TMPDIR",
        )
    }
    quiet = {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1"}
    return {**os.environ, **folders, **quiet, "CONNECTORS": str(BIN), **more}


def _metadata(connector: str) -> dict[str, Any]:
    data = {
        "dockerRepository": f"x/{connector}",
        "dockerImageTag": "dev",
        "tags": ["language:python"],
    }
    return {"data": data, "metadataSpecVersion": "1.0"}


def _acceptance_tests(connector: str) -> dict[str, Any]:
    good, bad = {"config_path": "config.json"}, {"config_path": "invalid_config.json"}
    found: dict[str, Any] = {
        "spec": {"tests": [good]},
        "connection": {"tests": [{**good, "status": "succeed"}, {**bad, "status": "failed"}]},
    }
    if connector == SOURCE:
        empty = [{"name": "business_audiences", "bypass_reason": "needs business_ids"}]
        found |= {
            "discovery": {"tests": [good]},
            "basic_read": {"tests": [{**good, "empty_streams": empty}]},
        }
    return found


if __name__ == "__main__":
    main()
