"""The destination writes what the target writes, and removes nothing that nobody asked for."""

from __future__ import annotations

import json
import signal
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from connectors import DESTINATION, TOKEN, options_in
from databases import url_of
from forks import until
from programs import Process

from demo.parts import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors import Connectors, Output

    from demo.parts import Postgres
    from pinterest_emulator.testing import Emulator

RULE = {"visitor_source_id": "2612511566392"}
MIRROR = {"member_mode": "mirror", "max_removal_ratio": 1}


def catalog(*streams: str, mode: str = "append_dedup", **fields: Any) -> dict[str, Any]:
    return {
        "streams": [
            {
                "stream": {
                    "name": stream,
                    "json_schema": {"properties": {"name": {"type": "string"}}},
                    "supported_sync_modes": ["full_refresh"],
                    **fields.get("stream", {}),
                },
                # PyAirbyte sends this for all streams.
                "sync_mode": "incremental",
                "destination_sync_mode": mode,
                "generation_id": 1,
                "minimum_generation_id": 1,
                "sync_id": 1,
                **{key: value for key, value in fields.items() if key != "stream"},
            }
            for stream in streams or ("audiences",)
        ]
    }


def record(stream: str = "audiences", **data: Any) -> dict[str, Any]:
    return {"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": 1}}


def audience(number: int, **fields: Any) -> dict[str, Any]:
    return record(name=f"Audience {number}", audience_type="VISITOR", rule=RULE, **fields)


def bad() -> dict[str, Any]:
    return record(name="Bad", audience_type="NONSENSE", rule=RULE)


def member(number: int, stream: str = "audience_members", **fields: Any) -> dict[str, Any]:
    return record(stream, audience_name="Customers", email=f"{number}@example.com", **fields)


def state(number: int, stream: str = "audiences") -> dict[str, Any]:
    descriptor = {"name": stream}
    about = {"stream_descriptor": descriptor, "stream_state": {"cursor": number}}
    return {"type": "STATE", "state": {"type": "STREAM", "stream": about}}


def status(kind: str, stream: str = "audience_members") -> dict[str, Any]:
    about = {"stream_descriptor": {"name": stream}, "status": kind}
    trace = {"type": "STREAM_STATUS", "emitted_at": 1.0, "stream_status": about}
    return {"type": "TRACE", "trace": trace}


def answered(output: Output) -> list[Any]:
    return [each["stream"]["stream_state"]["cursor"] for each in output.states]


def names(emulator: Emulator, account: str) -> list[str]:
    return sorted(each["name"] for each in emulator.state()["audiences"][account])


def writes(emulator: Emulator) -> int:
    return sum(entry["method"] != "GET" for entry in emulator.requests())


@pytest.fixture
def sending(connectors: Connectors, account: str) -> Connectors:
    """The destination, for one ad account."""
    connectors.config["ad_account_id"] = account
    return connectors


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture
def mirroring(sending: Connectors, postgres: Postgres) -> Connectors:
    """The destination with a ledger, in which members are mirrored."""
    schema = f"ledger_{uuid.uuid4().hex}"
    with postgres.connect() as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    url = url_of(postgres, query={"options": f"-csearch_path={schema}"})
    ledger = {"ledger_type": "postgresql", "ledger_url": url}
    sending.config |= {**MIRROR, "ledger": ledger}
    return sending


def people(emulator: Emulator) -> int:
    lists = [each["id"] for every in emulator.state()["customer_lists"].values() for each in every]
    return sum(len(emulator.members(each)) for each in lists)


# --- audiences -----------------------------------------------------------------------------------


def test_second_write_of_the_same_input_sends_nothing(
    emulator: Emulator, sending: Connectors, account: str
) -> None:
    lines = [audience(number) for number in range(5)]
    assert sending.write(lines, catalog()).code == 0
    assert writes(emulator) == 5
    assert sending.write(lines, catalog()).code == 0
    assert writes(emulator) == 5
    lines[3]["record"]["data"]["description"] = "Changed"
    assert sending.write(lines, catalog()).code == 0
    assert writes(emulator) == 6
    assert len(names(emulator, account)) == 5


def test_states_come_back_all_and_in_order(sending: Connectors) -> None:
    lines: list[Any] = []
    for number in range(5):
        lines += [audience(number), audience(number), state(number)]
    output = sending.write(lines, catalog())
    assert output.code == 0
    assert answered(output) == [0, 1, 2, 3, 4]
    assert [each["destinationStats"]["recordCount"] for each in output.states] == [2.0] * 5
    assert '"recordCount":2.0' in output.out


