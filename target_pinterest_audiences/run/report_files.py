"""The files of a report: JSON, and what the ending of ``report_path`` asks for beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_audiences.errors import SettingsError
from pinterest_audiences.files import user_path
from target_pinterest_audiences.run.report import write, write_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ENDINGS = (".html", ".md")
_OTHER_FILES = ("rejected_path", "token_path")
_BEGIN = b'{\n "version": '
"""Of a report as JSON."""


def report_path_of(config: Mapping[str, Any]) -> Path | None:
    """Return where the settings want the report.

    Args:
        config: The target's settings.

    Raises:
        SettingsError: If a report there would replace a file that is something else.
    """
    if not (text := config.get("report_path")):
        return None
    path = user_path("report_path", text)
    paths = {path.absolute(), json_path(path).absolute()}
    for setting in _OTHER_FILES:
        if (other := config.get(setting)) and user_path(setting, other).absolute() in paths:
            msg = f"Settings: report_path {path} would replace the file of {setting}"
            raise SettingsError(msg)
    if path.is_dir():
        msg = f"Settings: report_path {path} is a folder: name a file in it"
        raise SettingsError(msg)
    if _is_something_else(json_path(path)):
        also = f" also writes {json_path(path).name} beside it, and that file"
        msg = (
            f"Settings: report_path {path}{also if json_path(path) != path else ''} is there and "
            "is no report: choose another name"
        )
        raise SettingsError(msg)
    return path


def json_path(path: Path) -> Path:
    """Return the file that has the report as JSON."""
    return path.with_suffix(".json") if path.suffix.lower() in _ENDINGS else path


def write_report(path: Path, summary: Mapping[str, Any]) -> None:
    """Write a report as JSON, and as HTML or Markdown if the path has such an ending.

    Raises:
        ReportError: If a file cannot be written.
    """
    json_file = json_path(path)
    write(json_file, summary)
    # Most runs write JSON only, and need not import what makes the others.
    if path.suffix.lower() == ".html":
        from target_pinterest_audiences.report.page import page  # noqa: PLC0415

        write_lines(path, page(summary, json_file.name))
    elif path.suffix.lower() == ".md":
        from target_pinterest_audiences.report.markdown import markdown  # noqa: PLC0415

        write_lines(path, markdown(summary, json_file.name))


def _is_something_else(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_BEGIN)) not in {b"", _BEGIN}
    except OSError:  # Writing it will fail with the reason, if it is there at all.
        return False
