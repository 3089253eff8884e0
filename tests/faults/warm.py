"""Runs the tap and the target many times without importing them each time.

As in `forks.py`, every run is its own process with files for its pipes. This one also runs the
tap, and the requests of each run pass through an `Interposer`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ended import Ended, talkative

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

_TESTS = Path(__file__).parent.parent
_LEARNT: set[str] = set()


class Warm:
    """A warm process for the duration of a `with` block. One thread may use it."""

    def __enter__(self) -> Self:
        paths = [str(_TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def run(self, program: str, folder: Path, options: list[str], plan: Mapping[str, Any]) -> Ended:
        """Run a program; see `Runner`, and for the plan `Interposer` and `bugs`."""
        assert self._server.stdin
        assert self._server.stdout
        asked = {"program": program, "folder": str(folder), "options": options, "plan": plan}
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        return Ended.read(int(self._server.stdout.readline()), folder)


def _become(asked: dict[str, Any]) -> None:
    import bugs  # noqa: PLC0415
    from interposer import Interposer  # noqa: PLC0415

    from pinterest_audiences.plugin import run_program  # noqa: PLC0415
    from tap_pinterest_audiences.tap import TapPinterestAudiences  # noqa: PLC0415
    from target_pinterest_audiences.target import TargetPinterestAudiences  # noqa: PLC0415

    os.chdir(asked["folder"])
    for number, name in enumerate(("in", "out", "err")):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        os.dup2(os.open(name, flags, 0o600), number)
    os.environ.clear()
    os.environ.update(talkative(Path(asked["folder"])))
    Interposer(asked["plan"]).install()
    if "bug" in asked["plan"]:
        bugs.plant(asked["plan"]["bug"])
    atexit.register(lambda: Path("modules").write_text("\n".join(list(sys.modules))))
    plugin = TapPinterestAudiences if asked["program"] == "tap" else TargetPinterestAudiences
    run_program(plugin, asked["options"])


def _learn(modules: Path) -> None:
    """Import the modules that a run had to import, so that the next run has them."""
    names = set(modules.read_text().split("\n") if modules.exists() else ()) - _LEARNT
    for name in sorted(names - sys.modules.keys()):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if names:
        # Forks do not write to frozen objects, so their memory is not copied.
        gc.collect()
        gc.freeze()
    _LEARNT.update(names)


def _serve() -> None:
    import bugs  # noqa: F401, PLC0415  (imported once, before the forks)
    import interposer  # noqa: F401, PLC0415

    import tap_pinterest_audiences.tap  # noqa: F401, PLC0415
    import target_pinterest_audiences.target  # noqa: F401, PLC0415

    # Copies, so that the buffers of the forks contain nothing of this process.
    commands, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in commands:
        asked = json.loads(line)
        process = os.fork()
        if not process:
            _become(asked)
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n")
        answers.flush()
        _learn(Path(asked["folder"], "modules"))


if __name__ == "__main__":
    _serve()
