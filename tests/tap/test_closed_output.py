"""The tap after the program that reads its output has ended."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from forks import TIMEOUT_SECONDS
from programs import BIN, environment

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator


def run_into_closed_pipe(programs: Programs, lines: int, *options: str) -> tuple[int, list[str]]:
    """Run the tap, and close its output after so many lines; return exit code and log."""
    config = programs.file("tap.json", programs.settings)
    with (
        (programs.folder / "log").open("w+") as log,
        subprocess.Popen(
            [BIN / "tap-pinterest-audiences", "--config", str(config), *options],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(programs.folder),
        ) as tap,
    ):
        assert tap.stdout
        for _ in range(lines):
            assert tap.stdout.readline()
        tap.stdout.close()
        code = tap.wait(TIMEOUT_SECONDS)
        log.seek(0)
        return code, log.read().splitlines()


@pytest.mark.parametrize("lines", [0, 1, 400])
def test_output_that_closes_early_logs_one_line(
    emulator: Emulator, programs: Programs, lines: int
) -> None:
    emulator.seed(ad_accounts=2, audiences=5000)
    code, log = run_into_closed_pipe(programs, lines)
    assert code == 1
    assert "| ERROR" in log[-1]
    assert "Output: the program that read it" in log[-1]
    assert not any("Traceback" in line or "Exception ignored" in line for line in log)


@pytest.mark.parametrize("option", ["--discover", "--about"])
def test_catalog_and_settings_to_a_closed_pipe_log_one_line(
    programs: Programs, option: str
) -> None:
    code, log = run_into_closed_pipe(programs, 0, option)
    assert code == 1
    assert "Output: the program that read it" in log[-1]
    assert not any("Traceback" in line or "Exception ignored" in line for line in log)
