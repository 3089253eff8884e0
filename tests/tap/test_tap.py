"""The tap as a process, against the emulator over HTTP."""

from __future__ import annotations

import collections
import gzip
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import requests
from programs import statuses

from pinterest_emulator.testing import Emulator
from tap_pinterest_audiences.connection_test import connection_test
from tap_pinterest_audiences.tap import TapPinterestAudiences

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Programs, Run

LONG_AGO = 1_700_000_000


def bookmarks(run: Run) -> dict[str, Any]:
    partitions = run.state["bookmarks"]["audiences"]["partitions"]
    return {
        part["context"]["ad_account_id"]: part.get("replication_key_value") for part in partitions
    }


def lists(emulator: Emulator) -> list[dict[str, Any]]:
    """Return the requests for audiences that an account owns."""
    found = emulator.requests("audiences/list")
    return [request for request in found if "ownership_type" not in request["query"]]


def change(emulator: Emulator, account: str, audience: str, **fields: object) -> None:
    requests.patch(
        f"{emulator.url}/ad_accounts/{account}/audiences/{audience}",
        json=fields,
        headers={"Authorization": "Bearer pina_demo"},
        timeout=10,
    ).raise_for_status()


@pytest.fixture
def six_hundred(emulator: Emulator) -> str:
    return emulator.seed(ad_accounts=1, audiences=600, updated_timestamp=LONG_AGO)[0]


def test_six_hundred_audiences_are_three_requests(
    emulator: Emulator, programs: Programs, six_hundred: str
) -> None:
    run = programs.tap()
    assert run.code == 0, run.err
    ids = [audience["id"] for audience in run.records("audiences")]
    assert len(set(ids)) == len(ids) == 600
    assert len(lists(emulator)) == 3
    for request in lists(emulator):
        assert request["path"] == f"/v5/ad_accounts/{six_hundred}/audiences"
        assert {"page_size": "250", "order": "ASCENDING"}.items() <= request["query"].items()
    assert [account["id"] for account in run.records("ad_accounts")] == [six_hundred]


def test_values_are_emitted_as_pinterest_sent_them(programs: Programs) -> None:
    with Emulator(seed="demo", access="unlimited") as emulator:
        run = programs.tap(api_url=emulator.url)
        sent = [
            item
            for account in run.records("ad_accounts")
            for item in answered(f"{emulator.url}/ad_accounts/{account['id']}/audiences")
        ]
        accounts = answered(f"{emulator.url}/ad_accounts")
    missing = {"time_zone": None, "other_fields": None}
    assert run.records("ad_accounts") == [{**missing, **account} for account in accounts]
    assert run.records("audiences") == [{**item, "other_fields": None} for item in sent]
    assert len(sent) > 600
    assert run.code == 0


def answered(url: str) -> list[dict[str, Any]]:
    """Read a list without the tap's code."""
    items: list[dict[str, Any]] = []
    bookmark: Any = ""
    while bookmark is not None:
        query = {"page_size": "250", **({"bookmark": bookmark} if bookmark else {})}
        page = requests.get(
            url, query, headers={"Authorization": "Bearer pina_demo"}, timeout=10
        ).json()
        items += page["items"]
        bookmark = page["bookmark"]
    return items


def discovered(programs: Programs) -> dict[str, Any]:
    run = programs.run("tap-pinterest-audiences", "--discover")
    assert run.code == 0, run.err
    catalog: dict[str, Any] = json.loads(run.out)
    return catalog


def test_discovery_needs_no_credentials(programs: Programs) -> None:
    streams = {stream["tap_stream_id"]: stream for stream in discovered(programs)["streams"]}
    assert streams["audiences"]["key_properties"] == ["id"]
    assert streams["audiences"]["replication_key"] == "updated_timestamp"
    assert streams["audiences"]["replication_method"] == "INCREMENTAL"
    assert streams["ad_accounts"]["replication_method"] == "FULL_TABLE"
    described = streams["audiences"]["schema"]["properties"]
    assert all(field.get("description") for field in described.values())


