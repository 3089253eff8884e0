"""The target: its settings, which sink takes which stream, and how a run ends.

Only this module of the target uses private names of the SDK.
"""

from __future__ import annotations

import copy
import json
import sys
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from typing_extensions import override

from pinterest_audiences.config import ACCESS_TOKEN, API_SETTINGS, LOGIN, REFRESH_TOKEN
from pinterest_audiences.errors import PinterestError, one_line_errors
from pinterest_audiences.plugin import PinterestPlugin
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.config import TARGET_SETTINGS
from target_pinterest_audiences.input import stream_maps
from target_pinterest_audiences.input.batch_files import read_files
from target_pinterest_audiences.input.column_names import is_blank_row
from target_pinterest_audiences.input.reader import StrictReader
from target_pinterest_audiences.members.records import STREAM as MEMBERS
from target_pinterest_audiences.run.connection_test import connection_test
from target_pinterest_audiences.run.context import RunContext
from target_pinterest_audiences.run.end import report_end
from target_pinterest_audiences.run.progress import progress_line
from target_pinterest_audiences.sinks.audiences import AudiencesSink
from target_pinterest_audiences.sinks.base import DroppedSink
from target_pinterest_audiences.sinks.members import AudienceMembersSink
from target_pinterest_audiences.sinks.sharing import AudienceSharingSink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.mapper import StreamMap
    from singer_sdk.sinks import Sink

    from pinterest_audiences.plugin import ConfigInput
    from target_pinterest_audiences.sinks.base import ContextSink

SINKS: dict[str, type[ContextSink]] = {
    "audiences": AudiencesSink,
    MEMBERS: AudienceMembersSink,
    "audience_sharing": AudienceSharingSink,
}


_RECORDS_OF_A_FILE = 1000


class UnknownStreamError(PinterestError):
    """The input has a stream that no sink takes."""


