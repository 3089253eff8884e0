"""Receives the redirect of a login, on this machine only."""

from __future__ import annotations

import errno
import html
import queue
import socket
import socketserver
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from typing_extensions import override

from pinterest_audiences.api.authorization import ForeignRedirectError
from pinterest_audiences.errors import PinterestError, SettingsError

if TYPE_CHECKING:
    from types import TracebackType

    from pinterest_audiences.api.authorization import Authorization

_ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
"""What a browser may take ``localhost`` for."""

_POLL_SECONDS = 0.05
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>pinterest-audiences</title>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem">
<h1 style="font-size:1.4rem">{title}</h1><p>{text}</p></body></html>
"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Connection": "close",
}


class RedirectReceiver:
    """A server for one redirect, for the time of a ``with`` block.

    It takes the first request that belongs to the login, and refuses all others.
    """

    def __init__(self, authorization: Authorization) -> None:
        """Receive the answer to ``authorization``; nothing listens yet."""
        self._authorization = authorization
        self._port = urlsplit(authorization.redirect_uri).port or 0
        self._servers: list[socketserver.TCPServer] = []
        self._taking = threading.Lock()
        self._answer: str | PinterestError | None = None
        self._answered: queue.SimpleQueue[str | PinterestError] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        """Listen on the port, so that nobody else on this machine gets the code.

        Raises:
            SettingsError: If another program has the port.
        """
        try:
            for family, host in _ADDRESSES:
                self._listen(family, host)
        except OSError as error:
            self._close()
            msg = (
                f"--port: {self._port} on this machine cannot be used ({error.strerror}): end the "
                "program that has it, or choose another with --port and add its redirect URI to "
                "the app"
            )
            raise SettingsError(msg) from None
        for server in self._servers:
            threading.Thread(
                target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True
            ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening."""
        for server in self._servers:
            server.shutdown()
        self._close()

    def wait(self, seconds: float) -> str:
        """Wait for the redirect and return its code.

        Raises:
            PinterestError: If the user declined, Pinterest refused, or nothing came in time.
        """
        try:
            answer = self._answered.get(timeout=seconds)
        except queue.Empty:
            msg = (
                f"Nobody answered Pinterest's page in {seconds:.0f} s, so nobody was logged in: "
                "run it again, with a longer --timeout if you need more time"
            )
            raise PinterestError(msg) from None
        if isinstance(answer, PinterestError):
            raise answer
        return answer

    def take(self, target: str, host: str) -> tuple[HTTPStatus, str]:
        """Take a request if it is the redirect.

        Args:
            target: Path and query of the request.
            host: Its header Host. A page that gave its own name the address of this machine
                would send that name.

        Returns:
            Status and text of the response.
        """
        path, _, query = target.partition("?")
        if host not in {f"localhost:{self._port}", f"127.0.0.1:{self._port}"}:
            return HTTPStatus.BAD_REQUEST, "This address is not the redirect URI of the login."
        if path != "/":
            return HTTPStatus.NOT_FOUND, "Nothing is here."
        with self._taking:
            if self._answer is not None:
                return HTTPStatus.GONE, "The login got its answer already. Go back to the terminal."
            try:
                self._answer = self._authorization.code_in(query)
            except ForeignRedirectError as error:
                return HTTPStatus.BAD_REQUEST, f"Refused, because {error}. The login still waits."
            except PinterestError as error:
                self._answer = error
                return HTTPStatus.OK, f"{error}. You may close this page."
        return HTTPStatus.OK, "Pinterest's answer has arrived. Go back to the terminal."

    def hand_over(self) -> None:
        """Let `wait` return; called when the browser has its page."""
        with self._taking:
            if self._answer is not None:
                self._answered.put(self._answer)

    def _listen(self, family: socket.AddressFamily, host: str) -> None:
        class Server(socketserver.ThreadingTCPServer):
            address_family = family
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = sys.platform != "win32"  # there it lets two programs listen

            @override
            def handle_error(self, request: object, client_address: object) -> None:
                """Ignore a browser that goes away."""

        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10
            server_version, sys_version = "pinterest-audiences", ""

            def do_GET(self) -> None:
                status, text = receiver.take(self.path, self.headers.get("Host", ""))
                title = "Log in" if status is HTTPStatus.OK else "Not accepted"
                page = _PAGE.format(title=title, text=html.escape(text)).encode()
                try:
                    self.send_response(status)
                    for name, value in {**_HEADERS, "Content-Length": str(len(page))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(page)
                finally:
                    if status is HTTPStatus.OK:
                        receiver.hand_over()

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Write no log: a request has the code."""

        try:
            self._servers.append(Server((host, self._port), Handler))
        except OSError as error:
            if family is socket.AF_INET or error.errno == errno.EADDRINUSE:
                raise  # else this machine has no IPv6

    def _close(self) -> None:
        for server in self._servers:
            server.server_close()