@pytest.mark.parametrize("kind", ["empty_page", "short_page", "no_bookmark_key"])
def test_empty_or_short_pages_lose_nothing(
    emulator: Emulator, programs: Programs, six_hundred: str, kind: str
) -> None:
    emulator.fault(operation="audiences/list", kind=kind, skip=1)
    run = programs.tap(ad_account_ids=[six_hundred])
    assert len({audience["id"] for audience in run.records("audiences")}) == 600
    assert emulator.requests("ad_accounts/list"), "the stream ad_accounts is selected"


def test_the_second_run_emits_nothing(
    emulator: Emulator, programs: Programs, six_hundred: str
) -> None:
    first = programs.tap()
    assert len(first.records("audiences")) == 600
    second = programs.tap(state=first.state)
    assert second.records("audiences") == []
    assert second.code == 0
    assert len(lists(emulator)) == 6
    assert bookmarks(second)[six_hundred] >= bookmarks(first)[six_hundred]


def test_the_second_run_emits_nothing_even_right_after_a_change(
    emulator: Emulator, programs: Programs, six_hundred: str
) -> None:
    changed = emulator.state()["audiences"][six_hundred][0]["id"]
    change(emulator, six_hundred, changed, name="Just now")
    first = programs.tap()
    second = programs.tap(state=first.state)
    assert len(first.records("audiences")) == 600
    assert second.records("audiences") == []


def state_of(account: str, value: int) -> dict[str, Any]:
    partition = {
        "context": {"ad_account_id": account},
        "replication_key": "updated_timestamp",
        "replication_key_value": value,
    }
    return {"bookmarks": {"audiences": {"partitions": [partition]}}}


def warnings_of(run: Run) -> list[str]:
    return [line for line in run.err.splitlines() if "| WARNING" in line]


def test_the_bookmark_is_the_clock_in_whole_seconds(programs: Programs, six_hundred: str) -> None:
    before = int(time.time())
    run = programs.tap(lookback=100)
    value = bookmarks(run)[six_hundred]
    assert isinstance(value, int)
    assert before - 100 <= value <= int(time.time()) - 100
    assert not warnings_of(run)


@pytest.mark.parametrize("seconds", [120, 86_400])
def test_a_server_clock_that_is_ahead_does_not_move_the_bookmark_into_the_future(
    emulator: Emulator, programs: Programs, six_hundred: str, seconds: int
) -> None:
    emulator.advance(seconds)
    run = programs.tap()
    assert run.code == 0
    assert bookmarks(run)[six_hundred] <= time.time() - 60
    (warning,) = warnings_of(run)
    assert "ahead of this machine's, which is more than lookback" in warning

    changed = emulator.state()["audiences"][six_hundred][0]["id"]
    change(emulator, six_hundred, changed, name="Changed in the future")
    second = programs.tap(state=run.state)
    assert [audience["id"] for audience in second.records("audiences")] == [changed]
    assert programs.tap(state=second.state).records("audiences") == []


def test_the_bookmark_never_moves_backwards(programs: Programs, six_hundred: str) -> None:
    value = int(time.time()) - 1000
    run = programs.tap(state=state_of(six_hundred, value), lookback=5000)
    assert bookmarks(run) == {six_hundred: value}
    assert not warnings_of(run)


@pytest.mark.parametrize("ahead", [3600, 10**6, "milliseconds"])
def test_a_bookmark_in_the_future_is_named_and_not_used(
    programs: Programs, six_hundred: str, ahead: int | str
) -> None:
    now = int(time.time())
    value = now * 1000 if isinstance(ahead, str) else now + ahead
    run = programs.tap(state=state_of(six_hundred, value))
    assert run.code == 0
    assert len(run.records("audiences")) == 600
    (warning,) = warnings_of(run)
    assert f"State: replication_key_value {value} of ad account {six_hundred}" in warning
    assert now - 60 <= bookmarks(run)[six_hundred] <= time.time() - 60
    assert programs.tap(state=run.state).records("audiences") == []


