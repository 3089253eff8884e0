"""Progress of a run: a bar on a terminal, log lines elsewhere."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

from programs import BIN, environment

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
    terminal, stderr = pty.openpty()
    rows_and_columns = struct.pack("HHHH", 24, 120, 0, 0)
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, rows_and_columns)
    with (programs.folder / "out").open("w") as stdout:
        process = subprocess.Popen(
            [BIN / "tap-pinterest-audiences", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment(programs.folder),
        )
        os.close(stderr)
        shown = b""
        try:
            while chunk := os.read(terminal, 65536):
                shown += chunk
        except OSError:  # the other end is closed
            pass
        os.close(terminal)
        assert process.wait(30) == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\n", "\r").split("\r")
    last = [line for line in lines if line.startswith("audiences: 100%")][-1]
    assert last.rstrip().endswith("3/3 lists, 3 pages, 600 records")
    assert any("http_request_count" in line for line in lines), "the log is shown, too"
    assert b"\x1b[?25h" in shown, "the cursor stays visible if the run is killed"
    assert (programs.folder / "out").read_text().count('"RECORD"') > 600
