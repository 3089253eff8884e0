"""The page about warehouses: DuckDB is loaded, and the settings of the others are real names."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import requests
import yaml
from docs_blocks import ROOT, block
from docs_shell import PORT, check
from loaders import DuckDB
from logins import free_port
from test_docs_commands import SETTINGS, TUTORIAL, steps_of

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Programs

    from pinterest_emulator.testing import Emulator

PAGE = ROOT / "docs" / "load-warehouses.md"
NAMES = """
import json
from dlt.destinations.impl.bigquery.configuration import BigQueryClientConfiguration
names = BigQueryClientConfiguration().get_resolvable_fields()
print(json.dumps([f"DESTINATION__BIGQUERY__{name.upper()}" for name in names]))
"""
TYPES = """
import duckdb, json, sys
found = duckdb.connect(sys.argv[1]).sql("DESCRIBE pinterest.audiences").fetchall()
print(json.dumps({name: kind for name, kind, *_ in found}))
"""


def printed(loader: DuckDB, program: str, *arguments: str | Path) -> Any:
    """Return the JSON that a program prints in dlt's environment."""
    command = [loader.bin("python"), "-c", program, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def test_commands_load_duckdb(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "load_with_dlt.py", tmp_path)
    steps = [
        *steps_of(TUTORIAL)[:SETTINGS],
        block("docs/load-warehouses.md", "pip install 'dlt[duckdb]"),
        block("docs/load-warehouses.md", "tap-pinterest-audiences"),
    ]
    programs = [DuckDB(tmp_path).bin("python").parent]
    check(steps, tmp_path, {PORT: str(free_port())}, programs=programs)


def test_removed_audience_keeps_its_row_in_duckdb(
    demo: Emulator, programs: Programs, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"api_url": demo.url, "detect_removed": True}
    loader = DuckDB(tmp_path)
    first = programs.tap(**settings)
    loader.load(first.out)
    gone = first.records("audiences")[0]
    requests.patch(
        f"{demo.url}/ad_accounts/{gone['ad_account_id']}/audiences/{gone['id']}",
        json={"ad_account_id": gone["ad_account_id"], "operation_type": "REMOVE"},
        headers={"Authorization": "Bearer pina_demo"},
        timeout=10,
    ).raise_for_status()
    loader.load(programs.tap(state=first.state, **settings).out)
    rows = loader.rows("audiences")
    assert len(rows) == 671
    (marked,) = [row for row in rows if "_sdc_deleted_at" in row]
    assert {key for key in marked if not key.startswith("_")} == {"id", "ad_account_id"}
    assert marked["id"] == gone["id"]


def test_columns_of_duckdb_have_the_types_of_the_page(
    demo: Emulator, programs: Programs, tmp_path: Path
) -> None:
    loader = DuckDB(tmp_path)
    loader.load(programs.tap(api_url=demo.url, detect_removed=True).out)
    types = printed(loader, TYPES, loader.path)
    text = PAGE.read_text()
    for column, row in [
        ("rule", "`rule`"),
        ("updated_timestamp", "times, in seconds"),
        ("_sdc_deleted_at", "`_sdc_deleted_at`"),
    ]:
        assert f"\n| {row} | `{types[column]}` |" in text


def test_settings_for_snowflake_are_yaml() -> None:
    shown = yaml.safe_load(block("docs/load-warehouses.md", "plugins:").text)
    plugins: dict[str, list[dict[str, Any]]] = shown["plugins"]
    (loader,) = plugins["loaders"]
    assert (loader["name"], loader["variant"]) == ("target-snowflake", "meltanolabs")
    package, version = loader["pip_url"].split("==")
    assert f"`{package}` {version}." in PAGE.read_text()
    (tap,) = plugins["extractors"]
    assert tap == {"name": "tap-pinterest-audiences", "config": {"detect_removed": True}}


def test_variables_for_bigquery_are_settings_of_dlt(tmp_path: Path) -> None:
    variables = block("docs/load-warehouses.md", "GOOGLE_APPLICATION_CREDENTIALS=").text
    named = {line.split("=")[0] for line in variables.splitlines()}
    settings = set(printed(DuckDB(tmp_path), NAMES))
    assert named - settings == {"GOOGLE_APPLICATION_CREDENTIALS"}
