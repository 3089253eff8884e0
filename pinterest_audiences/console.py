"""The log as a person sees it."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from singer_sdk.logging import ConsoleFormatter
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.live import Live
    from rich.progress import Progress

_COLOURS = ((logging.ERROR, "\x1b[31m"), (logging.WARNING, "\x1b[33m"))
_PLAIN = "\x1b[0m"


class _ColouredFormatter(ConsoleFormatter):
    """Shows errors in red and warnings in yellow."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return a line."""
        text = super().format(record)
        for level, colour in _COLOURS:
            if record.levelno >= level:
                return f"{colour}{text}{_PLAIN}"
        return text


def colour_log() -> None:
    """Colour the log on standard error if that is a terminal, unless ``NO_COLOR`` is set."""
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return
    for handler in logging.getLogger().handlers:
        if type(handler.formatter) is ConsoleFormatter:
            handler.setFormatter(_ColouredFormatter())


def hide_metrics(environment: Mapping[str, str], logger: logging.Logger) -> None:
    """Hide the SDK's metrics, which are not for a person, unless somebody asks for them.

    Args:
        environment: ``SINGER_SDK_LOG_CONFIG`` asks for them, as a level of ``DEBUG`` does.
        logger: The logger of the metrics.
    """
    if "SINGER_SDK_LOG_CONFIG" not in environment and logger.level > logging.DEBUG:
        logger.setLevel(logging.WARNING)


@contextlib.contextmanager
def shown_below_log(display: Live | Progress) -> Iterator[None]:
    """Show something at the bottom of the terminal until the end of the block, and the log above.

    Args:
        display: It shows itself on standard error, and stands in for it meanwhile.
    """
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
    ]
    with display:
        display.console.show_cursor()  # a run that is killed cannot bring it back
        streams = [handler.setStream(sys.stderr) for handler in handlers]
        try:
            yield
        finally:
            for handler, stderr in zip(handlers, streams, strict=True):
                handler.setStream(stderr)
