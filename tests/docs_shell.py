"""Runs the commands of pages as a user types them: in one shell, in one folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from programs import environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from docs_blocks import Block

PORT = "4010"
"""The port of the emulator on all pages."""

END = "--- end of block ---"


def check(
    steps: Sequence[Block],
    folder: Path,
    swaps: Mapping[str, str],
    *,
    programs: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
) -> None:
    """Run blocks of commands; each line of output on the page must appear, in this order.

    Args:
        steps: The blocks.
        folder: Where the shell starts.
        swaps: What is another text here than on the page, such as the port of the emulator.
        programs: Folders of other programs than those of this project.
        env: Variables beside those of `environment`.
    """
    script = f"\necho '{END}'\n".join(step.commands for step in steps)
    # Jobs of the shell, such as the emulator, must not outlive it.
    script = f"set -eo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"
    path = os.pathsep.join(map(str, [*programs, Path(sys.executable).parent, "/usr/bin", "/bin"]))
    for shown, real in swaps.items():
        script = script.replace(shown, real)
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=folder,
        env={**environment(folder), "PATH": path, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    printed = done.stdout
    for shown, real in swaps.items():
        printed = printed.replace(real, shown)
    assert done.returncode == 0, printed
    parts = printed.split(END)
    assert len(parts) == len(steps)
    for step, part in zip(steps, parts, strict=True):
        place = 0
        for line in step.shown:
            found = part.find(line, place)
            assert found >= 0, f"{step}: {line!r} is not in:\n{part}"
            place = found + len(line)


def write(folder: Path, name: str, content: object) -> None:
    """Write a file that the commands of a page read; what is not text becomes JSON."""
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
