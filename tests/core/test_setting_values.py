"""Settings from the environment and from files are read as written, or refused."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from programs import record, schema

from pinterest_audiences.errors import SettingsError
from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from programs import Programs, Run

    from pinterest_emulator.testing import Emulator

RULE = {"visitor_source_id": "2612511566392"}
MESSAGES = [schema(), record(name="New", audience_type="VISITOR", rule=RULE)]
PLUGINS: dict[str, Any] = {"TAP": TapPinterestAudiences, "TARGET": TargetPinterestAudiences}
MALFORMED = {"boolean": "maybe", "integer": "1_0", "number": "nan", "array": "[1", "object": "{"}


def target(programs: Programs, account: str, **variables: str) -> Run:
    """Run the target with settings from the environment alone."""
    said = {
        "ACCESS_TOKEN": "pina_demo",
        "API_URL": programs.settings["api_url"],
        "AD_ACCOUNT_ID": account,
        **variables,
    }
    return programs.run(
        "target-pinterest-audiences",
        "--config",
        "ENV",
        stdin="".join(json.dumps(message) + "\n" for message in MESSAGES),
        **{f"TARGET_PINTEREST_AUDIENCES_{name}": value for name, value in said.items()},
    )


def target_from_file(programs: Programs, settings: dict[str, Any], **variables: str) -> Run:
    """Run the target with a configuration file, beside variables that it does not read."""
    config = programs.file("c.json", {**programs.settings, **settings})
    return programs.run(
        "target-pinterest-audiences",
        "--config",
        str(config),
        stdin="".join(json.dumps(message) + "\n" for message in MESSAGES),
        **{f"TARGET_PINTEREST_AUDIENCES_{name}": value for name, value in variables.items()},
    )


def typed_settings() -> list[tuple[str, str, str]]:
    found = []
    for plugin, cls in PLUGINS.items():
        cls.append_builtin_config(cls.config_jsonschema)
        for name, setting in cls.config_jsonschema["properties"].items():
            found += [
                (plugin, name, text)
                for kind, text in MALFORMED.items()
                if kind in setting["type"] and "string" not in setting["type"]
            ]
    return found


@pytest.mark.parametrize("text", ["y", "Yes", " TRUE ", "t", "1", "on"])
def test_dry_run_from_the_environment_writes_nothing(
    emulator: Emulator, programs: Programs, account: str, text: str
) -> None:
    run = target(programs, account, DRY_RUN=text)
    assert run.code == 0, run.err
    assert not [entry for entry in emulator.requests() if entry["method"] != "GET"]


@pytest.mark.parametrize("text", ["maybe", "2", "truee", "null"])
def test_unknown_boolean_in_the_environment_is_an_error(
    emulator: Emulator, programs: Programs, account: str, text: str
) -> None:
    run = target(programs, account, DRY_RUN=text)
    assert run.code == 1
    (line,) = run.complaints
    assert "dry_run: the environment variable TARGET_PINTEREST_AUDIENCES_DRY_RUN" in line
    assert not emulator.requests()


def test_empty_variables_are_not_set(emulator: Emulator, programs: Programs, account: str) -> None:
    run = target(
        programs, account, DRY_RUN="", MAX_WAIT=" ", ID_MAP="", WRITE_MODE="", REFRESH_TOKEN=""
    )
    assert run.code == 0, run.err
    assert [item["name"] for item in emulator.state()["audiences"][account]] == ["New"]


def test_value_out_of_range_names_setting_and_variable(programs: Programs) -> None:
    run = target(programs, "1", MAX_REMOVAL_RATIO="1.5")
    (line,) = run.complaints
    assert "max_removal_ratio" in line
    assert "TARGET_PINTEREST_AUDIENCES_MAX_REMOVAL_RATIO" in line


@pytest.mark.parametrize("text", ["y", "true", "maybe"])
def test_dry_run_in_a_variable_that_is_not_read_is_an_error(
    emulator: Emulator, programs: Programs, account: str, text: str
) -> None:
    done = target_from_file(programs, {"ad_account_id": account}, DRY_RUN=text)
    assert done.code == 1
    [line] = [line for line in done.err.splitlines() if "ERROR" in line]
    assert "TARGET_PINTEREST_AUDIENCES_DRY_RUN" in line
    assert "--config ENV" in line
    assert not emulator.requests("audiences/create")


def test_variable_that_is_not_read_is_named_if_it_means_something_else(
    programs: Programs, account: str
) -> None:
    done = target_from_file(
        programs,
        {"ad_account_id": account},
        AD_ACCOUNT_ID=account,
        DRY_RUN="false",
        MAX_WAIT="900",
        MAX_REJECTED="7",
        ACCESS_TOKEN="pina_other",
    )
    assert done.code == 0
    prefix = "TARGET_PINTEREST_AUDIENCES_"
    named = {word for word in done.err.split() if word.startswith(prefix)}
    assert named == {f"{prefix}MAX_REJECTED", f"{prefix}ACCESS_TOKEN"}
    assert "pina_other" not in done.err


@pytest.mark.parametrize(("plugin", "name", "text"), typed_settings())
def test_malformed_value_in_the_environment_names_setting_and_variable(
    monkeypatch: pytest.MonkeyPatch, plugin: str, name: str, text: str
) -> None:
    variable = f"{plugin}_PINTEREST_AUDIENCES_{name.upper()}"
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError, match=f"{name}: the environment variable {variable} is n"):
        PLUGINS[plugin](config={"access_token": "pina_demo"}, parse_env_config=True)


def test_numbers_in_the_environment_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARGET_PINTEREST_AUDIENCES_MAX_REMOVAL_RATIO", "0.5")
    plugin = TargetPinterestAudiences(config={"access_token": "a"}, parse_env_config=True)
    assert plugin.config["max_removal_ratio"] == 0.5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dry_run": "true"}, "dry_run"),
        ({"dry_run": 1}, "dry_run"),
        ({"member_batch_size": "10"}, "member_batch_size"),
        ({"ad_account_id": True}, "ad_account_id"),
        ({"ad_account_id": 1e20}, "ad_account_id"),
    ],
)
def test_ambiguous_value_in_a_file_is_rejected(
    emulator: Emulator, programs: Programs, settings: dict[str, Any], said: str
) -> None:
    run = programs.target(MESSAGES, **settings)
    assert run.code == 1
    assert said in "".join(run.complaints), run.err
    assert not emulator.requests()


def test_invalid_number_is_rejected() -> None:
    with pytest.raises(SettingsError, match="max_removal_ratio"):
        TargetPinterestAudiences(config={"access_token": "a", "max_removal_ratio": float("nan")})


def test_null_in_a_file_is_not_set(programs: Programs, account: str) -> None:
    settings = {"max_rejected": None, "write_mode": None, "member_batch_size": None}
    run = programs.target(MESSAGES, ad_account_id=account, **settings)
    assert run.code == 0, run.err


def test_ids_may_be_numbers(emulator: Emulator, programs: Programs, account: str) -> None:
    settings = {"client_id": 123, "client_secret": "secret", "id_map": {"1": 2}}
    run = programs.target(MESSAGES, ad_account_id=int(account), **settings)
    assert run.code == 0, run.err
    assert [item["name"] for item in emulator.state()["audiences"][account]] == ["New"]


def test_start_date_in_the_future_is_an_error(programs: Programs) -> None:
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    run = programs.tap(start_date=tomorrow.isoformat())
    assert run.code == 1
    assert "is in the future" in "".join(run.complaints)


@pytest.mark.parametrize(
    "name", ["dryrun", "Dry_Run", "dry-run", "dry_runs", "dry", "dry_run_mode"]
)
def test_misspelt_dry_run_writes_nothing(
    emulator: Emulator, programs: Programs, account: str, name: str
) -> None:
    done = target_from_file(programs, {"ad_account_id": account, name: True})
    assert done.code == 1
    assert f"there is no setting {name}: write dry_run" in done.err
    assert not emulator.requests()


def test_misspelt_variable_is_an_error(
    emulator: Emulator, programs: Programs, account: str
) -> None:
    run = target(programs, account, DRYRUN="true")
    assert run.code == 1
    assert "there is no setting dryrun: write dry_run" in run.err
    assert not emulator.requests()


def test_misspelt_variable_of_the_tap_is_an_error(programs: Programs, emulator: Emulator) -> None:
    for name, meant in (("AD_ACCOUNT_ID", "ad_account_ids"), ("DETECT_REMOVAL", "detect_removed")):
        run = programs.run(
            "tap-pinterest-audiences",
            "--config",
            "ENV",
            TAP_PINTEREST_AUDIENCES_API_URL=emulator.url,
            TAP_PINTEREST_AUDIENCES_ACCESS_TOKEN="pina_demo",
            **{f"TAP_PINTEREST_AUDIENCES_{name}": "1"},
        )
        assert run.code == 1
        assert f"there is no setting {name.lower()}: write {meant}" in run.err


@pytest.mark.parametrize("text", ["2.61251E+12", "26125100000000001.0"])
def test_id_in_a_variable_that_lost_digits_is_an_error(
    emulator: Emulator, programs: Programs, account: str, text: str
) -> None:
    run = target(programs, account, ID_MAP=f'{{"1": {text}}}')
    assert run.code == 1
    assert "holds a number that may have lost digits: put ids in quotes" in run.err
    assert not emulator.requests()


def test_setting_that_does_not_exist_is_named(programs: Programs, account: str) -> None:
    run = target(programs, account, COLOUR="red", _LOAD_SCHEMA="of Meltano")
    assert run.code == 0, run.err
    assert "there are no such settings: colour\n" in run.err