def test_no_state_comes_back_after_a_rejected_record(sending: Connectors) -> None:
    lines = [audience(0), state(0), audience(1), state(1), bad(), state(2), audience(3), state(3)]
    output = sending.write(lines, catalog())
    assert output.code == 1
    assert answered(output) == [0, 1]
    assert output.failure["failure_type"] == "config_error"
    assert "1 records were rejected" in output.failure["message"]
    assert "rejected_path" not in output.failure["message"]
    assert "record 3" in output.logged


def test_deferred_record_is_a_transient_error(
    emulator: Emulator, sending: Connectors, account: str
) -> None:
    assert sending.write([audience(0)], catalog()).code == 0
    (seed,) = emulator.state()["audiences"][account]
    rule = {"seed_id": [seed["id"]], "country": "US", "percentage": 1}
    grown = record(name="Grown", audience_type="ACTALIKE", rule=rule)
    output = sending.write([audience(1), state(1), grown, state(2)], catalog())
    assert output.code == 1
    assert answered(output) == [1]
    assert output.failure["failure_type"] == "transient_error"
    assert "1 deferred" in output.failure["message"]


def test_home_folder_need_not_be_writable(
    emulator: Emulator, sending: Connectors, account: str, tmp_path: Path
) -> None:
    options = options_in(
        tmp_path, config=sending.config, catalog=catalog("audiences", "audience_members")
    )
    lines = [audience(0), *(member(number) for number in range(120))]
    stdin = "".join(json.dumps(line) + "\n" for line in lines)
    nowhere = tmp_path / "config.json" / "home"  # below a file, so nobody can make it
    folder = str(nowhere)
    run = Process(
        [DESTINATION, "write", *options], stdin, tmp_path, HOME=folder, XDG_STATE_HOME=folder
    ).wait()
    assert run.code == 0, run.out
    assert names(emulator, account) == ["Audience 0", "Customers"]
    assert people(emulator) == 120


def test_rate_limit_keeps_the_states_before_it(emulator: Emulator, sending: Connectors) -> None:
    emulator.fault(operation="audiences/create", kind="rate_limit", reset=3600, skip=2, times=None)
    lines: list[Any] = []
    for number in range(5):
        lines += [audience(number), state(number)]
    output = sending.write(lines, catalog(), max_wait=1, concurrency=1)
    assert output.code == 1
    assert answered(output) == [0, 1]
    assert output.failure["failure_type"] == "transient_error"


ODD_STATE = {
    "a": None,
    "deep": {"b": None, "c": [None]},
    "n": 12345678901234567890.125,
    "big": 2**70,
}


@pytest.mark.parametrize(
    ("given", "returned"),
    [
        (
            {
                "type": "STREAM",
                "stream": {
                    "stream_descriptor": {"name": "audiences", "namespace": None},
                    "stream_state": ODD_STATE,
                },
                "global_": None,
                "data": None,
                "sourceStats": {"recordCount": 2.0},
                "destinationStats": None,
            },
            {
                "type": "STREAM",
                "stream": {
                    "stream_descriptor": {"name": "audiences"},
                    "stream_state": ODD_STATE,
                },
                "sourceStats": {"recordCount": 2.0},
            },
        ),
        (
            {
                "type": "GLOBAL",
                "stream": None,
                "global_": {
                    "shared_state": {"lsn": None},
                    "stream_states": [
                        {
                            "stream_descriptor": {"name": "audiences", "namespace": None},
                            "stream_state": None,
                        }
                    ],
                },
            },
            {
                "type": "GLOBAL",
                "global": {
                    "shared_state": {"lsn": None},
                    "stream_states": [{"stream_descriptor": {"name": "audiences"}}],
                },
            },
        ),
        ({"data": {"old": 1}}, {"data": {"old": 1}}),
        (
            {"type": "STREAM", "stream": {"stream_descriptor": {"name": "of_nobody"}}, "id": 7},
            {"type": "STREAM", "stream": {"stream_descriptor": {"name": "of_nobody"}}, "id": 7},
        ),
    ],
    ids=["stream", "global", "legacy", "unknown"],
)
def test_state_comes_back_without_the_nulls_of_its_envelope(
    sending: Connectors, given: dict[str, Any], returned: dict[str, Any]
) -> None:
    lines = [audience(0), {"type": "STATE", "state": given}]
    output = sending.write(lines, catalog())
    count = 0.0 if given.get("id") else 1.0
    assert output.states == [{**returned, "destinationStats": {"recordCount": count}}]


