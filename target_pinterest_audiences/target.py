"""The target: its settings, which sink takes which stream, and how a run ends."""

from __future__ import annotations

import contextlib
import copy
import json
import sys
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from typing_extensions import override

from pinterest_audiences.api.client import PinterestAPI
from pinterest_audiences.config import API_SETTINGS
from pinterest_audiences.errors import (
    PinterestError,
    SettingsError,
    one_line_errors,
)
from pinterest_audiences.files import user_path
from pinterest_audiences.plugin import PinterestPlugin
from target_pinterest_audiences.audiences.account_copy import AccountCopy
from target_pinterest_audiences.audiences.claims import Claims
from target_pinterest_audiences.audiences.existing import Inventories
from target_pinterest_audiences.audiences.writer import DryRunWriter, PinterestWriter, Writer
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.config import TARGET_SETTINGS
from target_pinterest_audiences.input import stream_maps
from target_pinterest_audiences.input.batch_files import read_files
from target_pinterest_audiences.input.column_names import is_blank_row
from target_pinterest_audiences.input.reader import StrictReader
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.customer_lists import CustomerLists, MembersError
from target_pinterest_audiences.members.records import STREAM as MEMBERS
from target_pinterest_audiences.run.account_locks import AccountLocks
from target_pinterest_audiences.run.dead_letters import DeadLetters
from target_pinterest_audiences.run.record_tracker import RecordTracker
from target_pinterest_audiences.run.report import Entry, Report, write
from target_pinterest_audiences.run.report_table import print_table
from target_pinterest_audiences.sinks.audiences import AudiencesSink
from target_pinterest_audiences.sinks.base import DroppedSink
from target_pinterest_audiences.sinks.members import AudienceMembersSink
from target_pinterest_audiences.sinks.sharing import AudienceSharingSink
from target_pinterest_audiences.write_access import WriteAccess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from singer_sdk.mapper import StreamMap
    from singer_sdk.sinks import Sink

    from pinterest_audiences.plugin import ConfigInput
    from target_pinterest_audiences.changes import Owner
    from target_pinterest_audiences.sinks.base import PinterestSink

