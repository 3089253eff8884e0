"""Protection of tokens and personal data."""

from __future__ import annotations

import ssl
import stat
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from pinterest_audiences.api.client import PinterestAPI
from pinterest_audiences.api.operations import LIST_AD_ACCOUNTS
from pinterest_audiences.errors import SettingsError
from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Programs

    from pinterest_emulator.testing import Emulator

SELF_SIGNED = Path(__file__).parents[1] / "data" / "self_signed.pem"
"""A certificate for localhost with its key, made for these tests and trusted nowhere."""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def credentials(**settings: str) -> dict[str, Any]:
    return {
        "access_token": "",
        "client_id": "demo-app",
        "client_secret": "demo-secret",
        "refresh_token": "pinr.demo",
        **settings,
    }


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


class OnePage(BaseHTTPRequestHandler):
    """Answers an empty list."""

    def do_GET(self) -> None:
        body = b'{"items": [], "bookmark": null}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.answered = True  # type: ignore[attr-defined]

    @override
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """An https server with a self-signed certificate."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    with ThreadingHTTPServer(("127.0.0.1", 0), OnePage) as server:
        server.answered = False  # type: ignore[attr-defined]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


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
