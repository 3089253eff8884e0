"""Which servers and proxies get a request, and what a user reads when none can be reached."""

from __future__ import annotations

import json
import socket
import ssl
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from no_waits import WITHOUT_WAITS
from programs import record, schema
from stranger import SELF_SIGNED, credentials

from pinterest_audiences.api.operations import LIST_AUDIENCES
from pinterest_audiences.api.transport import Transport
from pinterest_audiences.api.urls import checked_url, is_loopback
from pinterest_audiences.errors import NoResponseError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.server import ThreadingHTTPServer

    from programs import Programs, Run

    from pinterest_emulator.testing import Emulator

PROXY_VARIABLES = (
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
)
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PLUGINS = ("tap", "target")
SDK_LINE = "An unhandled error occurred while syncing"
"""The beginning of the line that the SDK logs before the error."""
ACCOUNT = "549755800001"
FAR_AWAY = "https://pinterest.invalid/v5"


class Eavesdropper:
    """A proxy that records requests and refuses them."""

    def __init__(self, reply: bytes) -> None:
        self.heard: list[bytes] = []
        self._reply = reply
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                heard = connection.recv(65_536)
                if heard == b"stop":
                    return
                self.heard.append(heard)
                connection.sendall(self._reply)

    def stop(self) -> None:
        host, port = self._socket.getsockname()
        with socket.create_connection((host, port)) as connection:
            connection.sendall(b"stop")
        self._thread.join()
        self._socket.close()


@pytest.fixture
def refusing_proxy() -> Iterator[Eavesdropper]:
    proxy = Eavesdropper(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
    yield proxy
    proxy.stop()


@pytest.fixture(autouse=True)
def _no_variables_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXY_VARIABLES, "NO_PROXY", "no_proxy", *CA_VARIABLES):
        monkeypatch.delenv(name, raising=False)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def run(programs: Programs, plugin: str, env: dict[str, str], **settings: Any) -> Run:
    """Run the tap, or the target with one audience."""
    config = programs.file(
        "config.json", {**programs.settings, "ad_account_id": ACCOUNT, **settings}
    )
    lines = [schema(), record(name="Shoes", audience_type="VISITOR", rule={})]
    stdin = "" if plugin == "tap" else "".join(json.dumps(line) + "\n" for line in lines)
    return programs.run(
        f"{plugin}-pinterest-audiences",
        "--config",
        str(config),
        stdin=stdin,
        **env,
    )


def the_one_complaint(done: Run) -> str:
    assert done.code == 1, done.err
    assert "Traceback" not in done.err
    assert "Retrying" not in done.err
    assert "token_path" not in done.err
    (line,) = (line for line in done.complaints if not line.startswith(SDK_LINE))
    return line


@given(
    params=st.dictionaries(
        st.text(st.characters(codec="utf-8")), st.integers() | st.text(st.characters())
    ),
    account=st.text(st.characters(codec="utf-8"), min_size=1),
)
def test_urls_are_those_of_requests(params: dict[str, Any], account: str) -> None:
    url = LIST_AUDIENCES.url(FAR_AWAY, ad_account_id=account)
    request = requests.Request("GET", url, params=params)
    assert attempt(Transport().prepare_request, request) == attempt(
        requests.Session().prepare_request, request
    )


def attempt(
    prepare: Callable[[requests.Request], requests.PreparedRequest], request: requests.Request
) -> str | type[Exception] | None:
    """Return the URL of a request, or the error instead of one."""
    try:
        return prepare(request).url
    except ValueError as error:
        return type(error)


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "127.1"])
def test_requests_to_this_machine_use_no_proxy(
    emulator: Emulator,
    programs: Programs,
    refusing_proxy: Eavesdropper,
    plugin: str,
    host: str,
) -> None:
    emulator.seed(ad_accounts=1)
    env = dict.fromkeys(PROXY_VARIABLES, refusing_proxy.url)
    url = emulator.url.replace("127.0.0.1", host)
    done = run(programs, plugin, env, **credentials(api_url=url))
    assert emulator.requests("oauth/token"), done.err
    assert done.records("ad_accounts") or "2 requests to read" in done.err
    assert refusing_proxy.heard == []


@pytest.fixture
def babbling_proxy() -> Iterator[Eavesdropper]:
    proxy = Eavesdropper(b"no HTTP at all")
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_invalid_proxy_is_named(
    programs: Programs, babbling_proxy: Eavesdropper, plugin: str
) -> None:
    programs.prepare = WITHOUT_WAITS
    env = {"HTTPS_PROXY": babbling_proxy.url}
    done = run(programs, plugin, env, api_url=FAR_AWAY)
    assert done.code == 1
    assert "HTTPS_PROXY" in done.complaints[-1]