class TargetPinterestAudiences(PinterestPlugin, Target):
    """Singer target for Pinterest's audiences."""

    name = "target-pinterest-audiences"
    package_name = "pinterest-audiences"
    auth_groups = (REFRESH_TOKEN, ACCESS_TOKEN, LOGIN)
    message_reader_class = StrictReader

    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    config_jsonschema = th.PropertiesList(*API_SETTINGS, *TARGET_SETTINGS).to_dict()

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Read the settings and prepare the run.

        Raises:
            SettingsError: If a setting is missing or cannot be right.
        """
        super().__init__(*args, **kwargs)
        # Sinks share one session and write one record after the other.
        self.max_parallelism = 1
        self.context = RunContext(
            self.config, self.logger, release_state=self.release_state, hooks=self.hooks
        )
        self._held_state: dict[str, Any] | None = None
        self._direct: dict[str, AudienceMembersSink | None] = {}

    @override
    def get_sink(
        self,
        stream_name: str,
        *,
        record: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
        key_properties: Sequence[str] | None = None,
    ) -> Sink:
        """Return a stream's sink; one of members stays, whatever becomes of the schema."""
        active = self._sinks_active.get(stream_name)
        if isinstance(active, AudienceMembersSink):
            return active
        return super().get_sink(
            stream_name, record=record, schema=schema, key_properties=key_properties
        )

    @override
    def get_sink_class(self, stream_name: str) -> type[ContextSink]:
        """Return the sink of a stream.

        Raises:
            UnknownStreamError: If there is none.
        """
        if stream_name == MEMBERS and self.context.file_ledger:
            # It needs an extra.
            from target_pinterest_audiences.sinks.bulk_members import (  # noqa: PLC0415
                BulkMembersSink,
            )

            return BulkMembersSink
        if stream_name in SINKS:
            return SINKS[stream_name]
        if stream_maps.drop_all(self._maps(stream_name)):
            return DroppedSink
        rename = json.dumps({stream_name: {"__alias__": "audiences"}})
        msg = (
            f"The input has a stream {stream_name!r}; this target takes {', '.join(SINKS)}. If it "
            f"holds one of these, rename it with the setting stream_maps, like {rename}"
        )
        raise UnknownStreamError(msg)

    @override
    def process_endofpipe(self) -> None:
        """Do what had to wait for the end of the input, and pass on the state.

        A record may name the list that members make, and the audience of a list may be a record
        that waits. So lists come first, then records, then the audiences that lists still lack.
        """
        self.context.in_flight.settle()
        members = self._sinks_active.get(MEMBERS)
        if isinstance(members, AudienceMembersSink):
            members.end()
            self.context.tracker.retry()
            self.context.customer_lists.complete()
            self.context.note_failed_lists()
        self.context.tracker.finish()
        self.release_state()
        super().process_endofpipe()

    def pass_on_state(self) -> None:
        """Pass on the last state before which everything is done."""
        if self._latest_state:
            self._write_state_message(copy.deepcopy(self._latest_state))

    def report_end(self, ended: BaseException | None = None) -> None:
        """Report, and make sure that all was done; ``ended`` is why the run ended early.

        Raises:
            PinterestError: If it did not end early, and not all was done.
        """
        self.context.report.blank_lines = cast("StrictReader", self.message_reader).blank_lines
        report_end(self.context, ended)

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self.context.in_flight.settle()
        self.context.tracker.note_schema(message_dict)
        self._direct.clear()
        # A key means nothing here, and the SDK refuses a stream map that leaves it out.
        super()._process_schema_message({**message_dict, "key_properties": []})
        stream = message_dict["stream"]
        self.context.note_schema(message_dict)
        if sink := self._sink_of_members(stream):
            sink.note_table(stream)

    @override
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        """Tell the sink of members which table is whole; no other sink removes anything."""
        self.context.in_flight.settle()
        if sink := self._sink_of_members(message_dict["stream"]):
            sink.activate(message_dict["stream"], message_dict["version"])

    def _sink_of_members(self, stream: str) -> AudienceMembersSink | None:
        """Return the sink of members if a stream's records go there."""
        if not any(item.stream_alias == MEMBERS for item in self._maps(stream)):
            return None
        sink = self._sinks_active.get(MEMBERS)
        return sink if isinstance(sink, AudienceMembersSink) else None

    @override
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        if sink := self._members_sink(message_dict["stream"]):
            stream, version = message_dict["stream"], message_dict.get("version")
            if sink.add(
                stream, message_dict["record"], version, self.context.tracker.count(stream)
            ):
                self._handle_max_record_age()
            return
        aliases = {item.stream_alias for item in self._maps(message_dict["stream"])}
        private = MEMBERS in aliases
        self.context.tracker.note_message(message_dict, aliases, private=private)
        if is_blank_row(message_dict["record"]):
            stream = message_dict["stream"]
            self.context.in_flight.run(lambda: self.context.report.skip(stream))
            return
        try:
            super()._process_record_message(message_dict)
        except Exception as error:
            if not stream_maps.failed_in(error):
                raise
            # What the expression says of the value is not told: it may be a person's.
            reason = f"a stream map cannot be applied to it ({type(error).__name__})"
            self.context.tracker.refuse(message_dict["stream"], Reject("stream_map_failed", reason))
            members = self._sinks_active.get(MEMBERS)
            if private and isinstance(members, AudienceMembersSink):
                members.note_unread()

    @override
    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        """Take the records of the files one by one, so that stream maps apply to them too."""
        stream = message_dict["stream"]
        if members := self._members_sink(stream):
            members.take_files(message_dict)
            self._handle_max_record_age()
            return
        for records in read_files(message_dict, self.config, _RECORDS_OF_A_FILE):
            for record in records:
                self._process_record_message({"type": "RECORD", "stream": stream, "record": record})

    def _maps(self, stream: str) -> Sequence[StreamMap]:
        return self.mapper.stream_maps.get(stream, ())

    def _members_sink(self, stream: str) -> AudienceMembersSink | None:
        """Return the sink of members that may take a stream's records as they are.

        They come by the million: what the SDK does to each record takes several times as long as
        all that is done here, and means nothing to them where no stream map changes them.
        """
        if stream not in self._direct:
            unchanged = stream_maps.change_nothing(self._maps(stream))
            sink = self._sinks_active.get(stream) if unchanged else None
            self._direct[stream] = sink if isinstance(sink, AudienceMembersSink) else None
        return self._direct[stream]

    def _members_wait(self) -> bool:
        return any(
            isinstance(sink, AudienceMembersSink) and sink.has_pending
            for sink in self._sinks_active.values()
        )

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        """Hold back every state that comes after a record that is not done or kept."""
        self.context.note_state(message_dict["value"])
        wait = self._members_wait()  # now: no state waits for members that come after it
        self.context.in_flight.run(lambda: self._take_state(message_dict, members_wait=wait))

    def _take_state(self, message_dict: dict[str, Any], *, members_wait: bool) -> None:
        if self.context.tracker.has_unhandled or self.config["dry_run"]:
            return
        if self.context.tracker.has_pending or members_wait:
            self._held_state = message_dict
            return
        self._held_state = None
        super()._process_state_message(message_dict)

    def release_state(self) -> None:
        """Pass on what was held back, if nothing is left to be done before it."""
        if self._held_state:
            self._take_state(self._held_state, members_wait=self._members_wait())

    @override
    def _write_state_message(self, state: dict[str, Any]) -> None:
        """Pass on a state, once what it passes is safe."""
        if self.context.dead_letters:
            self.context.dead_letters.commit()
        self.emit_state(state)

    def emit_state(self, state: dict[str, Any]) -> None:
        """Write a state to standard output; a subclass may do something else with it."""
        super()._write_state_message(state)

    def can_mirror(self, stream: str) -> bool:
        """Return whether a whole version of a stream, after its SCHEMA, removes what it lacks."""
        maps = self._maps(stream)
        only_members = all(item.stream_alias == MEMBERS for item in maps)
        return bool(maps) and only_members and self.config["member_mode"] == "mirror"

    def connection_test(self) -> None:
        """Make sure that a run can begin; see ``connection_test``.

        Raises:
            PinterestError: If it cannot.
        """
        connection_test(self.context)

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings, without those that mean nothing to an API of audiences."""
        super().append_builtin_config(config_jsonschema)
        for setting in ("add_record_metadata", "batch_size_rows", "load_method"):
            config_jsonschema["properties"].pop(setting, None)

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the target from the command line, as the SDK does, and end as ``errors`` says.

        Args:
            about: Print settings and capabilities instead.
            about_format: Format of that.
            config: What the SDK made of the ``--config`` options.
            file_input: File to read instead of standard input.
        """
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        with one_line_errors(cls.logger):
            target = cls.configured(config)
            # The SDK would read what was standard input when it was imported.
            target.write_all(file_input or sys.stdin)

    def write_all(self, file_input: IO[str]) -> None:
        """Write all that comes; what was written before a failure is reported.

        Args:
            file_input: Lines for the target's message reader.

        Raises:
            PinterestError: If not all of it could be written.
        """
        with self.context.account_locks:
            try:
                with progress_line(self.context):
                    self.listen(file_input)
            except (KeyboardInterrupt, SystemExit) as stopped:
                # What is to be sent yet may take longer than the sender of the signal waits.
                self.logger.info("Stopped by a signal")
                self.context.in_flight.abandon()
                self.pass_on_state()
                self.report_end(stopped)
                raise
            except PinterestError as error:
                first = self.context.in_flight.settle_after(error)
                self.pass_on_state()
                self.report_end(first)
                if first is error:
                    raise
                raise first from None
            finally:
                self.context.in_flight.close()
            self.report_end()
