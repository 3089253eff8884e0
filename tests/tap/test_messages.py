"""Pages of records are written as the SDK would write them, record by record."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import io
import json
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from odd import JSON, TEXT
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.encoding import SimpleSingerWriter

from tap_pinterest_audiences.message_writer import MessageWriter
from tap_pinterest_audiences.messages import MessageStream
from tap_pinterest_audiences.tap import TapPinterestAudiences

FIELDS = ("id", "ad_account_id", "name", "rule", "size", "is_nca", "updated_timestamp", "novel")


def stream_of(
    deselected: set[tuple[str, ...]],
    message_writer: SimpleSingerWriter | None = None,
    **settings: Any,
) -> MessageStream:
    """Return the stream of audiences without some of its fields."""
    config = {"access_token": "pina_demo", **settings}
    catalog = TapPinterestAudiences(config=config).catalog_dict
    for entry in catalog["streams"]:
        for part in entry["metadata"]:
            if tuple(part["breadcrumb"]) in deselected:
                part["metadata"] = {"selected": False}
    tap = TapPinterestAudiences(config=config, catalog=catalog, message_writer=message_writer)
    stream = tap.streams["audiences"]
    assert isinstance(stream, MessageStream)
    return stream


def lines_of(stream: MessageStream, items: list[dict[str, Any]]) -> list[Any]:
    """Return the RECORD messages that a stream prints for items, without their time."""
    records = stream.fields.complete(copy.deepcopy(items))
    with (
        patch.object(stream, "record_pages", lambda _: iter([records])),
        contextlib.redirect_stdout(io.StringIO()) as out,
    ):
        stream.get_record_counter()
        for record in stream.get_records(None):
            stream._write_record_message(stream.post_process(record, None))  # noqa: SLF001
    messages = [
        json.loads(line, parse_float=Decimal) for line in out.getvalue().split("\n") if line
    ]
    for message in messages:
        assert dt.datetime.fromisoformat(message.pop("time_extracted")).tzinfo == dt.UTC
    return messages


def as_the_sdk_writes(stream: MessageStream, items: list[dict[str, Any]]) -> list[Any]:
    tap = stream._tap  # noqa: SLF001
    with (
        patch.dict(stream.__dict__, page_writer=None),
        patch.object(stream, "TYPE_CONFORMANCE_LEVEL", TypeConformanceLevel.ROOT_ONLY),
        patch.object(tap, "message_writer", SimpleSingerWriter()),
    ):
        return lines_of(stream, items)


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
def test_only_records_that_nothing_changes_are_written_by_the_page(selection: str) -> None:
    assert (STREAMS[selection].page_writer is not None) == SELECTIONS[selection][2]


def test_other_writers_and_dry_runs_get_one_record_at_a_time() -> None:
    assert stream_of(set(), message_writer=SimpleSingerWriter()).page_writer is None
    dry = stream_of(set())
    dry.ABORT_AT_RECORD_COUNT = 1
    assert dry.page_writer is None


ITEMS = st.lists(st.dictionaries(st.sampled_from(FIELDS) | TEXT, JSON), max_size=3)


@pytest.mark.parametrize("selection", SELECTIONS)
@given(items=ITEMS)
@example([{"name": "a\x00b", "rule": {"c\ud800": ["\x00", "\\u0000"]}}, {"name": "a"}])
@example([{"size": float("nan"), "rule": {"x": float("inf"), "y": Decimal("1E+400")}, "is_nca": 0}])
@example([{"size": 10**40, "is_nca": "", "novel": {"is_nca": 1}, "rule": {"country": "US"}}])
@example([{"other_fields": {"a": 1}, "_sdc_deleted_at": None, "name": None}])
def test_records_are_those_of_the_sdk(selection: str, items: list[dict[str, Any]]) -> None:
    stream = STREAMS[selection]
    assert lines_of(stream, items) == as_the_sdk_writes(stream, items)


def test_state_is_written_unchanged_whatever_text_it_holds() -> None:
    state = {"bookmarks": {"half": "\ud800", "nul": "\x00", "name": "Zoë"}}
    assert json.loads(MessageWriter().serialize_message(StateMessage(state)))["value"] == state


def test_state_that_did_not_change_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    writer = MessageWriter()
    states: list[dict[str, Any]] = [{}, {}, {"bookmarks": {}}, {"bookmarks": {}}, {}]
    for state in states:
        writer.write_message(StateMessage(state))
    written = [json.loads(line)["value"] for line in capsys.readouterr().out.splitlines()]
    assert written == [{}, {"bookmarks": {}}, {}]
