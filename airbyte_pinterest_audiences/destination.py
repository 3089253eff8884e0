"""The target as an Airbyte destination: Airbyte's messages become the target's."""

from __future__ import annotations

import sys
import time
from collections import Counter
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Never, cast

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.singerlib.json import deserialize_json
from typing_extensions import override

from airbyte_pinterest_audiences.catalog import (
    OVERWRITE,
    read_catalog,
    singer_schema,
    without_airbyte_columns,
)
from airbyte_pinterest_audiences.failures import ProtocolError, TransientError
from airbyte_pinterest_audiences.program import Given, check, run
from airbyte_pinterest_audiences.state import Answers, Descriptor
from airbyte_pinterest_audiences.tokens import ConfigTokens
from pinterest_audiences.api.hooks import Hooks
from pinterest_audiences.errors import PinterestError, SettingsError, redact
from pinterest_audiences.plugin import ignore_signals_during_shutdown
from target_pinterest_audiences.run.report import RejectedRecordsError
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airbyte_pinterest_audiences.catalog import Configured
    from airbyte_pinterest_audiences.channel import Channel
    from airbyte_pinterest_audiences.spec import Form
    from target_pinterest_audiences.run.report import Report

_MODES = ("append", "append_dedup", OVERWRITE)


class _Record(msgspec.Struct):
    stream: str
    data: dict[str, Any]


class _Status(msgspec.Struct):
    stream_descriptor: Descriptor
    status: str


class _Trace(msgspec.Struct):
    type: str
    stream_status: _Status | None = None


class _Message(msgspec.Struct):
    type: str
    record: _Record | None = None
    state: dict[str, Any] | None = None
    trace: _Trace | None = None


_decode = msgspec.json.Decoder(_Message, float_hook=Decimal).decode


class AirbyteReader(GenericSingerReader[bytes]):
    """Reads Airbyte messages and hands them to the target as Singer messages.

    Attributes:
        blank_lines: How many lines were blank.
        answers: The states that came.
        can_mirror: Tells whether the target can remove what a whole version of a stream lacks.
    """

    can_mirror: Callable[[str], bool]

    def __init__(self, streams: Sequence[Configured]) -> None:
        """Begin before the first line.

        Args:
            streams: The streams of the connection.
        """
        super().__init__()
        self.blank_lines = 0
        self.answers = Answers()
        self._streams = {each.stream.name: each for each in streams}
        # Not the generation: PyAirbyte gives each run the same one.
        self._version = time.time_ns()
        self._unfinished = {
            each.stream.name for each in streams if each.destination_sync_mode == OVERWRITE
        }
        self._overwritten = frozenset(self._unfinished)
        self._line = 0

    @property
    @override
    def default_input(self) -> IO[bytes]:
        """Standard input."""
        return sys.stdin.buffer

    @override
    def deserialize_json(self, line: bytes) -> Never:
        """Do nothing: messages of Airbyte are no messages of Singer.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError

    @override
    def process_lines(
        self,
        file_input: IO[bytes] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Read all lines.

        Raises:
            SettingsError: If a stream cannot be written as the connection asks for.
            TransientError: If it is unknown whether all records of a stream came that is
                overwritten. Then the target removes nobody, and passes no state on.
        """
        for stream in self._streams.values():
            callbacks["SCHEMA"](singer_schema(stream))
        self._check_modes()
        counts: Counter[str] = Counter()
        for line in file_input or self.default_input:
            self._line += 1
            if line.isspace():
                self.blank_lines += 1
                continue
            message = self._read(line)
            counts[message.type] += 1
            if message.type == "RECORD":
                self._take_record(message.record, callbacks["RECORD"])
            elif message.type == "STATE":
                self._take_state(message.state, callbacks["STATE"])
            elif message.trace and message.trace.stream_status:
                self._take_status(message.trace.stream_status, callbacks["ACTIVATE_VERSION"])
        if self._unfinished:
            msg = (
                f"Stream {', '.join(map(redact, sorted(self._unfinished)))}: the source did not "
                "say that it is COMPLETE, so it is unknown whether all of its records came: nobody "
                "was removed, and no state is passed on. Run the sync again"
            )
            raise TransientError(msg)
        return counts

    def _check_modes(self) -> None:
        """Make sure that each stream can be written as the connection asks for.

        Raises:
            SettingsError: If one cannot.
        """
        mirrors = {name for name in self._streams if self.can_mirror(name)}
        for name, stream in self._streams.items():
            if name not in self._overwritten:
                if self._overwritten and name in mirrors:
                    self._refuse(name, "is appended, but another stream of members is overwritten")
            elif name not in mirrors:
                self._refuse(
                    name,
                    "is to be overwritten, which is possible only for members, and only with "
                    "member_mode mirror and a ledger: choose append or append_dedup, which update "
                    "what is there and remove nothing",
                )
            elif stream.is_incremental:
                self._refuse(
                    name,
                    "is to be overwritten, but it is read incrementally, so its records are a part "
                    "of its table: choose full refresh",
                )

    def _refuse(self, stream: str, why: str) -> Never:
        msg = f"Catalog: stream {redact(stream)} {why}"
        raise SettingsError(msg)

    def _take_record(
        self, record: _Record | None, callback: Callable[[dict[str, Any]], None]
    ) -> None:
        if record is None or record.stream not in self._streams:
            self._fail("is a RECORD without a body, or of a stream that is not in the catalog")
        stream = record.stream
        self.answers.count(stream)
        data = without_airbyte_columns(record.data)
        message: dict[str, Any] = {"type": "RECORD", "stream": stream, "record": data}
        if stream in self._overwritten:
            self._unfinished.add(stream)
            message["version"] = self._version
        callback(message)

    def _take_state(
        self, state: dict[str, Any] | None, callback: Callable[[dict[str, Any]], None]
    ) -> None:
        if not state:
            self._fail("is a STATE without a body")
        try:
            number = self.answers.add(state)
        except (AttributeError, KeyError, TypeError):
            self._fail("is a STATE of another form than the protocol has")
        callback({"type": "STATE", "value": {"airbyte": number}})

    def _take_status(self, status: _Status, callback: Callable[[dict[str, Any]], None]) -> None:
        stream = status.stream_descriptor.name
        if stream not in self._overwritten:
            return
        if status.status == "COMPLETE" and stream in self._unfinished:
            self._unfinished.discard(stream)
            callback({"type": "ACTIVATE_VERSION", "stream": stream, "version": self._version})
        elif status.status == "INCOMPLETE":
            self._unfinished.add(stream)

    def _read(self, line: bytes) -> _Message:
        try:
            return _decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError):
            pass
        try:
            # The SDK takes what msgspec does not, such as half of a character.
            return msgspec.convert(deserialize_json(line.decode()), _Message)
        except (ValueError, RecursionError, ArithmeticError):
            self._fail("is no Airbyte message")

    def _fail(self, what: str) -> Never:
        """Refuse a line, of which nothing is shown.

        Raises:
            ProtocolError: Always.
        """
        msg = f"Input line {self._line} {what}; nothing after it was read"
        raise ProtocolError(msg)


