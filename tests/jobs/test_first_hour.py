"""The commands of the page for the first hour lead to a job that cron can run."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from docs_blocks import ROOT, block
from docs_shell import PORT, check
from logins import browser, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator


def test_first_hour_ends_with_a_job_that_cron_runs(tmp_path: Path, demo: Emulator) -> None:
    folder = tmp_path / "pinterest"
    folder.mkdir()
    installed = {"source": ROOT, "programs": ROOT / ".venv", "loader": ROOT / ".venv-target-csv"}
    for name, place in installed.items():
        (folder / name).symlink_to(place)
    steps = [
        block("docs/first-hour.md", "cd ~/pinterest\nexport PATH"),
        block("docs/first-hour.md", "cp source/examples/singer_job.py"),
        block("docs/first-hour.md", "python3 singer_job.py"),
    ]
    home = {"HOME": str(tmp_path), "BROWSER": browser(tmp_path)}
    swaps = {PORT: str(free_port()), "login --config": f"login --port {free_port()} --config"}
    check(steps, tmp_path, swaps, env=home)

    # The emulator of the page has ended; what follows runs on another one, as on Pinterest.
    settings = folder / "login.json"
    settings.write_text(
        settings.read_text().replace(f"http://127.0.0.1:{swaps[PORT]}/v5", demo.url)
    )
    check([block("docs/first-hour.md", "pinterest-audiences login")], folder, swaps, env=home)
    schedule = block("docs/first-hour.md", "0 * * * *").text.removeprefix("0 * * * *")
    for emitted in ("671 of audiences", "Done: 22 records"):
        done = subprocess.run(
            ["/bin/sh", "-c", schedule],
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"},
            cwd=tmp_path,
            check=False,
        )
        log = (folder / "cron.log").read_text()
        assert done.returncode == 0, log
        assert emitted in log
