"""Loaders other than target-postgres, each in its own environment, and their tables."""

from __future__ import annotations

import ast
import csv
import json
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from forks import TIMEOUT_SECONDS
from programs import environment
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent


class Loader(ABC):
    """A loader with its own folder."""

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def bin(self, program: str) -> Path:
        path = ROOT / f".venv-{self.name}" / "bin" / program
        assert path.exists(), f"{path} is missing: `make install` installs it"
        return path

    def load(self, lines: str) -> None:
        """Load what a tap printed."""
        done = subprocess.run(
            self.command(),
            input=lines,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            env={
                **environment(self.folder),
                "DLT_DATA_DIR": str(self.folder),
                "RUNTIME__DLTHUB_TELEMETRY": "false",
                "DESTINATION__DUCKDB__CREDENTIALS": str(self.folder / "warehouse.duckdb"),
            },
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stderr

    @abstractmethod
    def command(self) -> list[str | Path]:
        """Return the command that loads its input."""

    @abstractmethod
    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table, without null and empty values."""

    @staticmethod
    @abstractmethod
    def read_object(text: str) -> Any:
        """Read an object from a column, in the loader's format."""


class TargetCSV(Loader):
    name = "target-csv"
    flattening: ClassVar[Mapping[str, Any]] = {}
    """Settings with which the loader flattens records."""

    @override
    def command(self) -> list[str | Path]:
        config = self.folder / "loader.json"
        config.write_text(json.dumps({"output_path": str(self.folder), **self.flattening}))
        return [self.bin(self.name), "--config", config]

    @override
    def rows(self, table: str) -> list[dict[str, Any]]:
        with (self.folder / f"{table}.csv").open(newline="") as file:
            return [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]

    @staticmethod
    @override
    def read_object(text: str) -> Any:
        return ast.literal_eval(text)


class FlatteningTargetCSV(TargetCSV):
    flattening: ClassVar[Mapping[str, Any]] = {
        "flattening_enabled": True,
        "flattening_max_depth": 1,
    }


class DuckDB(Loader):
    """DuckDB, filled by the example for dlt."""

    name = "dlt"

    @override
    def command(self) -> list[str | Path]:
        return [self.bin("python"), ROOT / "examples" / "load_with_dlt.py", "duckdb"]

    @property
    def path(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @override
    def load(self, lines: str) -> None:
        super().load(lines)
        self._tables = self._read_tables()

    @override
    def rows(self, table: str) -> list[dict[str, Any]]:
        return [
            {k: v for k, v in row.items() if v not in {None, ""}} for row in self._tables[table]
        ]

    def _read_tables(self) -> dict[str, list[dict[str, Any]]]:
        program = (
            "import duckdb, json, sys\n"
            "database = duckdb.connect(sys.argv[1], read_only=True)\n"
            "listed = database.sql('SHOW ALL TABLES').fetchall()\n"
            "tables = {}\n"
            "for _, schema, name, *_ in listed:\n"
            "    if schema == 'pinterest':\n"
            "        found = database.sql(f'SELECT * FROM pinterest.\"{name}\"')\n"
            "        tables[name] = [dict(zip(found.columns, row)) for row in found.fetchall()]\n"
            "print(json.dumps(tables, default=str))"
        )
        done = subprocess.run(
            [self.bin("python"), "-c", program, self.path],
            capture_output=True,
            text=True,
            check=True,
        )
        tables: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
        return tables

    @staticmethod
    @override
    def read_object(text: str) -> Any:
        return json.loads(text)
