"""What Pinterest answers is read as Python's own JSON reader would, only faster."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from odd import JSON, ODD_JSON

from pinterest_audiences.api.responses import from_json


def read(reader: Any, content: bytes) -> tuple[str, str]:
    """Return what a reader makes of JSON, with the types of all numbers, or its refusal."""
    try:
        return "value", repr(reader(content))
    except (ValueError, RecursionError, ArithmeticError):
        return "no JSON", ""


def by_python(content: bytes) -> Any:
    return json.loads(content, parse_float=Decimal)


TEXTS = st.one_of(
    JSON.map(json.dumps),
    JSON.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1)),
    st.text(),
    st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,4})?", fullmatch=True),
)


@given(TEXTS.map(lambda text: text.encode(errors="surrogatepass")) | st.binary())
@example(b'{"a": 1, "a": 2, "b": -0, "c": -0.0, "d": 1e400, "e": 1E5}')
@example(b'["\\ud83d", "\\ud83d\\ude00", "\\u0000"]')
@example(b"\xef\xbb\xbf{}")
@example(b"[NaN, Infinity, -Infinity]")
@example(b"18446744073709551616")
@example(b"9" * 5000)
@example(ODD_JSON[0].encode())
@example(ODD_JSON[1].encode())
@example(ODD_JSON[2].encode())
def test_json_is_read_as_python_reads_it(content: bytes) -> None:
    assert read(from_json, content) == read(by_python, content)
