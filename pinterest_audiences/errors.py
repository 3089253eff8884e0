"""The errors of Pinterest and of a run, and how a run reports them.

Every error here is one line that says what was wrong, where, and what to do. None of them holds a
token or the body of a request or an answer.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError, SingerSDKError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

EXIT_FAILED = 1
EXIT_TRY_LATER = 75
"""``EX_TEMPFAIL`` of ``sysexits.h``: nothing is wrong, the same run later will go on."""

EXIT_SIGNAL = 128
"""Added to the number of the signal that ended a run, as shells do."""

_SECRETS_AND_PEOPLE = re.compile(
    r"pin[acr][_.][\w.~+/=-]+"  # Pinterest's tokens of today: pina_…, pinc_… and pinr.…
    # Any other that Pinterest may add: its tokens hold 20 letters and digits in a row, which
    # ordinary names such as pink_shoes_sale_2026 and column_mapping.json do not.
    r"|pin[a-z][_.][\w.~+/=-]*[A-Za-z0-9]{20}[\w.~+/=-]*"
    r"|[^\s'\"<>@,;]{1,254}@[^\s'\"<>@,;]{1,254}"  # email addresses
    r"|\b[0-9a-fA-F]{32,}\b"  # hashed identifiers
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"  # device ids
)
_SHORTEST_HASH = 32
"""Digits that hashed identifiers have at the least; device ids have more."""

_BAD_REQUEST, _TOO_LARGE = 400, 413
_SIZE = re.compile(
    r"too (?:large|big|long|many)|exceed|maximum|max(?:imum)? (?:size|length|number)|at most|"
    r"no more than|limit of|size limit|payload|body size|more than \d",
    re.IGNORECASE,
)
"""What a 400 about the size of a request may say: no such answer was ever recorded."""

LONGEST_MESSAGE = 300
"""Letters that ``redact`` leaves."""

REDACTED = "[redacted]"
_LONGEST_READ = 4 * LONGEST_MESSAGE


class PinterestError(Exception):
    """Anything that this project stops for; ``str()`` is one line for the user."""

    exit_code = EXIT_FAILED


class SettingsError(PinterestError):
    """A setting is missing or contradicts another one."""


class BusyError(PinterestError):
    """Another run holds what this run needs, for longer than this run may wait."""

    exit_code = EXIT_TRY_LATER


class InvalidResponseError(PinterestError):
    """Pinterest answered, but not in the form that its API promises."""


class RequestFailedError(PinterestError):
    """Pinterest refused a request for good: repeating it would change nothing.

    Attributes:
        operation: Pinterest's name of the operation, such as ``audiences/get``.
        status: HTTP status.
        code: Pinterest's own error code, if the answer had one. It is overloaded (2 is both
            "authentication failed" and "ad account not found"): look at ``status`` first.
        too_large: Whether Pinterest refused the request for its size.
    """

    def __init__(
        self,
        operation: str,
        status: int,
        code: int | None = None,
        message: str = "",
        request_id: str | None = None,
    ) -> None:
        """Describe a refused request; ``message`` is Pinterest's own, made safe here."""
        self.operation = operation
        self.status = status
        self.code = code
        self.too_large = status == _TOO_LARGE or (
            status == _BAD_REQUEST and _SIZE.search(message) is not None
        )
        shown = redact(message) or "no reason given"
        tail = "".join(
            [
                f", code {code}" if code is not None else "",
                f", request id {request_id}" if request_id else "",
            ]
        )
        hint = _hint(status, code)
        super().__init__(
            f"Pinterest refused {operation}: {shown} (HTTP {status}{tail}){'. ' * bool(hint)}{hint}"
        )


class RetriableError(PinterestError):
    """A request that may succeed when it is sent again.

    Attributes:
        wait_seconds: How long Pinterest asked to wait; None if it did not say.
    """

    wait_seconds: float | None = None


