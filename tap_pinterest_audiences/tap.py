"""The tap: its settings, its streams, and how a run ends."""

from __future__ import annotations

import functools
import sys
from typing import IO, TYPE_CHECKING, Any, Self

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.exceptions import SingerSDKError
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.catalog import Catalog
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from pinterest_audiences.config import (
    ACCESS_TOKEN,
    API_SETTINGS,
    CLIENT_CREDENTIALS,
    ID,
    LOGIN,
    REFRESH_TOKEN,
)
from pinterest_audiences.errors import (
    PinterestError,
    SettingsError,
    one_line_errors,
    redact,
)
from pinterest_audiences.plugin import PinterestPlugin
from tap_pinterest_audiences.base_streams import DEFAULT_LOOKBACK_SECONDS, start_time
from tap_pinterest_audiences.catalog_and_state import (
    parse_catalog,
    read_json,
    read_state,
)
from tap_pinterest_audiences.connection_test import connection_test
from tap_pinterest_audiences.message_writer import MessageWriter
from tap_pinterest_audiences.session import Session
from tap_pinterest_audiences.streams import STREAMS

if TYPE_CHECKING:
    from pathlib import PurePath

    import click

    from pinterest_audiences.plugin import ConfigInput
    from tap_pinterest_audiences.base_streams import PinterestStream

    CatalogInput = PurePath | str | dict[str, Any] | Catalog | None

_MAX_PAGE_SIZE = 250
"""Pinterest's own limit (OpenAPI description 5.23)."""
_DEFAULT_CONCURRENCY = 8
_MAX_CONCURRENCY = 32


