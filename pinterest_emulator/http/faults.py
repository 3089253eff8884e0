"""Staged faults, the choice of the fault for a request, and the faults that change a page."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from pinterest_emulator.http.paging import Page, encode

PageKind = Literal["empty_page", "short_page", "no_bookmark_key", "repeat_bookmark", "extra_field"]
PlainKind = Literal[
    "body_code_rate_limit", "drop_before", "drop_after", "truncate", "html", "empty", "error_after"
]
PAGE_KINDS = frozenset(get_args(PageKind))
"""Kinds that change a page, so only of lists. A client that reads on loses no item."""

_Natural = Annotated[int, Meta(ge=0)]
_Count = Annotated[_Natural, Meta(description="a whole number from 0")]
_Times = Annotated[_Natural | None, Meta(description="a whole number from 0, or null for ever")]
_Wait = Annotated[_Natural | None, Meta(description="whole seconds, or null for no header")]
_Seconds = Annotated[float, Meta(ge=0, le=86_400, description="seconds from 0 to 86400")]
_HttpStatus = Annotated[int, Meta(ge=200, le=599, description="an HTTP status")]
_Text = Annotated[str, Meta(description="a string")]
_Headers = Annotated[dict[str, str], Meta(description="an object of strings")]
_Filter = Annotated[str | None, Meta(description="a string or null")]
_Flag = Annotated[bool, Meta(description="true or false")]


class FaultError(ValueError):
    """An invalid fault; the message says why."""


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One staged fault.

    Attributes:
        kind: What happens.
        operation: Only requests of this operation, such as `audiences/list`.
        method: Only requests with this HTTP method.
        path_contains: Only requests with this in their path.
        skip: Number of matching requests to let pass before it fires.
        times: How often it still fires, None for unlimited.
    """

    kind: str
    operation: _Filter = None
    method: _Filter = None
    path_contains: _Filter = None
    skip: _Count = 0
    times: _Times = 1

    def matches(self, operation: str | None, method: str, path: str, *, paged: bool) -> bool:
        """Whether it matches a request."""
        return (
            (self.operation is None or self.operation == operation)
            and (self.method is None or self.method == method)
            and (self.path_contains is None or self.path_contains in path)
            and (paged or self.kind not in PAGE_KINDS)
        )


class StatusFault(Fault, kw_only=True):
    """An error response of any status."""

    status: _HttpStatus = 500
    code: _Count = 12
    message: _Text = "Something went wrong on our end. Sorry about that."
    headers: _Headers = {}


class RateLimitFault(Fault, kw_only=True):
    """A 429; `spam` makes it the one for too many writes."""

    reset: _Wait = 1
    retry_after: _Wait = None
    spam: _Flag = False


class DelayFault(Fault, kw_only=True):
    """A late response."""

    seconds: _Seconds = 1


_KINDS: dict[str, type[Fault]] = {
    "status": StatusFault,
    "rate_limit": RateLimitFault,
    "delay": DelayFault,
    **dict.fromkeys((*get_args(PlainKind), *get_args(PageKind)), Fault),
}


def parse(value: object) -> Fault:
    """Reads a fault.

    Raises:
        FaultError: The fault is invalid.
    """
    if not isinstance(value, dict):
        message = "a fault must be a JSON object"
        raise FaultError(message)
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        message = f"unknown kind {kind!r}; there are {', '.join(sorted(_KINDS))}"
        raise FaultError(message)
    fields = _KINDS[kind].__struct_fields__
    if unknown := sorted(value.keys() - set(fields)):
        message = f"{kind} has no field {unknown[0]!r}; it has {', '.join(fields[1:])}"
        raise FaultError(message)
    try:
        return msgspec.convert(value, _KINDS[kind])
    except msgspec.ValidationError as error:
        raise FaultError(_explained(_KINDS[kind], value, str(error))) from None


def _explained(kind: type[Fault], value: dict[str, Any], error: str) -> str:
    """Say which field is wrong, which values it may have, and which one it has."""
    found = re.search(r"\$\.(\w+)", error)
    name = found[1] if found else ""
    words = get_type_hints(kind, include_extras=True)[name].__metadata__[-1].description
    return f"{name!r} must be {words} (was {value[name]!r})"


class Staged(msgspec.Struct):
    """A fault and how often it has fired."""

    fault: Fault
    fired: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Its representation in the control endpoint."""
        return {**msgspec.structs.asdict(self.fault), "fired": self.fired}


class Faults:
    """The staged faults, in the order in which they were staged."""

    def __init__(self) -> None:
        """Starts without any."""
        self._staged: list[Staged] = []

    def add(self, faults: list[Fault]) -> None:
        """Stages more of them."""
        self._staged.extend(map(Staged, faults))

    def clear(self) -> None:
        """Forgets all."""
        self._staged.clear()

    def as_dicts(self) -> list[dict[str, Any]]:
        """Their representation in the control endpoint."""
        return [staged.as_dict() for staged in self._staged]

    def pick(self, operation: str | None, method: str, path: str, *, paged: bool) -> Fault | None:
        """The fault for this request, or None.

        The first matching fault with nothing left to skip fires. Earlier matching faults skip
        this request and count it; faults after the one that fires do not count it.
        """
        for staged in self._staged:
            fault = staged.fault
            if fault.times == 0 or not fault.matches(operation, method, path, paged=paged):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            staged.fired += 1
            return fault
        return None


def page_body(page: Page, fault: Fault | None) -> dict[str, Any]:
    """The JSON body of a page, changed by the fault if it is one of `PAGE_KINDS`."""
    kind = None if fault is None else fault.kind
    if kind == "empty_page":
        return _cut(page, 0)
    if kind == "short_page":
        return _cut(page, len(page.items) // 2)
    body = page.body()
    if kind == "no_bookmark_key" and body["bookmark"] is None:
        del body["bookmark"]
    if kind == "repeat_bookmark" and page.sent_bookmark:
        body["bookmark"] = page.sent_bookmark
    if kind == "extra_field":
        body["items"] = [{**item, "future_field": "from the future"} for item in page.items]
    return body


def _cut(page: Page, count: int) -> dict[str, Any]:
    short = page.first(count)
    return {"items": short.items, "bookmark": encode(short.end())}
