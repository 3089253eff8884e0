"""The tap as an Airbyte source: its messages become Airbyte's."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Never

from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.messages import Message, RecordMessage, SchemaMessage, StateMessage
from typing_extensions import override

from airbyte_pinterest_audiences.catalog import (
    airbyte_record,
    airbyte_stream,
    cursors,
    read_catalog,
    singer_catalog,
)
from airbyte_pinterest_audiences.channel import Channel, now_ms
from airbyte_pinterest_audiences.failures import ReportedError, report
from airbyte_pinterest_audiences.program import Given, check, run
from airbyte_pinterest_audiences.state import READ_IN_FULL, StreamState, read_states
from airbyte_pinterest_audiences.tokens import ConfigTokens
from pinterest_audiences.api.hooks import Hooks
from pinterest_audiences.errors import PinterestError
from tap_pinterest_audiences.connection_test import connection_test
from tap_pinterest_audiences.fields import storable
from tap_pinterest_audiences.session import PartialReadError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airbyte_pinterest_audiences.spec import Form
    from tap_pinterest_audiences.session import Unread
    from tap_pinterest_audiences.tap import TapPinterestAudiences

_SAME_RESET_MS = 1000


class SourceWriter(GenericSingerWriter[str, Message]):
    """Turns the messages of a tap into Airbyte's, one stream after the other.

    Attributes:
        stream: The stream that is being read; None before the first and after the last one.
        tap: The tap, once there is one.
    """

    tap: TapPinterestAudiences

    def __init__(self, channel: Channel, cursors: Mapping[str, str]) -> None:
        """Begin before the first stream.

        Args:
            channel: Where to write.
            cursors: The cursor of each stream that is read incrementally.
        """
        self.stream: str | None = None
        self._channel = channel
        self._cursors = cursors
        self._state = StreamState(None)
        self._reported: set[Unread] = set()
        self._quota_reset = 0
        self._lock = threading.Lock()

    @override
    def serialize_message(self, message: Message) -> Never:
        """Do nothing: messages are not written one by one.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError

    @override
    def write_message(self, message: Message) -> None:
        """Write what Airbyte is to know of a message of the tap."""
        if isinstance(message, RecordMessage):
            self.write_records(message.stream, [message.record], message.version)
        elif isinstance(message, SchemaMessage) and message.stream != self.stream:
            self.end_stream()
            self.stream = message.stream
            self._state = StreamState(self._bookmark())
            self._channel.status(self.stream, "STARTED")
        elif isinstance(message, StateMessage) and self.stream in self._cursors:
            # A message has the states of all streams, and those of the others did not change.
            self._write_state(self._bookmark(), last=False)

    def write_records(
        self, stream: str, records: Sequence[dict[str, Any]], version: int | None
    ) -> None:
        """Write a page of records; Airbyte knows nothing of versions."""
        del version
        cursor = self._cursors.get(self.stream or "")
        now = now_ms()
        for record in records:
            if self._state.is_empty:
                self._channel.status(stream, "RUNNING")
            data = airbyte_record(record, cursor, now // 1000)
            self._channel.record(stream, data, now, storable)
            self._state.count()

    def end_stream(self, *, failed: bool = False) -> None:
        """Write the end of the stream, if one is being read.

        Args:
            failed: Whether an error ended it, which is reported elsewhere.
        """
        if self.stream is None:
            return
        unread = [each for each in self.tap.session.unread if each.stream == self.stream]
        complete = not failed and not unread
        if self.stream in self._cursors:
            self._write_state(self._bookmark(), last=complete)
        elif complete:
            self._write_state({READ_IN_FULL: True}, last=True)
        self._channel.status(self.stream, "COMPLETE" if complete else "INCOMPLETE")
        self.stream = None
        self.report_unread()

    def report_unread(self) -> None:
        """Write an ERROR for each thing that could not be read, once."""
        for each in self.tap.session.unread:
            if each not in self._reported:
                self._reported.add(each)
                report(self._channel, PinterestError(f"Not read: {each}"), each.stream)

    def rate_limited(self, seconds: float) -> None:
        """Write that the stream waits; threads that wait for the same reset write it once."""
        with self._lock:
            reset = now_ms() + round(1000 * seconds)
            if self.stream is None or reset <= self._quota_reset + _SAME_RESET_MS:
                return
            self._quota_reset = reset
            reason = {"type": "RATE_LIMITED", "rate_limited": {"quota_reset": reset}}
            self._channel.status(self.stream, "RUNNING", reasons=[reason])

    def _write_state(self, state: Any, *, last: bool) -> None:  # noqa: ANN401
        found = self._state.next(state, last=last)
        if found:
            found["stream"] = {"stream_descriptor": {"name": self.stream}, **found["stream"]}
            self._channel.send("STATE", state={"type": "STREAM", **found})

    def _bookmark(self) -> Any:  # noqa: ANN401
        return self.tap.state.get("bookmarks", {}).get(self.stream or "")


class Source:
    """The commands of a source."""

    def __init__(
        self, tap: type[TapPinterestAudiences], form: Form, spec: Mapping[str, Any]
    ) -> None:
        """Make a source of a tap.

        Args:
            tap: The tap.
            form: Its settings as Airbyte shows them.
            spec: What its specification says beside them.
        """
        self._tap = tap
        self._form = form
        self._spec = spec

    def run(self, args: list[str] | None = None) -> None:
        """Run it as the program of this process; ``args`` is the command line, or its own.

        Airbyte ends a source with SIGTERM as soon as it has what it wants, and does not read what
        comes then. So the signal ends the process at once, whatever it does.
        """
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        verbs = {
            "spec": self.spec,
            "check": self.check,
            "discover": self.discover,
            "read": self.read,
        }
        run(self._tap.name.replace("tap-", "source-"), verbs, args)

    def spec(self, channel: Channel, _files: Mapping[str, Any]) -> None:
        """Write the specification."""
        spec = {**self._spec, "connectionSpecification": self._form.schema()}
        channel.send("SPEC", spec=spec)

    def check(self, channel: Channel, files: Mapping[str, Any]) -> None:
        """Test the connection.

        A stream that cannot be read is named, but it is no failure: perhaps nobody wants it.
        """

        def test() -> str:
            tap = self._configured(channel, files["config"])
            readable = connection_test(tap.session, tap.streams.values())
            unread = tap.session.unread
            if not readable or any(each.stream == "ad_accounts" for each in unread):
                tap.session.raise_if_incomplete()
            return "; ".join(["The connection works", *(f"cannot read {each}" for each in unread)])

        check(channel, test)

    def discover(self, channel: Channel, files: Mapping[str, Any]) -> None:
        """Write the catalog."""
        tap = self._configured(channel, files["config"])
        streams = [airbyte_stream(entry) for entry in tap.catalog_dict["streams"]]
        channel.send("CATALOG", catalog={"streams": streams})

    def read(self, channel: Channel, files: Mapping[str, Any]) -> None:
        """Read the streams of a connection.

        Raises:
            ReportedError: If not all of them could be read.
        """
        tap = self._configured(channel, files["config"])
        catalog = singer_catalog(tap.catalog_dict, read_catalog(files["catalog"]))
        incremental = cursors(catalog)
        state, left_out = read_states(files.get("state"), incremental)
        for stream in left_out:
            tap.logger.warning("State: stream %s is not read incrementally here", stream)
        writer = SourceWriter(channel, incremental)
        tap = self._configured(
            channel,
            files["config"],
            writer,
            catalog=catalog,
            state=state,
        )
        writer.tap = tap
        tap.check_selection()
        try:
            tap.read_all()
        except PartialReadError:
            pass
        except Exception as error:
            current = writer.stream
            writer.end_stream(failed=True)
            report(channel, error, current)
            raise ReportedError from error
        writer.end_stream()
        writer.report_unread()
        if tap.session.unread:
            raise ReportedError

    def _configured(
        self,
        channel: Channel,
        config: Any,  # noqa: ANN401
        writer: SourceWriter | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> TapPinterestAudiences:
        settings = self._form.settings(config)
        hooks = Hooks(token_store=ConfigTokens(config, channel))
        if writer:
            hooks = replace(hooks, on_rate_limit=writer.rate_limited)
        return self._tap.configured(Given(settings), hooks=hooks, message_writer=writer, **kwargs)
