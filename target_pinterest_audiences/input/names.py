"""Names of audiences and customer lists: how they are written, and when two are the same.

No I/O in here. Names are not unique at Pinterest, so a name that is not recognised makes a second
audience that looks like the first one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.values import UnreadableRecordError, is_null_word, text_in

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING_TO_SEE = (
    r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8"
)
"""Unicode's Default_Ignorable_Code_Point without variation selectors and the tags of flags."""

_ENDS = re.compile(rf"^[\s{_NOTHING_TO_SEE}]+|[\s{_NOTHING_TO_SEE}]+$")
_UNSEEN = re.compile(rf"[{_NOTHING_TO_SEE}\ufe00-\ufe0f]")
_SPACE = re.compile(r"\s")


def clean_name(name: str) -> str:
    """Return a name as it is to be created: composed (NFC), without space around it."""
    if _is_plain(name):
        return name.strip()
    return _ENDS.sub("", unicodedata.normalize("NFC", name))


def name_key(name: str) -> str:
    """Return what two names have in common that a person cannot tell apart.

    Every space counts as a space, and what nobody sees does not count. Case does.
    """
    if _is_plain(name):
        return name.strip()
    seen = _UNSEEN.sub("", _SPACE.sub(" ", name))
    return unicodedata.normalize("NFC", seen).strip()


def _is_plain(name: str) -> bool:
    """Return whether a name has nothing but what ASCII can print, so it is composed already."""
    return name.isascii() and name.isprintable()


def is_placeholder(text: str) -> bool:
    """Return whether a text stands for "no value", in any case and with any space around it."""
    return is_null_word(name_key(text))


def placeholder(field: str, text: str) -> Reject | None:
    """Reject a text that stands for "no value": sent to Pinterest, it would be taken at its word.

    Args:
        field: Its column.
        text: The text.
    """
    if not is_placeholder(text):
        return None
    return Reject(
        "placeholder",
        f"{field} is {name_key(text)!r}, which stands for a missing value: send null, or the text",
    )


def name_in(record: Mapping[str, Any], field: str) -> str | None:
    """Read a name, clean; None if there is none, or nothing of it can be seen.

    Raises:
        UnreadableRecordError: If it is something else, or a placeholder.
    """
    text = text_in(record, field)
    return cleaned(text, field) if text else None


def cleaned(text: str, field: str, *, placeholders: bool = False) -> str | None:
    """Return a text as a name, clean; None if nothing of it can be seen.

    Args:
        text: The text.
        field: Its column.
        placeholders: Let a placeholder pass.

    Raises:
        UnreadableRecordError: If it is a placeholder.
    """
    name = clean_name(text) or None
    if name and not placeholders and (reject := placeholder(field, name)):
        raise UnreadableRecordError(reject)
    return name
