"""The customers' table: Parquet files, of which one column identifies a person."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import dataset, fs

from pinterest_audiences.errors import PinterestError, redact
from target_pinterest_audiences.bulk.store import filesystem_of
from target_pinterest_audiences.input.consent import consent_columns
from target_pinterest_audiences.input.deletions import ORIGIN_DELETED
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.identifiers import LIST_TYPES
from target_pinterest_audiences.members.records import DIGEST, KEY_DIGEST, MEMBER_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_pinterest_audiences.bulk.plan import Mode


_OF_KEPT_RECORDS = frozenset({ORIGIN_DELETED, DIGEST, KEY_DIGEST})
"""Columns of records that the target rejected and kept: of somebody who may have been deleted."""


class CustomersError(PinterestError):
    """The customers' table cannot be read, or can be read two ways."""


@dataclass(frozen=True, slots=True)
class Customers:
    """Rows of people.

    Attributes:
        rows: All files as one table.
        local: The files, if all are on this machine: DuckDB reads these faster by itself.
        column: The column that identifies a person, in each file.
        list_type: Pinterest's ``list_type`` of it.
    """

    rows: dataset.Dataset
    local: list[str] | None
    column: str
    list_type: str


def customers_at(urls: Sequence[str], mode: Mode) -> Customers:
    """Find the files, and the column that identifies a person.

    Args:
        urls: Parquet files, folders of them, or patterns such as ``s3://bucket/people/*.parquet``.
        mode: What is to be done with them.

    Raises:
        CustomersError: If there are none, or if it is not plain what their columns mean.
    """
    try:
        found = [_files(url) for url in urls]
        parts = [dataset.dataset(paths, filesystem=at, format="parquet") for at, paths in found]
        rows = parts[0] if len(parts) == 1 else dataset.dataset(parts)
        schemas = [part.physical_schema for part in rows.get_fragments()]
    except (OSError, pa.ArrowException) as error:
        msg = f"--customers cannot be read: {redact(str(error).partition(chr(10))[0])}"
        raise CustomersError(msg) from None
    columns = dict.fromkeys(name for schema in schemas for name in schema.names)
    column, list_type = identifier_column(list(columns), mode)
    types = {schema.field(column).type if column in schema.names else None for schema in schemas}
    if len(types) > 1:
        msg = f"--customers: the files do not all have the same column {redact(column)}"
        raise CustomersError(msg)
    is_local = all(isinstance(at, fs.LocalFileSystem) for at, _ in found)
    local = [path for _, paths in found for path in paths] if is_local else None
    return Customers(rows, local, column, list_type)


def _files(url: str) -> tuple[fs.FileSystem, list[str]]:
    system, path = filesystem_of(url)
    if "*" not in path and system.get_file_info(path).type == fs.FileType.File:
        return system, [path]
    folder = path.partition("*")[0].rpartition("/")[0] if "*" in path else path
    selector = fs.FileSelector(folder or "/", recursive=True, allow_not_found=True)
    pattern = path if "*" in path else f"{path.rstrip('/')}/*.parquet"
    found = [
        info.path
        for info in system.get_file_info(selector)
        if info.type == fs.FileType.File
        and fnmatch.fnmatchcase(info.path, pattern)
        and not info.base_name.startswith(("_", "."))
    ]
    if not found:
        msg = f"--customers: there are no files {redact(url.partition('?')[0])}"
        raise CustomersError(msg)
    return system, sorted(found)


def identifier_column(columns: Sequence[str], mode: Mode) -> tuple[str, str]:
    """Return the column that identifies a person, and its ``list_type``.

    A column that says who is to be out, or in which list, would be a mistake to leave unread.

    Args:
        columns: All columns of the customers' table.
        mode: What is to be done with it.

    Raises:
        CustomersError: If it is not plain what the columns mean.
    """
    meant = {column: MEMBER_COLUMNS.name(column) for column in columns}
    found = [column for column in columns if meant[column] in LIST_TYPES]
    if len(found) != 1:
        said = f"{len(found)} of them ({', '.join(map(redact, found))})" if found else "none"
        msg = f"customers: the table needs one column of {', '.join(LIST_TYPES)}, and it has {said}"
        raise CustomersError(msg)
    others = [
        column
        for column, name in meant.items()
        if column not in found and (name or column.strip().casefold() in _OF_KEPT_RECORDS)
    ]
    if others := [*others, *consent_columns(columns)]:
        msg = (
            f"customers: the column {redact(others[0])} can say who is to be in which list, and is "
            "not read here: leave out its rows or the column, or use the target"
        )
        raise CustomersError(msg)
    if mode == "mirror" and (partial := mirror.partial_columns(columns)):
        msg = f"customers: {partial}, so it may hold a part of the table only: use mode append"
        raise CustomersError(msg)
    return found[0], LIST_TYPES[str(meant[found[0]])]
