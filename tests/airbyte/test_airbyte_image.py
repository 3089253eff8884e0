"""The Dockerfile makes two images that Airbyte can start; `make airbyte` runs its install lines."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from connectors import DESTINATION, SOURCE
from programs import BIN

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
TARGETS = {"source": SOURCE, "destination": DESTINATION}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def stages(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage, with those of the stages that it is made from."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for line in re.sub(r"\\\n", "", text).splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, name = rest.split(" AS ")
            found[name] = [*found.get(base, [])]
        else:
            found[name].append((instruction, rest))
    return found


def values(target: str, instruction: str) -> list[str]:
    return [rest for name, rest in stages(DOCKERFILE.read_text())[target] if name == instruction]


@pytest.mark.parametrize("target", TARGETS)
def test_entrypoint_is_absolute_and_the_one_that_airbyte_reads(target: str) -> None:
    (command,) = map(json.loads, values(target, "ENTRYPOINT"))
    variables = dict(rest.split("=", 1) for rest in values(target, "ENV"))
    assert variables["AIRBYTE_ENTRYPOINT"].strip('"') == " ".join(command)
    assert command == [f"/opt/connector/bin/{TARGETS[target]}"]
    assert TARGETS[target] in PROJECT["project"]["scripts"]


@pytest.mark.parametrize("target", TARGETS)
def test_image_runs_as_the_user_of_airbyte_in_a_folder_of_its_own(target: str) -> None:
    assert values(target, "USER")[-1] == "1000:1000"
    assert values(target, "WORKDIR")[-1] == "/airbyte"
    (created,) = values(target, "RUN")
    assert "useradd --uid 1000 --gid 1000 --home-dir /airbyte --create-home airbyte" in created


def test_dockerfile_has_no_findings() -> None:
    subprocess.run([BIN / "hadolint", DOCKERFILE], check=True)


def test_findings_are_found(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python:latest\nRUN cd /src && pip install requests\nUSER root\n")
    run = subprocess.run([BIN / "hadolint", bad], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert {"DL3007", "DL3013", "DL3002"} <= {*re.findall(r"DL\d+", run.stdout)}


def test_image_has_all_dependencies_with_hashes() -> None:
    lock = (ROOT / "requirements" / "airbyte-image.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    needed = PROJECT["project"]["dependencies"] + PROJECT["build-system"]["requires"]
    needed += ["psycopg", "psycopg-binary"]
    assert {re.split(r"[><=~\[]", each)[0] for each in needed} <= locked
    assert lock.count("==") <= lock.count("--hash=sha256:")


def test_versions_of_the_image_are_those_that_are_tested() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / name).read_text()
        return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))

    tested = pins("dev.txt")
    for package, version in pins("airbyte-image.txt").items():
        assert tested.get(package, version) == version, package


def test_everything_that_the_wheel_needs_is_copied() -> None:
    copied = (ROOT / ".dockerignore").read_text().splitlines()
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    for path in [*packages, "pyproject.toml", "README.md", "LICENSE"]:
        assert f"!{path}" in copied, path
