"""Keys of many identifiers at a time. ``members.identifiers`` alone says what an identifier means.

A plan maker may compute the keys of plain e-mails in SQL, by ``fast_email_keys``, and takes all
others through ``keys_of``. Tests hold the two equal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.members.identifiers import (
    LONGEST,
    PLAIN_EMAIL,
    REFUSED,
    read_identifier,
    to_key,
)
from target_pinterest_audiences.members.records import NO_IDENTIFIER, may_be_somebody
from target_pinterest_audiences.members.reject_codes import REJECTS

if TYPE_CHECKING:
    from collections.abc import Mapping

_POSSESSIVE = re.compile(r"(?<=[])])([*+])\+")
"""Quantifiers that DuckDB's expressions do not know, and do not need: RE2 never goes back."""


class Keys(NamedTuple):
    """The keys of an array of identifiers, position by position.

    Attributes:
        keys: Binary; null where there is none.
        codes: Text; why there is none, null where there is one.
    """

    keys: pa.Array
    codes: pa.Array


def keys_of(values: pa.Array, list_type: str) -> Keys:
    """Return the ledger's keys of identifiers, as the target would make them one by one.

    Args:
        values: Identifiers, of any type of Arrow.
        list_type: Pinterest's ``list_type`` of the identifiers.

    Raises:
        KeyError: If there is no such list type.
    """
    keys: list[bytes | None] = []
    codes: list[str | None] = []
    for value in values.to_pylist():
        text = NO_IDENTIFIER if value is None else read_identifier(list_type, value)
        if isinstance(text, Reject):
            keys.append(None)
            codes.append(text.code)
        else:
            keys.append(to_key(list_type, text))
            codes.append(None)
    return Keys(pa.array(keys, pa.binary()), pa.array(codes, pa.string()))


def unread(rejected: Mapping[str, int]) -> int:
    """Return how many rejected rows may mean somebody who is in a list.

    Args:
        rejected: How many rows were rejected, by code.
    """
    return sum(rows for code, rows in rejected.items() if may_be_somebody(REJECTS[code]))


def fast_email_keys(column: str, source: str) -> str:
    """Return a query of DuckDB: ``key``, null for what ``keys_of`` has to read, and ``email``.

    Only what is ASCII before anything is done to it has its key here: lower case and trimming are
    the same everywhere for ASCII, but not for a Kelvin sign or a dotted capital I.

    Args:
        column: The column, quoted if need be, that has the e-mail.
        source: The table, or other SQL, that has the column.
    """
    pattern = _POSSESSIVE.sub(r"\1", PLAIN_EMAIL)
    refused = ", ".join(_quoted(refused) for refused in sorted(REFUSED) if "@" in refused)
    return (
        "SELECT CASE WHEN strlen(email) = length(email) "
        f"AND length(text) <= {LONGEST} AND regexp_full_match(text, {_quoted(pattern)}) "
        f"AND text NOT IN ({refused}) THEN unhex(sha256(text)) END AS key, email "
        # Below, so that it is computed once.
        f"FROM (SELECT {column} AS email, lower(trim({column})) AS text FROM {source})"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
