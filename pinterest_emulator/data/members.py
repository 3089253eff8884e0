"""Members of customer lists.

The API never returns members, so the emulator keeps them for tests only. It keeps the hash of a
person's address, never the address. With 32 bytes each, a list can have a million members.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from pinterest_emulator import guesses

if TYPE_CHECKING:
    from collections.abc import Iterable

EMAIL = "EMAIL"
LIST_TYPES = (EMAIL, "IDFA", "MAID", "LR_ID", "DLX_ID", "HASHED_PINNER_ID")
"""`UserListType` (Pinterest OpenAPI 5.23)."""

ADD, REMOVE = "ADD", "REMOVE"
OPERATIONS = (ADD, REMOVE)
"""`UserListOperationType` (Pinterest OpenAPI 5.23)."""

# The other types are identifiers of partners; their form is not documented.
_HASHED_TYPES = frozenset({EMAIL, "IDFA", "MAID"})
# MD5, SHA-1 and SHA-256 in hexadecimal digits (Pinterest OpenAPI 5.23).
_HASH_LENGTHS = frozenset({32, 40, 64})


@dataclass(frozen=True, slots=True)
class Reading:
    """The records of one batch.

    Attributes:
        keys: What is kept of the valid records, in their order and with repetitions.
        invalid: The positions of the invalid records, from 1.
    """

    keys: list[bytes]
    invalid: list[int]


def split(records: str) -> list[str]:
    """The records of a string, trimmed and without empty ones.

    Commas separate them; the description's own example ends with a comma (Pinterest OpenAPI
    5.23).
    """
    return [record for record in map(str.strip, records.split(",")) if record]


def read(records: Iterable[str], list_type: str) -> Reading:
    """Reads the records of a batch for a list of that type."""
    keys: list[bytes] = []
    invalid: list[int] = []
    for position, record in enumerate(records, 1):
        key = _key(record, list_type)
        if key is None:
            invalid.append(position)
        else:
            keys.append(key)
    return Reading(keys, invalid)


def digest(record: str) -> bytes | None:
    """The bytes of a hash, or None if the record is not one."""
    if len(record) not in _HASH_LENGTHS:
        return None
    try:
        decoded = bytes.fromhex(record)
    except ValueError:
        return None
    # `fromhex` accepts blanks between the digits.
    return decoded if 2 * len(decoded) == len(record) else None


def shown(key: bytes, list_type: str) -> str:
    """A member as tests see it: a hash in lower case, or the partner's identifier."""
    return key.hex() if list_type in _HASHED_TYPES else key.decode()


def _key(record: str, list_type: str) -> bytes | None:
    """What is kept of a record; None if it is not valid.

    A plain e-mail address becomes its SHA-256, so both forms identify the same member.
    """
    if list_type in _HASHED_TYPES:
        hashed = digest(record)
        if list_type == EMAIL and not guesses.accepts_email(record, hashed=hashed is not None):
            return None
        if hashed is not None or list_type != EMAIL:
            return hashed
    try:
        text = record.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return sha256(text).digest() if list_type == EMAIL else text
