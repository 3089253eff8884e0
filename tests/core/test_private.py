"""Protection of tokens and personal data."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
from stranger import SELF_SIGNED, credentials

from pinterest_audiences.api.client import PinterestAPI
from pinterest_audiences.api.operations import LIST_AD_ACCOUNTS
from pinterest_audiences.errors import SettingsError
from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer
    from pathlib import Path

    from programs import Programs

    from pinterest_emulator.testing import Emulator


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_open_token_file_is_restricted_with_a_warning(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "token.json"
    settings = credentials(api_url=emulator.url, token_path=str(path))
    PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
    path.chmod(0o644)

    PinterestAPI(settings).request(LIST_AD_ACCOUNTS)

    assert mode(path) == 0o600
    assert f"{path} was open to other users (mode 644)" in caplog.text


def test_only_the_folder_in_the_state_folder_is_restricted(
    emulator: Emulator, account: str, programs: Programs, tmp_path: Path
) -> None:
    own, shared = tmp_path / "state" / "pinterest-audiences", tmp_path / "shared"
    for folder in (own, shared):
        folder.mkdir(parents=True)
        folder.chmod(0o755)

    done = programs.tap(**credentials())
    other = programs.tap(**credentials(token_path=str(shared / "token.json")))

    assert (done.code, done.records("ad_accounts")[0]["id"]) == (0, account)
    assert other.code == 1, "the emulator has revoked the first refresh token"
    assert f"{own} was open to other users (mode 755)" in done.err
    assert mode(own) == 0o700
    assert mode(shared) == 0o755
    assert {mode(file) for file in own.iterdir()} == {0o600}
    assert len(emulator.requests("oauth/token")) == 2


def read(server: ThreadingHTTPServer) -> dict[str, Any]:
    url = f"https://localhost:{server.server_address[1]}/v5"
    api = PinterestAPI({"access_token": "pina_made_up", "api_url": url, "max_wait": 0})
    return api.request(LIST_AD_ACCOUNTS).data


def test_server_with_an_untrusted_certificate_gets_no_token(
    stranger: ThreadingHTTPServer,
) -> None:
    with pytest.raises(SettingsError, match="not trusted"):
        read(stranger)
    assert not stranger.answered  # type: ignore[attr-defined]


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_custom_certificate_authority_is_trusted(
    stranger: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(SELF_SIGNED))
    assert read(stranger)["items"] == []


@pytest.mark.parametrize("plugin", [TapPinterestAudiences, TargetPinterestAudiences])
def test_no_setting_turns_off_certificate_checks(
    plugin: type[TapPinterestAudiences | TargetPinterestAudiences],
) -> None:
    names = " ".join(plugin.config_jsonschema["properties"])
    assert not any(word in names for word in ("verify", "ssl", "tls", "insecure", "cert"))