class AirbyteTarget(TargetPinterestAudiences):
    """The target, which passes Airbyte's states on."""

    answers: Answers
    channel: Channel

    @override
    def emit_state(self, state: dict[str, Any]) -> None:
        """Write all states that are safe now, in the order in which they came."""
        for each in self.answers.up_to(state["airbyte"]):
            self.channel.send("STATE", state=each)


def _unwritten(report: Report) -> PinterestError:
    """Return why a run failed whose records were not all written."""
    rejected, deferred = report.total("rejected"), report.total("deferred")
    msg = (
        f"{rejected} records were rejected and {deferred} deferred, as the log says. No state "
        "after the first of them is passed on, so the next sync tries them again"
    )
    return PinterestError(f"{msg}: correct them") if rejected else TransientError(msg)


class Destination:
    """The commands of a destination."""

    def __init__(self, form: Form, spec: Mapping[str, Any]) -> None:
        """Make a destination of the target.

        Args:
            form: Its settings as Airbyte shows them.
            spec: What its specification says beside them.
        """
        self._form = form
        self._spec = spec

    def run(self, args: list[str] | None = None) -> None:
        """Run it as the program of this process; ``args`` is the command line, or its own."""
        verbs = {"spec": self.spec, "check": self.check, "write": self.write}
        run(self._form.plugin.name.replace("target-", "destination-"), verbs, args)

    def spec(self, channel: Channel, _files: Mapping[str, Any]) -> None:
        """Write the specification."""
        spec = {
            **self._spec,
            "supportsIncremental": True,
            "supported_destination_sync_modes": _MODES,
            "connectionSpecification": self._form.schema(),
        }
        channel.send("SPEC", spec=spec)

    def check(self, channel: Channel, files: Mapping[str, Any]) -> None:
        """Test the connection, without a write."""

        def test() -> str:
            settings = {**self._form.settings(files["config"]), "dry_run": True}
            self._configured(channel, files["config"], settings).connection_test()
            return "The connection works. Only a write shows whether the user may write"

        check(channel, test)

    def write(self, channel: Channel, files: Mapping[str, Any]) -> None:
        """Write what comes on standard input.

        Raises:
            SettingsError: If a stream asks for a mode that there is not.
        """
        settings = self._form.settings(files["config"])
        streams = read_catalog(files["catalog"])
        modes = {each.destination_sync_mode for each in streams}
        if not modes <= {*_MODES}:
            msg = f"Catalog: destination_sync_mode has to be one of {', '.join(_MODES)}"
            raise SettingsError(msg)
        if OVERWRITE not in modes and "member_mode" in settings:
            settings["member_mode"] = "add"  # no table is whole
        reader = AirbyteReader(streams)
        target = self._configured(channel, files["config"], settings, message_reader=reader)
        reader.can_mirror = target.can_mirror
        target.answers, target.channel = reader.answers, channel
        with ignore_signals_during_shutdown():
            try:
                target.write_all(cast("IO[str]", sys.stdin.buffer))
            except RejectedRecordsError as error:
                raise _unwritten(target.context.report) from error

    def _configured(
        self,
        channel: Channel,
        config: Any,  # noqa: ANN401
        settings: dict[str, Any],
        **kwargs: Any,  # noqa: ANN401
    ) -> AirbyteTarget:
        hooks = Hooks(token_store=ConfigTokens(config, channel))
        return AirbyteTarget.configured(Given(settings), hooks=hooks, **kwargs)
