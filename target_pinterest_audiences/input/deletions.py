"""Whether a record says that its row is gone. No I/O in here.

Each tool has a deletion mark of its own. A mark that cannot be read rejects its record: to guess
would upload somebody who opted out, or remove somebody who did not.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.values import (
    UnreadableRecordError,
    is_blank,
    is_null_word,
    operation_in,
    trimmed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Reader = Callable[[Any], bool | None]

ORIGIN_DELETED = "_origin_deleted"
"""Added to what a stream map made of a record: true if the record itself said "deleted"."""

DELETION_DROPPED = Reject(
    "deletion_dropped",
    "its row is deleted, and the stream map drops the mark that says so: leave __else__ out of the "
    "map, or map the column that holds the mark",
)

KEY_ONLY_DELETION = Reject(
    "key_only_deletion",
    "its row is deleted, and the record does not say what it was: have the source send whole rows "
    "(PostgreSQL: REPLICA IDENTITY FULL), or let a mirror remove who is missing",
)

_ISO = re.compile(
    r"(\d{4})[-/]?(\d\d)[-/]?(\d\d)"
    r"(?:[T ]+\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)?\s*(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: +\d{1,2}:\d\d.*)?")
_FIRST_YEAR, _LAST_YEAR = 1971, 2199
"""Dates outside stand for "no date": 0001-01-01, 1970-01-01, 9999-12-31."""

_EPOCHS = range(10**8, 10**20)
"""Numbers that are times since 1970, in seconds to nanoseconds, from 1973 on."""

_YES = frozenset({"true", "t", "yes", "y", "1"})
_NO = frozenset({"false", "f", "no", "n", "0"})


def read_time(value: Any) -> bool | None:  # noqa: ANN401
    """Return true for a date or a time between 1971 and 2199; None for anything else."""
    match value:
        case dt.date():
            return _is_real(value.year)
        case bool():
            return None
        case int() | float() | Decimal():
            return _is_epoch(value)
        case str():
            return _read_time_text(trimmed(value))
        case _:
            return None


def _read_time_text(text: str) -> bool | None:
    if found := _ISO.fullmatch(text):
        return _is_date(*map(int, found.groups()))
    if found := _LOCAL.fullmatch(text):
        one, other, year = map(int, found.groups())
        return _is_date(year, one, other) or _is_date(year, other, one)
    return _is_epoch(int(text)) if text.isascii() and text.isdigit() else None


def _is_date(year: int, month: int, day: int) -> bool | None:
    try:
        return _is_real(dt.date(year, month, day).year)
    except ValueError:
        return None


def _is_real(year: int) -> bool | None:
    return _FIRST_YEAR <= year <= _LAST_YEAR or None


def _is_epoch(number: float | Decimal) -> bool | None:
    return _EPOCHS.start <= number < _EPOCHS.stop or None


def read_flag(value: Any) -> bool | None:  # noqa: ANN401
    """Return what a flag says; None for anything else."""
    text = trimmed(str(value)).casefold() if isinstance(value, bool | int | str) else ""
    return True if text in _YES else False if text in _NO else None


def _one_of(alive: frozenset[str], gone: frozenset[str]) -> Reader:
    def read_word(value: Any) -> bool | None:  # noqa: ANN401
        word = trimmed(value).casefold() if isinstance(value, str) else ""
        return True if word in gone else False if word in alive else None

    return read_word


def _suspect(value: Any) -> bool | None:  # noqa: ANN401
    return False if read_flag(value) is False else None


def _no_deletion(value: Any) -> bool | None:  # noqa: ANN401
    word = trimmed(value).casefold() if isinstance(value, str) else ""
    return None if word in {"d", "del", "delete", "deleted", "remove", "removed"} else False


MARKS: Mapping[str, Reader] = MappingProxyType(
    {
        "_sdc_deleted_at": read_time,  # Singer
        "_sdc_lsn_deleted_at": read_time,  # Singer, log-based
        "_ab_cdc_deleted_at": read_time,  # Airbyte
        "_fivetran_deleted": read_flag,  # Fivetran
        "__hevo__marked_deleted": read_flag,  # Hevo
        "__deleted": read_flag,  # Debezium
        "__op": _one_of(frozenset("cru"), frozenset("d")),  # Debezium
        "_change_type": _one_of(  # the change feeds of Databricks and BigQuery
            frozenset({"insert", "upsert", "update_postimage"}), frozenset({"delete"})
        ),
        "metadata$action": _one_of(frozenset({"insert"}), frozenset()),  # Snowflake's streams
    }
)
"""The deletion marks of known tools. A reader returns None for what is neither yes nor no.

