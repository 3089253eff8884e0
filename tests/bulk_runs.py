"""Runs `pinterest-audiences members`, and looks at what is left of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from people import NAME, email
from programs import Process, Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pinterest_emulator.testing import Emulator


FILES = 2
"""Of a table."""


@dataclass
class Bulk:
    """A team that syncs one table into the list of one audience."""

    folder: Path
    emulator: Emulator
    account: str
    prepare: tuple[str, str, object] | None = None
    """What a process calls first; see `Fork`."""

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def customers(self, emails: Iterable[str | None], **more: str) -> None:
        """Replace the table; ``more`` columns hold the same in each row."""
        table = self.folder / "customers"
        table.mkdir(exist_ok=True)
        for old in table.iterdir():
            old.unlink()
        found = [*emails]
        size = max(-(-len(found) // FILES), 1)
        for number in range(FILES):
            part = found[number * size : (number + 1) * size]
            columns = {"email": pa.array(part, pa.string())}
            columns |= {name: pa.array([value] * len(part)) for name, value in more.items()}
            pq.write_table(pa.table(columns), table / f"{number}.parquet")

    def people(self, numbers: Iterable[int]) -> None:
        """Replace the table by these people."""
        self.customers(map(email, numbers))

    def command(self, *options: str, **settings: Any) -> list[str]:
        """Return a command line of `sync`."""
        known = {
            "access_token": "pina_demo",
            "api_url": self.emulator.url,
            "ad_account_id": self.account,
            "report_path": str(self.folder / "report.json"),
            "member_batch_size": 100,
        }
        config = self.folder / "config.json"
        config.write_text(json.dumps(known | settings))
        table = f"{self.folder}/customers/*.parquet"
        given = ["--customers", table, "--audience", NAME, "--config", str(config)]
        given += ["--ledger", str(self.ledger), "--memory-limit", "500MB"]
        return ["pinterest-audiences", "members", "sync", *given, *options]

    def start(self, *options: str, prepare: Any = None, **settings: Any) -> Process:
        command = self.command(*options, **settings)
        return Process(command, "", self.folder, prepare=prepare or self.prepare)

    def sync(self, *options: str, **settings: Any) -> Run:
        return self.start(*options, **settings).wait()

    def mirror(self, *options: str, **settings: Any) -> Run:
        return self.sync("--mode", "mirror", *options, **settings)

    def run(self, *arguments: str, stdin: str = "") -> Run:
        """Run another command of `members`."""
        command = ["pinterest-audiences", "members", *arguments]
        return Process(command, stdin, self.folder, prepare=self.prepare).wait()

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found

    @property
    def current(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.ledger / self.account / "CURRENT").read_text())
        return found

    def runs(self) -> list[Path]:
        """The runs of the ledger that are there, the oldest first."""
        folder = self.ledger / self.account / "runs"
        return sorted(folder.iterdir()) if folder.exists() else []


def keys(run: Path, operation: str) -> list[str]:
    """What a plan adds, or removes, as it is sent."""
    found = [
        key.hex()
        for file in sorted((run / operation).glob("*.parquet"))
        for key in pq.read_table(file).column("key").to_pylist()
    ]
    assert found == sorted(set(found))
    return found


def texts_below(folder: Path) -> Sequence[tuple[Path, bytes]]:
    return [(path, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