def test_change_behind_the_scan_is_in_the_next_run(
    emulator: Emulator, programs: Programs, six_hundred: str
) -> None:
    first_page = emulator.state()["audiences"][six_hundred][0]["id"]
    emulator.fault(operation="audiences/list", kind="delay", seconds=1.5, skip=1)

    def change_it_while_the_second_page_is_on_its_way() -> None:
        while len(lists(emulator)) < 2:
            time.sleep(0.01)
        change(emulator, six_hundred, first_page, name="Changed behind the scan")

    changer = threading.Thread(target=change_it_while_the_second_page_is_on_its_way)
    changer.start()
    first = programs.tap()
    changer.join()
    assert "Changed behind the scan" not in {a["name"] for a in first.records("audiences")}
    second = programs.tap(state=first.state)
    assert [a["name"] for a in second.records("audiences")] == ["Changed behind the scan"]


def test_start_date_skips_older_audiences(
    emulator: Emulator, programs: Programs, six_hundred: str
) -> None:
    changed = emulator.state()["audiences"][six_hundred][3]["id"]
    change(emulator, six_hundred, changed, name="New")
    run = programs.tap(start_date="2025-01-01T00:00:00Z")
    assert [audience["id"] for audience in run.records("audiences")] == [changed]


def test_interrupted_run_keeps_the_old_bookmark(emulator: Emulator, programs: Programs) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=600, updated_timestamp=LONG_AGO)
    emulator.fault(
        operation="audiences/list", path_contains=other, skip=1, kind="rate_limit", reset=5000
    )
    first = programs.tap()
    assert first.code == 75
    assert re.search(r"run again in 5000 s, after \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", first.err)
    assert "Traceback" not in first.err
    assert bookmarks(first)[one]
    assert not bookmarks(first)[other]
    second = programs.tap(state=first.state)
    assert second.code == 0
    assert {a["ad_account_id"] for a in second.records("audiences")} == {other}
    assert len(second.records("audiences")) == 300


def test_only_the_accounts_of_the_settings_are_read(emulator: Emulator, programs: Programs) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=20)
    run = programs.tap(ad_account_ids=[other])
    assert {a["ad_account_id"] for a in run.records("audiences")} == {other}
    assert [account["id"] for account in run.records("ad_accounts")] == [other]
    assert one not in run.out


def test_unreadable_account_is_named_and_the_others_are_read(
    emulator: Emulator, programs: Programs
) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=20)
    emulator.fault(
        operation="audiences/list",
        path_contains=one,
        kind="status",
        status=403,
        code=29,
        message="You are not permitted to access that resource.",
        times=None,
    )
    run = programs.tap()
    assert run.code == 1
    assert f"ad account {one}, stream audiences: Pinterest refused" in run.err
    assert {a["ad_account_id"] for a in run.records("audiences")} == {other}
    assert bookmarks(run)[other]
    assert not bookmarks(run)[one]


def test_connection_test_lists_the_visible_accounts(
    emulator: Emulator, programs: Programs, six_hundred: str
) -> None:
    run = programs.tap("--test")
    assert run.code == 0, run.err
    assert f"The token sees ad account {six_hundred}" in run.err
    assert "Stream customer_lists: 1 of 1 can be read" in run.err
    assert len(emulator.requests()) < 12
    assert run.out == ""
    assert programs.tap("--test", access_token="pina_wrong").code == 1


def test_connection_test_names_missing_access(
    emulator: Emulator, programs: Programs, six_hundred: str
) -> None:
    emulator.fault(operation="customer_lists/list", kind="status", status=401, code=3, times=None)
    run = programs.tap("--test", ad_account_ids=[six_hundred, "123"])
    assert run.code == 1
    assert "the token does not see ad account 123" in run.err
    assert f"ad account {six_hundred}, stream customer_lists: Pinterest refused" in run.err
    assert "The token lacks a scope" in run.err
    assert "Stream audiences: 1 of 2 can be read" in run.err


