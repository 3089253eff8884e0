"""Connections of the HTTP server, and ways to break one on purpose."""

from __future__ import annotations

import struct
from socket import SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING, cast

from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope

_TRANSPORT = "transport"


class BreakableProtocol(H11Protocol):
    """HTTP/1.1 protocol that gives each request its transport."""

    @override
    def connection_made(  # type: ignore[override]  # uvicorn narrows asyncio's transport, too
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, _TRANSPORT: transport}


async def reset(scope: Scope, receive: Receive) -> None:
    """Resets the connection of a request: the client sees an ECONNRESET."""
    transport = _transport(scope)
    # Without lingering the kernel sends RST, not FIN.
    transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _gone(receive)


async def cut(scope: Scope, receive: Receive) -> None:
    """Closes the connection of a request after everything written is sent."""
    _transport(scope).close()
    await _gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    return cast("asyncio.Transport", scope["state"][_TRANSPORT])


async def _gone(receive: Receive) -> None:
    """Waits until the server has noticed, so that it does not miss a response."""
    while (await receive())["type"] != "http.disconnect":
        pass
