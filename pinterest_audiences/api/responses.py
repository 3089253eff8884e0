"""What Pinterest's answers mean. No I/O in here."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import requests

from pinterest_audiences.api.rate_limit import asked_wait, http_date
from pinterest_audiences.errors import (
    InvalidResponseError,
    NoResponseError,
    RateLimitedError,
    RequestFailedError,
    redact,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinterest_audiences.api.operations import Operation

_RATE_LIMIT_CODE = 8
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def utc_now() -> dt.datetime:
    """Return the time on this machine's clock."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class Response:
    """A JSON object that Pinterest answered.

    Attributes:
        data: The object; numbers with a fraction are ``Decimal``.
        server_time: The server's clock when it answered; None if it did not say.
        received: This machine's clock when the answer was here.
        size: Bytes of JSON.
    """

    data: dict[str, Any]
    server_time: dt.datetime | None
    received: dt.datetime
    size: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the clocks of the server and of this machine when it was read.

    Its size is in bytes of JSON.
    """

    items: list[dict[str, Any]]
    server_time: dt.datetime | None
    received: dt.datetime
    size: int = 0

    @property
    def clock(self) -> int:
        """When it was read, in Unix seconds, by the clock that is behind."""
        return int(min(self.received, self.server_time or self.received).timestamp())


def id_of(thing: Mapping[str, Any], operation: Operation) -> str:
    """Return the id of something that Pinterest answered to ``operation``.

    Raises:
        InvalidResponseError: If it has none.
    """
    match thing.get("id"):
        case str(value) if value.isascii() and value.isdigit():
            return value
        case _:
            msg = f"Pinterest's answer to {operation.name} holds something without an id of digits"
            raise InvalidResponseError(msg)


def read_response(operation: Operation, response: requests.Response) -> Response:
    """Return the answer in a response, or raise what it means."""
    status = response.status_code
    request_id = redact(response.headers.get("x-pinterest-rid") or "") or None
    server_time = http_date(response.headers.get("date"))
    data = {} if operation.is_silent and not response.content else _json_object(response)
    code = _code(data)
    limited = status == requests.codes.too_many_requests or code == _RATE_LIMIT_CODE
    if requests.codes.ok <= status < requests.codes.multiple_choices and not limited:
        if data is None:
            reason = f"HTTP {status}, but the body is no JSON object"
            raise NoResponseError(operation.name, reason, request_id=request_id)
        return Response(data, server_time, utc_now(), len(response.content))
    message = str((data or {}).get("message") or response.reason or "")
    spam = "spam" in f"{message} {(data or {}).get('message_detail')}".lower()
    now = server_time or utc_now()
    wait = asked_wait(response.headers, now)
    if limited and not spam:
        raise RateLimitedError(operation.name, wait, now, request_id)
    if status >= requests.codes.internal_server_error:
        asked = wait if "retry-after" in response.headers else None
        reason = f"HTTP {status}: {message}"
        raise NoResponseError(operation.name, reason, wait_seconds=asked, request_id=request_id)
    raise RequestFailedError(operation.name, status, code, message, request_id)


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    try:
        data = from_json(response.content)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    return data if isinstance(data, dict) else None


def from_json(content: bytes) -> Any:  # noqa: ANN401
    """Return the value of JSON; numbers with a fraction are ``Decimal``.

    Raises:
        ValueError: If it is no JSON, not even what Python reads beside it: NaN, infinity, a
            byte order mark, or half of a character.
        RecursionError: If it is nested too deeply.
        ArithmeticError: If a number is too large for ``Decimal``.
    """
    try:
        return _decode(content)
    except (ValueError, RecursionError, ArithmeticError):
        return json.loads(content, parse_float=Decimal)


def error_code(response: requests.Response) -> int | None:
    """Return Pinterest's own code of an error; None if the answer has none."""
    return _code(_json_object(response))


def _code(data: dict[str, Any] | None) -> int | None:
    code = (data or {}).get("code")
    return code if isinstance(code, int) else None
