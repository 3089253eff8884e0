"""Modules that a program imports when it calls them, in processes without a warm parent."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from programs import environment, record, schema

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator

LATE = {"joblib", "upath"}
PROGRAM = """
import atexit, sys
from {package}.__main__ import main
atexit.register(lambda: print(*(set(sys.modules) & {late}), file=open({imported!r}, "w")))
main()
"""


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """The file that gets the names of the late modules that a program imported."""
    return tmp_path / "imported"


def run(
    programs: Programs, imported: Path, kind: str, *options: str, stdin: str = "", **settings: Any
) -> list[dict[str, Any]]:
    """Run a program without a warm process; return its messages."""
    config = programs.file("late.json", {**programs.settings, **settings})
    code = PROGRAM.format(package=f"{kind}_pinterest_audiences", late=LATE, imported=str(imported))
    done = subprocess.run(
        [sys.executable, "-c", code, "--config", str(config), *options],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(programs.folder),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_plain_run_of_the_tap_imports_none(
    emulator: Emulator, programs: Programs, imported: Path
) -> None:
    emulator.seed(ad_accounts=1, audiences=3)
    maps = {"audiences": {"__filter__": "record['name'] != 'nobody'", "again": "name"}}
    messages = run(programs, imported, "tap", stream_maps=maps)
    records = [
        each["record"]
        for each in messages
        if (each["type"], each.get("stream")) == ("RECORD", "audiences")
    ]
    assert len(records) == 3
    assert all(record["again"] for record in records)
    assert imported.read_text().split() == []


def test_tap_that_writes_batch_files_imports_what_it_needs(
    emulator: Emulator, programs: Programs, imported: Path, tmp_path: Path
) -> None:
    emulator.seed(ad_accounts=1, audiences=3)
    root = tmp_path / "batches"
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": f"file://{root}"},
    }
    root.mkdir()
    messages = run(programs, imported, "tap", batch_config=batch)
    files = [
        path.removeprefix("file://")
        for each in messages
        if each["type"] == "BATCH" and each["stream"] == "audiences"
        for path in each["manifest"]
    ]
    lines = [
        line for path in files for line in gzip.decompress(Path(path).read_bytes()).splitlines()
    ]
    assert len(lines) == 3
    assert imported.read_text().split() == ["upath"]


def test_target_runs_without_them(emulator: Emulator, programs: Programs, imported: Path) -> None:
    account = emulator.seed(ad_accounts=1, audiences=0)[0]
    rule = {"visitor_source_id": "2612511566392"}
    lines = [schema(), record(name="Shoes", audience_type="VISITOR", rule=rule)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    run(programs, imported, "target", stdin=text, ad_account_id=account)
    assert [each["name"] for each in emulator.state()["audiences"][account]] == ["Shoes"]
    assert "joblib" not in imported.read_text()


def test_late_modules_work_when_they_are_called_or_imported() -> None:
    code = """
from pinterest_audiences.startup import lasting_imports
with lasting_imports():
    from singer_sdk import target_base
    from singer_sdk.helpers import _batch
with target_base.parallel_config(backend="threading", n_jobs=2):
    assert target_base.Parallel()(target_base.delayed(len)(text) for text in ("a", "bc")) == [1, 2]
import joblib, upath
assert isinstance(_batch.UPath("file:///tmp"), upath.UPath)
assert isinstance(joblib.Parallel, type)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
