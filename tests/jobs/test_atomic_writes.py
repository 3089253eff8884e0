"""Temporary files of killed processes, and their removal."""

from __future__ import annotations

import functools
import json
import os
import signal
import stat
import subprocess
import sys
from threading import Thread
from typing import TYPE_CHECKING, Any

import filelock
import pytest
from forks import TIMEOUT_SECONDS
from programs import environment, record, schema, selecting

from pinterest_audiences.api.token_store import StoredToken, TokenStore
from pinterest_audiences.errors import BusyError, SettingsError
from pinterest_audiences.files import temporary_of, write_atomically
from pinterest_emulator.testing import Emulator
from target_pinterest_audiences.run import dead_letters as rejects
from target_pinterest_audiences.run import report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from programs import Programs

KILLED_BEFORE_THE_RENAME = """
import os, signal, sys
os.replace = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
from tap_pinterest_audiences.tap import TapPinterestAudiences as tap
from target_pinterest_audiences.target import TargetPinterestAudiences as target
{"tap": tap, "target": target}[sys.argv.pop(1)].cli()
"""
REFRESHED = {
    "access_token": "",
    "client_id": "demo-app",
    "client_secret": "demo-secret",
    "refresh_token": "pinr.demo",
}
WRITES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "tokens": ("tap", "token_path", REFRESHED),
    "rejected records": ("target", "rejected_path", {}),
    "report": ("target", "report_path", {}),
}
"""For each file that is written atomically: its program, its setting, and other settings."""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator whose refresh tokens still work after a renewal."""
    with Emulator(seed="empty", access="unlimited", revoke_old_refresh_token=False) as emulator:
        yield emulator


def killed(programs: Programs, program: str, lines: str, settings: dict[str, Any]) -> None:
    """Run a program and kill it before it renames a written file."""
    options = ["--config", str(programs.file("killed.json", {**programs.settings, **settings}))]
    if program == "tap":
        options += ["--catalog", str(programs.file("catalog.json", selecting(["ad_accounts"])))]
    run = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_THE_RENAME, program, *options],
        input=lines,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
        env=environment(programs.folder),
    )
    assert run.returncode == -signal.SIGKILL, run.stderr


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("program", "setting", "more"), WRITES.values(), ids=WRITES)
def test_kill_leaves_one_private_file_that_the_next_run_removes(
    programs: Programs,
    account: str,
    tmp_path: Path,
    program: str,
    setting: str,
    more: dict[str, Any],
) -> None:
    folder = tmp_path / "written"
    folder.mkdir()
    path = folder / "file.json"
    settings = {**more, setting: str(path)}
    if program == "target":
        settings["ad_account_id"] = account
    bad = [schema(), record(name="Bad", audience_type="FANS")]
    killed(programs, program, "".join(json.dumps(line) + "\n" for line in bad), settings)

    (left,) = (item for item in folder.iterdir() if item.suffix != ".lock")
    assert left == folder / ".file.json.tmp"
    assert mode(left) == 0o600

    # A run without rejected records does not write that file, but removes the temporary one.
    run = (
        programs.tap(streams=["ad_accounts"], **settings)
        if program == "tap"
        else programs.target([schema()], **settings)
    )

    assert run.code == 0, run.err
    assert {item.name for item in folder.iterdir() if item.name.startswith(".")} == set()


def test_two_parallel_runs_can_write_the_same_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"

    others = [Thread(target=report.write, args=(path, {"run": number})) for number in (2, 3)]

    def lines() -> Iterator[str]:
        yield "first "
        for other in others:
            other.start()
        assert not path.exists()
        assert {mode(item) for item in tmp_path.iterdir()} == {0o600}
        yield "run"

    write_atomically(path, lines(), public=True)
    for other in others:
        other.join()

    assert json.loads(path.read_text())["run"] in {2, 3}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_report_mode_follows_the_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "report.json"
    before = os.umask(mask)
    try:
        report.write(path, {})
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert mode(path) == 0o666 & ~mask


@pytest.mark.usefixtures("account")
def test_temporary_file_is_removed_even_if_the_stored_token_is_usable(
    programs: Programs, tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    settings: dict[str, Any] = {**REFRESHED, "token_path": str(path)}
    assert programs.tap(streams=["ad_accounts"], **settings).code == 0
    kept = path.read_text()
    temporary_of(path).write_text("a live token")

    assert programs.tap(streams=["ad_accounts"], **settings).code == 0

    assert path.read_text() == kept
    assert not temporary_of(path).exists()


def test_temporary_token_file_of_a_run_that_holds_the_lock_stays(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    temporary_of(path).write_text("of another run")

    with (
        filelock.FileLock(f"{path}.lock"),
        pytest.raises(BusyError, match="held"),
        TokenStore(str(path), "app", "pinr.demo").locked(),
    ):
        pass

    assert temporary_of(path).read_text() == "of another run"


def test_temporary_file_of_rejected_records_of_a_run_that_holds_the_lock_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rejected.singer"
    temporary_of(path).write_text("of another run")
    with filelock.FileLock(f"{path}.lock"):
        at_once = functools.partial(filelock.FileLock, timeout=0, is_singleton=False)
        monkeypatch.setattr(rejects, "FileLock", at_once)
        with pytest.raises(SettingsError, match="killed run left"):
            rejects.DeadLetters(path)

    assert temporary_of(path).read_text() == "of another run"
    rejects.DeadLetters(path)
    assert not temporary_of(path).exists()


def test_files_of_others_are_not_removed(tmp_path: Path) -> None:
    names = {
        ".token.json.original",
        ".token.json.swp",
        ".token.json.tmp.tmp",
        ".other.json.tmp",
        "token.json.tmp",
        "token.json.old",
    }
    for name in names:
        (tmp_path / name).write_text(name)
    store = TokenStore(str(tmp_path / "token.json"), "app", "pinr.demo")

    with store.locked():
        store.write(StoredToken("pinr.new", "pina_new", 1))

    assert {path.name for path in tmp_path.iterdir()} == {*names, "token.json", "token.json.lock"}
    assert all((tmp_path / name).read_text() == name for name in names)


def test_write_does_not_follow_a_link(tmp_path: Path) -> None:
    path, other = tmp_path / "token.json", tmp_path / "other"
    other.write_text("of somebody else")
    temporary_of(path).symlink_to(other)

    write_atomically(path, ["mine"])

    assert other.read_text() == "of somebody else"
    assert path.read_text() == "mine"
    assert not path.is_symlink()
    assert mode(path) == 0o600


def test_failed_write_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    path.write_text("old")

    with pytest.raises(TypeError):
        write_atomically(path, ["new", None])  # type: ignore[list-item]

    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [("token.json", "old")]


def test_next_save_replaces_the_temporary_file_of_a_killed_emulator(tmp_path: Path) -> None:
    data = tmp_path / "pinterest.json"
    (tmp_path / ".pinterest.json.tmp").write_text("half of it")

    with Emulator(seed="empty", data=data):
        pass

    assert [item.name for item in tmp_path.iterdir()] == ["pinterest.json"]
    assert mode(data) == 0o600