Snowflake writes an update as DELETE and INSERT, in no order, so its DELETE has two readings.
"""

ALIASES: Mapping[str, str] = MappingProxyType({"_deleted": "__deleted"})

DISTINCTIVE = tuple(MARKS)[:5]
"""Marks whose names mean nothing else, even with an underscore lost."""

_CHANGES = (
    *("op", "change_type", "change_operation", "cdc_op", "cdc_operation", "dml_op", "dml_type"),
    *("row_action", "action"),
)
SUSPECTS: Mapping[str, Reader] = MappingProxyType(
    {
        **dict.fromkeys(("deleted", "is_deleted", "deleted_at", "deleted_on"), _suspect),
        **dict.fromkeys(("deleted_date", "date_deleted"), _suspect),
        **dict.fromkeys(_CHANGES, _no_deletion),
    }
)
"""Columns of somebody's own table that may be deletion marks: a value in one rejects the record, or
of columns of changes such a value as AWS DMS's D."""

_WHAT = "is|was|has|been|to|be|soft|hard|row|record|user|customer|contact|account|profile|person"
_SUSPECT_FLAG = re.compile(
    rf"(?:{_WHAT}|member|subscriber|data|gdpr|source|src|crm|marked)*"
    r"(?:deleted?|deletion|removed|removal|purged)"
    r"(?:request(?:ed)?|pending|scheduled|flag|at|on|date|time|timestamp|datetime|ts|by|reason"
    r"|status|state|marker|indicator|yn)*"
)


def suspect(name: str) -> str | None:
    """Return the suspect that a column of another spelling is; None if it is none.

    Args:
        name: The column's name, without case, spaces and signs.
    """
    return "deleted" if _SUSPECT_FLAG.fullmatch(name) else None


_NAMES = frozenset({*MARKS, *SUSPECTS})


def is_deleted(record: Mapping[str, Any]) -> bool:
    """Return whether a record says that its row is gone. Blank in any spelling says "not deleted".

    Args:
        record: A record under the names that ``column_names`` gives.

    Raises:
        UnreadableRecordError: If a deletion mark is neither blank nor what its tool writes.
    """
    if record.keys().isdisjoint(_NAMES):
        return False
    deleted = False
    for column in MARKS.keys() & record.keys():
        value = record[column]
        if value is None or is_blank(value) or is_null_word(value):
            continue
        marked = MARKS[column](value)
        if marked is None:
            raise UnreadableRecordError(
                Reject(
                    "bad_deletion_mark",
                    f"{column} is neither blank nor a value that says whether the row is deleted: "
                    "send null, or a timestamp as _sdc_deleted_at",
                )
            )
        deleted = deleted or marked
    for column in SUSPECTS.keys() & record.keys():
        value = record[column]
        if (
            deleted
            or value is None
            or is_blank(value)
            or is_null_word(value)
            or SUSPECTS[column](value) is False
        ):
            continue
        raise UnreadableRecordError(
            Reject(
                "unknown_deletion_mark",
                f"{column} has a value and may say that the row is deleted: rename it to "
                "_sdc_deleted_at if it does, or drop the column if it does not",
            )
        )
    return deleted


def shown_marks(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the deletion marks of a record as they may be kept: they are read as before."""
    shown = {}
    for column, read in {**MARKS, **SUSPECTS}.items():
        value = record.get(column)
        if column in _CHANGES:
            if read(value) is None:
                shown[column] = value
        elif not is_blank(value):
            readable = is_null_word(value) or read(value) is not None
            shown[column] = value if readable else "[redacted]"  # it may be anything
    return shown


def is_removal(
    record: Mapping[str, Any], operations: tuple[str, ...], removal: str = "REMOVE"
) -> bool:
    """Return whether a record asks for a removal, by its operation or by a deletion mark.

    Args:
        record: A record under the names that ``column_names`` gives.
        operations: The words that its operation may be.
        removal: Which of them asks for a removal.

    Raises:
        UnreadableRecordError: If the record does not say it in one way.
    """
    if operation_in(record, operations) == removal or is_deleted(record):
        return True
    if record.get(ORIGIN_DELETED):
        raise UnreadableRecordError(DELETION_DROPPED)
    return False
