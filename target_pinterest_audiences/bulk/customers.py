"""The customers' table: Parquet files, of which one column identifies a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import dataset, fs

from pinterest_audiences.errors import redact
from target_pinterest_audiences.bulk.customer_files import (
    CustomersError,
    Files,
    files_at,
)
from target_pinterest_audiences.bulk.inner_columns import ANY_KEY, inner_columns
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
        found = [files_at(url) for url in urls]
        parts = [
            dataset.dataset(files.paths, filesystem=files.system, format="parquet")
            for files in found
        ]
        rows = parts[0] if len(parts) == 1 else dataset.dataset(parts)
        schemas = [part.physical_schema for part in rows.get_fragments()]
    except (OSError, pa.ArrowException) as error:
        msg = f"--customers cannot be read: {redact(str(error).partition(chr(10))[0])}"
        raise CustomersError(msg) from None
    columns = [name for schema in schemas for name in schema.names]
    columns += [name for files in found for name in files.partitions]
    inner = [name for schema in schemas for name in inner_columns(schema)]
    column, list_type = identifier_column([*dict.fromkeys(columns)], [*dict.fromkeys(inner)], mode)
    _check_partitions(column, found)
    types = {schema.field(column).type if column in schema.names else None for schema in schemas}
    if len(types) > 1:
        kinds = " or ".join(sorted(str(kind) if kind else "none" for kind in types))
        msg = (
            f"--customers: the files do not all have the same column {redact(column)} ({kinds}): "
            "write it as text to all of them"
        )
        raise CustomersError(msg)
    paths = [path for files in found for path in files.paths]
    is_local = all(isinstance(files.system, fs.LocalFileSystem) for files in found)
    # DuckDB would take a name with such a letter for a pattern.
    local = paths if is_local and not any(map(re.compile(r"[*?[{]").search, paths)) else None
    return Customers(rows, local, column, list_type)


def _check_partitions(column: str, found: Sequence[Files]) -> None:
    """Make sure that the identifier is in the files.

    Raises:
        CustomersError: If it is in the name of a folder.
    """
    if any(column in files.partitions for files in found):
        msg = f"--customers: {redact(column)} is in the names of folders, not in the files"
        raise CustomersError(msg)


def identifier_column(columns: Sequence[str], inner: Sequence[str], mode: Mode) -> tuple[str, str]:
    """Return the column that identifies a person, and its ``list_type``.

    A column that says who is to be out, or in which list, would be a mistake to leave unread.

    Args:
        columns: All columns of the customers' table.
        inner: All that is inside of them, as ``inner_columns`` names it.
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
    others += consent_columns([*columns, *inner])
    others += [name for name in inner if name.endswith(ANY_KEY)]
    if others:
        msg = (
            f"customers: the column {redact(others[0])} can say who is to be in which list, and is "
            "not read here: leave out its rows or the column, or use the target"
        )
        raise CustomersError(msg)
    if mode == "mirror" and (partial := mirror.partial_columns(columns)):
        msg = f"customers: {partial}, so it may hold a part of the table only: use mode append"
        raise CustomersError(msg)
    return found[0], LIST_TYPES[str(meant[found[0]])]
