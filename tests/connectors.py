"""Runs the Airbyte connectors as Airbyte does, and judges what they print."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbyte_protocol.models import AirbyteMessage
from programs import Process, Run
from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SOURCE, DESTINATION = "source-pinterest-audiences", "destination-pinterest-audiences"
TOKEN = {"auth_type": "access_token", "access_token": "pina_demo"}
_BODIES = {
    "RECORD": "record",
    "STATE": "state",
    "LOG": "log",
    "SPEC": "spec",
    "CONNECTION_STATUS": "connectionStatus",
    "CATALOG": "catalog",
    "TRACE": "trace",
    "CONTROL": "control",
}
_ENDS = ("RUNNING", "COMPLETE", "INCOMPLETE")
_NEXT = {"absent": ("STARTED",), "STARTED": _ENDS, "RUNNING": _ENDS}
SECRETS = ("pina_", "pinr.", "demo-secret")


@dataclasses.dataclass(frozen=True)
class Output(Run):
    """What a connector printed."""

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the bodies of the messages of a type."""
        return [each[_BODIES[kind]] for each in self.messages if each["type"] == kind]

    def data(self, stream: str) -> list[dict[str, Any]]:
        return [each["data"] for each in self.of("RECORD") if each["stream"] == stream]

    @property
    def states(self) -> list[dict[str, Any]]:
        return self.of("STATE")

    @property
    def last_states(self) -> list[dict[str, Any]]:
        """The state that Airbyte keeps: the last one of each stream."""
        found = {each["stream"]["stream_descriptor"]["name"]: each for each in self.states}
        return [*found.values()]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [each["error"] for each in self.of("TRACE") if each["type"] == "ERROR"]

    @property
    def failure(self) -> dict[str, Any]:
        """The one error of a run."""
        (error,) = self.errors
        return error

    @property
    def logged(self) -> str:
        return "\n".join(each["message"] for each in self.of("LOG"))

    def statuses(self, stream: str) -> list[str]:
        """Return the statuses of a stream, those that tell of a wait in lower case."""
        found = [each["stream_status"] for each in self.of("TRACE") if "stream_status" in each]
        return [
            each["reasons"][0]["type"].lower() if "reasons" in each else each["status"]
            for each in found
            if each["stream_descriptor"]["name"] == stream
        ]

    @property
    def connection(self) -> dict[str, Any]:
        (status,) = self.of("CONNECTION_STATUS")
        return status


