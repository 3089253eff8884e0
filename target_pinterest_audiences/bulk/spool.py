"""Keeps who came for each list until the input has ended: keys in files, in the order of the input.

What is written holds hashes only, as the ledger does, and lies in a folder for this user alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    from target_pinterest_audiences.members.customer_list import CustomerList

_COLUMNS = pa.schema([("key", pa.binary()), ("number", pa.int64()), ("is_in", pa.bool_())])
_MOST_IN_MEMORY = 500_000
"""Rows; with many lists each has only a few of them."""


@dataclass(slots=True)
class Spooled:
    """Who came for one list.

    Attributes:
        members: The list.
        files: Parquet with the columns ``key``, ``number`` and ``is_in``: of the rows of one
            person, that with the largest number counts.
        rows: How many rows there are.
        any_out: Whether any of them asks for a removal.
    """

    members: CustomerList
    files: list[Path] = field(default_factory=list)
    rows: int = 0
    any_out: bool = False
    _waiting: list[pa.RecordBatch] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write what is in memory to a file of its own."""
        if not self._waiting:
            return
        file = folder / f"{id(self)}-{len(self.files)}.parquet"
        table = pa.Table.from_batches(self._waiting, _COLUMNS)
        pq.write_table(
            table, file, compression="none", use_dictionary=False, write_statistics=False
        )
        self.files.append(file)
        self._waiting.clear()

    def add(self, rows: pa.RecordBatch) -> None:
        """Take rows in."""
        self._waiting.append(rows)
        self.rows += rows.num_rows


class Spool:
    """Who came for each list.

    Attributes:
        lists: The lists that somebody came for.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder that is empty."""
        self.lists: dict[int, Spooled] = {}
        self._folder = folder
        self._in_memory = 0

    def add(self, members: CustomerList, keys: pa.Array, numbers: pa.Array, *, is_in: bool) -> None:
        """Note who came.

        Args:
            members: The list.
            keys: The people, as the ledger has them.
            numbers: What distinguishes their rows: later ones have larger numbers.
            is_in: Whether the people are to be in the list.
        """
        found = self.lists.setdefault(id(members), Spooled(members))
        said = pa.repeat(pa.scalar(is_in), len(keys))
        found.add(pa.record_batch([keys, numbers, said], schema=_COLUMNS))
        found.any_out = found.any_out or not is_in
        self._in_memory += len(keys)
        if self._in_memory >= _MOST_IN_MEMORY:
            self.flush()

    def flush(self) -> None:
        """Write all that is in memory."""
        for each in self.lists.values():
            each.write(self._folder)
        self._in_memory = 0
