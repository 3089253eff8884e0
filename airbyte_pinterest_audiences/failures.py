"""What Airbyte is told of an error: who can do something about it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError, SingerSDKError

from pinterest_audiences.errors import (
    BusyError,
    InvalidResponseError,
    PinterestError,
    RetriableError,
    redact,
)

if TYPE_CHECKING:
    from airbyte_pinterest_audiences.channel import Channel

KNOWN_ERRORS = (PinterestError, SingerSDKError)
"""Errors whose text is one line for the user. All others are bugs."""


class TransientError(PinterestError):
    """Nothing is wrong here, and the same run later may go on."""


class ProtocolError(PinterestError):
    """The input is not what the Airbyte protocol promises."""


class ReportedError(PinterestError):
    """The run failed, and the channel has said why."""


def failure_type(error: BaseException) -> str:
    """Return who has to act: the user (config), nobody (transient), or we (system)."""
    if isinstance(error, RetriableError | BusyError | InvalidResponseError | TransientError):
        return "transient_error"
    is_users = isinstance(error, KNOWN_ERRORS) and not isinstance(error, ProtocolError)
    return "config_error" if is_users else "system_error"


def message_of(error: BaseException) -> str:
    """Return one line for the user."""
    match error:
        case ConfigValidationError():
            return f"Settings: {'; '.join(error.errors)}"
        case PinterestError():
            return str(error)
        case SingerSDKError():
            return redact(str(error))
    return f"Something unexpected went wrong ({type(error).__name__}); this is a bug"


def report(channel: Channel, error: BaseException, stream: str | None = None) -> None:
    """Write an ERROR, with the stack if it is a bug: its lines of code, and no values."""
    kind = failure_type(error)
    about: dict[str, Any] = {"message": message_of(error), "failure_type": kind}
    about["internal_message"] = f"{type(error).__name__}: {redact(str(error))}"
    if kind == "system_error":
        about["stack_trace"] = "".join(traceback.format_tb(error.__traceback__))
    if stream:
        about["stream_descriptor"] = {"name": stream}
    channel.trace("ERROR", error=about)
