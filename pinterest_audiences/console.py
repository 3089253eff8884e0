"""The log as a person sees it."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from singer_sdk.logging import ConsoleFormatter
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping

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
