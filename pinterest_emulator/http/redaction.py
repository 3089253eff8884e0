"""Redaction of the request log: it keeps no secret and no identifier of a person."""

from __future__ import annotations

import json
import re
from typing import Any

from pinterest_emulator.data import members

_RECORDS = frozenset({"records", "records_v2"})
# Fields of a body with members whose values are not identifiers of people.
_HARMLESS = frozenset({"is_nca", "list_type", "name", "operation", "operation_type", "total_parts"})
# Pinterest's tokens begin with pina_, pinc_, pinr. and the like. "shopping_list" is no token.
# Within a word, as after an escaped line break, only text as long as a token counts as one.
_TOKEN = re.compile(r"(?<![A-Za-z0-9])pin[a-z][._][\w.~+/=-]*|pin[a-z][._][\w-]{20,}")
_MARK = "[token]"


def logged_path(path: str) -> str:
    """The path, without a token that is in it by mistake."""
    return _TOKEN.sub(_MARK, path)


def logged_query(path: str, query: dict[str, str]) -> dict[str, str]:
    """The parameters without tokens; none if they may hold another secret.

    Args:
        path: With `/v5`.
        query: All of them.
    """
    return {} if _is_oauth(path) or _is_file(path) else _without_tokens(query)


def logged_body(path: str, body: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    """The JSON body, as text if it is not JSON; None if there is none or it is secret.

    If a body may hold identifiers of people, only keys and sizes are kept: the number of
    `records`, the number of characters or items of any other value, the bytes of a file. Tokens
    are removed from all other bodies.

    Args:
        path: With `/v5`.
        body: The bytes.
    """
    if not body or _is_oauth(path):
        return None
    if _is_file(path):
        return {"bytes": len(body)}
    try:
        value = json.loads(body)
    except ValueError:
        value = body.decode(errors="replace")
    about_members = "/customer_lists" in path
    if not isinstance(value, dict):
        return {"bytes": len(body)} if about_members else _without_tokens(value)
    return _without_tokens(
        {
            key: _size(key, item)
            if key in _RECORDS or (about_members and key not in _HARMLESS)
            else item
            for key, item in value.items()
        }
    )


def _without_tokens(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    if isinstance(value, str):
        return _TOKEN.sub(_MARK, value)
    if isinstance(value, list):
        return [_without_tokens(item) for item in value]
    if isinstance(value, dict):
        return {_without_tokens(key): _without_tokens(item) for key, item in value.items()}
    return value


def _is_oauth(path: str) -> bool:
    return path.startswith("/v5/oauth")


def _is_file(path: str) -> bool:
    return path.startswith("/_uploads")


def _size(key: str, value: object) -> object:
    if isinstance(value, str):
        return len(members.split(value)) if key in _RECORDS else len(value)
    return len(value) if isinstance(value, list | dict) else None
