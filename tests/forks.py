"""Runs the target many times without importing it each time.

A warm process forks for every run. That is a process of its own, with files for its pipes and real
signals, in a tenth of the time that starting Python takes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from programs import TIMEOUT_SECONDS, Programs, Run, environment

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable
    from typing import Self


class Forks:
    """The warm process, from `with` to its end."""

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def ask(self, **what: object) -> int:
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(what) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


class Process:
    """A target on its way."""

    def __init__(self, forks: Forks, folder: Path, config: Path, stdin: Path) -> None:
        """Start it."""
        self._forks = forks
        self._out, self._err = (folder / f"{config.stem}.{name}" for name in ("out", "err"))
        self.pid = forks.ask(
            config=str(config),
            files=[str(stdin), str(self._out), str(self._err)],
            folder=str(folder),
        )

    def stop(self, number: signal.Signals) -> Run:
        os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> Run:
        code = self._forks.ask(wait=self.pid)
        return Run(code, self._out.read_text(), self._err.read_text())


class ForkedPrograms(Programs):
    """The programs, of which the target runs in forks."""

    def __init__(self, forks: Forks, folder: Path, settings: dict[str, Any]) -> None:
        """Run in ``folder``, with ``settings`` unless a call says otherwise."""
        super().__init__(folder, settings)
        self._forks = forks

    def start(
        self, lines: Path | str | Iterable[object], *, name: str = "target", **settings: Any
    ) -> Process:
        """Start the target with a file, text or messages as its input."""
        config = self.file(f"{name}.json", {**self.settings, **settings})
        if isinstance(lines, Path):
            stdin = lines
        else:
            stdin = self.folder / f"{name}.in"
            stdin.write_text(
                lines
                if isinstance(lines, str)
                else "".join(json.dumps(line) + "\n" for line in lines)
            )
        return Process(self._forks, self.folder, config, stdin)

    def target(self, lines: Path | str | Iterable[object], **settings: Any) -> Run:
        return self.start(lines, **settings).wait()


def until(what: Callable[[], object]) -> None:
    """Wait for something that is about to happen."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def _serve() -> None:
    from tap_pinterest_audiences.plugin import run_program  # noqa: PLC0415
    from target_pinterest_audiences.target import TargetPinterestAudiences  # noqa: PLC0415

    # Copies, so that nothing of ours is left in the buffers of what the forks read and print.
    commands, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in commands:
        asked = json.loads(line)
        if "wait" in asked:
            said = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        else:
            said = os.fork()
        if not said and "wait" not in asked:
            for number, path in enumerate(asked["files"]):
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
                os.dup2(os.open(path, flags), number)
            os.chdir(asked["folder"])
            os.environ.clear()
            os.environ.update(environment(Path(asked["folder"])))
            run_program(TargetPinterestAudiences, ["--config", asked["config"]])
        answers.write(f"{said}\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