class Connectors:
    """The source and the destination, each command in a new and empty home folder.

    Attributes:
        prepare: What each process calls first; see `Fork`.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        """Run in ``folder``, with ``config`` unless a call says otherwise."""
        self.folder = folder
        self.config = dict(config)
        self.prepare: tuple[str, str, object] | None = None

    def run(
        self,
        name: str,
        verb: str,
        *,
        lines: Iterable[object] = (),
        config: object = None,
        **files: object,
    ) -> Output:
        """Run a command with its files, and make sure that its output is valid."""
        output = self.start(name, verb, lines=lines, config=config, **files)
        assert problems(output) == []
        return output

    def start(
        self,
        name: str,
        verb: str,
        *,
        lines: Iterable[object] = (),
        config: object = None,
        **files: object,
    ) -> Output:
        """Run a command with its files, whatever its output is."""
        if verb != "spec":
            files["config"] = self.config if config is None else config
        home = Path(tempfile.mkdtemp(dir=self.folder))
        options = options_in(home, **files)
        stdin = "".join(
            (each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines
        )
        command = [name, verb, *options]
        run = Process(command, stdin, home, prepare=self.prepare, HOME=str(home)).wait()
        return Output(run.code, run.out, run.err)

    def discover(self, **config: Any) -> list[dict[str, Any]]:
        output = self.run(SOURCE, "discover", config={**self.config, **config})
        streams: list[dict[str, Any]] = output.of("CATALOG")[0]["streams"]
        return streams

    def read(
        self,
        *streams: str,
        state: object = None,
        mode: str = "incremental",
        **config: Any,
    ) -> Output:
        """Read streams, by default all but those of one request for each audience."""
        found = self.discover(**config)
        wanted = streams or [each["name"] for each in found]
        catalog = configured(found, wanted, mode)
        files: dict[str, Any] = {} if state is None else {"state": state}
        return self.run(SOURCE, "read", config={**self.config, **config}, catalog=catalog, **files)

    def write(self, lines: Iterable[object], catalog: Mapping[str, Any], **config: Any) -> Output:
        full = {**self.config, **config}
        return self.run(DESTINATION, "write", lines=lines, config=full, catalog=catalog)


def options_in(folder: Path, **files: object) -> list[str]:
    """Write files, JSON unless they are text, and return the options that name them."""
    options = []
    for option, content in files.items():
        path = folder / f"{option}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        options += [f"--{option}", str(path)]
    return options


def configured(
    streams: Iterable[Mapping[str, Any]], wanted: Sequence[str], mode: str = "incremental"
) -> dict[str, Any]:
    """Return a configured catalog of some streams, as PyAirbyte makes it."""
    return {
        "streams": [
            {
                "stream": stream,
                "sync_mode": mode,
                "destination_sync_mode": "append_dedup",
                "generation_id": 1,
                "minimum_generation_id": 1,
                "sync_id": 1,
            }
            for stream in streams
            if stream["name"] in wanted
        ]
    }


def problems(output: Output) -> list[str]:
    """Return what is wrong with the output of a connector."""
    found = [*_invalid_messages(output)]
    if found:
        return found
    found += _unequal_to_the_exit_code(output)
    found += _secrets(output)
    if any("stream_status" in each for each in output.of("TRACE")):
        found += _Order(output.messages).found
    return found


def _invalid_messages(output: Output) -> Iterator[str]:
    for line in output.out.splitlines():
        try:
            message = AirbyteMessage.model_validate_json(line)
        except ValidationError as error:
            yield f"invalid message {line[:80]}: {error}"
            continue
        if getattr(message, _BODIES[message.type.value]) is None:
            yield f"{message.type.value} without a body"


def _unequal_to_the_exit_code(output: Output) -> Iterator[str]:
    failed = bool(output.errors) or '"INCOMPLETE"' in output.out
    if failed and output.code != 1:
        yield f"failed with the exit code {output.code}"
    if output.code == 1 and not output.errors:
        yield "exit code 1 without an ERROR"


def _secrets(output: Output) -> Iterator[str]:
    for message in output.messages:
        text = json.dumps(message)
        if message["type"] != "CONTROL" and any(secret in text for secret in SECRETS):
            yield f"a secret in a {message['type']}"


class _Order:
    """Follows the order of a source's messages.

    Attributes:
        found: What is wrong with it.
    """

    def __init__(self, messages: Iterable[dict[str, Any]]) -> None:
        self.found: list[str] = []
        self._status: dict[str, str] = {}
        self._counts: collections.Counter[str] = collections.Counter()
        self._states: dict[str, list[object]] = collections.defaultdict(list)
        for message in messages:
            if message["type"] == "RECORD":
                self._record(message["record"])
            elif message["type"] == "STATE":
                self._state(message["state"])
            elif message["type"] == "TRACE" and "stream_status" in message["trace"]:
                self._turn(message["trace"]["stream_status"])
        for stream, sent in self._states.items():
            if any(one == other for one, other in itertools.pairwise(sent)):
                self.found.append(f"the same state of {stream} twice")
        for stream, last in self._status.items():
            if last in {"STARTED", "RUNNING"}:
                self.found.append(f"{stream} did not end")

    def _record(self, record: dict[str, Any]) -> None:
        stream = record["stream"]
        self._counts[stream] += 1
        if self._status.get(stream) != "RUNNING":
            self.found.append(f"a record of {stream}, which is {self._status.get(stream)}")

    def _state(self, state: dict[str, Any]) -> None:
        stream = state["stream"]["stream_descriptor"]["name"]
        self._states[stream].append(state["stream"]["stream_state"])
        if self._status.get(stream) not in {"STARTED", "RUNNING"}:
            self.found.append(f"a state of {stream}, which is {self._status.get(stream)}")
        if state["sourceStats"]["recordCount"] != self._counts.pop(stream, 0):
            self.found.append(f"a state of {stream} counts other records than came before it")

    def _turn(self, about: dict[str, Any]) -> None:
        stream, new = about["stream_descriptor"]["name"], about["status"]
        old = self._status.get(stream, "absent")
        if new not in _NEXT.get(old, ()):
            self.found.append(f"{stream} is {new} after {old}")
        if new == "COMPLETE" and (self._counts[stream] or not self._states[stream]):
            self.found.append(f"{stream} is COMPLETE, and no state covers all of its records")
        self._status[stream] = new
