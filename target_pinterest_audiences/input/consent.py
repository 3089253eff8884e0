"""Whether a record may say that a person does not want to be uploaded. No I/O in here.

Nobody agreed on a name for this: it is a column of somebody's own table. So the target does not act
on it. It rejects a record whose column may say "no", because to ignore it would upload somebody who
opted out.
"""

from __future__ import annotations

import functools
import re
from decimal import Decimal
from itertools import chain
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from pinterest_audiences.errors import redact
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.column_names import (
    DELETION_COLUMNS,
    OPERATION_COLUMNS,
    squeezed,
)
from target_pinterest_audiences.input.consent_names import Meaning, meaning, refusal
from target_pinterest_audiences.input.deletions import (
    MARKS,
    ORIGIN_DELETED,
    SUSPECTS,
    read_flag,
    read_time,
)
from target_pinterest_audiences.input.values import is_blank, is_null_word

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    Allows = Callable[[Any], bool]

_GIVEN = frozenset(
    {"granted", "given", "optedin", "optin", "doubleoptin", "singleoptin", "confirmedoptin"}
    | {"subscribed", "accepted", "agreed"}
)
_REFUSED = re.compile(
    r"complained|withdrawn|revoked|denied|declined|refused|dnc|cleaned|spam|blocked|banned|stop"
    r"|removed|deceased|\w*(?:deleted?|deletion)"
)
_HANDLED = frozenset(map(squeezed, (*MARKS, *SUSPECTS, ORIGIN_DELETED, *OPERATION_COLUMNS)))
"""Deletion marks, which are read before."""

_NESTING = frozenset({dict, list})
_MOST_TABLES = 1000


def unclear_consent(record: Mapping[str, Any]) -> Reject | None:
    """Reject a record of a person who may not want to be uploaded.

    Args:
        record: A record that asks for an upload.
    """
    for column, value, allows in _on_consent(record):
        if not allows(value):
            return Reject(
                "unclear_consent",
                f"{redact(column)} may say that the person does not want to be uploaded: leave out "
                "such rows or send them with the operation REMOVE, and drop the column if it means "
                "something else",
            )
    return None


def all_allow(columns: Iterable[str], records: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether ``unclear_consent`` rejects none of the records.

    Args:
        columns: All columns that the records have.
        records: Records that ask for an upload.
    """
    values = chain.from_iterable(map(methodcaller("values"), records))
    if not _NESTING.isdisjoint(map(type, values)):
        return not any(map(unclear_consent, records))
    readers = _readers(tuple(sorted(columns)))
    return all(allows(record.get(column)) for column, allows in readers for record in records)


def shown_consent(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record says on consent as it may be kept: it is read as before."""
    shown: dict[str, Any] = {}
    for column, value, allows in _on_consent(record):
        if column not in shown or not allows(value):
            shown[column] = _shown(value)
    return shown


def columns_read(columns: Iterable[str]) -> frozenset[str]:
    """Return the columns that ``unclear_consent`` reads, by their names."""
    return frozenset(column for column, _ in _readers(tuple(columns)))


def consent_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that may say whether a person wants to be uploaded, by their names."""
    return [column for column, _ in _readers(tuple(columns)) if meaning(column) != Meaning.STATUS]


def _on_consent(record: Mapping[str, Any]) -> Iterator[tuple[str, Any, Allows]]:
    """Yield what a record says on consent, also inside of objects and lists, with its reader."""
    if _NESTING.isdisjoint(map(type, record.values())):
        for column, allows in _readers(tuple(record)):
            yield column, record[column], allows
        return
    left: list[tuple[str, Any]] = [*record.items()]
    while left:
        column, value = left.pop()
        inner = _inside(column, value)
        left += inner
        if not inner and (reader := _reader(column)):
            yield column, value, reader


def _inside(column: str, value: Any) -> list[tuple[str, Any]]:  # noqa: ANN401
    """Return what is in an object or a list, with a name; Arrow has maps as lists of pairs.

    A key may be somebody's email, so it is redacted.
    """
    match value:
        case dict():
            return [(f"{column}.{redact(str(key))}", inner) for key, inner in value.items()]
        case (str(key), inner) if isinstance(value, tuple):
            return [(f"{column}.{redact(key)}", inner)]
        case list():
            return [(column, inner) for inner in value]
    return []


def dropped(
    came: Mapping[str, Any], record: Mapping[str, Any], chosen: Collection[str]
) -> dict[str, Any]:
    """Return the columns that may forbid an upload and that a stream map drops without a word.

    Args:
        came: The record as it came.
        record: What the map made of it.
        chosen: The columns that maps name. One of them may be dropped on purpose.
    """
    return {
        column: value
        for column, value in came.items()
        if column not in record
        and column not in chosen
        and (any(_on_consent({column: value})) or DELETION_COLUMNS.name(column) in SUSPECTS)
    }


@functools.lru_cache(_MOST_TABLES)
def _readers(columns: tuple[str, ...]) -> tuple[tuple[str, Allows], ...]:
    found = ((column, _reader(column)) for column in columns)
    return tuple((column, allows) for column, allows in found if allows)


def _reader(column: str) -> Allows | None:
    found = None if squeezed(column) in _HANDLED else meaning(column)
    return _READERS[found] if found else None


def _not_out(value: Any) -> bool:  # noqa: ANN401
    return is_blank(value) or is_null_word(value) or read_flag(_whole(value)) is False


def _is_in(value: Any) -> bool:  # noqa: ANN401
    return read_flag(_whole(value)) is True or _word(value) in _GIVEN or read_time(value) is True


def _no_refusal(value: Any) -> bool:  # noqa: ANN401
    return _no_opt_out(value) and not _REFUSED.fullmatch(_word(value))


def _no_opt_out(value: Any) -> bool:  # noqa: ANN401
    return not (isinstance(value, str) and refusal(value))


def _no_refusal_and_no_flag(value: Any) -> bool:  # noqa: ANN401
    return _no_refusal(value) and read_flag(_whole(value)) is not False


def _no_yes(value: Any) -> bool:  # noqa: ANN401
    return read_flag(_whole(value)) is not True and read_time(value) is not True


_READERS: dict[Meaning, Allows] = {
    Meaning.OPT_OUT: _not_out,
    Meaning.OPT_IN: _is_in,
    Meaning.DETAIL: _no_refusal_and_no_flag,
    Meaning.LINK: _no_yes,
    Meaning.STATUS_OF_PERSON: _no_refusal_and_no_flag,
    Meaning.STATUS: _no_opt_out,
}


def _shown(value: Any) -> Any:  # noqa: ANN401
    """Return a value, or the part of it that is read as the whole is and holds nothing else."""
    if _not_out(value) or _is_in(value):
        return value
    if isinstance(value, str) and (found := refusal(value)):
        return found
    return _word(value) if _REFUSED.fullmatch(_word(value)) else "[redacted]"


def _whole(value: Any) -> Any:  # noqa: ANN401
    """Return a flag without the fraction that a data frame or a CSV export gives it."""
    if isinstance(value, float | Decimal) and value in {0, 1}:
        return int(value)
    return value.strip().removesuffix(".0") if isinstance(value, str) else value


def _word(value: Any) -> str:  # noqa: ANN401
    return squeezed(value) if isinstance(value, str) else ""
