"""What differs between two JSON values, as text for a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from singer_sdk.singerlib.json import serialize_json

from pinterest_audiences.errors import LONGEST_MESSAGE, REDACTED

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_TEXT = 600
_SHORT_LIST = 120
_HIDDEN = "the difference is in a part that is not shown"


class Difference(NamedTuple):
    """One difference.

    Attributes:
        field: Where it is, with dots before the names of inner fields.
        old: What was there; None if nothing was.
        new: What is there now; None if nothing is.
        note: What ``old`` and ``new`` do not say.
    """

    field: str
    old: str | None
    new: str | None
    note: str = ""


def differences(field: str, old: Any, new: Any) -> list[Difference]:  # noqa: ANN401
    """Return the differences of a field that was sent, at least one.

    Args:
        field: Its name.
        old: Its value before; None if there was none.
        new: Its value now.
    """
    if old is None:
        return [*_added(printable(field), new)]
    if found := [*_compared(printable(field), old, new)]:
        return found
    # It was sent, so it differs; but reports cut long text and redact some.
    return [Difference(printable(field), cut(text_of(old)), cut(text_of(new)), _HIDDEN)]


def text_of(value: Any) -> str:  # noqa: ANN401
    """Return a JSON value as text that moves no cursor; a string is itself."""
    return printable(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:  # noqa: ANN401
    plain = json.loads(serialize_json(value))
    return printable(json.dumps(plain, ensure_ascii=False, sort_keys=True))


def printable(text: str) -> str:
    """Replace what is no visible letter: control characters, and those that turn text around."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def cut(text: str) -> str:
    """Cut a text that is too long for a table, and say so."""
    more = len(text) - LONGEST_TEXT
    return text if more <= 0 else f"{text[:LONGEST_TEXT]}… ({more:,} more characters)"


def _added(field: str, new: Any) -> Iterator[Difference]:  # noqa: ANN401
    if isinstance(new, dict) and new:
        for key, value in new.items():
            yield from _added(f"{field}.{printable(key)}", value)
    else:
        yield Difference(field, None, cut(text_of(new)))


def _compared(field: str, old: Any, new: Any) -> Iterator[Difference]:  # noqa: ANN401
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{field}.{printable(key)}"
            if key not in new:
                yield Difference(inner, cut(text_of(old[key])), None)
            elif key not in old:
                yield from _added(inner, new[key])
            else:
                yield from _compared(inner, old[key], new[key])
        return
    before, after = text_of(old), text_of(new)
    if isinstance(old, str) != isinstance(new, str):
        yield Difference(field, cut(_json(old)), cut(_json(new)))
    elif before != after:
        yield _replaced(field, old, new)
    elif REDACTED in before or (isinstance(old, str) and len(old) >= LONGEST_MESSAGE):
        yield Difference(field, cut(before), cut(after), f"if it differs, {_HIDDEN}")


def _replaced(field: str, old: Any, new: Any) -> Difference:  # noqa: ANN401
    """Return the difference of two values; of two long lists, only the items that differ."""
    before, after = text_of(old), text_of(new)
    if isinstance(old, list) and isinstance(new, list) and len(before) + len(after) > _SHORT_LIST:
        gone = dict.fromkeys(map(text_of, old))
        come = dict.fromkeys(map(text_of, new))
        same = gone.keys() & come.keys()
        if len(gone) == len(old) and len(come) == len(new) and len(same) < max(len(old), len(new)):
            out = ", ".join(item for item in gone if item not in same)
            into = ", ".join(item for item in come if item not in same)
            note = f"{len(same):,} items stay" if same else ""
            return Difference(field, cut(out) or None, cut(into) or None, note)
    return Difference(field, cut(before), cut(after))
