"""Runs the target with BATCH messages of Parquet, and a ledger of files or of a database."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from people import NAME, SCHEMA, STREAM
from programs import Programs, record, state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from programs import Process, Run

    from pinterest_emulator.testing import Emulator

Row = dict[str, Any]


@dataclass
class Batches:
    """A team whose tap sends members as files."""

    folder: Path
    emulator: Emulator
    account: str
    settings: dict[str, Any] = field(default_factory=dict)
    _names: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.programs = Programs(
            self.folder,
            {
                "access_token": "pina_demo",
                "api_url": self.emulator.url,
                "ad_account_id": self.account,
                "ledger_url": f"file://{self.ledger}",
                "report_path": str(self.folder / "report.json"),
                "member_batch_size": 100,
                **self.settings,
            },
        )

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def batch(self, *tables: pa.Table) -> dict[str, Any]:
        """A message that names a file of each table."""
        files = []
        for table in tables:
            file = self.folder / f"{next(self._names)}.parquet"
            pq.write_table(table, file)
            files.append(str(file))
        return {
            "type": "BATCH",
            "stream": STREAM,
            "encoding": {"format": "parquet"},
            "manifest": files,
        }

    def start(self, *messages: Mapping[str, Any], prepare: Any = None, **settings: Any) -> Process:
        """Start the target on a table's SCHEMA, these messages, and a STATE."""
        self.programs.prepare = prepare
        return self.programs.start([SCHEMA, *messages, state(1)], **settings)

    def run(self, *messages: Mapping[str, Any], **settings: Any) -> Run:
        return self.start(*messages, **settings).wait()

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found

    @property
    def list_report(self) -> dict[str, Any]:
        """What the report says of the only list."""
        (found,) = self.report["customer_lists"]
        return {key: value for key, value in found.items() if not key.endswith("_id")}

    @property
    def current(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.ledger / self.account / "CURRENT").read_text())
        return found


def table(rows: Sequence[Row]) -> pa.Table:
    """A table of rows that may lack a column."""
    columns = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: pa.array([row.get(name) for row in rows]) for name in columns})


def rows_of(emails: Iterable[str | None], **more: Any) -> list[Row]:
    return [{"audience_name": NAME, "email": email, **more} for email in emails]


def records_of(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The same people, record by record."""
    return [record(STREAM, **row) for row in rows]
