"""The commands of the pages for first steps and tasks do what the pages say.

The blocks ``shell`` of a page run one after the other, in one shell and an empty folder. Each line
of a block ``text`` must appear in what the commands before it printed, in this order.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from programs import environment

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(shell|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALLED = re.compile(r"^pip install .*\n", re.MULTILINE)
PORT = "4010"
END = "--- end of block ---"
TUTORIAL = "tutorial.md"
TASKS = ["opt-outs.md", "lost-ledger.md", "audiences-in-git.md"]
SETTINGS = 2
"""The blocks of the tutorial that start the emulator and set the variables."""


def blocks(page: str) -> list[tuple[str, list[str]]]:
    """Return each block of commands, and the lines that the page shows of its output."""
    found: list[tuple[str, list[str]]] = []
    for kind, text in BLOCK.findall((DOCS / page).read_text()):
        if kind == "shell":
            found.append((INSTALLED.sub("", text), []))
        else:
            found[-1][1].extend(text.splitlines())
    return [(commands, lines) for commands, lines in found if commands]


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def check(steps: list[tuple[str, list[str]]], folder: Path) -> None:
    """Run blocks of commands, and compare what they print with what the page shows."""
    port = free_port()
    script = f"\necho '{END}'\n".join(commands for commands, _ in steps)
    # The emulator is a job of the shell, and must not outlive it.
    script = f"set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["/bin/bash", "-c", script.replace(PORT, port)],
        cwd=folder,
        env={**environment(folder), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    printed = done.stdout.replace(port, PORT).split(END)
    assert len(printed) == len(steps)
    for (_, lines), text in zip(steps, printed, strict=True):
        place = 0
        for line in lines:
            found = text.find(line, place)
            assert found >= 0, f"{line!r} is not in:\n{text}"
            place = found + len(line)


def test_tutorial_works_word_for_word(tmp_path: Path) -> None:
    steps = blocks(TUTORIAL)
    assert sum(bool(lines) for _, lines in steps) >= 7
    check(steps, tmp_path)


@pytest.mark.parametrize("page", TASKS)
def test_commands_of_a_task_do_what_its_page_shows(page: str, tmp_path: Path) -> None:
    steps = blocks(page)
    assert any(lines for _, lines in steps)
    check([*blocks(TUTORIAL)[:SETTINGS], *steps], tmp_path)
