"""A sink needs a run and no target, so that it can be tested alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import typing as th

from pinterest_audiences.config import API_SETTINGS
from target_pinterest_audiences.changes import Entry, Reject
from target_pinterest_audiences.config import TARGET_SETTINGS
from target_pinterest_audiences.members.customer_lists import MembersError
from target_pinterest_audiences.run.context import RunContext
from target_pinterest_audiences.run.end import check
from target_pinterest_audiences.sinks.audiences import AudiencesSink
from target_pinterest_audiences.sinks.members import AudienceMembersSink

if TYPE_CHECKING:
    from target_pinterest_audiences.sinks.base import ContextSink

PROPERTIES = th.PropertiesList(*API_SETTINGS, *TARGET_SETTINGS).to_dict()["properties"]
DEFAULTS = {name: value["default"] for name, value in PROPERTIES.items() if "default" in value}


@dataclass
class Run:
    context: RunContext


@pytest.fixture
def context() -> RunContext:
    settings: dict[str, Any] = {**DEFAULTS, "access_token": "pina_made_up"}
    return RunContext(settings, logging.getLogger("test"))


def test_sink_decides_without_target(context: RunContext) -> None:
    sink = AudiencesSink(Run(context), "audiences", {"properties": {}}, None)
    entry = Entry("audiences", 1, None, None)
    outcome = sink.decide({"name": "Buyers"}, entry, last_call=False)
    assert isinstance(outcome, Reject)
    assert "ad_account_id" in outcome.reason


def test_sink_accounts_to_its_context(context: RunContext) -> None:
    sink = AudiencesSink(Run(context), "audiences", {"properties": {}}, None)
    sink.process_record({"name": "Buyers"}, {})
    assert context.report.counts["audiences"]["rejected"] == 1
    assert context.tracker.has_unhandled


@pytest.mark.parametrize(
    ("sink_class", "stream"),
    [(AudiencesSink, "audiences"), (AudienceMembersSink, "audience_members")],
)
def test_sink_holds_no_target(
    context: RunContext, sink_class: type[ContextSink], stream: str
) -> None:
    sink = sink_class(Run(context), stream, {"properties": {}}, ["id"])
    assert sink.context is context
    assert not hasattr(sink, "target")


def test_problem_fails_the_run(context: RunContext) -> None:
    context.fail(MembersError("customer list 1: refused"))
    assert context.tracker.has_unhandled
    with pytest.raises(MembersError, match="customer list 1"):
        check(context)
