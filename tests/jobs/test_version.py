"""The version comes from the git tag, and each program prints it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from programs import BIN

from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from singer_sdk.plugin_base import PluginBase

ROOT = Path(__file__).parents[2]
WITHOUT_GIT = "0.1.dev0"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files of the project that a build reads, in a folder outside git."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def output(folder: Path, *command: str | Path) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command, cwd=folder, env=env, check=True, capture_output=True, text=True
    ).stdout.strip()


def built_version(folder: Path) -> str:
    return output(folder, BIN / "hatchling", "version")


def git(folder: Path, *arguments: str) -> str:
    person = ("-c", "user.name=A", "-c", "user.email=a@shop.example")
    return output(folder, "git", *person, *arguments)


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "build: test")


def test_version_is_the_tag_without_its_letter(copy: Path) -> None:
    git(copy, "init", "--quiet")
    commit(copy)
    assert built_version(copy) == "0.1.dev1"
    git(copy, "tag", "v1.2.3")
    assert built_version(copy) == "1.2.3"
    commit(copy)
    assert built_version(copy) == "1.2.4.dev1"


def test_shallow_clone_without_tags_has_a_version(copy: Path, tmp_path: Path) -> None:
    git(copy, "init", "--quiet")
    commit(copy)
    git(copy, "tag", "v1.2.3")
    commit(copy)
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-tags", copy.as_uri(), "clone")
    assert built_version(tmp_path / "clone") == "0.1.dev1"


def test_files_without_git_have_a_version(copy: Path) -> None:
    assert built_version(copy) == WITHOUT_GIT


def test_source_distribution_keeps_its_version(copy: Path, tmp_path: Path) -> None:
    git(copy, "init", "--quiet")
    commit(copy)
    git(copy, "tag", "v1.2.3")
    output(copy, BIN / "hatchling", "build", "--target", "sdist", "--directory", tmp_path)
    with tarfile.open(tmp_path / "pinterest_audiences-1.2.3.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert built_version(tmp_path / "pinterest_audiences-1.2.3") == "1.2.3"


@pytest.mark.parametrize(
    "program", ["tap-pinterest-audiences", "target-pinterest-audiences", "pinterest-emulator"]
)
def test_each_program_prints_the_version_of_the_distribution(program: str, tmp_path: Path) -> None:
    assert version("pinterest-audiences") in output(tmp_path, BIN / program, "--version")


@pytest.mark.parametrize("plugin", [TapPinterestAudiences, TargetPinterestAudiences])
def test_version_is_what_the_sdk_prints(
    plugin: type[PluginBase], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin.print_version()
    assert output(tmp_path, BIN / plugin.name, "--version") == capsys.readouterr().out.strip()
