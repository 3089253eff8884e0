"""What can be decided about a record: values that a test reads and a writer applies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Create:
    """Make an audience; ``custom`` by the retired endpoint for custom audiences.

    ``audience_id`` is what Pinterest called it, once it is made. ``warnings`` says what
    no description of Pinterest has, but Pinterest itself returned.
    """

    ad_account_id: str
    body: Mapping[str, Any]
    custom: bool = False
    audience_id: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Change an audience: ``body`` has the fields that differ, ``old`` what they are now.

    ``warnings`` are those of ``Create``.
    """

    ad_account_id: str
    audience_id: str
    body: Mapping[str, Any]
    old: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


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
class Owner:
    """Who shares an audience: an ad account, or a business with what it received."""

    account_type: str
    account_id: str


@dataclass(frozen=True, slots=True)
class Share:
    """Share an audience, or end that.

    Attributes:
        owner: Who shares it.
        audience_id: The audience.
        recipients: Ids of the accounts to share with, or to revoke, by account type.
        revoke: True to end it.
    """

    owner: Owner
    audience_id: str
    recipients: Mapping[str, Sequence[str]]
    revoke: bool


@dataclass(frozen=True, slots=True)
class Reject:
    """Do nothing, and report it.

    Attributes:
        code: A word for the kind of reason, to count and to filter by.
        reason: One line: what is wrong with which value, and what to do.
    """

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Do nothing yet: Pinterest is not ready for it, and a later run will be able to do it."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pending:
    """Ask again at the end of the input: a later record may make what this one refers to.

    Attributes:
        otherwise: What becomes of the record if none does.
        name: What is missing, made safe to print, if it has a name.
    """

    otherwise: Reject | Unchanged
    name: str | None = None


Change = Create | Update | Unchanged | Remove | Share | Reject | Defer


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of the input, for a person to find.

    Attributes:
        stream: Its stream.
        position: 1 for the first record of the stream; None for what no one record asks for.
        name: What it calls its audience, made safe to print; None if it does not.
        record_id: The id that it has, likewise.
    """

    stream: str
    position: int | None
    name: str | None
    record_id: str | None

    def __str__(self) -> str:
        """Name it in a line of the log."""
        known = (("id", self.record_id), ("name", self.name))
        tail = "".join(f", {field} {value}" for field, value in known if value)
        record = "" if self.position is None else f" record {self.position}"
        return f"{self.stream}{record}{tail}"
