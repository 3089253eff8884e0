"""Imports at startup, which delay every job."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"sqlalchemy", "psycopg", "rich", "pyarrow"}
"""Together they would double the startup time."""


@pytest.mark.parametrize(
    "module",
    [
        "tap_pinterest_audiences.tap",
        "target_pinterest_audiences.target",
        "airbyte_pinterest_audiences.pinterest_source",
        "airbyte_pinterest_audiences.pinterest_destination",
    ],
)
def test_heavy_modules_are_imported_lazily(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert not HEAVY & imported
    assert "target_pinterest_audiences.report.page" not in imported
    assert not {"tap_pinterest_audiences", "target_pinterest_audiences"} <= imported
