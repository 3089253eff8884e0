"""Runs the tap and the target as forks, whose requests pass through an `Interposer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bugs
from ended import Ended, talkative
from forks import Fork
from interposer import Interposer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Warm:
    """Starts each program from a process that has imported it."""

    def run(self, program: str, folder: Path, options: list[str], plan: Mapping[str, Any]) -> Ended:
        """Run a program; see `Runner`, and for the plan `Interposer` and `bugs`."""
        fork = Fork(
            [f"{program}-pinterest-audiences", *options],
            files=[folder / name for name in ("in", "out", "err")],
            folder=folder,
            env=talkative(folder),
            prepare=(__name__, inject.__name__, dict(plan)),
        )
        return Ended.read(fork.wait(), folder)


def inject(plan: dict[str, Any]) -> None:
    """Carry out a plan in this process."""
    Interposer(plan).install()
    if "bug" in plan:
        bugs.plant(plan["bug"])