SINKS: dict[str, type[PinterestSink | AudienceMembersSink]] = {
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
    message_reader_class = StrictReader

    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    config_jsonschema = th.PropertiesList(*API_SETTINGS, *TARGET_SETTINGS).to_dict()

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Read the settings and check that the credentials may write.

        Raises:
            SettingsError: If a setting is missing or cannot be right.
        """
        super().__init__(*args, **kwargs)
        # Sinks share one session and write one record after the other.
        self.max_parallelism = 1
        self.api = PinterestAPI(self.config)
        if not self.api.can_write:
            msg = (
                "Settings: client_id and client_secret alone (client credentials) can only read: "
                "set refresh_token as well, or access_token"
            )
            raise SettingsError(msg)
        if self.config["override_ad_account"] and not self.config.get("ad_account_id"):
            msg = "Settings: override_ad_account needs ad_account_id, the ad account to write to"
            raise SettingsError(msg)
        dry_run: bool = self.config["dry_run"]
        self._access = WriteAccess()
        self.writer: Writer = DryRunWriter() if dry_run else PinterestWriter(self.api, self._access)
        self.report = Report(self.logger, dry_run=dry_run)
        self._report_path = self._path("report_path")
        rejected_path = self._path("rejected_path")
        dead_letters = DeadLetters(rejected_path, reads_only=dry_run) if rejected_path else None
        self.dead_letters = None if dry_run else dead_letters
        self.tracker = RecordTracker(self.report, self.dead_letters)
        self.account_locks = AccountLocks(
            self.api, self.config.get("ledger_url"), self._interrupted
        )
        self._inventories = Inventories(self.api, None if dry_run else self.account_locks)
        self.inventory = self._inventories.of
        self.customer_lists = CustomerLists(
            self.config, self.api, self.writer, self.inventory, self._access
        )
        self.account_copy = AccountCopy()
        self.claims = Claims()
        self.created_ids: set[str] = set()
        self.shared_with_cache: dict[tuple[Owner, str, str], set[str]] = {}
        self._held_state: dict[str, Any] | None = None
        self._direct: dict[str, AudienceMembersSink | None] = {}
        self._problems: list[PinterestError] = []
        self._partial: dict[str, str | None] = {}
        self._seen_state: Mapping[str, Any] = {}

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
    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """Return the sink of a stream.

        Raises:
            UnknownStreamError: If there is none.
        """
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
        members = self._sinks_active.get(MEMBERS)
        if isinstance(members, AudienceMembersSink):
            members.end()
            self.tracker.retry()
            self.customer_lists.complete()
            self._note_failed_lists()
        self.tracker.finish()
        self.release_state()
        super().process_endofpipe()

    def fail(self, error: PinterestError) -> None:
        """Let the run go on, but end as failed, and pass on no state from here."""
        self.logger.error("%s", error)
        self.tracker.has_unhandled = True
        self._problems.append(error)

    def check(self) -> None:
        """Make sure that all was done.

        Raises:
            PinterestError: If not.
        """
        self._access.check_all()
        self.report.check(self.config["max_rejected"], kept=bool(self.config.get("rejected_path")))
        if self._problems:
            raise self._problems[0]

    def pass_on_state(self) -> None:
        """Pass on the last state before which everything is done."""
        if self._latest_state:
            self._write_state_message(copy.deepcopy(self._latest_state))

    def write_report(self, error: str | None = None) -> None:
        """Bring the files up to date and report, whether the run ended well or not.

        Args:
            error: Why it ended early, if it did.

        Raises:
            PinterestError: If a file cannot be written.
        """
        if self.dead_letters:
            self.dead_letters.commit()
        for reason in self.customer_lists.failures():
            self.fail(MembersError(reason))
        for name, created in self.customer_lists.created_audiences():
            self.report.add(created, Entry(MEMBERS, None, name, None))
        self.report.add_members(
            self.customer_lists.counts(), self.customer_lists.health(ask=error is None)
        )
        self.report.blank_lines = cast("StrictReader", self.message_reader).blank_lines
        planned_requests = (
            self.writer.planned_requests + self.customer_lists.list_writer.planned_requests
        )
        summary = self.report.summary(self.api, planned_requests, error=error)
        self.report.log(summary)
        print_table(summary)
        if self._report_path:
            write(self._report_path, summary)

    def report_failure(self, error: str) -> None:
        """Report a run that ended early; that no report can be written does not hide why."""
        try:
            self.write_report(error)
        except PinterestError as other:
            self.logger.error("%s", other)  # noqa: TRY400

    def _path(self, setting: str) -> Path | None:
        text = self.config.get(setting)
        return user_path(setting, text) if text else None

    @contextlib.contextmanager
    def _interrupted(self) -> Iterator[None]:
        """Surround a time in which other runs may write to the ad accounts of this run.

        Nothing that was read before it counts after it.
        """
        self.customer_lists.flush()
        yield
        self._inventories.forget()
        self.created_ids.clear()
        self.shared_with_cache.clear()
        self.customer_lists.look_up()
        self._note_failed_lists()

    def _note_failed_lists(self) -> None:
        """Let no state pass the members of a list that failed."""
        if self.customer_lists.failures():
            self.tracker.has_unhandled = True

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self.tracker.note_schema(message_dict)
        self._direct.clear()
        # A key means nothing here, and the SDK refuses a stream map that leaves it out.
        super()._process_schema_message({**message_dict, "key_properties": []})
        stream = message_dict["stream"]
        self._partial[stream] = mirror.partial_schema(message_dict)
        if sink := self._sink_of_members(stream):
            sink.note_table(stream)

    @override
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        """Tell the sink of members which table is whole; no other sink removes anything."""
        if sink := self._sink_of_members(message_dict["stream"]):
            sink.activate(message_dict["stream"], message_dict["version"])

    def partial(self, stream: str) -> str | None:
        """Return what says that a stream holds a part of its table only, if anything does."""
        return self._partial.get(stream) or mirror.partial_state(self._seen_state, stream)

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
            if sink.add(stream, message_dict["record"], version, self.tracker.count(stream)):
                self._handle_max_record_age()
            return
        aliases = {item.stream_alias for item in self._maps(message_dict["stream"])}
        private = MEMBERS in aliases
        self.tracker.note_message(message_dict, aliases, private=private)
        if is_blank_row(message_dict["record"]):
            self.report.skip(message_dict["stream"])
            return
        try:
            super()._process_record_message(message_dict)
        except Exception as error:
            if not stream_maps.failed_in(error):
                raise
            # What the expression says of the value is not told: it may be a person's.
            reason = f"a stream map cannot be applied to it ({type(error).__name__})"
            self.tracker.refuse(message_dict["stream"], Reject("stream_map_failed", reason))
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
        sink = self.get_sink(self.mapper.stream_maps[stream][0].stream_alias)
        for records in read_files(message_dict, sink.batch_config, _RECORDS_OF_A_FILE):
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
        self._seen_state = message_dict["value"]
        if self.tracker.has_unhandled or self.config["dry_run"]:
            return
        if self.tracker.has_pending or self._members_wait():
            self._held_state = message_dict
            return
        self._held_state = None
        super()._process_state_message(message_dict)

    def release_state(self) -> None:
        """Pass on what was held back, if nothing is left to be done before it."""
        if self._held_state:
            self._process_state_message(self._held_state)

    @override
    def _write_state_message(self, state: dict[str, Any]) -> None:
        """Pass on a state, once what it passes is safe."""
        if self.dead_letters:
            self.dead_letters.commit()
        super()._write_state_message(state)

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
            with target.account_locks:
                try:
                    # The SDK would read what was standard input when it was imported.
                    target.listen(file_input or sys.stdin)
                except (KeyboardInterrupt, SystemExit):
                    # What is to be sent yet may take longer than the sender of the signal waits.
                    cls.logger.info("Stopped by a signal")
                    target.pass_on_state()
                    target.report_failure("stopped by a signal")
                    raise
                except PinterestError as error:
                    target.pass_on_state()
                    target.report_failure(str(error))
                    raise
                target.write_report()
                target.check()
