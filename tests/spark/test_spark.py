"""Runs the tests on Spark in an environment of their own, because Spark is half a gigabyte."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from docs_blocks import block

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON = ROOT / ".venv-spark" / "bin" / "python"
OLDEST_JAVA = 17


def java_version() -> int:
    """Return the version of Java that Spark would use; 0 if there is none."""
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else shutil.which("java")
    if not java or not Path(java).exists():
        return 0
    told = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found[1]) if found else 0


def environment() -> dict[str, str]:
    """Return what Spark's own processes need to find this Python and the parts of the tests.

    The suites get the Python of the documentation from here, where its parser is installed.
    """
    table = block("docs/scale.md", "from target_pinterest_audiences.spark").text
    stream = block("docs/scale.md", "def sync_batch").text
    parts = os.pathsep.join(str(folder) for folder in (HERE, HERE.parent))
    return {
        "DOCS_PYTHON": json.dumps([table, stream]),
        "PYTHONPATH": parts,
        "PYSPARK_PYTHON": str(PYTHON),
        "PYSPARK_DRIVER_PYTHON": str(PYTHON),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


@pytest.mark.parametrize("suite", ["local", "connect", "cluster"])
def test_suite_passes_on_spark(suite: str, tmp_path: Path) -> None:
    if java_version() < OLDEST_JAVA:
        pytest.skip(f"NOT TESTED ON SPARK: install Java {OLDEST_JAVA} or newer, then `make spark`")
    if not PYTHON.exists():
        pytest.skip("NOT TESTED ON SPARK: `make spark` installs Spark into .venv-spark")
    # Neither the options of the other tests, nor their fixtures, which need more packages.
    options = ["-q", "-rs", "--override-ini=addopts=", "--override-ini=filterwarnings="]
    options += [f"--confcutdir={HERE}", f"--basetemp={tmp_path / 'suite'}", "-p", "spark_fixtures"]
    command = [str(PYTHON), "-m", "pytest", *options, str(HERE / f"{suite}_suite.py")]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | environment(),
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]
