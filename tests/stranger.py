"""A server that nobody trusts, and the credentials that it must not get."""

from __future__ import annotations

import contextlib
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

SELF_SIGNED = Path(__file__).parent / "data" / "self_signed.pem"
"""A certificate for localhost with its key, made for these tests and trusted nowhere."""


def credentials(**settings: str) -> dict[str, Any]:
    return {
        "access_token": "",
        "client_id": "demo-app",
        "client_secret": "demo-secret",
        "refresh_token": "pinr.demo",
        **settings,
    }


@contextlib.contextmanager
def running_stranger() -> Iterator[ThreadingHTTPServer]:
    """Run an https server with a self-signed certificate, which knows whether it answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    with ThreadingHTTPServer(("127.0.0.1", 0), _OnePage) as server:
        server.answered = False  # type: ignore[attr-defined]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _OnePage(BaseHTTPRequestHandler):
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
