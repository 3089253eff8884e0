"""What spreadsheets, CRMs and exports put around an identifier. No I/O in here.

Each thing here comes off because one reading is left without it. A mark that has no counterpart
stays, for whoever reads the identifier to reject.
"""

from __future__ import annotations

import re
import unicodedata

# Quotes that are not ASCII are written as escapes: many of them look alike.
_PAIRS = frozenset(
    (
        *('""', "''", "``", "`'", "<>", "()", "[]", "{}"),
        *("\u00b4\u00b4", "\u00ab\u00bb", "\u00bb\u00ab", "\u2039\u203a", "\u203a\u2039"),
        *("\u201c\u201d", "\u201d\u201d", "\u201e\u201c", "\u201e\u201d"),
        *("\u2018\u2019", "\u2019\u2019", "\u201a\u2018", "\u201a\u2019"),
    )
)
MARKS = frozenset("".join(_PAIRS))
"""Quotes of all kinds, and brackets."""

_with_name = re.compile(r"[^<>@,;]*<([^<>]*)>").fullmatch  # Ann <ann@shop.example>
_is_link = re.compile(r"mailto:(?://)?([^?]*)(?:\?(?:(?!%40)[^@])*)?").fullmatch


def bare(text: str) -> str:
    """Take blanks, invisible characters and pairs of marks off both ends of ``text``."""
    start, end = 0, len(text)
    while start < end:
        if _is_blank(text[start]) or text.startswith('="', start, end):  # ="x" is x to Excel
            start += 1
        elif _is_blank(text[end - 1]):
            end -= 1
        elif end - start > 1 and text[start] + text[end - 1] in _PAIRS:
            start, end = start + 1, end - 1
        else:
            break
    return text[start:end]


def bare_email(text: str) -> str:
    """Return the address in ``text``, which is lower-case, without a name or a link around it.

    A link to several addresses stays as it is.
    """
    text = bare(text)
    for has_around in (_with_name, _is_link):
        around = has_around(text)
        if around:
            text = bare(around[1])
    return text


def _is_blank(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) in {"Cc", "Cf"}
