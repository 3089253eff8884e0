"""Operations of the API, and the match of a request to an operation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pinterest_emulator.http.paging import Page
    from pinterest_emulator.http.state import EmulatorState

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request, read to its end.

    Attributes:
        method: HTTP method.
        path: Without `/v5`.
        query: The parameters; the last one of a name counts.
        body: The bytes.
        authorization: The header, or "".
        content_type: The header, or "".
        origin: The root URL by which the client reached the emulator, without a slash at its end.
    """

    method: str
    path: str
    query: dict[str, str]
    body: bytes = b""
    authorization: str = ""
    content_type: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """Input of a handler.

    Attributes:
        state: The emulator.
        request: The request.
        parameters: The parameters in its path.
        now: Unix seconds of the emulator's clock.
    """

    state: EmulatorState
    request: ApiRequest
    parameters: dict[str, str]
    now: float


@dataclass(frozen=True, slots=True)
class Result:
    """Response of a handler without an error.

    Attributes:
        body: None for an empty one.
        status: HTTP status.
        headers: Further headers.
    """

    body: dict[str, Any] | Page | None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    Attributes:
        name: Pinterest's operationId (Pinterest OpenAPI 5.23), such as `audiences/list`.
        method: HTTP method.
        path: Without `/v5`, parameters in braces.
        category: Its rate-limit category (`x-ratelimit-category`), None without a limit.
        handler: Returns the response or raises an `ApiError`.
        scope: The required scope of the token; None if no token is needed.
        client_credentials: Whether a token without a user may call it.
        paged: Whether it returns a `Page`.
    """

    name: str
    method: str
    path: str
    category: str | None
    handler: Callable[[Call], Result]
    scope: str | None = None
    client_credentials: bool = False
    paged: bool = False
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        """Compiles the path."""
        pattern = re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", self.path))
        object.__setattr__(self, "pattern", pattern)


def reads(
    name: str,
    path: str,
    handler: Callable[[Call], Result],
    scope: str = "ads:read",
    **options: bool,
) -> Operation:
    """Return an operation that reads; for the arguments see `Operation`."""
    return Operation(
        name=name,
        method="GET",
        path=path,
        category="ads_read",
        handler=handler,
        scope=scope,
        **options,
    )


def writes(
    name: str,
    method: str,
    path: str,
    handler: Callable[[Call], Result],
    scope: str = "ads:write",
) -> Operation:
    """Return an operation that writes; for the arguments see `Operation`."""
    return Operation(
        name=name, method=method, path=path, category="ads_write", handler=handler, scope=scope
    )


@dataclass(frozen=True, slots=True)
class Match:
    """Match of a request.

    Attributes:
        operation: None if there is no such path or no such method of the path.
        parameters: The parameters in the path.
        known_path: Whether there is such a path with any method.
    """

    operation: Operation | None
    parameters: dict[str, str]
    known_path: bool


def match(operations: Iterable[Operation], method: str, path: str) -> Match:
    """Finds the operation of a request; if two match, the first."""
    known_path = False
    for operation in operations:
        found = operation.pattern.fullmatch(path)
        if found and operation.method == method:
            return Match(operation, found.groupdict(), known_path=True)
        known_path = known_path or found is not None
    return Match(None, {}, known_path)
