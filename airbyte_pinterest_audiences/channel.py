"""Standard output, which belongs to the Airbyte protocol alone: one message a line."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from typing import IO, TYPE_CHECKING, Any, Self

import msgspec
from singer_sdk.singerlib.json import serialize_json
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_encode = msgspec.json.Encoder(decimal_format="number").encode
_NUL = rb"\u0000"
"""NUL as JSON writes it."""
_BUFFER_BYTES = 1 << 16
_LEVELS = (
    (logging.CRITICAL, "FATAL"),
    (logging.ERROR, "ERROR"),
    (logging.WARNING, "WARN"),
    (logging.INFO, "INFO"),
)
_METRICS = "singer_sdk.metrics"
"""Logs a line for each request, which Airbyte would show to its user."""


def encode(value: Any) -> bytes:  # noqa: ANN401
    """Return JSON: what only the SDK can write, such as half of a character, as the SDK does."""
    try:
        return _encode(value)
    except (UnicodeEncodeError, OverflowError, msgspec.MsgspecError):
        return serialize_json(value).encode()


def now_ms() -> int:
    """Return the time in Unix milliseconds, as the protocol wants it."""
    return int(time.time() * 1000)


class Channel:
    """Writes messages, in any thread. Records wait in a buffer until another message comes."""

    def __init__(self, out: IO[bytes]) -> None:
        """Write to ``out``."""
        self._out = out
        self._lock = threading.Lock()

    @classmethod
    def take_stdout(cls) -> Self:
        """Take standard output for the protocol; whatever else prints goes to standard error."""
        out = os.fdopen(os.dup(1), "wb", buffering=_BUFFER_BYTES)
        os.dup2(2, 1)
        return cls(out)

    def send(self, kind: str, **body: Any) -> None:  # noqa: ANN401
        """Write a message at once."""
        line = encode({"type": kind, **body}) + b"\n"
        with self._lock:
            self._out.write(line)
            self._out.flush()

    def record(
        self,
        stream: str,
        data: Mapping[str, Any],
        emitted_at: int,
        storable: Callable[[Any], Any],
    ) -> None:
        """Write a RECORD message.

        Args:
            stream: Its stream.
            data: The record.
            emitted_at: Unix milliseconds.
            storable: Replaces what databases refuse: NUL and halves of characters.
        """
        record = {"stream": stream, "data": data, "emitted_at": emitted_at}
        message = {"type": "RECORD", "record": record}
        try:
            line = _encode(message)
        except UnicodeEncodeError:
            line = _NUL
        line = (encode(storable(message)) if _NUL in line else line) + b"\n"
        with self._lock:
            self._out.write(line)

    def trace(self, kind: str, **body: Any) -> None:  # noqa: ANN401
        """Write a TRACE message."""
        self.send("TRACE", trace={"type": kind, "emitted_at": float(now_ms()), **body})

    def status(self, stream: str, status: str, **more: Any) -> None:  # noqa: ANN401
        """Write how far a stream is: STARTED, RUNNING, COMPLETE or INCOMPLETE."""
        about = {"stream_descriptor": {"name": stream}, "status": status, **more}
        self.trace("STREAM_STATUS", stream_status=about)


class ChannelHandler(logging.Handler):
    """Sends the log as LOG messages: PyAirbyte throws standard error away."""

    def __init__(self, channel: Channel) -> None:
        """Send to ``channel``."""
        super().__init__()
        self._channel = channel

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out the metrics of the SDK."""
        return record.name != _METRICS and bool(super().filter(record))

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Send one line."""
        level = next((name for number, name in _LEVELS if record.levelno >= number), "DEBUG")
        log = {"level": level, "message": record.getMessage()}
        if record.exc_info and record.exc_info[2]:
            log["stack_trace"] = "".join(traceback.format_tb(record.exc_info[2]))
        try:
            self._channel.send("LOG", log=log)
        except OSError:  # nobody reads any more
            print(record.getMessage(), file=sys.stderr)  # noqa: T201


def log_to(channel: Channel) -> None:
    """Send the log of this process to a channel."""
    root = logging.getLogger()
    root.handlers = [ChannelHandler(channel)]
    level = logging.getLevelNamesMapping().get(os.environ.get("LOGLEVEL", "").upper())
    root.setLevel(level or logging.INFO)
    logging.captureWarnings(capture=True)
