"""Renewed tokens go back to Airbyte, since each command runs in a container of its own."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from connectors import DESTINATION, SECRETS, SOURCE, Connectors, Output, configured
from programs import Process

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator

APP = {"auth_type": "refresh_token", "client_id": "demo-app", "client_secret": "demo-secret"}


@pytest.fixture
def refreshing(emulator: Emulator, account: str, tmp_path: Path) -> Connectors:
    """The connectors with a refresh token, which Pinterest takes once only."""
    assert account
    config = {"credentials": {**APP, "refresh_token": "pinr.demo"}, "api_url": emulator.url}
    return Connectors(tmp_path, config)


def updated(config: dict[str, Any], output: Output) -> dict[str, Any]:
    """Return the configuration that Airbyte has after a command."""
    for control in output.of("CONTROL"):
        assert control["type"] == "CONNECTOR_CONFIG"
        config = control["connectorConfig"]["config"]
    return config


def test_five_commands_in_five_homes_take_one_token_request(
    emulator: Emulator, refreshing: Connectors
) -> None:
    config = copy.deepcopy(refreshing.config)
    catalog = configured(refreshing.discover(), ["ad_accounts", "audiences"])
    for verb in ("check", "discover", "read", "read", "check"):
        files: dict[str, Any] = {"catalog": catalog} if verb == "read" else {}
        output = refreshing.run(SOURCE, verb, config=config, **files)
        assert output.code == 0
        assert not output.errors
        if verb == "check":
            assert output.connection["status"] == "SUCCEEDED"
        config = updated(config, output)
    assert len(emulator.requests("oauth/token")) == 1
    assert config["api_url"] == emulator.url
    assert config["credentials"]["refresh_token"] != "pinr.demo"


def test_destination_keeps_its_renewed_token_in_the_same_way(
    emulator: Emulator, refreshing: Connectors, account: str
) -> None:
    config = {**refreshing.config, "ad_account_id": account}
    stream = {"name": "audiences", "json_schema": {"properties": {}}}
    catalog = configured([stream], ["audiences"])
    rule = {"visitor_source_id": "2612511566392"}
    data = {"name": "Buyers", "audience_type": "VISITOR", "rule": rule}
    record = {"type": "RECORD", "record": {"stream": "audiences", "data": data, "emitted_at": 1}}
    for _ in range(2):
        check = refreshing.run(DESTINATION, "check", config=config)
        assert check.connection["status"] == "SUCCEEDED"
        config = updated(config, check)
        write = refreshing.run(DESTINATION, "write", config=config, catalog=catalog, lines=[record])
        assert write.code == 0
        config = updated(config, write)
    assert len(emulator.requests("oauth/token")) == 1
    assert len(emulator.requests("audiences/create")) == 1


def test_first_configuration_works_only_once(emulator: Emulator, refreshing: Connectors) -> None:
    # This is what happens to somebody who throws the CONTROL message away.
    assert refreshing.run(SOURCE, "check").connection["status"] == "SUCCEEDED"
    again = refreshing.run(SOURCE, "check")
    assert again.connection["status"] == "FAILED"
    assert "refresh token" in again.connection["message"]
    assert len(emulator.requests("oauth/token")) == 2


def test_secrets_are_in_the_control_message_only(refreshing: Connectors) -> None:
    output = refreshing.run(SOURCE, "check")
    for message in output.messages:
        holds = any(secret in json.dumps(message) for secret in SECRETS)
        assert holds == (message["type"] == "CONTROL")
    assert not any(secret in output.err for secret in SECRETS)


def test_old_access_token_is_not_used_with_another_refresh_token(
    emulator: Emulator, refreshing: Connectors
) -> None:
    config = updated(refreshing.config, refreshing.run(SOURCE, "check"))
    credentials = {**config["credentials"], "refresh_token": "pinr.of_somebody_else"}
    output = refreshing.run(SOURCE, "check", config={**config, "credentials": credentials})
    assert output.connection["status"] == "FAILED"
    assert len(emulator.requests("oauth/token")) == 2


def test_refused_access_token_is_renewed(emulator: Emulator, refreshing: Connectors) -> None:
    config = updated(refreshing.config, refreshing.run(SOURCE, "check"))
    emulator.advance(31 * 86_400)  # the emulator's clock, not this machine's
    output = refreshing.run(SOURCE, "check", config=config)
    assert output.connection["status"] == "SUCCEEDED"
    newer = updated(config, output)
    assert newer["credentials"]["refresh_token"] != config["credentials"]["refresh_token"]


@pytest.mark.parametrize("expiry", ["soon", 5, None, "2020-01-01T00:00:00Z"])
def test_unreadable_renewal_time_renews(
    emulator: Emulator, refreshing: Connectors, expiry: object
) -> None:
    config = updated(refreshing.config, refreshing.run(SOURCE, "check"))
    config["credentials"]["token_expiry_date"] = expiry
    assert refreshing.run(SOURCE, "check", config=config).connection["status"] == "SUCCEEDED"
    assert len(emulator.requests("oauth/token")) == 2


def test_tokens_leave_no_file(refreshing: Connectors) -> None:
    refreshing.run(SOURCE, "check")
    files = [path.name for path in refreshing.folder.rglob("*") if path.is_file()]
    assert files == ["config.json"]


def test_login_of_this_machine_is_not_used(on_demo: Connectors, tmp_path: Path) -> None:
    client = {key: APP[key] for key in ("client_id", "client_secret")}
    config = {**on_demo.config, "credentials": {**client, "auth_type": "client_credentials"}}
    digest = hashlib.sha256(APP["client_id"].encode()).hexdigest()[:16]
    login = tmp_path / "state" / "pinterest-audiences" / f"login-{digest}.json"
    login.parent.mkdir(parents=True)
    login.write_text('{"tokens": {}}')

    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))

    run = Process([SOURCE, "check", "--config", str(path)], "", tmp_path).wait()

    assert Output(run.code, run.out, run.err).connection["status"] == "SUCCEEDED"