class NoResponseError(RetriableError):
    """The request got no usable answer: connection trouble, a 5xx, a body that is not JSON.

    Attributes:
        request_not_sent: True if Pinterest cannot have seen the request.
    """

    def __init__(
        self,
        operation: str,
        reason: str,
        *,
        request_not_sent: bool = False,
        wait_seconds: float | None = None,
        request_id: str | None = None,
    ) -> None:
        """Describe what came instead of an answer."""
        self.request_not_sent = request_not_sent
        self.wait_seconds = wait_seconds
        tail = f" (request id {request_id})" if request_id else ""
        super().__init__(f"No usable answer from Pinterest to {operation}: {redact(reason)}{tail}")


class RateLimitedError(RetriableError):
    """Pinterest asked to slow down, for longer than this run may wait when it reaches the user."""

    exit_code = EXIT_TRY_LATER

    def __init__(
        self,
        operation: str,
        wait_seconds: float | None,
        now: dt.datetime,
        request_id: str | None = None,
    ) -> None:
        """Describe a rate limit met at ``now``."""
        self.wait_seconds = wait_seconds
        if wait_seconds is None:
            when = "Pinterest did not say for how long: run again in some minutes"
        else:
            when = f"run again in {wait_seconds:.0f} s"
            with contextlib.suppress(OverflowError):
                back = (now + dt.timedelta(seconds=wait_seconds)).astimezone(dt.UTC)
                when += f", after {back:%Y-%m-%d %H:%M:%S} UTC"
        tail = f" (request id {request_id})" if request_id else ""
        super().__init__(
            f"Pinterest's rate limit for {operation} is used up{tail}; {when}, "
            "or let the run wait longer with the setting max_wait"
        )


def redact(text: str) -> str:
    """Make foreign text safe to print: one line, not long, no token and no person's identifier."""
    if (
        len(text) < _SHORTEST_HASH
        and text.isascii()
        and text.isprintable()
        and "@" not in text
        and "pin" not in text
        and "  " not in text
    ):
        return text.strip()  # Nearly all text is like this, and reports have much of it.
    one_line = " ".join(text[:_LONGEST_READ].split())
    printable = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in one_line
    )
    return _SECRETS_AND_PEOPLE.sub(REDACTED, printable)[:LONGEST_MESSAGE]


def redact_json(value: Any) -> Any:  # noqa: ANN401
    """Make all text in a JSON value safe to print."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {redact(str(key)): redact_json(inner) for key, inner in value.items()}
        case list():
            return [redact_json(inner) for inner in value]
        case _:
            return value


@contextlib.contextmanager
def one_line_errors(logger: logging.Logger) -> Iterator[None]:
    """End the process with one line in the log, and the right exit code, on a known error.

    Errors that are not known keep their traceback: they are bugs.

    Raises:
        SystemExit: With the error's exit code.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        logger.error(  # noqa: TRY400
            "Output: the program that read it, such as a loader or head, has ended, so not "
            "everything was written. Look for the reason there, then run again"
        )
        _discard_output()
        raise SystemExit(EXIT_FAILED) from None
    except ConfigValidationError as error:
        logger.error("Settings: %s", "; ".join(error.errors))  # noqa: TRY400
        raise SystemExit(EXIT_FAILED) from None
    except PinterestError as error:
        logger.error("%s", error)  # noqa: TRY400
        raise SystemExit(error.exit_code) from None
    except SingerSDKError as error:
        logger.error("%s", redact(str(error)))  # noqa: TRY400
        raise SystemExit(EXIT_FAILED) from None


def _discard_output() -> None:
    """Keep Python from writing what is still in its buffer, at its end, to a pipe nobody reads."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _hint(status: int, code: int | None) -> str:
    missing_scope = 3
    match status, code:
        case 401, int(number) if number == missing_scope:
            return (
                "The token lacks a scope (reading needs ads:read, writing ads:read and "
                "ads:write) or the app is not approved yet: authorise it again"
            )
        case 401, _:
            return "Check access_token, or authorise the app again and set refresh_token"
        case 403, _:
            return "The token's user has no role on this ad account that allows it"
        case _:
            return ""
