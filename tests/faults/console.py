"""Runs the programs and kills them from outside."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from elsewhere import change, count
from ended import Ended, talkative
from forks import Fork

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOOK_SECONDS = 0.002


class Console:
    """The programs as a user runs them, without an interposer and with real waits."""

    def run(self, program: str, folder: Path, options: list[str], plan: Mapping[str, Any]) -> Ended:
        """Run a program; see `Runner`.

        The plan may have `changes` and `changes_at`, as for an `Interposer`, and `kill` with
        `at`, `seconds` and `signal`: the signal comes so long after Pinterest got that request.
        """
        before = count(plan["base"])
        fork = Fork(
            [f"{program}-pinterest-audiences", *options],
            files=[folder / name for name in ("in", "out", "err")],
            folder=folder,
            env=talkative(folder),
        )
        try:
            _watch(fork, folder, plan, before)
            return Ended.read(fork.wait(), folder)
        finally:
            fork.kill()


def _watch(fork: Fork, folder: Path, plan: Mapping[str, Any], before: int) -> None:
    """Carry out the plan."""
    changes, kill = plan.get("changes"), plan.get("kill")
    while (changes or kill) and fork.poll() is None:
        seen = count(plan["base"]) - before
        if changes and seen >= plan["changes_at"]:
            change(plan, folder)
            changes = None
        if kill and seen >= kill["at"]:
            time.sleep(kill["seconds"])
            os.kill(fork.pid, kill["signal"])
            return
        time.sleep(_LOOK_SECONDS)
