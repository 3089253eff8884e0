"""Turns a request into a response. No I/O."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from email.utils import formatdate
from secrets import randbelow, token_hex
from typing import TYPE_CHECKING, Any

from pinterest_emulator import errors, guesses
from pinterest_emulator.errors import ApiError
from pinterest_emulator.http import rate_limits as limits
from pinterest_emulator.http.faults import RateLimitFault, StatusFault, page_body
from pinterest_emulator.http.operations import Call
from pinterest_emulator.http.paging import Page

if TYPE_CHECKING:
    from pinterest_emulator.http.faults import Fault
    from pinterest_emulator.http.operations import ApiRequest, Match, Operation
    from pinterest_emulator.http.state import EmulatorState

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response.

    Attributes:
        status: HTTP status.
        content: The body's bytes.
        headers: All but content-length.
    """

    status: int
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


def respond(state: EmulatorState, request: ApiRequest, match: Match, fault: Fault | None) -> Answer:
    """Processes a request and returns the response.

    Args:
        state: The emulator.
        request: The request.
        match: The match of the request.
        fault: The fault for the request; only kinds that change a page matter here.
    """
    now = state.clock.now()
    state.settle(now)
    headers: dict[str, str] = {}
    try:
        operation = _operation(match)
        if operation.scope is not None:
            _authorize(state, request.authorization, operation, now)
        headers = _limit(state, operation, now)
        result = operation.handler(Call(state, request, match.parameters, now))
    except ApiError as error:
        # Third-party: a 401 carries no rate-limit headers.
        kept = {} if error.status == 401 else headers  # noqa: PLR2004  (an HTTP status)
        return error_answer(state, error, kept)
    except Exception:  # noqa: BLE001  (a mistake in here must not look like a lost connection)
        _log.exception("%s %s failed", request.method, request.path)
        return error_answer(state, errors.internal_error(), headers)
    body = result.body
    headers = {**headers, **result.headers}
    if body is None:
        return _answer(state, result.status, b"", headers)
    if isinstance(body, Page):
        body = page_body(body, fault)
    return json_answer(state, result.status, body, headers)


def staged_answer(state: EmulatorState, match: Match, fault: Fault) -> Answer | None:
    """The response of a fault that replaces the processing; None for other kinds."""
    if isinstance(fault, StatusFault):
        body = {"code": fault.code, "message": fault.message}
        return json_answer(state, fault.status, body, fault.headers)
    if isinstance(fault, RateLimitFault):
        category = match.operation.category if match.operation else None
        headers = limits.exhausted_headers(category or "ads_read", fault.reset)
        if fault.retry_after is not None:
            headers["retry-after"] = str(fault.retry_after)
        error = errors.rate_limited(headers)
        detail = {"message_detail": guesses.SPAM_DETAIL} if fault.spam else {}
        return json_answer(state, error.status, {**error.body(), **detail}, error.headers)
    if fault.kind == "body_code_rate_limit":
        return json_answer(state, 403, errors.rate_limited().body(), {})
    if fault.kind == "html":
        page = b"<!DOCTYPE html><html><body><h1>We'll be right back</h1></body></html>"
        return _answer(state, 200, page, {"content-type": "text/html; charset=utf-8"})
    if fault.kind == "empty":
        return _answer(state, 200, b"", {"content-type": "application/json"})
    return None


def json_answer(
    state: EmulatorState, status: int, body: dict[str, Any], headers: dict[str, str]
) -> Answer:
    """A response with a JSON body and the headers of every response."""
    content = json.dumps(body, separators=(",", ":")).encode()
    return _answer(state, status, content, {"content-type": "application/json", **headers})


def _answer(state: EmulatorState, status: int, content: bytes, headers: dict[str, str]) -> Answer:
    always = {
        "date": formatdate(state.clock.now(), usegmt=True),
        "pinterest-version": guesses.PINTEREST_VERSION,
        "pinterest-generated-by": guesses.GENERATED_BY,
        # 16 digits and 32 hexadecimal ones, as seen live 2026-07.
        "x-pinterest-rid": str(10**15 + randbelow(9 * 10**15)),
        "x-pinterest-rid-128bit": token_hex(16),
    }
    return Answer(status, content, {**always, **headers})


def error_answer(
    state: EmulatorState, error: ApiError, headers: dict[str, str] | None = None
) -> Answer:
    """The response for an error, with additional headers."""
    kind = {"content-type": error.content_type}
    return _answer(
        state, error.status, error.content(), {**kind, **(headers or {}), **error.headers}
    )


def _operation(match: Match) -> Operation:
    if match.operation is not None:
        return match.operation
    raise errors.method_not_allowed() if match.known_path else errors.no_such_path()


def _limit(state: EmulatorState, operation: Operation, now: float) -> dict[str, str]:
    """Counts the request and returns the rate-limit headers.

    Raises:
        ApiError: 429.
    """
    if operation.category is None:
        return {}
    verdict = state.limiter.take(operation.category, now)
    if not verdict.allowed:
        raise errors.rate_limited(verdict.headers)
    return verdict.headers


def _authorize(state: EmulatorState, authorization: str, operation: Operation, now: float) -> None:
    """Checks the bearer token.

    Raises:
        ApiError: 401, code 2 for an invalid token, code 3 for a token that may not call this
            operation.
    """
    scheme, _, token = authorization.partition(" ")
    grant = state.tokens.find_access(token.strip(), now) if scheme.lower() == "bearer" else None
    if grant is None:
        raise errors.authentication_failed()
    if operation.scope not in grant.scopes:
        raise errors.insufficient_scope()
    if grant.client_only and not operation.client_credentials:
        raise errors.insufficient_scope()