def test_connection_test_warns_about_the_sandbox() -> None:
    tap = TapPinterestAudiences(
        config={"access_token": "x", "api_url": "https://api-sandbox.pinterest.com/v5"}
    )
    tap.session.ad_accounts, tap.session.ad_account_ids = [], []
    with patch.object(tap.logger, "warning") as warning:
        connection_test(tap.session, tap.streams.values())
    assert "switched off" in warning.call_args.args[0]


def test_tokens_are_renewed_once_for_all_streams(
    emulator: Emulator, programs: Programs, six_hundred: str
) -> None:
    programs.settings = {
        "api_url": emulator.url,
        "client_id": "demo-app",
        "client_secret": "demo-secret",
        "refresh_token": "pinr.demo",
    }
    run = programs.tap("--test")
    assert run.code == 0, run.err
    assert programs.tap().code == 0
    assert statuses(emulator.requests())["oauth/token", 200] == 1
    kept = list((programs.folder / "state").rglob("token-*.json"))
    assert len(kept) == 1
    assert six_hundred in run.err


def test_batch_files_contain_all_records_before_their_states(
    emulator: Emulator, programs: Programs, tmp_path: Path
) -> None:
    accounts = emulator.seed(ad_accounts=3, audiences=24_000, updated_timestamp=LONG_AGO)
    run = programs.tap(
        batch_config={
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": f"file://{tmp_path}"},
        }
    )
    assert run.code == 0, run.err
    out: collections.Counter[str] = collections.Counter()
    promised: set[str] = set()
    for message in run.messages:
        if message["type"] == "BATCH" and message["stream"] == "audiences":
            for path in message["manifest"]:
                with gzip.open(path.removeprefix("file://")) as file:
                    out.update(json.loads(line)["ad_account_id"] for line in file)
        if message["type"] == "STATE":
            parts = message["value"]["bookmarks"].get("audiences", {}).get("partitions", [])
            promised = {
                part["context"]["ad_account_id"]
                for part in parts
                if part.get("replication_key_value")
            }
            assert all(out[account] == 8000 for account in promised)
    assert promised == set(accounts)


def test_settings_come_from_the_environment(
    emulator: Emulator, programs: Programs, six_hundred: str
) -> None:
    run = programs.run(
        "tap-pinterest-audiences",
        "--config=ENV",
        TAP_PINTEREST_AUDIENCES_ACCESS_TOKEN="pina_demo",
        TAP_PINTEREST_AUDIENCES_API_URL=emulator.url,
        TAP_PINTEREST_AUDIENCES_AD_ACCOUNT_IDS=json.dumps([six_hundred]),
        TAP_PINTEREST_AUDIENCES_PAGE_SIZE="100",
    )
    assert run.code == 0, run.err
    assert len(run.records("audiences")) == 600
    assert len(lists(emulator)) == 6


@pytest.mark.usefixtures("six_hundred")
def test_structured_logs_are_json_lines_and_have_the_sdks_metrics(programs: Programs) -> None:
    config = programs.file(
        "logging.yml",
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"structured": {"()": "singer_sdk.logging.StructuredFormatter"}},
            "handlers": {
                "structured": {"class": "logging.StreamHandler", "formatter": "structured"}
            },
            "root": {"level": "INFO", "handlers": ["structured"]},
        },
    )
    settings = programs.file("settings.json", programs.settings)
    run = programs.run(
        "tap-pinterest-audiences", f"--config={settings}", SINGER_SDK_LOG_CONFIG=str(config)
    )
    assert run.code == 0, run.err
    lines = [json.loads(line) for line in run.err.splitlines()]
    counted = collections.Counter[str]()
    for point in (line["metric_info"] for line in lines if "metric_info" in line):
        if point["tags"]["stream"] == "audiences" and point["type"] == "counter":
            counted[point["metric"]] += point["value"]
    assert counted == {"record_count": 600, "http_request_count": 3}
