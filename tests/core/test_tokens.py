"""The file of ``token_path``: entries by key, older files, and the wait for its lock."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import filelock
import pytest
from test_fuzz import Reply, answering

from pinterest_audiences.api.operations import LIST_AD_ACCOUNTS
from pinterest_audiences.api.token_store import StoredToken, TokenStore
from pinterest_audiences.errors import InvalidResponseError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Programs

    from pinterest_emulator.testing import Emulator


def app(path: Path, name: str = "one") -> dict[str, str]:
    return {
        "client_id": name,
        "client_secret": "secret",
        "refresh_token": f"pinr.{name}",
        "token_path": str(path),
    }


def reply(**answer: Any) -> Reply:
    return Reply(200, {}, json.dumps(answer).encode())


ITEMS = reply(items=[])


def test_two_apps_with_one_token_path_keep_an_entry_each(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    for name in ("one", "other"):
        new = reply(access_token=f"pina_{name}", refresh_token=f"pinr.{name}2", expires_in=3600)
        answering([new, ITEMS], **app(path, name)).request(LIST_AD_ACCOUNTS)

    for name in ("one", "other"):
        kept = TokenStore(str(path), name, f"pinr.{name}").read()
        assert kept
        assert kept.refresh_token == f"pinr.{name}2"
        # The client uses the access token of the file; no response is left for a renewal.
        answering([ITEMS], **app(path, name)).request(LIST_AD_ACCOUNTS)
    keys = json.loads(path.read_text())["tokens"]
    assert not any(secret in key for key in keys for secret in ("one", "other", "pinr"))


def test_one_entry_file_of_an_earlier_version_is_read_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    old = {
        "key": hashlib.sha256(b"one:pinr.one").hexdigest(),
        "refresh_token": "pinr.kept",
        "access_token": "pina_kept",
        "renew_at": 1,
    }
    path.write_text(json.dumps(old))
    store = TokenStore(str(path), "one", "pinr.one")
    assert store.read() == StoredToken("pinr.kept", "pina_kept", 1)

    TokenStore(str(path), "other", "pinr.other").write(StoredToken("pinr.b", "pina_b", 2))

    assert store.read() == StoredToken("pinr.kept", "pina_kept", 1)


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": "pina_\nX: y"}])
def test_new_refresh_token_without_access_token_is_kept(
    tmp_path: Path, answer: dict[str, str]
) -> None:
    path = tmp_path / "token.json"
    with pytest.raises(InvalidResponseError):
        answering([reply(refresh_token="pinr.new", **answer)], **app(path)).request(
            LIST_AD_ACCOUNTS
        )

    kept = TokenStore(str(path), "one", "pinr.one").read()
    assert kept
    assert kept.refresh_token == "pinr.new"
    again = [reply(access_token="pina_new", expires_in=3600), ITEMS]
    answering(again, **app(path)).request(LIST_AD_ACCOUNTS)


def test_token_file_that_cannot_be_read_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "token.json").mkdir()
    with pytest.raises(SettingsError, match="token_path"):
        answering([], **app(tmp_path / "token.json")).request(LIST_AD_ACCOUNTS)


def test_token_path_that_holds_something_else_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"refresh_token": "pinr.one"}')
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="holds something else than tokens"):
        answering([], **app(path)).request(LIST_AD_ACCOUNTS)
    assert path.read_text() == '{"refresh_token": "pinr.one"}'
    assert path.stat().st_mode & 0o777 == 0o644


def test_folder_as_token_path_keeps_its_permissions(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o755)
    with (
        pytest.raises(SettingsError, match="is a folder: name a file in it"),
        TokenStore(str(folder), "one", "pinr.one").locked(),
    ):
        pass
    assert folder.stat().st_mode & 0o777 == 0o755


def test_run_waits_for_the_token_lock_up_to_max_wait(
    programs: Programs, emulator: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    with filelock.FileLock(f"{path}.lock"):
        run = programs.tap(
            client_id="demo-app",
            client_secret="demo-secret",
            refresh_token="pinr.demo",
            token_path=str(path),
            max_wait=1,
        )

    assert run.code == 75
    assert "max_wait" in run.complaints[-1]
    assert "of its own" not in run.complaints[-1]
    assert emulator.requests("oauth/token") == []
