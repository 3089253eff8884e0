"""Settings that name a file may begin with ``~``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from people import SCHEMA, person
from programs import Programs, Run, record

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator

REFRESHED: dict[str, Any] = {
    "access_token": "",
    "client_id": "demo-app",
    "client_secret": "demo-secret",
    "refresh_token": "pinr.demo",
}
BLANK = record("audience_members", audience_name="Customers", email=" ")
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "token_path": ("{}", REFRESHED),
    "report_path": ("{}", {}),
    "rejected_path": ("{}", {}),
    "ledger_url": ("sqlite:///{}", {}),
}
"""For each setting that names a file: its value with the path, and other settings."""


def target_at_home(programs: Programs, home: Path, **settings: Any) -> Run:
    config = programs.file("target.json", {**programs.settings, **settings})
    lines = "".join(f"{json.dumps(line)}\n" for line in [SCHEMA, person(1), BLANK])
    command = ("target-pinterest-audiences", "--config", str(config))
    return programs.run(*command, stdin=lines, HOME=str(home))


@pytest.mark.parametrize("setting", SETTINGS)
def test_tilde_in_a_path_setting_is_the_home_folder(
    programs: Programs, account: str, tmp_path: Path, setting: str
) -> None:
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    form, more = SETTINGS[setting]

    run = target_at_home(
        programs, home, ad_account_id=account, **more, **{setting: form.format("~/deep/file")}
    )

    assert run.code == 1, run.err
    assert "1 rejected" in run.err
    assert (home / "deep" / "file").is_file(), run.err
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("path", ["~nobody-of-this-name/file", "~/a\0b"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_invalid_path_setting_is_one_error_before_any_write(
    emulator: Emulator, programs: Programs, account: str, setting: str, path: str
) -> None:
    form, more = SETTINGS[setting]

    run = target_at_home(
        programs, programs.folder, ad_account_id=account, **more, **{setting: form.format(path)}
    )

    assert run.code == 1
    (line,) = run.complaints
    assert line.startswith(f"Settings: {setting} "), line
    assert "Traceback" not in run.err
    assert not [entry for entry in emulator.requests() if entry["method"] != "GET"]


def test_tap_refuses_the_token_path_of_an_unknown_user(programs: Programs) -> None:
    run = programs.tap(**REFRESHED, token_path="~nobody-of-this-name/token")
    assert run.code == 1
    assert [line.split("'")[0] for line in run.complaints] == ["Settings: token_path "]
