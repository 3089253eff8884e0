"""How a run ended, and what is left of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from programs import environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, and what it had printed by then."""

    code: int
    messages: list[dict[str, Any]]
    err: str

    @classmethod
    def read(cls, code: int, folder: Path) -> Self:
        """Read the files `out` and `err` of a run that is over."""
        # A process that was killed may have been in the middle of a line.
        lines = (folder / "out").read_text().split("\n")[:-1]
        return cls(code, [json.loads(line) for line in lines], (folder / "err").read_text())

    @property
    def state(self) -> dict[str, Any] | None:
        """The last state that was passed on."""
        for message in reversed(self.messages):
            if message.get("type") == "STATE":
                return dict(message["value"])
            if "type" not in message:
                return dict(message)
        return None


class Runner(Protocol):
    """Something that runs the programs."""

    def run(self, program: str, folder: Path, options: list[str], plan: Mapping[str, Any]) -> Ended:
        """Run a program in a folder, its input being the file `in`, and wait for its end.

        Args:
            program: `tap` or `target`.
            folder: Where it finds and leaves its files.
            options: Of the command.
            plan: What is to happen.
        """


def talkative(folder: Path) -> dict[str, str]:
    """Return the environment of a program that logs all it can."""
    return {**environment(folder), "LOGLEVEL": "DEBUG"}
