"""The definitions for Meltano Hub, and the first steps of a user who adds the plugins by them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from docs_blocks import block, commands_in

from hub.__main__ import NAMES, definition, path_of, text_of

if TYPE_CHECKING:
    from pinterest_emulator.testing import Emulator

ROOT = Path(__file__).parents[2]
MELTANO = Path(sys.executable).with_name("meltano")
REQUIRED = {
    *("name", "variant", "namespace", "label", "description", "repo", "pip_url", "executable"),
    *("capabilities", "settings", "settings_group_validation", "domain_url", "logo_url"),
    *("keywords", "maintenance_status"),
}
"""What each definition in the hub's repository has."""


@pytest.mark.parametrize("kind", NAMES)
def test_definitions_are_what_make_hub_writes(kind: str) -> None:
    assert path_of(kind).read_text() == text_of(kind), "run `make hub`"


@pytest.mark.parametrize("kind", NAMES)
def test_definitions_have_all_that_the_hub_wants_and_no_secret(kind: str) -> None:
    found = definition(kind)
    assert found.keys() >= REQUIRED
    assert "config" not in found
    assert all("value" not in each for each in found["settings"] if each.get("sensitive"))
    assert all(
        each.keys() >= {"name", "label", "kind", "description"} for each in found["settings"]
    )


class Project:
    """An empty folder in which somebody types commands of Meltano."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        self.env = kept | {
            "HOME": str(folder.parent),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            **settings,
        }

    def meltano(self, *arguments: str, folder: Path | None = None) -> str:
        done = subprocess.run(
            [MELTANO, "--env-file=/dev/null", *arguments],
            cwd=folder or self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def use_the_installed(self, kind: str) -> None:
        """Take what ``make install`` installed, where ``meltano add`` would download it."""
        place = Path(".meltano", kind, NAMES[kind], "venv")
        (self.folder / place).parent.mkdir(parents=True)
        (self.folder / place).symlink_to(ROOT / place)


def test_plugins_are_added_by_reference_to_an_empty_project_and_run(
    emulator: Emulator, tmp_path: Path
) -> None:
    (source,) = emulator.seed(ad_accounts=1, audiences=3)
    tags = {each["rule"]["visitor_source_id"] for each in emulator.state()["audiences"][source]}
    (recipient,) = emulator.seed(ad_accounts=1, audiences=0)
    project = Project(
        tmp_path / "project",
        TAP_PINTEREST_AUDIENCES_ACCESS_TOKEN="pina_demo",
        TAP_PINTEREST_AUDIENCES_API_URL=emulator.url,
        TAP_PINTEREST_AUDIENCES_AD_ACCOUNT_IDS=f'["{source}"]',
        TARGET_PINTEREST_AUDIENCES_ACCESS_TOKEN="pina_demo",
        TARGET_PINTEREST_AUDIENCES_API_URL=emulator.url,
        TARGET_PINTEREST_AUDIENCES_AD_ACCOUNT_ID=recipient,
        TARGET_PINTEREST_AUDIENCES_OVERRIDE_AD_ACCOUNT="true",
        TARGET_PINTEREST_AUDIENCES_ID_MAP=json.dumps(dict.fromkeys(tags, "2612511566999")),
    )
    project.meltano("init", str(project.folder), folder=tmp_path)
    (project.folder / "hub").symlink_to(ROOT / "hub")
    for command in commands_in(block("README.md", "meltano add").text):
        assert command.pop(0) == "meltano"
        project.meltano(*command)
    for kind in NAMES:
        project.use_the_installed(kind)
    added = yaml.safe_load((project.folder / "meltano.yml").read_text())["plugins"]
    assert {kind: [each["name"] for each in added[kind]] for kind in added} == {
        kind: [name] for kind, name in NAMES.items()
    }
    assert "access_token" in project.meltano("config", "list", NAMES["loaders"])
    project.meltano("select", NAMES["extractors"], "audiences", "*")
    project.meltano("run", "--no-install", *NAMES.values())
    audiences = emulator.state()["audiences"]
    names = {account: [each["name"] for each in audiences[account]] for account in audiences}
    assert sorted(names[recipient]) == sorted(names[source])
    assert len(names[source]) == 3
