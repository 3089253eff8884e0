"""What the two connectors of this project are: their settings, and their programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbyte_pinterest_audiences.destination import Destination
from airbyte_pinterest_audiences.source import Source
from airbyte_pinterest_audiences.spec import Choice, Form, Option
from airbyte_pinterest_audiences.tokens import KEPT_FIELDS
from pinterest_audiences.config import REFRESH_TOKEN
from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from pinterest_audiences.plugin import PinterestPlugin

_SPEC = {"documentationUrl": "https://developers.pinterest.com/docs/api/v5/"}

_CHANGES: dict[str, dict[str, Any]] = {
    "refresh_token": {
        "description": (
            "Refresh token of the user who authorised the app. It is renewed as Pinterest "
            "requires, and Airbyte gets the newest one back. A source and a destination need a "
            "refresh token each."
        )
    },
    "max_wait": {
        "description": (
            "Seconds that a request may wait for Pinterest's rate limit, and a destination for "
            "another one on the same ad account. A longer wait ends the sync as one to try again."
        )
    },
}
_NO_FILES = {"batch_config", "faker_config", "token_path"}


def _credentials(plugin: type[PinterestPlugin]) -> Choice:
    options = tuple(
        Option(
            group.name,
            group.title,
            group.settings,
            extra=KEPT_FIELDS if group == REFRESH_TOKEN else {},
        )
        for group in plugin.auth_groups
    )
    return Choice(
        "credentials",
        "Authentication",
        "How to prove to Pinterest who is asking.",
        "auth_type",
        options,
        required=True,
    )


_LEDGER = Choice(
    "ledger",
    "Ledger",
    "What keeps who was sent to which customer list, as hashes. Without it everybody is sent in "
    "each sync, and no stream of members can be overwritten.",
    "ledger_type",
    (
        Option("none", "None", implied={"ledger_url": ""}),
        Option("postgresql", "PostgreSQL", ("ledger_url",)),
    ),
)

SOURCE_FORM = Form(
    TapPinterestAudiences,
    "Pinterest audiences",
    (_credentials(TapPinterestAudiences),),
    {
        *_NO_FILES,
        "emit_activate_version_messages",
        "flattening_enabled",
        "flattening_max_depth",
        "flattening_max_key_length",
        "flattening_separator",
        "stream_map_config",
        "stream_maps",
    },
    {
        **_CHANGES,
        "detect_removed": {
            "description": (
                "Keep the ids last seen in the state, and emit what is gone once, with its key and "
                "_ab_cdc_deleted_at, by which destinations delete its row."
            )
        },
    },
)

DESTINATION_FORM = Form(
    TargetPinterestAudiences,
    "Pinterest audiences",
    (_credentials(TargetPinterestAudiences), _LEDGER),
    {*_NO_FILES, "max_rejected", "rejected_path", "report_path"},
    {
        **_CHANGES,
        "ledger_url": {
            "pattern": r"^postgres(ql(\+psycopg)?)?://",
            "description": "URL of the database: postgresql://user:password@host/database.",
        },
        "member_mode": {
            "description": (
                "add adds members, and removes those that a record says to remove; mirror also "
                "lets streams of members be overwritten: members that a complete read lacks are "
                "removed. It needs a ledger."
            )
        },
        "dry_run": {
            "description": (
                "Report what would be done, in the log, and write nothing; no state is passed on."
            )
        },
    },
)


def source(args: list[str] | None = None) -> None:
    """Run the source with ``args``, or with this process's command line."""
    Source(TapPinterestAudiences, SOURCE_FORM, {**_SPEC, "supportsIncremental": True}).run(args)


def destination(args: list[str] | None = None) -> None:
    """Run the destination with ``args``, or with this process's command line."""
    Destination(DESTINATION_FORM, _SPEC).run(args)
