"""The end of a run, and its output."""

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
    """Exit code and output of a run."""

    code: int
    messages: list[dict[str, Any]]
    err: str

    @classmethod
    def read(cls, code: int, folder: Path) -> Self:
        """Read the files `out` and `err` of a run that is over."""
        # A killed process may have printed half a line.
        lines = (folder / "out").read_text().split("\n")[:-1]
        return cls(code, [json.loads(line) for line in lines], (folder / "err").read_text())

    @property
    def state(self) -> dict[str, Any] | None:
        """The last emitted state."""
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
            folder: Folder of its files.
            options: Options of the command.
            plan: The failures to inject.
        """


def talkative(folder: Path) -> dict[str, str]:
    """Return an environment for the most detailed log."""
    return {**environment(folder), "LOGLEVEL": "DEBUG"}
