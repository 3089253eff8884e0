"""The specification comes from the settings of the plugins, and leads back to them."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from airbyte_protocol.models import ConnectorSpecification
from connectors import DESTINATION, SOURCE, TOKEN
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from airbyte_pinterest_audiences.pinterest_destination import FORM as DESTINATION_FORM
from airbyte_pinterest_audiences.pinterest_source import FORM as SOURCE_FORM
from pinterest_audiences.errors import SettingsError
from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors import Connectors

    from airbyte_pinterest_audiences.spec import Form
    from pinterest_audiences.plugin import PinterestPlugin

FORMS = {SOURCE: SOURCE_FORM, DESTINATION: DESTINATION_FORM}
PLUGINS: dict[str, type[PinterestPlugin]] = {
    SOURCE: TapPinterestAudiences,
    DESTINATION: TargetPinterestAudiences,
}
NAMES = [SOURCE, DESTINATION]
REFRESHING = {
    "auth_type": "refresh_token",
    "client_id": "1",
    "client_secret": "hidden",
    "refresh_token": "pinr.1",
}
LEDGER = "postgresql://user:hidden@host/ledger"


def own_settings(plugin: type[PinterestPlugin]) -> dict[str, Any]:
    schema = copy.deepcopy(plugin.config_jsonschema)
    plugin.append_builtin_config(schema)
    return dict(schema["properties"])


def fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the settings of a specification, those in choices too."""
    for name, each in schema["properties"].items():
        for option in each.get("oneOf", ()):
            yield from fields(option)
        if "oneOf" not in each:
            yield name, each


def unmarked_secrets(schema: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, each in fields(schema)
        if own.get(name, {}).get("secret") and not each.get("airbyte_secret")
    ]


def lint(schema: Mapping[str, Any]) -> list[str]:
    """Return what Airbyte's form cannot show."""
    found = []
    nodes: list[Any] = [schema]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            nodes += node.values()
            if isinstance(node.get("type"), list):
                found.append(f"several types {node}")
            if node.get("type") == "object" and not (node.get("properties") or node.get("oneOf")):
                found.append(f"an empty object {node}")
            if node.get("additionalProperties") is False:
                found.append(f"additionalProperties {node}")
            for option in node.get("oneOf", ()):
                consts = [key for key, each in option["properties"].items() if "const" in each]
                if node.get("type") != "object" or len(consts) != 1:
                    found.append(f"a choice without one const {option}")
        elif isinstance(node, list):
            nodes += node
    return found


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def form(name: str) -> Form:
    return FORMS[name]


def test_spec_is_valid_for_the_protocol(connectors: Connectors, name: str, form: Form) -> None:
    (spec,) = connectors.run(name, "spec").of("SPEC")
    ConnectorSpecification.model_validate(spec)
    assert spec["connectionSpecification"] == json.loads(json.dumps(form.schema()))
    Draft7Validator.check_schema(spec["connectionSpecification"])
    assert lint(spec["connectionSpecification"]) == []
    assert spec["supportsIncremental"]
    modes = spec.get("supported_destination_sync_modes")
    assert modes == (["append", "append_dedup", "overwrite"] if name == DESTINATION else None)


def test_every_setting_is_offered_or_left_out_on_purpose(name: str, form: Form) -> None:
    own = own_settings(PLUGINS[name])
    offered = {field for field, _ in fields(form.schema())}
    assert {*own} == (offered & {*own}) | {*form.left_out}
    assert not offered & {*form.left_out}
    for path in ("token_path", "report_path", "rejected_path", "batch_config"):
        assert path not in offered


def test_titles_defaults_and_order_are_those_of_the_settings(name: str, form: Form) -> None:
    own = own_settings(PLUGINS[name])
    for field, each in fields(form.schema()):
        if field in own and "airbyte_hidden" not in each:
            assert each["title"] == own[field]["title"]
            if each.get("type") != "string" or "multiline" not in each:
                assert each.get("default") == own[field].get("default")
    plain = [field for field in form.schema()["properties"] if field in own]
    assert plain == [field for field in own if field in plain]
    orders = [each["order"] for each in form.schema()["properties"].values()]
    assert orders == [*range(len(orders))]


def test_descriptions_name_nothing_that_airbyte_has_not(name: str, form: Form) -> None:
    del name
    for field, each in fields(form.schema()):
        text = each.get("description", "")
        for word in (*form.left_out, "exit code", "ACTIVATE_VERSION", "_sdc_deleted_at"):
            assert word not in text or word == field, field


def test_secrets_are_marked(name: str, form: Form) -> None:
    own = own_settings(PLUGINS[name])
    assert any(each.get("secret") for each in own.values())
    assert unmarked_secrets(form.schema(), own) == []


def test_unmarked_secret_is_found(name: str, form: Form) -> None:
    schema = copy.deepcopy(form.schema())
    option = schema["properties"]["credentials"]["oneOf"][1]
    assert option["properties"]["access_token"].pop("airbyte_secret")
    assert unmarked_secrets(schema, own_settings(PLUGINS[name])) == ["access_token"]


@pytest.mark.parametrize(
    "bug",
    [
        {"type": ["string", "null"]},
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
    ],
)
def test_form_that_airbyte_cannot_show_is_found(form: Form, bug: dict[str, Any]) -> None:
    schema = form.schema()
    schema["properties"]["api_url"] = bug
    assert len(lint(schema)) == 1