class TapPinterestAudiences(PinterestPlugin, Tap):
    """Singer tap for Pinterest's audiences."""

    name = "tap-pinterest-audiences"
    package_name = "pinterest-audiences"
    message_writer_class = MessageWriter
    auth_groups = (REFRESH_TOKEN, ACCESS_TOKEN, LOGIN, CLIENT_CREDENTIALS)

    config_jsonschema = th.PropertiesList(
        *API_SETTINGS,
        th.Property(
            "ad_account_ids",
            th.ArrayType(ID),
            title="Ad account IDs",
            description="Ad accounts to read; by default every one that the token sees.",
        ),
        th.Property(
            "business_ids",
            th.ArrayType(ID),
            title="Business IDs",
            description=(
                "Businesses whose audiences to read, for the stream business_audiences; the token "
                "needs the scope biz_access:read."
            ),
        ),
        th.Property(
            "start_date",
            th.DateTimeType,
            title="Start date",
            description="Audiences that were last updated earlier are not read.",
        ),
        th.Property(
            "page_size",
            th.IntegerType(minimum=1, maximum=_MAX_PAGE_SIZE),
            default=_MAX_PAGE_SIZE,
            title="Page size",
            description="Items in a page of a list.",
        ),
        th.Property(
            "lookback",
            th.IntegerType(minimum=0),
            default=DEFAULT_LOOKBACK_SECONDS,
            title="Lookback",
            description=(
                "Seconds that a bookmark lies before the clock of the scan, for updates that "
                "become visible late."
            ),
        ),
        th.Property(
            "concurrency",
            th.IntegerType(minimum=1, maximum=_MAX_CONCURRENCY),
            default=_DEFAULT_CONCURRENCY,
            title="Concurrency",
            description=(
                "Lists that are read at a time, all through the one rate budget; the output is in "
                "the same order whatever it is."
            ),
        ),
        th.Property(
            "detect_removed",
            th.BooleanType,
            default=False,
            title="Detect removed",
            description=(
                "Keep the ids last seen in the state, and emit what is gone once, with its key and "
                "_sdc_deleted_at."
            ),
        ),
        th.Property(
            "compare_by_digest",
            th.BooleanType,
            default=True,
            title="Compare by digest",
            description=(
                "Keep a digest of each audience and customer list in the state, about 30 bytes, "
                "and emit what differs from it, such as another size, even if the update time "
                "stayed. Set it to false if the state becomes too large for where you keep it."
            ),
        ),
        th.Property(
            "emit_activate_version_messages",
            th.BooleanType,
            default=False,
            title="Emit ACTIVATE_VERSION",
            description="Emit ACTIVATE_VERSION messages for streams that are read in full.",
        ),
    ).to_dict()

    def __init__(self, *, catalog: CatalogInput = None, **kwargs: Any) -> None:  # noqa: ANN401
        """Make a tap as the SDK does.

        Args:
            catalog: A Singer catalog; by default everything that is selected by default is read.
            kwargs: What the SDK's ``Tap`` takes as well.

        Raises:
            SettingsError: If ``catalog`` is no catalog, or ``state`` no state.
        """
        if isinstance(catalog, dict):
            catalog = parse_catalog(catalog)
        super().__init__(catalog=catalog, **kwargs)

    @functools.cached_property
    def session(self) -> Session:
        """The run, as far as the streams need to know it."""
        return Session(
            self.config,
            self.logger,
            state=self.state,
            write_state=lambda: self.write_message(StateMessage(self.state)),
            selected_streams=self._selected_streams,
            hooks=self.hooks,
        )

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Begin where ``state`` ends.

        Raises:
            SettingsError: If it is none.
        """
        super().load_state(read_state(state))

    @override
    def setup_mapper(self) -> None:
        """Prepare the stream maps, of the selected streams only.

        The SDK would apply a map such as ``*`` to the others as well, of whose fields none is left.
        """
        super(Tap, self).setup_mapper()
        selected = self._selected_streams()
        entries = [(name, entry) for name, entry in self.catalog.items() if name in selected]
        self.mapper.register_raw_streams_from_catalog(Catalog(entries))

    def check_selection(self) -> None:
        """Make sure that there is something to read.

        Raises:
            SettingsError: If no stream is selected.
        """
        for name, entry in self.catalog.items():
            if name not in self.streams and entry.metadata.resolve_selection().get((), True):
                self.logger.warning(
                    "Catalog: there is no stream %s, so it is not read", redact(name)
                )
        if not self._selected_streams():
            msg = f"Catalog: no stream is selected; select some of {', '.join(self.streams)}"
            raise SettingsError(msg)

    def _selected_streams(self) -> list[str]:
        return [name for name, stream in self.streams.items() if stream.selected]

    @override
    def discover_streams(self) -> list[PinterestStream]:
        """Return all streams."""
        return [stream(self, self.session) for stream in STREAMS]

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap from the command line, as the SDK does, and end as ``errors`` says.

        Args:
            about: Print settings and capabilities instead.
            about_format: Format of that.
            config: What the SDK made of the ``--config`` options.
            state: File with the state of the last run.
            catalog: File with a Singer catalog.
        """
        if about:
            with one_line_errors(cls.logger):
                cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        with one_line_errors(cls.logger):
            tap = cls.configured(
                config,
                state=read_json(state, "--state"),
                catalog=read_json(catalog, "--catalog"),
            )
            tap.check_selection()
            tap.read_all()

    def read_all(self) -> None:
        """Read all that is selected; what was read before a failure is not lost.

        Raises:
            PinterestError: If something could not be read.
            SingerSDKError: If a setting of the SDK's does not work.
        """
        try:
            self.sync_all()
        except (PinterestError, SingerSDKError):
            if not self.config.get("batch_config"):  # there records may not be out yet
                self.session.write_state()
            raise
        finally:
            self.session.log_summary()
        self.session.raise_if_incomplete()

    @classmethod
    @override
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:
        """Run ``--discover``, and end as ``errors`` says."""
        with one_line_errors(cls.logger):
            try:
                super().cb_discover(ctx, param, value)
            finally:
                sys.stdout.flush()

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Run ``--test``, which fails if something could not be read; see ``connection_test``."""
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        with one_line_errors(cls.logger):
            tap = cls.configured(ctx.params.get("config"))
            connection_test(tap.session, tap.streams.values())
            tap.session.raise_if_incomplete()
        ctx.exit()

    @classmethod
    @override
    def configured(cls, config: ConfigInput | None, **kwargs: Any) -> Self:
        """Return a tap whose settings are complete.

        Raises:
            SettingsError: If they are not.
        """
        tap = super().configured(config, **kwargs)
        start_time(tap.config.get("start_date"))
        _ = tap.session.api
        return tap