def test_columns_of_pyairbytes_cache_are_no_columns(
    emulator: Emulator, sending: Connectors, account: str
) -> None:
    extra: dict[str, Any] = {
        "_airbyte_raw_id": "x",
        "_AIRBYTE_EXTRACTED_AT": 1,
        "_airbyte_meta": {},
    }
    rule = json.dumps(RULE)
    lines = [
        record(name="Buyers", audience_type="VISITOR", rule=rule, **extra),
        record(**extra),
    ]
    output = sending.write(lines, catalog())
    assert output.code == 0, output.errors
    assert names(emulator, account) == ["Buyers"]


def test_deletion_mark_of_airbyte_removes(
    emulator: Emulator, sending: Connectors, account: str
) -> None:
    assert sending.write([audience(1), audience(2)], catalog()).code == 0
    mark = {"_ab_cdc_deleted_at": "2026-01-01T00:00:00Z"}
    removal = record(name="Audience 1", **mark)
    kept = record(name="Audience 2", _ab_cdc_deleted_at=None)
    assert sending.write([removal, kept], catalog()).code == 0
    assert names(emulator, account) == ["Audience 2"]


def test_messages_of_other_types_are_ignored(sending: Connectors) -> None:
    lines = [
        {"type": "LOG", "log": {"level": "INFO", "message": "hello"}},
        {"type": "TRACE", "trace": {"type": "ESTIMATE", "emitted_at": 1.0}},
        {"type": "CONTROL", "control": {}},
        {"type": "INVENTED"},
        "",
        status("COMPLETE", "audiences"),
        audience(0),
        state(0),
    ]
    output = sending.write(lines, catalog())
    assert output.code == 0
    assert answered(output) == [0]


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "{}",
        '{"type": 1}',
        '{"type": "RECORD"}',
        '{"type": "STATE"}',
        '{"type": "STATE", "state": {"type": "STREAM", "stream": 5}}',
        json.dumps(record("of_nobody", email="hidden@example.com")),
        '{"type": "RECORD", "record": {"stream": "audiences", "data": "hidden@example.com"}}',
    ],
)
def test_line_that_is_no_message_ends_the_run_and_is_not_shown(
    sending: Connectors, line: str
) -> None:
    output = sending.write([audience(0), state(0), line, audience(1), state(1)], catalog())
    assert output.code == 1
    assert answered(output) == [0]
    assert output.failure["failure_type"] == "system_error"
    assert "line 3" in output.failure["message"]
    assert "hidden@" not in output.out + output.err


def test_half_a_character_is_read_as_the_target_reads_it(sending: Connectors) -> None:
    line = json.dumps(record(name="\ud83d Buyers", audience_type="VISITOR", rule=RULE))
    assert sending.write([line], catalog()).errors == sending.write([line], catalog()).errors


def test_dry_run_writes_nothing_and_passes_no_state(
    emulator: Emulator, sending: Connectors
) -> None:
    output = sending.write([audience(0), state(0)], catalog(), dry_run=True)
    assert output.code == 0
    assert output.states == []
    assert writes(emulator) == 0
    assert "Would be created" in output.logged


def test_unknown_stream_is_a_config_error(sending: Connectors, emulator: Emulator) -> None:
    output = sending.write([record("boards", id="1")], catalog("boards"))
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"
    assert "stream_maps" in output.failure["message"]
    assert writes(emulator) == 0


def test_two_streams_of_one_name_are_a_config_error(sending: Connectors) -> None:
    both = catalog("audiences", stream={"namespace": "one"})
    both["streams"] += catalog("audiences", stream={"namespace": "other"})["streams"]
    output = sending.write([audience(0)], both)
    assert output.failure["failure_type"] == "config_error"


# --- overwrite -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["overwrite", "update", "soft_delete", None])
def test_audiences_are_only_appended(
    emulator: Emulator, mirroring: Connectors, mode: str | None
) -> None:
    output = mirroring.write([audience(0), state(0)], catalog(mode=mode))  # type: ignore[arg-type]
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"
    assert output.states == []
    assert emulator.requests() == []


@pytest.mark.parametrize("config", [{"member_mode": "add"}, {"ledger": {"ledger_type": "none"}}])
def test_members_are_overwritten_only_with_mirror_and_a_ledger(
    emulator: Emulator, mirroring: Connectors, config: dict[str, Any]
) -> None:
    lines = [member(1), state(1, "audience_members"), status("COMPLETE")]
    output = mirroring.write(lines, catalog("audience_members", mode="overwrite"), **config)
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"
    assert output.states == []
    assert writes(emulator) == 0


