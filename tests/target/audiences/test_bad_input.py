"""Invalid input makes a run fail with a line that says what, where and what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from programs import record, schema, state

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from programs import Programs, Run

RULE = {"visitor_source_id": "2612511566392"}
GOOD = record(name="Good", audience_type="VISITOR", rule=RULE)
PAIR: dict[str, Any] = {"client_id": "demo-app", "client_secret": "demo-secret"}
SECRETS = ("pina_", "pinr.", "demo-secret")


def complaint(run: Run, code: int = 1) -> str:
    """Return the errors of the run, after checking its exit code."""
    assert run.code == code, run.err
    assert "Traceback" not in run.err
    assert run.complaints, run.err
    assert not any(secret in run.out + run.err for secret in SECRETS)
    return "\n".join(run.complaints)


@pytest.mark.parametrize("program", ["tap", "target"])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "no credentials: set access_token, or client_id with client_secret and refresh_token"),
        ({"client_id": "demo-app"}, "client_id is set but client_secret is not"),
        ({"client_secret": "demo-secret"}, "client_secret is set but client_id is not"),
        ({"refresh_token": "pinr.demo"}, "refresh_token is set but client_id and client_secret"),
        ({"access_token": "pina_demo", "client_id": "demo-app"}, "client_secret is not"),
        ({"access_token": "pina_demo", "api_url": "http://pinterest.example"}, "api_url must"),
        ({"access_token": "pina_\ndemo"}, "access_token has line breaks"),
        ({"access_token": "pina_demö"}, "access_token has line breaks or characters that are not"),
        ({"access_token": "pina_demo", "user_agent": "a\nb"}, "user_agent has line breaks"),
        ({"access_token": "pina_demo", "api_url": "https://["}, "api_url must"),
        ({"access_token": "pina_demo", "max_wait": -1}, "config['max_wait']"),
    ],
)
def test_invalid_settings_end_the_run(
    programs: Programs, program: str, settings: dict[str, Any], said: str
) -> None:
    programs.settings = {"api_url": programs.settings["api_url"], **settings}
    run = programs.tap() if program == "tap" else programs.target([schema(), GOOD])
    assert said in complaint(run)
    assert run.out == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"start_date": "yesterday"}, "start_date 'yesterday' is no ISO 8601 date"),
        ({"page_size": 251}, "251 is greater than the maximum of 250"),
        ({"ad_account_ids": ["12a"]}, "'12a' does not match"),
    ],
)
def test_invalid_settings_end_the_tap(
    programs: Programs, settings: dict[str, Any], said: str
) -> None:
    assert said in complaint(programs.tap(**settings))


def test_client_credentials_cannot_write(programs: Programs) -> None:
    del programs.settings["access_token"]
    said = complaint(programs.target([schema(), GOOD], **PAIR))
    assert "can only read: set refresh_token as well, or access_token" in said


def test_white_space_around_a_token_is_ignored(programs: Programs, account: str) -> None:
    run = programs.tap(access_token="pina_demo\n")
    assert run.code == 0, run.err
    assert [record["id"] for record in run.records("ad_accounts")] == [account]


def test_client_credentials_can_read(emulator: Emulator, programs: Programs) -> None:
    emulator.seed(ad_accounts=1, audiences=5)
    del programs.settings["access_token"]
    assert len(programs.tap(**PAIR).records("audiences")) == 5


def test_wrong_token_ends_the_run_with_one_error(programs: Programs, account: str) -> None:
    wrong: dict[str, Any] = {"access_token": "pina_wrong"}
    for run in (
        programs.tap(**wrong),
        programs.target([schema(), GOOD, state(1)], ad_account_id=account, **wrong),
    ):
        said = complaint(run)
        assert "HTTP 401, code 2" in said
        assert "Check access_token, or authorise the app again" in said
        assert '"seen"' not in run.out


def test_forbidden_account_is_named(programs: Programs) -> None:
    with Emulator(seed="demo", access="unlimited") as emulator:
        visible = {a["id"] for a in emulator.state()["ad_accounts"]}
        foreign = next(key for key in emulator.state()["audiences"] if key not in visible)
        programs.settings["api_url"] = emulator.url
        read = complaint(programs.tap(ad_account_ids=[foreign]))
        written = complaint(programs.target([schema(), GOOD, state(1)], ad_account_id=foreign))
    for said in (read, written):
        assert f"ad account {foreign}" in said
        assert "HTTP 403, code 29" in said
        assert "has no role on this ad account" in said


def test_unknown_account_is_named(programs: Programs, account: str) -> None:
    assert account
    assert "ad account 123" in complaint(programs.tap(ad_account_ids=["123"]))
    assert "ad account 123" in complaint(programs.target([schema(), GOOD], ad_account_id="123"))


def test_unreadable_account_is_requested_once(
    emulator: Emulator, programs: Programs, account: str
) -> None:
    lost = [record(**{**GOOD["record"], "ad_account_id": "123"})] * 100
    run = programs.target([schema(), *lost, GOOD], ad_account_id=account)
    assert run.code == 1
    assert len(emulator.requests("audiences/list")) == 2
    assert len(emulator.state()["audiences"][account]) == 1


def test_token_without_any_account_is_reported(programs: Programs) -> None:
    assert "The token sees no ad account" in complaint(programs.tap())


@pytest.mark.parametrize("content", [None, "{", "[1]", "\0"])
@pytest.mark.parametrize("program", ["tap-pinterest-audiences", "target-pinterest-audiences"])
def test_invalid_config_is_reported(programs: Programs, program: str, content: str | None) -> None:
    path = programs.folder / "config.json"
    if content is not None:
        path.write_text(content)
    said = complaint(programs.run(program, "--config", str(path)))
    assert f"--config: {path} " in said


@pytest.mark.parametrize("content", ["{", "[]", "\0"])
@pytest.mark.parametrize("option", ["--state", "--catalog"])
def test_invalid_state_or_catalog_is_reported(
    programs: Programs, option: str, content: str
) -> None:
    path = programs.folder / "broken.json"
    path.write_text(content)
    said = complaint(programs.tap(option, str(path)))
    assert said.startswith(f"{option}: {path} is not")


def test_bookmark_of_another_tap_is_reported(programs: Programs, account: str) -> None:
    partition = {
        "context": {"ad_account_id": account},
        "replication_key": "updated_timestamp",
        "replication_key_value": "2026-01-01T00:00:00Z",
    }
    run = programs.tap(state={"bookmarks": {"audiences": {"partitions": [partition]}}})
    assert "is not a whole number of Unix seconds; remove that bookmark" in complaint(run)


def test_message_that_is_nested_too_deeply_is_reported(
    emulator: Emulator, programs: Programs, account: str
) -> None:
    good = "".join(programs_lines(schema(), GOOD, state("done")))
    run = programs.target(good + "[" * 100_000 + "\n" + good, ad_account_id=account)
    assert "Input line 4 is not JSON" in complaint(run)
    assert run.state == {"seen": "done"}
    assert len(emulator.state()["audiences"][account]) == 1


def programs_lines(*messages: dict[str, Any]) -> list[str]:
    return [json.dumps(message) + "\n" for message in messages]


def test_input_that_is_not_utf_8_is_reported(programs: Programs, account: str) -> None:
    path = programs.folder / "latin.singer"
    path.write_bytes(
        "".join(programs_lines(schema(), GOOD)).encode()
        + '{"type": "RECORD", "stream": "audiences", "record": {"name": "Käse"}}'.encode("latin-1")
    )
    config = programs.file("target.json", {**programs.settings, "ad_account_id": account})
    run = programs.run("target-pinterest-audiences", "--config", str(config), "--input", str(path))
    assert "is not UTF-8 text" in complaint(run)


def test_record_without_any_account_is_reported(programs: Programs) -> None:
    said = complaint(programs.target([schema(), GOOD]))
    assert "add the column, or set the setting ad_account_id" in said


def test_a_thousand_bad_records_log_one_error(programs: Programs, account: str) -> None:
    bad = record(name="Bad", audience_type="FANS", rule=RULE)
    said = complaint(programs.target([schema(), *[bad] * 1000], ad_account_id=account))
    assert said.count("FANS") == 2
    assert "1000 records in all" in said


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        (None, {"format": "jsonl"}, "cannot be read (FileNotFoundError)"),
        (b"ann@shop.example", {"format": "jsonl"}, "cannot be read (JSONDecodeError)"),
        (b"ann@shop.example", {"format": "jsonl", "compression": "gzip"}, "(BadGzipFile)"),
        (b"\xff", {"format": "jsonl"}, "cannot be read (UnicodeDecodeError)"),
        (b"{}", {"format": "jsonl", "compression": "zstd"}, "cannot be read (NotImplementedError)"),
        (b"{}", {"format": "parquet"}, "cannot be read"),
        (b"{}", {"colour": 1}, "cannot be read (NotImplementedError)"),
        (b'["ann@shop.example"]', {"format": "jsonl"}, "cannot be read (TypeError)"),
        (b"{}", {"format": "csv"}, "cannot be read (NotImplementedError)"),
    ],
)
def test_invalid_batch_file_is_reported(
    programs: Programs,
    account: str,
    content: bytes | None,
    encoding: dict[str, Any],
    said: str,
) -> None:
    path = programs.folder / "rows"
    if content is not None:
        path.write_bytes(content)
    manifest = [f"{path.as_uri()}?X-Amz-Signature=secret"] if content is None else [path.as_uri()]
    message = {"type": "BATCH", "stream": "audiences", "encoding": encoding, "manifest": manifest}
    run = programs.target(
        [schema(), GOOD, state("before"), message, state("after")], ad_account_id=account
    )
    assert said in complaint(run)
    assert run.state == {"seen": "before"}
    assert "ann@shop.example" not in run.out + run.err
    assert "secret" not in run.err
