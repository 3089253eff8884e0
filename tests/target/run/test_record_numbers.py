"""A rejected record is named by its position among the records of its stream."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from people import NAME, SCHEMA, email, person
from programs import Programs, Run, record, schema

if TYPE_CHECKING:
    from pathlib import Path

RULE = {"visitor_source_id": "2612511566392"}
MAID = "6d92078a-8246-4ba4-ae5b-76104861e7dc"
BLANK: dict[str, Any] = record(name=None, audience_type="")
BAD = record(name="Bad", audience_type="FANS", rule=RULE)


@pytest.fixture
def ours(programs: Programs, account: str) -> Programs:
    programs.settings["ad_account_id"] = account
    return programs


def rejected_numbers(run: Run) -> list[int]:
    assert "Traceback" not in run.err
    return [int(number) for number in re.findall(r"Rejected \S+ record (\d+)", run.err)]


def test_members_of_another_type_have_the_numbers_of_their_records(
    ours: Programs, tmp_path: Path
) -> None:
    """The log names the first record of each reason, and each type has its own reason."""
    others = {column: person(None, **{column: MAID}) for column in ("maid", "idfa")}
    members = [person(1), others["maid"], person(2), person(None, email=" "), others["maid"]]
    members += [person(3), others["idfa"], others["maid"]]
    path = tmp_path / "rejected.singer"

    run = ours.target([SCHEMA, *members], rejected_path=str(path))

    # If a batch has several records about one person, the last one counts.
    assert rejected_numbers(run) == [4, 7, 8]
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    columns = [set(line["record"]) & {*others} for line in kept if line["type"] == "RECORD"]
    assert columns == [set(), {"idfa"}, {"maid"}]


def test_members_of_another_type_in_a_second_batch_have_their_own_numbers(ours: Programs) -> None:
    run = ours.target(
        [SCHEMA, *(person(number) for number in range(10_000)), person(1), person(None, maid=MAID)]
    )
    assert rejected_numbers(run) == [10_002]


def test_records_dropped_by_a_stream_map_are_counted(ours: Programs) -> None:
    columns = {name: {"type": ["null", "string"]} for name in ("audience_name", "email", "test")}
    rows = [
        record("people", audience_name=NAME, email=address, test=test)
        for address, test in ((email(1), "yes"), (email(2), "no"), ("nobody", "no"))
    ]
    maps = {"people": {"__alias__": "audience_members", "__filter__": "test == 'no'"}}

    run = ours.target([schema("people", **columns), *rows], stream_maps=maps)

    assert rejected_numbers(run) == [3]


@pytest.mark.parametrize(
    ("stream", "good", "bad"),
    [
        ("audiences", record(name="A", audience_type="VISITOR", rule=RULE), {"name": "B"}),
        ("audience_members", person(1), {"audience_name": NAME}),
    ],
)
def test_record_that_a_stream_map_cannot_read_has_its_own_number(
    ours: Programs, stream: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    good["record"]["size"] = 1
    maps = {stream: {"size": "int(size)"}}
    column = {"size": {"type": ["null", "integer", "string"]}}
    lines = [schema(stream, **column), good, record(stream, **bad, size="many")]

    run = ours.target(lines, stream_maps=maps)

    assert "stream map" in run.err
    assert rejected_numbers(run) == [2]


def test_blank_audience_counts_as_a_record(ours: Programs) -> None:
    run = ours.target([schema(), BLANK, BAD])
    assert rejected_numbers(run) == [2]
