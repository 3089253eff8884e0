"""The commands of the pages for first steps and tasks do what the pages say.

The blocks ``shell`` of a page run one after the other, in one shell and an empty folder. Each line
of a block ``text`` must appear in what the commands before it printed, in this order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from docs_blocks import Block, blocks
from docs_shell import PORT, check
from logins import free_port

if TYPE_CHECKING:
    from pathlib import Path

TUTORIAL = "tutorial.md"
TASKS = [
    "audiences-in-git.md",
    "copy-account.md",
    "incremental.md",
    "lost-ledger.md",
    "opt-outs.md",
    "rejected-rows.md",
]
"""Pages in ``docs/`` that use the emulator and the variables of the tutorial."""
SETTINGS = 2
"""The blocks of the tutorial that start the emulator and set the variables."""


def steps_of(page: str) -> list[Block]:
    return [each for each in blocks(f"docs/{page}") if each.language == "shell" and each.commands]


def test_tutorial_works_word_for_word(tmp_path: Path) -> None:
    steps = steps_of(TUTORIAL)
    assert sum(bool(step.shown) for step in steps) >= 7
    check(steps, tmp_path, {PORT: str(free_port())})


@pytest.mark.parametrize("page", TASKS)
def test_commands_of_a_task_do_what_its_page_shows(page: str, tmp_path: Path) -> None:
    steps = steps_of(page)
    assert any(step.shown for step in steps)
    start = steps_of(TUTORIAL)[:SETTINGS]
    check([*start, *steps], tmp_path, {PORT: str(free_port())})
