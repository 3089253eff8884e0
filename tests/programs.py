"""Runs the project's console scripts as a user does: as processes, with real files and signals."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from forks import Fork

from tap_pinterest_audiences.tap import TapPinterestAudiences

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable, Mapping, Sequence

BIN = Path(sys.executable).parent


@dataclasses.dataclass(frozen=True)
class Run:
    """How a program ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [
            message["record"]
            for message in self.messages
            if message.get("type") == "RECORD" and message["stream"] == stream
        ]

    @property
    def state(self) -> dict[str, Any]:
        """The last state: a STATE message of a tap, a plain line of a target."""
        last: dict[str, Any] = {}
        for message in self.messages:
            if message.get("type") == "STATE":
                last = message["value"]
            elif "type" not in message:
                last = message
        return last

    @property
    def complaints(self) -> list[str]:
        """The lines of the log that report an error."""
        return [
            line.split("|", 3)[-1].strip() for line in self.err.splitlines() if "| ERROR" in line
        ]


def environment(home: Path) -> dict[str, str]:
    """Return an environment without the developer's own settings and state."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("TAP_", "TARGET_", "MELTANO_", "LOGLEVEL"))
    }
    return {**kept, "XDG_STATE_HOME": str(home / "state")}


class Process:
    """A running console script.

    Attributes:
        running: All that a test started and did not wait for.
        pid: Its process id.
    """

    running: ClassVar[set[Process]] = set()

    def __init__(
        self,
        command: list[str],
        stdin: Path | str,
        folder: Path,
        *,
        prepare: tuple[str, str, object] | None = None,
        **env: str,
    ) -> None:
        """Start it in `folder`.

        Args:
            command: Its name and options.
            stdin: A file or a text.
            folder: Its working directory.
            prepare: What the process calls first; see `Fork`.
            env: Environment variables beside those of `environment`.
        """
        self._folder = tempfile.TemporaryDirectory()
        self._files = [Path(self._folder.name, name) for name in ("in", "out", "err")]
        if isinstance(stdin, str):
            self._files[0].write_text(stdin)
        else:
            self._files[0] = stdin
        self._fork = Fork(
            command,
            files=self._files,
            folder=folder,
            env={**environment(folder), **env},
            prepare=prepare,
        )
        self.pid = self._fork.pid
        self.running.add(self)

    def stop(self, number: signal.Signals) -> Run:
        os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> Run:
        code = self._fork.wait()
        _, out, err = self._files
        run = Run(code, out.read_text(), err.read_text())
        self._clean()
        return run

    def kill(self) -> None:
        """End what a test that failed may leave, so that no other test fails for it."""
        self._fork.kill()
        self._clean()

    def _clean(self) -> None:
        self.running.discard(self)
        self._folder.cleanup()


class Programs:
    """The tap and the target, with their files in one folder.

    Attributes:
        prepare: What each process calls first; see `Fork`.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Run in ``folder``, with ``settings`` unless a call says otherwise."""
        self.folder = folder
        self.settings = dict(settings)
        self.prepare: tuple[str, str, object] | None = None

    def file(self, name: str, content: object) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def run(self, name: str, *options: str, stdin: Path | str = "", **env: str) -> Run:
        return Process([name, *options], stdin, self.folder, prepare=self.prepare, **env).wait()

    def tap(
        self,
        *options: str,
        state: Mapping[str, Any] | None = None,
        streams: Sequence[str] = ("ad_accounts", "audiences"),
        **settings: Any,
    ) -> Run:
        """Run the tap for some streams; ``--test`` and ``--catalog`` choose their own."""
        if "--catalog" not in options and "--test" not in options:
            catalog = self.file("selected.json", selecting(streams))
            options = ("--catalog", str(catalog), *options)
        config = self.file("tap.json", {**self.settings, **settings})
        if state is not None:
            options = ("--state", str(self.file("state.json", state)), *options)
        return self.run("tap-pinterest-audiences", "--config", str(config), *options)

    def start(
        self, lines: Path | str | Iterable[object], *, name: str = "target", **settings: Any
    ) -> Process:
        """Start the target with a file, text or messages as its input."""
        config = self.file(f"{name}.json", {**self.settings, **settings})
        if not isinstance(lines, Path | str):
            lines = "".join(json.dumps(line) + "\n" for line in lines)
        command = ["target-pinterest-audiences", "--config", str(config)]
        return Process(command, lines, self.folder, prepare=self.prepare)

    def target(self, lines: Path | str | Iterable[object], **settings: Any) -> Run:
        return self.start(lines, **settings).wait()


def selecting(streams: Sequence[str]) -> dict[str, Any]:
    """Return a catalog in which these streams are selected and no others."""
    tap = TapPinterestAudiences(config={}, validate_config=False, setup_mapper=False)
    catalog: dict[str, Any] = tap.catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
    return catalog


def schema(stream: str = "audiences", **properties: object) -> dict[str, Any]:
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": properties},
        "key_properties": [],
    }


def record(stream: str = "audiences", **fields: object) -> dict[str, Any]:
    return {"type": "RECORD", "stream": stream, "record": fields}


def state(value: object) -> dict[str, Any]:
    return {"type": "STATE", "value": {"seen": value}}


def statuses(requests: Iterable[Mapping[str, Any]]) -> collections.Counter[tuple[str, int]]:
    """Count an emulator's request log by operation and status."""
    return collections.Counter((entry["operation"], entry["status"]) for entry in requests)
