"""Which column of a record means what, in whatever form its name arrives. No I/O in here.

Snowflake writes names in capitals, a spreadsheet puts a byte-order mark or spaces around them, and
some loaders drop a leading underscore. Each has one reading, so it is taken.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.deletions import (
    ALIASES,
    DISTINCTIVE,
    MARKS,
    ORIGIN_DELETED,
    SUSPECTS,
    is_deleted,
    suspect,
)
from target_pinterest_audiences.input.values import UnreadableRecordError, is_blank, trimmed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MOST_NAMES = 10_000
_BYTES_OF_BOM = "\ufeff".encode().decode("latin-1")
"""A byte-order mark as a program writes it that takes UTF-8 for Latin-1."""
_NOT_TEXT = frozenset({list, dict, float, Decimal})
"""Types whose values may be blank, apart from text."""


class Columns:
    """The columns of one stream that mean something."""

    def __init__(self, *names: str, other: Callable[[str], str | None] | None = None) -> None:
        """Know the stream's own ``names``, and the deletion marks of any tool.

        Args:
            names: What the stream's columns are called.
            other: Returns the name of a column that belongs to a family; None for any other.
        """
        self._exact = {name: name for name in (*MARKS, *SUSPECTS, *names)} | dict(ALIASES)
        self._squeezed = {squeezed(name): name for name in (*SUSPECTS, *DISTINCTIVE, *names)}
        self._other = other
        self.name = functools.lru_cache(_MOST_NAMES)(self._name)
        self._plain = functools.lru_cache(_MOST_NAMES)(self.are_plain)

    def are_plain(self, columns: Iterable[str]) -> bool:
        """Return whether each column bears a name of the stream, or means nothing."""
        return all(self.name(column) in {None, column} for column in columns)

    def read(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a record under the stream's names, with null for what is no value.

        Text stays as it is: what empty text means depends on the column.

        Raises:
            UnreadableRecordError: If two columns of one meaning hold different values.
        """
        if self._plain(tuple(record)) and _NOT_TEXT.isdisjoint(map(type, record.values())):
            return record
        read: dict[str, Any] = {}
        for column, found in record.items():
            name = self.name(column) or column
            value = None if type(found) in _NOT_TEXT and is_blank(found) else found
            before = read.setdefault(name, value)
            if before is value:
                continue
            if is_blank(before):
                read[name] = before if is_blank(value) else value
            elif not is_blank(value) and value != before:
                raise UnreadableRecordError(
                    Reject(
                        "conflicting_columns",
                        f"two columns both mean {name} and hold different values: leave one out",
                    )
                )
        return read

    def _name(self, column: str) -> str | None:
        """Return what a column is called here; None if it means nothing."""
        text = trimmed(unicodedata.normalize("NFKC", without_bom(column)))
        short = squeezed(text)
        if name := self._exact.get(text.casefold()) or self._squeezed.get(short):
            return name
        return (self._other(text) if self._other else None) or suspect(short)


def squeezed(name: str) -> str:
    """Return a name without case, spaces, signs and underscores."""
    return re.sub(r"[\W_]+", "", without_bom(name)).casefold()


def without_bom(name: str) -> str:
    """Return a name without the bytes of a byte-order mark before it."""
    return name.removeprefix(_BYTES_OF_BOM)


OPERATION_COLUMNS = ("operation", "operation_type")


def is_blank_row(record: Mapping[str, Any]) -> bool:
    """Return whether a record has no value in any column but those that loaders add."""
    values = (value for name, value in record.items() if not name.startswith("_"))
    return all(map(is_blank, values)) and not may_be_removal(record)


DELETION_COLUMNS = Columns(*OPERATION_COLUMNS)
_REMOVALS = ("REMOVE", "REVOKE", "DELETE")


def may_be_removal(record: Mapping[str, Any]) -> bool:
    """Return whether a record, before a stream map changes it, may say that its row is gone.

    A column that is no known tool's mark does not count: a map may drop it on purpose.
    """
    try:
        read = DELETION_COLUMNS.read(
            {name: value for name, value in record.items() if DELETION_COLUMNS.name(name)}
        )
        known = {name: value for name, value in read.items() if name not in SUSPECTS}
        words = {str(known.get(name)).strip().upper() for name in OPERATION_COLUMNS}
        gone = is_deleted(known) or ORIGIN_DELETED in record
        return gone or not words.isdisjoint(_REMOVALS)
    except UnreadableRecordError:
        return True
