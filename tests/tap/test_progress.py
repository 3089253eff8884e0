"""Progress of a run: a bar on a terminal, log lines elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from terminals import on_terminal

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator


def test_progress_is_logged_without_a_terminal(emulator: Emulator, programs: Programs) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=600)
    run = programs.tap()
    read = [line.split("| ", 3)[-1] for line in run.err.splitlines() if "| Read ad account" in line]
    assert read == [
        f"Read ad account {one}, stream audiences: 1 of 2, 2 pages and 300 records so far",
        f"Read ad account {other}, stream audiences: 2 of 2, 4 pages and 600 records so far",
    ]
    assert "\r" not in run.err


def test_progress_is_a_bar_on_a_terminal(emulator: Emulator, programs: Programs) -> None:
    emulator.seed(ad_accounts=3, audiences=600)
    config = programs.file("config.json", programs.settings)
    code, shown = on_terminal(programs, "tap-pinterest-audiences", "--config", str(config))
    assert code == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\n", "\r").split("\r")
    last = [line for line in lines if line.startswith("audiences: 100%")][-1]
    assert last.rstrip().endswith("3/3 lists, 3 pages, 600 records")
    assert any("Beginning sync of" in line for line in lines), "the log is shown, too"
    assert b"\x1b[?25h" in shown, "the cursor stays visible if the run is killed"
    assert (programs.folder / "out").read_text().count('"RECORD"') > 600
