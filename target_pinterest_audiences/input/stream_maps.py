"""What the SDK's stream maps make of a stream."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.mapper import StreamMap

_MAPPER = "singer_sdk.mapper"


def mapped_columns(stream_maps: Any) -> frozenset[str]:  # noqa: ANN401
    """Return the columns that the setting ``stream_maps`` names, of all streams."""
    maps = stream_maps.values() if isinstance(stream_maps, dict) else ()
    return frozenset(column for each in maps if isinstance(each, dict) for column in each)


def change_nothing(maps: Sequence[StreamMap]) -> bool:
    """Return whether a stream's records come out as they went in."""
    return len(maps) == 1 and type(maps[0]) is SameRecordTransform


def drop_all(maps: Sequence[StreamMap]) -> bool:
    """Return whether nothing comes out."""
    return bool(maps) and all(isinstance(item, RemoveRecordTransform) for item in maps)


def failed_in(error: Exception) -> bool:
    """Return whether an error comes from a map's expression, which may raise anything."""
    return any(
        frame.f_globals.get("__name__") == _MAPPER
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )
