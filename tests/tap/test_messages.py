"""Records of the fast path are those that the SDK would write."""

from __future__ import annotations

import copy
import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from odd import JSON, TEXT
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.encoding import SimpleSingerWriter

from tap_pinterest_audiences.messages import MessageStream, MessageWriter
from tap_pinterest_audiences.tap import TapPinterestAudiences

FIELDS = ("id", "ad_account_id", "name", "rule", "size", "is_nca", "updated_timestamp", "novel")
MOMENT = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)


def stream_of(deselected: set[tuple[str, ...]], **settings: Any) -> MessageStream:
    """Return the stream of audiences without some of its fields."""
    config = {"access_token": "pina_demo", **settings}
    catalog = TapPinterestAudiences(config=config).catalog_dict
    for entry in catalog["streams"]:
        for part in entry["metadata"]:
            if tuple(part["breadcrumb"]) in deselected:
                part["metadata"] = {"selected": False}
    stream = TapPinterestAudiences(config=config, catalog=catalog).streams["audiences"]
    assert isinstance(stream, MessageStream)
    return stream


def written(stream: MessageStream, writer: SimpleSingerWriter, item: dict[str, Any]) -> list[Any]:
    """Return the RECORD messages of an item, as a reader of JSON sees them."""
    lines = []
    for message in stream._generate_record_messages(  # noqa: SLF001
        stream.post_process(stream.fields.complete(copy.deepcopy(item)), None)
    ):
        message.time_extracted = MOMENT
        lines.append(json.loads(writer.serialize_message(message), parse_float=Decimal))
    return lines


def as_the_sdk_writes(stream: MessageStream, item: dict[str, Any]) -> list[Any]:
    stream.__dict__["is_plain"] = False
    stream.TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.ROOT_ONLY
    try:
        return written(stream, SimpleSingerWriter(), item)
    finally:
        del stream.__dict__["is_plain"]
        stream.TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE


NAME, RULE, COUNTRY = (
    ("properties", "name"),
    ("properties", "rule"),
    ("properties", "rule", "properties", "country"),
)
SELECTIONS: dict[str, tuple[set[tuple[str, ...]], dict[str, Any], bool]] = {
    "all": (set(), {}, True),
    "a field deselected": ({NAME}, {}, True),
    "a part deselected": ({COUNTRY}, {}, False),
    "flattened": (set(), {"flattening_enabled": True, "flattening_max_depth": 1}, False),
    "mapped": (set(), {"stream_maps": {"audiences": {"name": "name"}}}, False),
    "filtered": (set(), {"stream_maps": {"audiences": {"__filter__": "size == 1"}}}, False),
}
STREAMS = {name: stream_of(fields, **config) for name, (fields, config, _) in SELECTIONS.items()}


@pytest.mark.parametrize("selection", SELECTIONS)
def test_only_plain_streams_take_the_fast_path(selection: str) -> None:
    assert STREAMS[selection].is_plain == SELECTIONS[selection][2]


@pytest.mark.parametrize("selection", SELECTIONS)
@given(item=st.dictionaries(st.sampled_from(FIELDS) | TEXT, JSON))
@example({"name": "a\x00b", "rule": {"c\ud800": ["\x00", "\\u0000"]}})
@example({"size": float("nan"), "rule": {"x": float("inf"), "y": Decimal("1E+400")}, "is_nca": 0})
@example({"size": 10**40, "is_nca": "", "novel": {"is_nca": 1}, "rule": {"country": "US"}})
def test_records_are_those_of_the_sdk(selection: str, item: dict[str, Any]) -> None:
    stream = STREAMS[selection]
    assert written(stream, MessageWriter(), item) == as_the_sdk_writes(stream, item)


def test_state_is_written_unchanged_whatever_text_it_holds() -> None:
    state = {"bookmarks": {"half": "\ud800", "nul": "\x00", "name": "Zoë"}}
    assert json.loads(MessageWriter().serialize_message(StateMessage(state)))["value"] == state