def cut_off_after_the_request(server: socket.socket) -> None:
    """Act as a proxy that answers one request for its server and then closes the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    connection, _ = server.accept()
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with context.wrap_socket(connection, server_side=True) as behind:
        assert behind.recv(65_536).startswith(b"POST ")


def test_request_that_a_proxy_let_through_may_have_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Thread(target=cut_off_after_the_request, args=(server,))
        proxy.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(SELF_SIGNED))
        request = requests.Request("POST", "https://localhost:9/v5", data=b"{}").prepare()
        with (
            Transport() as transport,
            pytest.raises(NoResponseError, match="HTTPS_PROXY") as caught,
        ):
            transport.exchange(request, "audiences/create", "Settings: api_url", 60)
        proxy.join()
    assert not caught.value.request_not_sent, "the create would be sent again without a lookup"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_proxy_that_refuses_is_named(
    programs: Programs, refusing_proxy: Eavesdropper, plugin: str
) -> None:
    env = {"HTTPS_PROXY": refusing_proxy.url}
    line = the_one_complaint(run(programs, plugin, env, api_url=FAR_AWAY))
    assert "HTTPS_PROXY" in line
    assert "HTTP 403" in line
    assert len(refusing_proxy.heard) == 1, "it was asked again"
    assert b"pina_" not in refusing_proxy.heard[0]


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("http://127.0.0.1:{closed}", "nothing listens there"),
        ("socks5://127.0.0.1:{closed}", "PySocks"),
        ("http://a..b:{closed}", "no URL of a proxy"),
    ],
)
def test_a_proxy_that_cannot_work_is_named(
    programs: Programs, plugin: str, proxy: str, reason: str
) -> None:
    env = {"HTTPS_PROXY": proxy.format(closed=closed_port())}
    line = the_one_complaint(run(programs, plugin, env, api_url=FAR_AWAY))
    assert "HTTPS_PROXY" in line
    assert reason in line


@pytest.mark.parametrize("plugin", PLUGINS)
def test_password_of_a_proxy_is_not_shown(programs: Programs, plugin: str) -> None:
    env = {"HTTPS_PROXY": f"http://me:hunter2@127.0.0.1:{closed_port()}"}
    done = run(programs, plugin, env, api_url=FAR_AWAY)
    assert "hunter2" not in done.err
    assert "HTTPS_PROXY" in the_one_complaint(done)


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("variable", CA_VARIABLES)
@pytest.mark.parametrize(
    ("name", "reason"),
    [("absent.pem", "cannot be read"), ("notes.txt", "PEM"), ("folder", "folder")],
)
def test_certificates_that_cannot_be_read_are_named(
    programs: Programs, plugin: str, variable: str, name: str, reason: str
) -> None:
    path = programs.folder / name
    if name == "folder":
        path.mkdir()
    elif name == "notes.txt":
        path.write_text("no certificate")
    line = the_one_complaint(
        run(programs, plugin, {variable: str(path)}, **credentials(api_url=FAR_AWAY))
    )
    assert variable in line
    assert str(path) in line
    assert reason in line


@pytest.mark.parametrize("plugin", PLUGINS)
def test_unsigned_certificate_ends_the_run_at_once(
    programs: Programs, stranger: ThreadingHTTPServer, plugin: str
) -> None:
    url = f"https://localhost:{stranger.server_address[1]}/v5"
    line = the_one_complaint(run(programs, plugin, {}, **credentials(api_url=url)))
    assert "api_url" in line
    assert "not trusted" in line
    assert "REQUESTS_CA_BUNDLE" in line


@pytest.mark.parametrize("plugin", PLUGINS)
def test_https_to_a_server_of_plain_http_ends_the_run_at_once(
    emulator: Emulator, programs: Programs, plugin: str
) -> None:
    url = emulator.url.replace("http://", "https://")
    line = the_one_complaint(run(programs, plugin, {}, **credentials(api_url=url)))
    assert "api_url" in line
    assert "https" in line


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    "url",
    [
        "https://a..b",
        "https://host:99999",
        "https://host:port",
        "https://",
        "https:///v5",
        "ftp://pinterest.example",
        "http://pinterest.example",
        "http://127.0.0.1.pinterest.example",
        "http://localhost@pinterest.example",
        "https://me:secret@pinterest.example",
        "https://pinterest .example",
        "https://pinterest.example\\@localhost",
        f"https://{'a' * 64}.example",
        "https://pinterest.example/v5?x=1",
        "pinterest.example",
    ],
)
def test_invalid_api_url_is_named(programs: Programs, plugin: str, url: str) -> None:
    line = the_one_complaint(run(programs, plugin, {}, **credentials(api_url=url)))
    assert "api_url must" in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("host", "is_this_machine"),
    [
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("127.1", True),
        ("2130706433", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.", False),
        ("shop.localhost", False),
        ("128.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("localhost.example", False),
        ("notlocalhost", False),
    ],
)
def test_loopback_is_distinguished_from_other_hosts(host: str, *, is_this_machine: bool) -> None:
    assert is_loopback(host) is is_this_machine


def test_checked_host_is_the_requested_host() -> None:
    with pytest.raises(SettingsError):
        checked_url("http://pinterest.example#@127.0.0.1", "It")
