"""Staged faults, and the choice of the fault for a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE_KINDS = frozenset(
    {"empty_page", "short_page", "no_bookmark_key", "repeat_bookmark", "extra_field"}
)
"""Kinds that change a page; they apply to lists only."""


class FaultError(ValueError):
    """An invalid fault; the message says why."""


def _optional(kind: type) -> Callable[[object], bool]:
    return lambda value: value is None or (isinstance(value, kind) and not isinstance(value, bool))


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _optional_count(value: object) -> bool:
    return value is None or _count(value)


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _http_status(value: object) -> bool:
    return isinstance(value, int) and 200 <= value <= 599  # noqa: PLR2004  (HTTP's own bounds)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _text(value: object) -> bool:
    return isinstance(value, str)


def _headers(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a fault: its valid values, in words and as a check, and its default."""

    words: str
    check: Callable[[object], bool]
    default: object = False


_COMMON = {
    "operation": _Field("a string or null", _optional(str), None),
    "method": _Field("a string or null", _optional(str), None),
    "path_contains": _Field("a string or null", _optional(str), None),
    "skip": _Field("a whole number from 0", _count, 0),
    "times": _Field("a whole number from 0, or null for ever", _optional_count, 1),
}
_OPTIONS: dict[str, dict[str, _Field]] = {
    "status": {
        "status": _Field("an HTTP status", _http_status, 500),
        "code": _Field("a whole number from 0", _count, 12),
        "message": _Field("a string", _text, "Something went wrong on our end. Sorry about that."),
        "headers": _Field("an object of strings", _headers, {}),
    },
    "rate_limit": {
        "reset": _Field("whole seconds, or null for no header", _optional_count, 1),
        "retry_after": _Field("whole seconds, or null for no header", _optional_count, None),
        "spam": _Field("true or false", _flag),
    },
    "delay": {"seconds": _Field("seconds from 0", _seconds, 1)},
    **{
        kind: {}
        for kind in (
            "body_code_rate_limit",
            "drop_before",
            "drop_after",
            "truncate",
            "html",
            "empty",
            "error_after",
            *sorted(PAGE_KINDS),
        )
    },
}


@dataclass(slots=True)
class Fault:
    """One staged fault.

    Attributes:
        kind: What happens.
        operation: Only requests of this operation, such as `audiences/list`.
        method: Only requests with this HTTP method.
        path_contains: Only requests with this in their path.
        skip: Number of matching requests to let pass before it fires.
        times: How often it still fires, None for unlimited.
        options: The fields of its kind.
        fired: How often it has fired.
    """

    kind: str
    operation: str | None
    method: str | None
    path_contains: str | None
    skip: int
    times: int | None
    options: dict[str, Any] = field(default_factory=dict)
    fired: int = 0

    def matches(self, operation: str | None, method: str, path: str, *, paged: bool) -> bool:
        """Whether it matches a request."""
        return (
            (self.operation is None or self.operation == operation)
            and (self.method is None or self.method == method)
            and (self.path_contains is None or self.path_contains in path)
            and (paged or self.kind not in PAGE_KINDS)
        )

    def as_dict(self) -> dict[str, Any]:
        """Its representation in the control endpoint."""
        return {
            "kind": self.kind,
            "operation": self.operation,
            "method": self.method,
            "path_contains": self.path_contains,
            "skip": self.skip,
            "times": self.times,
            **self.options,
            "fired": self.fired,
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
    if kind not in _OPTIONS:
        message = f"unknown kind {kind!r}; there are {', '.join(sorted(_OPTIONS))}"
        raise FaultError(message)
    fields = {**_COMMON, **_OPTIONS[kind]}
    unknown = sorted(set(value) - set(fields) - {"kind"})
    if unknown:
        message = f"{kind} has no field {unknown[0]!r}; it has {', '.join(fields)}"
        raise FaultError(message)
    found = {name: value.get(name, spec.default) for name, spec in fields.items()}
    for name, spec in fields.items():
        if not spec.check(found[name]):
            message = f"{name!r} must be {spec.words} (was {found[name]!r})"
            raise FaultError(message)
    options = {name: found.pop(name) for name in _OPTIONS[kind]}
    return Fault(kind=kind, options=options, **found)


class Faults:
    """The staged faults, in the order in which they were staged."""

    def __init__(self) -> None:
        """Starts without any."""
        self._faults: list[Fault] = []

    def add(self, faults: list[Fault]) -> None:
        """Stages more of them."""
        self._faults.extend(faults)

    def clear(self) -> None:
        """Forgets all."""
        self._faults.clear()

    def as_dicts(self) -> list[dict[str, Any]]:
        """Their representation in the control endpoint."""
        return [fault.as_dict() for fault in self._faults]

    def pick(self, operation: str | None, method: str, path: str, *, paged: bool) -> Fault | None:
        """The fault for this request, or None.

        The first matching fault with nothing left to skip fires. Earlier matching faults skip
        this request and count it; faults after the one that fires do not count it.
        """
        for fault in self._faults:
            if fault.times == 0 or not fault.matches(operation, method, path, paged=paged):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            fault.fired += 1
            return fault
        return None