def overwritten(mirroring: Connectors, numbers: range, *more: dict[str, Any]) -> Output:
    lines = [member(number) for number in numbers]
    return mirroring.write(
        [*lines, state(1, "audience_members"), *more],
        catalog("audience_members", mode="overwrite"),
    )


def test_complete_overwrite_removes_who_is_absent(
    emulator: Emulator, mirroring: Connectors
) -> None:
    for numbers in (range(200), range(180), range(180)):
        output = overwritten(mirroring, numbers, status("COMPLETE"))
        assert output.code == 0, output.errors
        assert answered(output) == [1]
        assert people(emulator) == len(numbers)
    # The third run has nothing to do.
    assert len(emulator.requests("customer_lists/update")) == 1


@pytest.mark.parametrize(
    "more",
    [
        [],
        [status("RUNNING")],
        [status("INCOMPLETE")],
        [status("COMPLETE"), status("INCOMPLETE")],
        [status("COMPLETE"), member(0)],
        [status("COMPLETE", "other")],
    ],
    ids=["none", "running", "incomplete", "taken back", "record after", "other stream"],
)
def test_overwrite_without_complete_removes_nobody_and_keeps_the_states(
    emulator: Emulator, mirroring: Connectors, more: list[dict[str, Any]]
) -> None:
    assert overwritten(mirroring, range(200), status("COMPLETE")).code == 0
    output = overwritten(mirroring, range(180), *more)
    assert output.code == 1
    assert output.failure["failure_type"] == "transient_error"
    assert output.states == []
    assert people(emulator) == 200


def test_stream_that_a_map_makes_members_is_overwritten(
    emulator: Emulator, mirroring: Connectors
) -> None:
    maps = {"customers": {"__alias__": "audience_members"}}
    streams = catalog("customers", mode="overwrite")
    for numbers in (range(150), range(140)):
        lines = [member(number, "customers") for number in numbers]
        lines += [state(1, "customers"), status("COMPLETE", "customers")]
        output = mirroring.write(lines, streams, stream_maps=json.dumps(maps))
        assert output.code == 0, output.errors
        assert answered(output) == [1]
        assert people(emulator) == len(numbers)


def test_unreadable_member_keeps_all_members(emulator: Emulator, mirroring: Connectors) -> None:
    assert overwritten(mirroring, range(150), status("COMPLETE")).code == 0
    unreadable = record("audience_members", audience_name="Customers", email="nobody")
    output = overwritten(mirroring, range(140), unreadable, status("COMPLETE"))
    assert output.code == 1
    assert output.states == []
    assert people(emulator) == 150


def test_too_large_removal_removes_nobody(emulator: Emulator, mirroring: Connectors) -> None:
    assert overwritten(mirroring, range(150), status("COMPLETE")).code == 0
    mirroring.config["max_removal_ratio"] = 0.1
    output = overwritten(mirroring, range(100), status("COMPLETE"))
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"
    assert output.states == []
    assert people(emulator) == 150


def test_clear_removes_nobody(emulator: Emulator, mirroring: Connectors) -> None:
    assert overwritten(mirroring, range(200), status("COMPLETE")).code == 0
    clear = catalog("audience_members", mode="overwrite", generation_id=2, minimum_generation_id=2)
    output = mirroring.write([status("COMPLETE")], clear)
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"
    assert people(emulator) == 200


@pytest.mark.parametrize("mode", ["append", "append_dedup"])
def test_generation_ids_never_remove(emulator: Emulator, mirroring: Connectors, mode: str) -> None:
    assert overwritten(mirroring, range(200), status("COMPLETE")).code == 0
    lines = [member(7), member(1000), state(1, "audience_members"), status("COMPLETE")]
    for generation in (1, 2):
        ids = {"generation_id": generation, "minimum_generation_id": generation}
        output = mirroring.write(lines, catalog("audience_members", mode=mode, **ids))
        assert output.code == 0, output.errors
        assert answered(output) == [1]
        assert people(emulator) == 201


def test_incremental_read_does_not_overwrite(emulator: Emulator, mirroring: Connectors) -> None:
    assert overwritten(mirroring, range(200), status("COMPLETE")).code == 0
    modes = {"supported_sync_modes": ["full_refresh", "incremental"]}
    lines = [member(7), status("COMPLETE")]
    output = mirroring.write(lines, catalog("audience_members", mode="overwrite", stream=modes))
    assert output.failure["failure_type"] == "config_error"
    assert people(emulator) == 200


