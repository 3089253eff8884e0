"""The contestants that only start: what a program costs before it does anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.contest import Contestant
from bench.measure import Command
from bench.parts import BIN
from bench.readers import python_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.contest import Run

FLOOR = "import singer_sdk"


def starts() -> list[Contestant]:
    """Return all contestants."""
    commands = {
        "Python alone": [python_of("bench-template"), "-c", "pass"],
        FLOOR: [python_of("bench-template"), "-c", "import singer_sdk"],
        "this tap --version": [str(BIN / "tap-pinterest-audiences"), "--version"],
        "this target --version": [str(BIN / "target-pinterest-audiences"), "--version"],
        "this Airbyte source spec": [str(BIN / "source-pinterest-audiences"), "spec"],
    }
    return [Contestant(name, _run(command), lambda _: None) for name, command in commands.items()]


def _run(command: Sequence[str]) -> Callable[[Run], Command]:
    return lambda _: Command(command)
