"""The HTTP server around one emulator."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING

import uvicorn
from typing_extensions import override

from pinterest_emulator.app import make_app
from pinterest_emulator.http.protocol import BreakableProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pinterest_emulator.http.state import EmulatorState

_PATIENCE = 1
"""Seconds that a running request may still take when the server ends."""


class HostError(ValueError):
    """A host that is not loopback; the message says so."""


def listen(host: str, port: int) -> socket.socket:
    """Binds a loopback address.

    Args:
        host: An IP address or `localhost`.
        port: The port; 0 takes any free one.

    Raises:
        HostError: `host` is not loopback. The emulator has no real authentication.
        OSError: The port is taken, for instance.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        parsed = ip_address(address)
    except ValueError:
        parsed = None
    if parsed is None or not parsed.is_loopback:
        message = f"{host} is not loopback: the emulator serves this machine only"
        raise HostError(message)
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6  # noqa: PLR2004  (IPv4)
    # With the protocol named, asyncio sets TCP_NODELAY on accepted connections. Without it, every
    # response of two writes waits 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
    except OSError:
        listener.close()
        raise
    return listener


def root_url(listener: socket.socket) -> str:
    """The URL of a listener, without a slash at its end."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class EmulatorServer(uvicorn.Server):
    """A server that announces when it is ready and ends on request.

    It does not handle signals and takes its Date header from the emulator's clock.
    """

    def __init__(self, state: EmulatorState, on_ready: Callable[[], None]) -> None:
        """Serves that emulator; calls `on_ready` once requests are accepted."""
        super().__init__(
            uvicorn.Config(
                make_app(state),
                http=BreakableProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=75,
            )
        )
        self._on_ready = on_ready
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Ends the server; may be called from any thread and from a signal handler."""
        if self._loop is None:
            self.should_exit = True
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_ready()

    @override
    async def main_loop(self) -> None:
        # Uvicorn polls ten times a second, here and below; tests start and end many servers.
        await self._stopping.wait()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = set(self.server_state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_PATIENCE)
            for task in late:
                task.cancel()

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