def test_columns_of_a_change_log_do_not_overwrite(
    emulator: Emulator, mirroring: Connectors
) -> None:
    assert overwritten(mirroring, range(200), status("COMPLETE")).code == 0
    schema: dict[str, Any] = {"properties": {"email": {}, "_ab_cdc_updated_at": {}}}
    output = mirroring.write(
        [member(7), status("COMPLETE")],
        catalog("audience_members", mode="overwrite", stream={"json_schema": schema}),
    )
    assert output.code == 1
    assert people(emulator) == 200


def test_members_are_overwritten_or_appended_but_not_both(mirroring: Connectors) -> None:
    mirroring.config["stream_maps"] = json.dumps({"customers": {"__alias__": "audience_members"}})
    both = catalog("audience_members", mode="overwrite")
    both["streams"] += catalog("customers")["streams"]
    lines = [member(1), member(2, "customers"), status("COMPLETE")]
    output = mirroring.write(lines, both)
    assert output.failure["failure_type"] == "config_error"
    assert "customers" in output.failure["message"]


def test_stream_map_of_json_text_makes_members(emulator: Emulator, sending: Connectors) -> None:
    maps = {"customers": {"__alias__": "audience_members", "audience_name": "'Customers'"}}
    lines: list[Any] = [record("customers", email=f"{number}@example.com") for number in range(120)]
    lines.append(state(1, "customers"))
    properties = {"properties": {"email": {"type": "string"}}}
    output = sending.write(
        lines,
        catalog("customers", stream={"json_schema": properties}),
        stream_maps=json.dumps(maps),
    )
    assert output.code == 0, output.errors
    assert answered(output) == [1]
    assert people(emulator) == 120


def test_rejected_member_is_not_named(sending: Connectors) -> None:
    lines = [
        member(1),
        record("audience_members", audience_name="Customers", email="hidden example.com"),
        state(1, "audience_members"),
    ]
    output = sending.write(lines, catalog("audience_members"))
    assert output.code == 1
    assert output.states == []
    assert "record 2" in output.logged
    assert "hidden" not in output.out + output.err


# --- check, signals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"ad_account_id": "1"}, "ad_account_id"),
        ({"credentials": {**TOKEN, "access_token": "pina_wrong"}}, "401"),
        ({"member_mode": "mirror"}, "ledger"),
        (
            {
                "ledger": {
                    "ledger_type": "postgresql",
                    "ledger_url": "postgresql://user:hidden@127.0.0.1:1/x",
                }
            },
            "ledger_url",
        ),
        ({"credentials": {"auth_type": "client_credentials"}}, "auth_type"),
    ],
    ids=["account", "token", "mirror", "ledger", "grant"],
)
def test_check_fails_and_says_why(
    emulator: Emulator, sending: Connectors, config: dict[str, Any], what: str
) -> None:
    output = sending.run(DESTINATION, "check", config={**sending.config, **config})
    assert output.code == 0
    assert output.connection["status"] == "FAILED"
    assert what in output.connection["message"]
    assert "hidden" not in output.out
    assert writes(emulator) == 0


def test_check_writes_nothing(emulator: Emulator, mirroring: Connectors) -> None:
    output = mirroring.run(DESTINATION, "check")
    assert output.connection["status"] == "SUCCEEDED"
    assert writes(emulator) == 0


def test_sigterm_passes_on_what_is_done(
    emulator: Emulator, sending: Connectors, tmp_path: Path
) -> None:
    emulator.fault(operation="audiences/create", kind="delay", seconds=3600, skip=2)
    config = {**sending.config, "concurrency": 1}
    options = options_in(tmp_path, config=config, catalog=catalog())
    lines: list[Any] = []
    for number in range(5):
        lines += [audience(number), state(number)]
    stdin = "".join(json.dumps(line) + "\n" for line in lines)
    process = Process([DESTINATION, "write", *options], stdin, tmp_path)
    until(lambda: len(emulator.requests("audiences/create")) == 3)
    run = process.stop(signal.SIGTERM)
    assert run.code == 128 + signal.SIGTERM
    states = [message["state"] for message in run.messages if message["type"] == "STATE"]
    assert [each["stream"]["stream_state"]["cursor"] for each in states] == [0, 1]
