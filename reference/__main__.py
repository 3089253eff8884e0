"""Writes ``docs/reference.md``: ``make reference``."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pinterest_audiences.plugin import PinterestPlugin

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference.md"
_REASONS = ("Reject", "Defer", "Fault")
_HEAD = """\
# Settings, columns and codes

`make reference` writes this page from the code. The README explains
[the settings](../README.md#configure) and [the exit codes](../README.md#exit-codes).
"""


def page() -> str:
    """Return the page."""
    sections = [_HEAD]
    for plugin in (TapPinterestAudiences, TargetPinterestAudiences):
        sections += [f"## Settings of {plugin.name}\n", *_table(_SETTING, settings(plugin))]
    sections.append("## Columns of the tap's streams\n")
    for stream, key, columns in streams():
        sections += [f"### {stream}\n", f"Key: {key}.\n", *_table(_COLUMN, columns)]
    sections += [
        "## Codes of rejected and deferred records\n",
        "A report and `rejected_path` have these codes. `…` stands for a value of the record.\n",
        *_table(("code", "reason"), reasons()),
    ]
    return "\n".join(sections)


_SETTING = ("setting", "type", "default", "environment variable", "meaning")
_COLUMN = ("column", "type", "meaning")


def settings(plugin: type[PinterestPlugin]) -> Iterator[tuple[str, ...]]:
    """Yield the settings of a plugin, those of the SDK too."""
    plugin.append_builtin_config(plugin.config_jsonschema)
    prefix = f"{plugin.name.upper().replace('-', '_')}_"
    for name, schema in plugin.config_jsonschema["properties"].items():
        default = schema.get("default")
        shown = "" if default is None else f"`{json.dumps(default)}`"
        yield f"`{name}`", _types(schema), shown, f"`{prefix}{name.upper()}`", _described(schema)


def streams() -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    """Yield each stream of the tap with its key and its columns."""
    tap = TapPinterestAudiences(config={"access_token": "none"})
    for stream in tap.catalog_dict["streams"]:
        key = ", ".join(f"`{name}`" for name in stream["key_properties"])
        columns = [
            (f"`{name}`", _types(schema), _described(schema))
            for name, schema in stream["schema"]["properties"].items()
        ]
        yield stream["tap_stream_id"], key, columns


def reasons() -> list[tuple[str, ...]]:
    """Return the codes that the target's code gives, with the longest reason of each."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "target_pinterest_audiences").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") in _REASONS
                and node.args
            ):
                code, *rest = map(_text, node.args)
                reason = ": ".join(rest)
                if code.strip("…") and len(reason) > len(found.get(code, "")):
                    found[code] = reason
    return [(f"`{code}`", reason) for code, reason in sorted(found.items())]


def _text(node: ast.expr) -> str:
    """Return a text of the code, in which ``…`` stands for what is not known there."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(_text, parts))
        case ast.BinOp(left=left, right=right):
            return _text(left) + _text(right)
        case _:
            return "…"


def _types(schema: dict[str, Any]) -> str:
    kinds = schema.get("type", [])
    names = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    return " or ".join(names)


def _described(schema: dict[str, Any]) -> str:
    return " ".join(str(schema.get("description", "")).split())


def _table(heads: tuple[str, ...], rows: Any) -> Iterator[str]:  # noqa: ANN401
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