def test_ways_to_authenticate_are_those_of_the_plugin(name: str, form: Form) -> None:
    options = form.schema()["properties"]["credentials"]["oneOf"]
    found = [tuple(option["required"][1:]) for option in options]
    groups = [group.settings for group in PLUGINS[name].auth_groups]
    assert found == [group for group in groups if "token_path" not in group]  # a container has none


@pytest.mark.parametrize("credentials", [TOKEN, REFRESHING])
def test_valid_configuration_becomes_settings(form: Form, credentials: dict[str, str]) -> None:
    config = {"credentials": credentials, "max_wait": 5, "user_agent": ""}
    Draft7Validator(form.schema()).validate(config)
    settings = form.settings(config)
    expected = {key: value for key, value in credentials.items() if key != "auth_type"}
    ledger = {"ledger_url": ""} if form is DESTINATION_FORM else {}
    assert settings == {**expected, **ledger, "max_wait": 5}


def test_kept_tokens_are_no_settings() -> None:
    kept = {**REFRESHING, "access_token": "pina_1", "token_expiry_date": "2026-01-01T00:00:00Z"}
    config = {"credentials": kept}
    Draft7Validator(SOURCE_FORM.schema()).validate(config)
    assert "access_token" not in SOURCE_FORM.settings(config)


def test_ledger_is_none_or_postgresql() -> None:
    config = {"credentials": TOKEN}
    none = {"ledger_type": "none"}
    postgresql = {"ledger_type": "postgresql", "ledger_url": LEDGER}
    for ledger, url in ((None, ""), (none, ""), (postgresql, LEDGER)):
        assert DESTINATION_FORM.settings({**config, "ledger": ledger})["ledger_url"] == url
    for wrong in ("sqlite:///ledger.db", "", "mysql://host/ledger", 5):
        bad = {**postgresql, "ledger_url": wrong}
        with pytest.raises(SettingsError, match="ledger_url"):
            DESTINATION_FORM.settings({**config, "ledger": bad})


def test_objects_are_json_text() -> None:
    maps = {"customers": {"__alias__": "audience_members"}}
    config = {"credentials": TOKEN, "stream_maps": json.dumps(maps), "id_map": '{"1": "2"}'}
    Draft7Validator(DESTINATION_FORM.schema()).validate(config)
    settings = DESTINATION_FORM.settings(config)
    assert settings["stream_maps"] == maps
    assert settings["id_map"] == {"1": "2"}
    assert DESTINATION_FORM.settings({**config, "stream_maps": maps})["stream_maps"] == maps


@pytest.mark.parametrize("text", ["{", "[]", "5", "null", '"text"', 5])
def test_text_that_is_no_object_is_refused_without_being_shown(text: object) -> None:
    with pytest.raises(SettingsError, match="stream_maps is not the text of a JSON object"):
        DESTINATION_FORM.settings({"credentials": TOKEN, "stream_maps": text})


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ([], "not a JSON object"),
        ({}, "credentials"),
        ({"credentials": "pina_hidden"}, "credentials"),
        ({"credentials": {"access_token": "pina_hidden"}}, "auth_type"),
        ({"credentials": {"auth_type": "oauth"}}, "auth_type"),
        ({"credentials": {"auth_type": "access_token", "access_token": ""}}, "access_token"),
        ({"credentials": {**REFRESHING, "client_secret": None}}, "client_secret"),
        ({"credentials": {**TOKEN, "access_token": ["hidden"]}}, "access_token is not text"),
        ({"credentials": {**REFRESHING, "client_secret": {"a": "hidden"}}}, "client_secret"),
        ({"credentials": TOKEN, "access_token": "pina_hidden"}, "put it into credentials"),
        ({"credentials": TOKEN, "token_path": "hidden"}, "token_path"),
    ],
)
def test_wrong_configuration_is_refused_without_being_shown(
    form: Form, config: object, what: str
) -> None:
    with pytest.raises(SettingsError, match=what) as caught:
        form.settings(config)
    assert "hidden" not in str(caught.value)


def test_destination_offers_no_client_credentials() -> None:
    credentials = {"auth_type": "client_credentials", "client_id": "1", "client_secret": "2"}
    assert SOURCE_FORM.settings({"credentials": credentials})
    with pytest.raises(SettingsError, match="auth_type"):
        DESTINATION_FORM.settings({"credentials": credentials})


@pytest.mark.parametrize("verb", ["discover", "read"])
@pytest.mark.parametrize("config", ["nonsense", "[]", {}, {"credentials": TOKEN, "page_size": 0}])
def test_bad_configuration_is_a_config_error(
    connectors: Connectors, verb: str, config: object
) -> None:
    files: dict[str, Any] = {"catalog": {"streams": []}} if verb == "read" else {}
    output = connectors.run(SOURCE, verb, config=config, **files)
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"


@pytest.mark.parametrize("command", [[], ["nonsense"], ["read"], ["spec", "--nonsense"]])
def test_wrong_command_line_is_a_config_error(connectors: Connectors, command: list[str]) -> None:
    verb, *options = [*command, ""] if command else [""]
    output = connectors.start(SOURCE, verb, config={}, extra=options)
    assert output.code == 1
    assert output.failure["failure_type"] == "config_error"


def test_setting_that_does_not_exist_is_named(connectors: Connectors, account: str) -> None:
    assert account
    output = connectors.run(SOURCE, "check", config={**connectors.config, "threads": 2})
    assert output.connection["status"] == "SUCCEEDED"
    assert "threads" in output.logged
