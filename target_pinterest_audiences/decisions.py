"""What can be decided about a record: values that a test reads and a sink applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Create:
    """Make an audience; ``custom`` by the retired endpoint for custom audiences."""

    ad_account_id: str
    body: Mapping[str, Any]
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """Change an audience: ``body`` has the fields that differ and nothing else."""

    ad_account_id: str
    audience_id: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Everything is as the record wants it. ``audience_id`` is None if that means "gone"."""

    audience_id: str | None


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove an audience."""

    ad_account_id: str
    audience_id: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Do nothing, and tell the user.

    Attributes:
        code: A word for the kind of reason, to count and to filter by.
        reason: One line: what is wrong with which value, and what to do.
    """

    code: str
    reason: str


Decision = Create | Update | Unchanged | Remove | Reject
