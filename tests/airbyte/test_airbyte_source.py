"""The source reads what the tap reads, and never calls a failure a success."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from connectors import SOURCE, TOKEN, configured, options_in
from no_waits import WITHOUT_WAITS
from programs import BIN, Programs, environment

if TYPE_CHECKING:
    from pathlib import Path

    from connectors import Connectors

    from pinterest_emulator.testing import Emulator

LONG_AGO = 1_700_000_000
READ_IN_FULL = {"__ab_full_refresh_sync_complete": True}


def test_source_reads_the_records_of_the_tap(
    demo: Emulator, on_demo: Connectors, tmp_path: Path
) -> None:
    names = [stream["name"] for stream in on_demo.discover()]
    assert len(names) == 8
    output = on_demo.read()
    programs = Programs(tmp_path, {"access_token": "pina_demo", "api_url": demo.url})
    run = programs.tap(streams=names)
    assert run.code == output.code == 0
    for name in names:
        assert output.data(name) == run.records(name), name
        assert output.statuses(name)[-1] == "COMPLETE"
    assert len(output.data("audiences")) > 600


def test_second_read_has_nothing_new_of_incremental_streams(on_demo: Connectors) -> None:
    first = on_demo.read()
    second = on_demo.read(state=first.last_states)
    assert {each["stream"] for each in second.of("RECORD")} == {
        stream["name"]
        for stream in on_demo.discover()
        if stream["supported_sync_modes"] == ["full_refresh"] and first.data(stream["name"])
    }
    # Every stream needs a state, also one without records.
    assert len(second.last_states) == len(first.last_states) == 8


@pytest.mark.parametrize("name", ["NUL \x00 here", "half \ud83d here"])
def test_character_that_databases_refuse_is_replaced(
    emulator: Emulator, connectors: Connectors, name: str
) -> None:
    emulator.seed(ad_accounts=1, audiences=1)
    (audience,) = connectors.read("audiences").data("audiences")
    pinterest(emulator, "PATCH", audience, {"name": name})
    (changed,) = connectors.read("audiences").data("audiences")
    assert changed["name"] == re.sub("[\x00\ud83d]", "\N{REPLACEMENT CHARACTER}", name)


def test_change_and_removal_are_two_records(emulator: Emulator, connectors: Connectors) -> None:
    emulator.seed(ad_accounts=1, audiences=20, updated_timestamp=LONG_AGO)
    first = connectors.read("audiences", detect_removed=True)
    one, other, *_ = first.data("audiences")
    pinterest(emulator, "PATCH", one, {"name": "Changed"})
    pinterest(emulator, "PATCH", other, {"operation_type": "REMOVE"})
    second = connectors.read("audiences", state=first.last_states, detect_removed=True)
    changed, removed = sorted(second.data("audiences"), key=lambda each: each["id"] == other["id"])
    assert changed["name"] == "Changed"
    assert changed["_ab_cdc_deleted_at"] is None
    assert removed["id"] == other["id"]
    assert removed["_ab_cdc_deleted_at"]
    # A destination drops a removal whose cursor is null or older than that of the row.
    assert isinstance(removed["updated_timestamp"], int)
    assert removed["updated_timestamp"] >= changed["updated_timestamp"] > LONG_AGO


def pinterest(
    emulator: Emulator, method: str, audience: dict[str, Any], body: dict[str, Any]
) -> None:
    """Change an audience as another program would."""
    from pinterest_audiences.api.client import PinterestAPI  # noqa: PLC0415
    from pinterest_audiences.api.operations import UPDATE_AUDIENCE  # noqa: PLC0415

    assert method == UPDATE_AUDIENCE.method
    api = PinterestAPI({"access_token": "pina_demo", "api_url": emulator.url})
    ids = {"ad_account_id": audience["ad_account_id"], "audience_id": audience["id"]}
    api.request(UPDATE_AUDIENCE, ids, body=body)


def test_full_refresh_ignores_the_state(on_demo: Connectors) -> None:
    first = on_demo.read("audiences")
    again = on_demo.read("audiences", state=first.last_states, mode="full_refresh")
    assert again.data("audiences") == first.data("audiences")
    assert [each["stream"]["stream_state"] for each in again.states] == [READ_IN_FULL]


def test_state_of_a_full_refresh_does_not_hide_records(on_demo: Connectors) -> None:
    first = on_demo.read("customer_lists", mode="full_refresh")
    second = on_demo.read("customer_lists", state=first.last_states)
    assert second.data("customer_lists") == first.data("customer_lists") != []


def stream_state(name: str, state: object) -> dict[str, Any]:
    descriptor = {"name": name, "namespace": None}
    return {
        "type": "STREAM",
        "stream": {"stream_descriptor": descriptor, "stream_state": state},
        "global_": None,
        "data": None,
        "sourceStats": None,
    }


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        {},
        [stream_state("customer_lists", None)],
        [{**stream_state("x", None), "stream": None}],
    ],
)
def test_state_may_be_empty_in_many_forms(on_demo: Connectors, state: object) -> None:
    output = on_demo.read("customer_lists", state=state)
    assert len(output.data("customer_lists")) == 38


def test_state_with_nulls_of_pyairbyte_is_read(on_demo: Connectors) -> None:
    first = on_demo.read("customer_lists")
    state = first.last_states[0]["stream"]["stream_state"]
    second = on_demo.read("customer_lists", state=[stream_state("customer_lists", state)])
    assert second.code == 0
    assert second.data("customer_lists") == []


@pytest.mark.parametrize(
    "state",
    [
        "nonsense",
        {"audiences": {"cursor": 1}},
        [1],
        [{"type": "GLOBAL", "global": {"stream_states": []}}],
        [stream_state("audiences", {"partitions": "all"})],
        [
            stream_state(
                "audiences",
                {
                    "partitions": [
                        {"context": {"ad_account_id": "1"}, "replication_key_value": "soon"}
                    ]
                },
            )
        ],
    ],
    ids=["text", "legacy", "number", "global", "bookmark", "value"],
)
def test_nonsense_state_is_a_config_error(
    emulator: Emulator, connectors: Connectors, state: object
) -> None:
    emulator.seed(ad_accounts=1, audiences=1)
    accounts = [*emulator.state()["ad_accounts"]]
    text = json.dumps(state).replace('"1"', json.dumps(str(_id(accounts[0]))))
    output = connectors.read("audiences", state=json.loads(text))
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"
    assert output.data("audiences") == []


def _id(account: Any) -> str:
    return str(account["id"] if isinstance(account, dict) else account)


def test_state_of_another_connector_is_named_and_not_used(on_demo: Connectors) -> None:
    alien = stream_state("campaigns", {"updated_at": "2026-01-01"})
    output = on_demo.read("customer_lists", state=[alien])
    assert output.code == 0
    assert "campaigns" in output.logged
    assert len(output.data("customer_lists")) == 38


def test_unknown_stream_is_a_config_error(on_demo: Connectors) -> None:
    streams = [*on_demo.discover(), {"name": "boards", "json_schema": {}}]
    catalog = configured(streams, ["boards", "ad_accounts"])
    output = on_demo.run(SOURCE, "read", catalog=catalog)
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"
    assert "boards" in output.failure["message"]


@pytest.mark.parametrize(
    "catalog", ["[]", "{}", "nonsense", {"streams": [{"sync_mode": 1}]}, "mode"]
)
def test_bad_catalog_is_a_config_error(on_demo: Connectors, catalog: object) -> None:
    if catalog == "mode":
        catalog = configured(on_demo.discover(), ["ad_accounts"], mode="nonsense")
    output = on_demo.run(SOURCE, "read", catalog=catalog)
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"


def test_short_rate_limit_is_waited_out_and_told(
    emulator: Emulator, connectors: Connectors
) -> None:
    emulator.seed(ad_accounts=2, audiences=10)
    emulator.fault(operation="audiences/list", kind="rate_limit", reset=2)
    before = time.time() * 1000
    output = connectors.read("audiences")
    assert output.code == 0
    assert len(output.data("audiences")) == 10
    assert "rate_limited" in output.statuses("audiences")
    waits = [
        each["stream_status"]["reasons"][0]["rate_limited"]["quota_reset"]
        for each in output.of("TRACE")
        if "reasons" in each.get("stream_status", {})
    ]
    assert waits[0] >= before + 2000


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "rate_limit", "reset": 3600},
        {"kind": "rate_limit", "reset": None, "retry_after": 3600},
        {"kind": "body_code_rate_limit"},
        {"kind": "status", "status": 503},
    ],
    ids=["reset", "retry-after", "body", "503"],
)
def test_long_failure_is_incomplete_and_transient(
    emulator: Emulator, connectors: Connectors, fault: dict[str, Any]
) -> None:
    accounts = emulator.seed(ad_accounts=4, audiences=400, updated_timestamp=LONG_AGO)
    emulator.fault(operation="audiences/list", path_contains=accounts[2], times=None, **fault)
    connectors.prepare = WITHOUT_WAITS
    first = connectors.read("audiences", max_wait=1, concurrency=1)
    assert first.code == 1
    assert first.failure["failure_type"] == "transient_error"
    assert first.failure["stream_descriptor"] == {"name": "audiences"}
    assert first.statuses("audiences")[-1] == "INCOMPLETE"
    assert 0 < len(first.data("audiences")) < 400
    emulator.clear()
    emulator.advance(3600)
    second = connectors.read("audiences", state=first.last_states, concurrency=1)
    assert second.code == 0
    ids = [each["id"] for output in (first, second) for each in output.data("audiences")]
    assert len(ids) == len({*ids}) == 400


def test_forbidden_ad_account_is_incomplete_and_others_are_read(
    demo: Emulator, on_demo: Connectors
) -> None:
    account = on_demo.read("ad_accounts").data("ad_accounts")[1]["id"]
    demo.fault(path_contains=account, kind="status", status=403, times=None)
    first = on_demo.read("audiences", "customer_lists", "ad_accounts")
    assert first.code == 1
    assert first.statuses("audiences")[-1] == "INCOMPLETE"
    assert first.statuses("ad_accounts")[-1] == "COMPLETE"
    errors = {error["stream_descriptor"]["name"]: error for error in first.errors}
    assert {*errors} == {"audiences", "customer_lists"}
    assert {error["failure_type"] for error in first.errors} == {"config_error"}
    assert account in errors["audiences"]["message"]
    demo.clear()
    second = on_demo.read("audiences", "customer_lists", state=first.last_states)
    assert second.code == 0
    for stream, count in (("audiences", 24), ("customer_lists", 4)):
        assert {each["ad_account_id"] for each in second.data(stream)} == {account}
        assert len(second.data(stream)) == count, stream


def test_incomplete_full_refresh_has_no_state(demo: Emulator, on_demo: Connectors) -> None:
    account = on_demo.read("ad_accounts").data("ad_accounts")[1]["id"]
    demo.fault(path_contains=account, kind="status", status=403, times=None)
    output = on_demo.read("audience_insights")
    assert output.code == 1
    assert output.data("audience_insights")
    assert output.states == []


def test_unseen_ad_account_is_named(on_demo: Connectors) -> None:
    output = on_demo.read("ad_accounts", ad_account_ids=["1"])
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"
    assert output.failure["stream_descriptor"] == {"name": "ad_accounts"}
    assert output.statuses("ad_accounts")[-1] == "INCOMPLETE"


def test_wrong_token_fails_check_without_and_read_with_an_exit_code(on_demo: Connectors) -> None:
    wrong = {**on_demo.config, "credentials": {**TOKEN, "access_token": "pina_wrong"}}
    check = on_demo.run(SOURCE, "check", config=wrong)
    assert check.code == 0
    assert check.connection["status"] == "FAILED"
    read = on_demo.read("audiences", credentials=wrong["credentials"])
    assert read.code == 1
    assert read.failure["failure_type"] == "config_error"
    assert read.statuses("audiences") == ["STARTED", "INCOMPLETE"]


def test_check_names_what_cannot_be_read_and_succeeds(demo: Emulator, on_demo: Connectors) -> None:
    assert on_demo.run(SOURCE, "check").connection["status"] == "SUCCEEDED"
    account = on_demo.read("ad_accounts").data("ad_accounts")[1]["id"]
    demo.fault(
        operation="audience_insights/get", path_contains=account, kind="status", status=403, times=1
    )
    check = on_demo.run(SOURCE, "check").connection
    assert check["status"] == "SUCCEEDED"
    assert account in check["message"]
    assert "audience_insights" in check["message"]


@pytest.mark.parametrize(
    "config",
    [
        {"ad_account_ids": ["1"]},
        {"api_url": "http://127.0.0.1:1/v5"},
        {"start_date": "soon"},
        {"start_date": "2099-01-01T00:00:00Z"},
        {"page_size": 1000},
        {"credentials": {"auth_type": "access_token"}},
    ],
)
def test_check_fails_for_what_no_stream_survives(
    on_demo: Connectors, config: dict[str, Any]
) -> None:
    on_demo.prepare = WITHOUT_WAITS
    check = on_demo.run(SOURCE, "check", config={**on_demo.config, **config})
    assert check.code == 0
    assert check.connection["status"] == "FAILED"
    assert check.connection["message"]


def test_check_fails_if_no_list_can_be_read(demo: Emulator, on_demo: Connectors) -> None:
    demo.fault(path_contains="/ad_accounts/", kind="status", status=403, times=None)
    check = on_demo.run(SOURCE, "check")
    assert check.connection["status"] == "FAILED"


def test_check_fails_without_an_ad_account(connectors: Connectors) -> None:
    check = connectors.run(SOURCE, "check")
    assert check.connection["status"] == "FAILED"
    assert "no ad account" in check.connection["message"]


@pytest.mark.parametrize("reader", ["stuck", "gone"])
def test_sigterm_ends_a_source_whose_output_nobody_reads(
    emulator: Emulator, connectors: Connectors, tmp_path: Path, reader: str
) -> None:
    emulator.seed(ad_accounts=1, audiences=2000)
    catalog = configured(connectors.discover(), ["audiences"])
    options = options_in(tmp_path, config=connectors.config, catalog=catalog)
    output, into = os.pipe()
    with subprocess.Popen(
        [str(BIN / SOURCE), "read", *options],
        stdout=into,
        stderr=subprocess.DEVNULL,
        env=environment(tmp_path),
    ) as process:
        os.close(into)
        os.read(output, 1)
        if reader == "gone":
            os.close(output)
        sent = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        took = time.monotonic() - sent
    # PyAirbyte takes these two for what it asked for.
    assert code in ({-signal.SIGTERM} if reader == "stuck" else {-signal.SIGTERM, 1})
    assert took < 10, "PyAirbyte kills after 10 s"
    if reader == "stuck":
        os.close(output)


def read_with(on_demo: Connectors, read_all: str) -> subprocess.CompletedProcess[str]:
    """Run the source with other code in the tap, which calls the tap's as `old`."""
    code = (
        "import sys, os\n"
        "from tap_pinterest_audiences.tap import TapPinterestAudiences as Tap\n"
        "old = Tap.read_all\n"
        f"def read_all(self):\n    {read_all}\n"
        "Tap.read_all = read_all\n"
        "from airbyte_pinterest_audiences.pinterest_source import main\n"
        "main(sys.argv[1:])\n"
    )
    catalog = configured(on_demo.discover(), ["ad_accounts"])
    options = options_in(on_demo.folder, config=on_demo.config, catalog=catalog)
    return subprocess.run(
        [BIN / "python", "-c", code, "read", *options],
        capture_output=True,
        text=True,
        check=False,
        env=environment(on_demo.folder),
    )


def test_what_others_print_does_not_reach_the_protocol(on_demo: Connectors) -> None:
    chatter = "print('chatter'); os.system('echo noise'); os.write(1, b'raw\\n'); old(self)"
    run = read_with(on_demo, chatter)
    assert run.returncode == 0
    assert all(json.loads(line)["type"] for line in run.stdout.splitlines())
    for word in ("chatter", "noise", "raw"):
        assert word in run.stderr
        assert word not in run.stdout


def test_bug_is_a_system_error_with_its_lines_and_without_values(on_demo: Connectors) -> None:
    run = read_with(on_demo, "raise KeyError('pina_' + 40 * 'x')")
    assert run.returncode == 1
    (error,) = [
        message["trace"]["error"]
        for message in map(json.loads, run.stdout.splitlines())
        if message["type"] == "TRACE"
    ]
    assert error["failure_type"] == "system_error"
    assert "line" in error["stack_trace"]
    assert "pina_xxxx" not in run.stdout
