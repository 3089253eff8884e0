"""The source: which settings of the tap Airbyte shows, and the program."""

from __future__ import annotations

from airbyte_pinterest_audiences.pinterest_settings import (
    CHANGES,
    NO_FILES,
    SPEC,
    TITLE,
    credentials,
)
from airbyte_pinterest_audiences.source import Source
from airbyte_pinterest_audiences.spec import Form
from tap_pinterest_audiences.tap import TapPinterestAudiences

FORM = Form(
    TapPinterestAudiences,
    TITLE,
    (credentials(TapPinterestAudiences),),
    {
        *NO_FILES,
        "emit_activate_version_messages",
        "flattening_enabled",
        "flattening_max_depth",
        "flattening_max_key_length",
        "flattening_separator",
        "stream_map_config",
        "stream_maps",
    },
    {
        **CHANGES,
        "detect_removed": {
            "description": (
                "Keep the ids last seen in the state, and emit what is gone once, with its key and "
                "_ab_cdc_deleted_at, by which destinations delete its row."
            )
        },
    },
)


def main(args: list[str] | None = None) -> None:
    """Run the source with ``args``, or with this process's command line."""
    Source(TapPinterestAudiences, FORM, {**SPEC, "supportsIncremental": True}).run(args)
