"""Serves the ready-made answers on a free port of this machine: ``python -m bench.server``.

It is a bare protocol on asyncio, because a framework would cost more than some of the programs
that are measured.
"""

from __future__ import annotations

import asyncio
import email.utils
import re
import time

from bench.server.answers import Answers, UnknownRequestError

ANNOUNCEMENT = "listening on "
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = (
    "HTTP/1.1 {status}\r\n"
    "date: {date}\r\n"
    "content-type: application/json\r\n"
    "x-pinterest-rid: 1234567890123456\r\n"
    'x-ratelimit-limit: 100, 100;w=1;name="safety_net_app_id_user_id", '
    '1000;w=60;name="ads_read_app_id_user_id"\r\n'
    "x-ratelimit-remaining: 99\r\n"
    "x-ratelimit-reset: 1\r\n"
    "content-length: "
)


class Connection(asyncio.Protocol):
    """One connection, which stays open from request to request."""

    def __init__(self, answers: Answers) -> None:
        """Answer by ``answers``."""
        self._answers = answers
        self._received = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (of a TCP server)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (head_end := self._received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._received, 0, head_end)
            body_end = head_end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < body_end:
                return
            first_line = self._received[: self._received.index(b"\r\n")].decode()
            body = bytes(self._received[head_end + 4 : body_end])
            del self._received[:body_end]
            method, target, _ = first_line.split(" ")
            self._respond(method, target, body)

    def _respond(self, method: str, target: str, body: bytes) -> None:
        try:
            content, latency = self._answers.answer(method, target, body)
            status = "201 Created" if method == "POST" else "200 OK"
        except UnknownRequestError as error:
            content, latency = f'{{"code":3,"message":"{error}"}}'.encode(), 0
            status = "404 Not Found"
        message = b"%b%d\r\n\r\n%b" % (_head(status, int(time.time())), len(content), content)
        if latency:
            loop = asyncio.get_running_loop()
            loop.call_later(latency / 1000, self._transport.write, message)
        else:
            self._transport.write(message)


_heads: dict[str, tuple[int, bytes]] = {}


def _head(status: str, second: int) -> bytes:
    made, head = _heads.get(status, (0, b""))
    if made != second:
        date = email.utils.formatdate(second, usegmt=True)
        head = _HEAD.format(status=status, date=date).encode()
        _heads[status] = second, head
    return head


async def serve() -> None:
    """Serve until the process is ended."""
    answers = Answers()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"{ANNOUNCEMENT}http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
