"""Pages and their bookmarks.

`{"items": [...], "bookmark": ...}`, with a null bookmark on the last page (seen live 2026-07).
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from pinterest_emulator import guesses
from pinterest_emulator.errors import refuse

# Encodes to "++//", so a client that does not URL-encode its bookmark fails.
_MARK = b"\xfb\xef\xff"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in one list.

    Attributes:
        context: Identifies the list and its order.
        after: The key before the next page; None at the beginning.
    """

    context: str
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One response of a list.

    Attributes:
        items: The items of the page.
        keys: The keys of `items` in the list's order, mostly their ids.
        start: The position where the page begins.
        more: Whether anything follows.
        sent_bookmark: The bookmark of the request, as it was sent.
    """

    items: list[dict[str, Any]]
    keys: list[int]
    start: Cursor
    more: bool
    sent_bookmark: str | None

    def first(self, count: int) -> Page:
        """The page with only its first `count` items; the rest follows on the next page."""
        more = self.more or count < len(self.items)
        return Page(self.items[:count], self.keys[:count], self.start, more, self.sent_bookmark)

    def end(self) -> Cursor:
        """The position where the next page begins."""
        return Cursor(self.start.context, self.keys[-1]) if self.keys else self.start

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"items": self.items, "bookmark": encode(self.end()) if self.more else None}


def encode(cursor: Cursor) -> str:
    """An opaque bookmark with `+`, `/` and `=`, different each time."""
    after = "" if cursor.after is None else str(cursor.after)
    text = f"{cursor.context}|{after}|{token_hex(8)}|".encode()
    # One byte over a multiple of three ends in "==".
    padding = b"*" * ((1 - len(_MARK) - len(text)) % 3)
    return b64encode(_MARK + text + padding).decode()


def decode(bookmark: str | None, context: str) -> Cursor:
    """The position of a bookmark in the list `context`.

    No bookmark, or an empty one, is the beginning.

    Raises:
        ApiError: 400, if the bookmark is not from this list (the response is a guess).
    """
    if not bookmark:
        return Cursor(context)
    try:
        raw = b64decode(bookmark, validate=True)
        found, after, _nonce, _padding = raw.removeprefix(_MARK).decode().rsplit("|", 3)
        cursor = Cursor(found, int(after) if after else None)
    except (binascii.Error, ValueError):
        refuse("'bookmark' is not a valid bookmark.")
    if not raw.startswith(_MARK) or (guesses.BOOKMARKS_FIT_ONE_LIST and cursor.context != context):
        refuse("'bookmark' belongs to another list.")
    return cursor
