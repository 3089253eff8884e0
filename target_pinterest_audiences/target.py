"""The target: its settings, which sink takes which stream, and how a run ends."""

from __future__ import annotations

import functools
import json
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from typing_extensions import override

from tap_pinterest_audiences.client import PinterestAPI
from tap_pinterest_audiences.errors import (
    PinterestError,
    SettingsError,
    one_line_errors,
)
from tap_pinterest_audiences.plugin import PinterestPlugin
from tap_pinterest_audiences.settings import API_SETTINGS
from target_pinterest_audiences.inventory import Inventory
from target_pinterest_audiences.reader import StrictReader
from target_pinterest_audiences.report import RejectedRecordsError, Report
from target_pinterest_audiences.sinks import AudiencesSink

if TYPE_CHECKING:
    from singer_sdk.sinks import Sink

    from tap_pinterest_audiences.plugin import ConfigInput

SINKS: dict[str, type[AudiencesSink]] = {"audiences": AudiencesSink}


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

    config_jsonschema = th.PropertiesList(
        *API_SETTINGS,
        th.Property(
            "ad_account_id",
            th.StringType(pattern=r"^\d+$"),
            title="Ad account ID",
            description="Ad account of the records that name none themselves.",
        ),
        th.Property(
            "write_mode",
            th.StringType(allowed_values=["upsert", "create", "update"]),
            default="upsert",
            title="Write mode",
            description=(
                "upsert creates what is missing and updates what differs; create changes nothing "
                "that exists; update creates nothing."
            ),
        ),
        th.Property(
            "on_ambiguous",
            th.StringType(allowed_values=["reject", "newest"]),
            default="reject",
            title="On ambiguous names",
            description=(
                "A record without id whose name several audiences have is rejected, or taken for "
                "the newest of them."
            ),
        ),
    ).to_dict()

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Read the settings and check that the credentials may write."""
        super().__init__(*args, **kwargs)
        # Sinks share one session and write one record after the other.
        self.max_parallelism = 1
        self.api = PinterestAPI(self.config)
        self.report = Report(self.logger)
        if not self.api.can_write:
            msg = (
                "Settings: client_id and client_secret alone (client credentials) can only read: "
                "set refresh_token as well, or access_token"
            )
            raise SettingsError(msg)

    @functools.cache  # noqa: B019
    def inventory(self, ad_account_id: str) -> Inventory:
        """Return what exists in an ad account, read when it is first needed."""
        return Inventory(self.api, ad_account_id)

    @override
    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """Return the sink of a stream.

        Raises:
            UnknownStreamError: If there is none.
        """
        if stream_name in SINKS:
            return SINKS[stream_name]
        rename = json.dumps({stream_name: {"__alias__": "audiences"}})
        msg = (
            f"The input has a stream {stream_name!r}; this target takes {', '.join(SINKS)}. If it "
            f"holds audiences, rename it with the setting stream_maps: {rename}"
        )
        raise UnknownStreamError(msg)

    @override
    def process_endofpipe(self) -> None:
        """Pass on the state and report.

        Raises:
            RejectedRecordsError: If a record was rejected.
        """
        super().process_endofpipe()
        self.report.log(self.api)
        self.report.check()

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        """Hold back every state that comes after a rejected record."""
        if not self.report.rejected:
            super()._process_state_message(message_dict)

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
            try:
                target.listen(file_input)
            except RejectedRecordsError:
                raise
            except PinterestError:
                # Records are written one by one: the states before the one that failed are true.
                target.drain_all()
                target.report.log(target.api)
                raise
