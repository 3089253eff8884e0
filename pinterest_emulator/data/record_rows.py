"""Members as rows: the `records_v2` of a request (Pinterest OpenAPI 5.28)."""

from __future__ import annotations

import json
from hashlib import sha256

from pinterest_emulator import guesses
from pinterest_emulator.data.members import digest

_HASHED = ("hashed_phone_number", "hashed_pinner_id")
FIELDS = (
    "email",
    "maid",
    *_HASHED,
    "external_id",
    "ip_address",
    "user_agent",
    "liveramp_envelope",
)
"""`CustomerListRecordRow`; every field is an optional string."""


def record_of(row: object, list_type: str) -> str | None:
    """The record that a row corresponds to; None if the row is not valid.

    This is the identifier of the list's own type, so that both forms identify the same member, or
    else a hash of the whole row.
    """
    if not isinstance(row, dict):
        return None
    values = {field: row[field] for field in FIELDS if row.get(field) is not None}
    if not values or not all(isinstance(value, str) and value for value in values.values()):
        return None
    if any(field in values and digest(values[field]) is None for field in _HASHED):
        return None
    field = guesses.FIELD_OF_LIST_TYPE.get(list_type, "")
    if field not in values:
        return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    record: str = values[field]
    if field == "maid" and digest(record) is None:
        return sha256(record.encode(errors="replace")).hexdigest()
    return record
