"""Which files are the customers' table: a path, a folder or a pattern, here or in an object store.

Where a folder can be read two ways, nothing of it is read.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from pyarrow import fs

from pinterest_audiences.errors import PinterestError, redact
from target_pinterest_audiences.bulk.store import filesystem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

logger = logging.getLogger(__name__)

_TABLE_FORMATS = {"_delta_log": "Delta", ".hoodie": "Hudi"}
_ICEBERG = re.compile(r"(?:^|/)metadata/[^/]*\.metadata\.json$")
_DATE = re.compile(r"\d{4}-?\d\d(?:-?\d\d)?")
_SUFFIX = ".parquet"


class CustomersError(PinterestError):
    """The customers' table cannot be read, or can be read two ways."""


class Files(NamedTuple):
    """Files of one ``--customers``.

    Attributes:
        system: Has them.
        paths: The files.
        partitions: Columns that are in the names of folders, such as ``country=DE``.
    """

    system: fs.FileSystem
    paths: list[str]
    partitions: list[str]


def files_at(url: str) -> Files:
    """Find files.

    Args:
        url: A file, a folder, or a pattern, of which ``*`` stays in one folder and ``**`` does not.

    Raises:
        CustomersError: If there are none, or if it is not plain which are meant.
    """
    system, path = filesystem_of(url)
    kind = system.get_file_info(path).type
    if kind == fs.FileType.File:
        return Files(system, [path], [])
    is_pattern = kind == fs.FileType.NotFound and "*" in path
    folder = path.partition("*")[0].rpartition("/")[0] if is_pattern else path.rstrip("/")
    below = _below(system, folder)
    _refuse_table_format(url, [*below, *_beside(system, folder)])
    shown = [name for name in below if not _is_hidden(name)]
    if is_pattern:
        found = _matching(url, path[len(folder) + 1 :], shown)
    else:
        found = [name for name in shown if name.endswith(_SUFFIX)]
        _refuse_others(url, found, shown)
    if not found:
        msg = f"--customers: there are no files {_shown(url)}"
        raise CustomersError(msg)
    partitions = _partitions(found)
    for column, values in partitions.items():
        if len(values) > 1 and all(map(_DATE.match, values)):
            logger.warning(
                "--customers: %s has %d folders %s=…, and all of them were read together: if each "
                "has the whole table of its day, name the newest folder only",
                *(_shown(url), len(values), redact(column)),
            )
    return Files(system, [f"{folder}/{name}" for name in found], [*partitions])


def _below(system: fs.FileSystem, folder: str) -> list[str]:
    """Return all files in a folder and in those below it, by their path from there."""
    selector = fs.FileSelector(folder or "/", recursive=True, allow_not_found=True)
    found = system.get_file_info(selector)
    return sorted(info.path[len(folder) + 1 :] for info in found if info.type == fs.FileType.File)


def _beside(system: fs.FileSystem, folder: str) -> list[str]:
    """Return what shows that a folder is a partition, or the data, of a table."""
    found = []
    while re.search(r"(?:=[^/]*|/data)$", folder):
        folder = folder.rpartition("/")[0]
        for name in (*_TABLE_FORMATS, "metadata"):
            selector = fs.FileSelector(f"{folder}/{name}", allow_not_found=True)
            found += [f"{name}/{info.base_name}" for info in system.get_file_info(selector)]
    return found


def _refuse_table_format(url: str, names: Iterable[str]) -> None:
    for name in names:
        kinds = [kind for part, kind in _TABLE_FORMATS.items() if part in name.split("/")[:-1]]
        kinds += ["Iceberg"] if _ICEBERG.search(name) else []
        if kinds:
            msg = (
                f"--customers: {_shown(url)} is a table of {kinds[0]}, and its files also hold "
                "rows that were deleted or replaced: write the people to a folder of their own, "
                "or name files of such a folder"
            )
            raise CustomersError(msg)


def _is_hidden(name: str) -> bool:
    """Return whether Spark would not read a file: it, or its folder, is being written."""
    return any(part.startswith(("_", ".")) and "=" not in part for part in name.split("/"))


def _matching(url: str, pattern: str, names: Sequence[str]) -> list[str]:
    found = [*filter(_expression(pattern, "[^/]*").fullmatch, names)]
    deeper = [*filter(_expression(pattern, ".*").fullmatch, names)]
    if len(deeper) > len(found):
        example = next(name for name in deeper if name not in {*found})
        msg = (
            f"--customers: {_shown(url)} may mean {len(deeper) - len(found)} more files in other "
            f"folders, such as {redact(example)}: write ** for * to read these too, or move them "
            "away"
        )
        raise CustomersError(msg)
    return found


def _expression(pattern: str, star: str) -> re.Pattern[str]:
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": star}
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern)
    return re.compile("".join(meanings.get(part) or re.escape(part) for part in parts), re.DOTALL)


def _refuse_others(url: str, found: Sequence[str], names: Sequence[str]) -> None:
    others = [name for name in names if name not in {*found}]
    if found and others:
        msg = (
            f"--customers: {len(others)} files of the folder {_shown(url)} are not named "
            f"*{_SUFFIX}, such as {redact(others[0])}: name the files by a pattern, such as "
            f"{_shown(url).rstrip('/')}/*{_SUFFIX}"
        )
        raise CustomersError(msg)


def _partitions(names: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in names:
        for part in name.split("/")[:-1]:
            column, is_partition, value = part.partition("=")
            if is_partition:
                found.setdefault(column, set()).add(value)
    return found


def _shown(url: str) -> str:
    return redact(url.partition("?")[0])
