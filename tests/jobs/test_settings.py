"""Settings agree in the code, in meltano.yml and in the README."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pinterest_emulator.cli import _parser as emulator_parser
from reference.__main__ import PAGE, page
from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import SINKS, TargetPinterestAudiences

if TYPE_CHECKING:
    from programs import Programs

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PLUGINS = ["tap-pinterest-audiences", "target-pinterest-audiences"]
KINDS = {
    "string": {"string", "password", "options", "date_iso8601"},
    "integer": {"integer"},
    "number": {"decimal"},
    "boolean": {"boolean"},
    "array": {"array"},
    "object": {"object"},
}


@pytest.fixture(params=PLUGINS)
def plugin(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def about(programs: Programs, plugin: str) -> dict[str, Any]:
    run = programs.run(plugin, "--about", "--format", "json")
    assert run.code == 0, run.err
    said: dict[str, Any] = json.loads(run.out)
    return said


def leaves(properties: dict[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    """Return settings by the dotted names that Meltano gives to nested ones."""
    found: dict[str, dict[str, Any]] = {}
    for name, schema in properties.items():
        if schema.get("properties") and name != "stream_maps":
            found |= leaves(schema["properties"], f"{prefix}{name}.")
        else:
            found[prefix + name] = schema
    return found


def in_meltano(plugin: str) -> dict[str, Any]:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    entries = [*project["plugins"]["extractors"], *project["plugins"]["loaders"]]
    return next(entry for entry in entries if entry["name"] == plugin)


def readme_rows(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table below a heading, by the name in their first cell."""
    section = re.split(r"\n##+ ", README.split(f"{heading}\n", 1)[1])[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_meltano_yml_has_every_setting_and_no_other(programs: Programs, plugin: str) -> None:
    code = leaves(about(programs, plugin)["settings"]["properties"])
    entries = {setting["name"]: setting for setting in in_meltano(plugin)["settings"]}
    assert set(entries) == set(code)
    for name, schema in code.items():
        entry = entries[name]
        if "type" in schema:
            kind = next(kind for kind in schema["type"] if kind != "null")
            assert entry["kind"] in KINDS[kind], name
        assert entry.get("value") == schema.get("default"), name
        assert bool(entry.get("sensitive")) == bool(schema.get("secret")), name
        assert entry["description"], name
        if entry["kind"] == "options":
            assert [option["value"] for option in entry["options"]] == schema["enum"], name


def test_meltano_yml_has_the_descriptions_of_the_code(programs: Programs, plugin: str) -> None:
    code = leaves(about(programs, plugin)["settings"]["properties"])
    entries = {setting["name"]: setting for setting in in_meltano(plugin)["settings"]}
    assert {name: entry["description"] for name, entry in entries.items()} == {
        name: schema["description"] for name, schema in code.items()
    }


def test_capabilities_are_those_of_the_code(programs: Programs, plugin: str) -> None:
    assert set(in_meltano(plugin)["capabilities"]) == set(about(programs, plugin)["capabilities"])


def test_meltano_yml_and_the_readme_have_the_ways_to_authenticate(plugin: str) -> None:
    kind = TapPinterestAudiences if plugin.startswith("tap") else TargetPinterestAudiences
    groups = [group.settings for group in kind.auth_groups]
    assert {tuple(group) for group in in_meltano(plugin)["settings_group_validation"]} == {*groups}
    section = README.partition("### Authentication")[2].partition("###")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    rows = [line.split("|") for line in lines]
    in_readme = [tuple(re.findall(r"`(\w+)`", row[1])) for row in rows if "the tap" not in row[3]]
    others = [tuple(re.findall(r"`(\w+)`", row[1])) for row in rows if "the tap" in row[3]]
    assert groups == in_readme + (others if plugin.startswith("tap") else [])


def test_the_readme_has_every_setting_of_ours(programs: Programs, plugin: str) -> None:
    settings = about(programs, plugin)["settings"]["properties"]
    ours = {
        name: schema
        for name, schema in settings.items()
        if not re.match(r"batch_config|faker_config|flattening_|stream_map", name)
    }
    own = "Settings of the tap" if plugin.startswith("tap") else "Settings of the target"
    rows = {**readme_rows("### Common settings"), **readme_rows(f"### {own}")}
    assert set(rows) == set(ours)
    for name, schema in ours.items():
        default, description = rows[name]
        shown = schema.get("default", "")
        assert default.strip("`") == (
            json.dumps(shown) if isinstance(shown, bool) else str(shown)
        ), name
        assert description == schema["description"], name


def test_the_readme_has_every_stream_of_the_tap(programs: Programs) -> None:
    catalog = json.loads(programs.run("tap-pinterest-audiences", "--discover").out)
    streams = {stream["tap_stream_id"]: stream for stream in catalog["streams"]}
    rows = readme_rows("### Streams of the tap")
    assert set(rows) == set(streams)
    for name, (key, replication, *_) in rows.items():
        stream = streams[name]
        assert key == ", ".join(f"`{field}`" for field in stream["key_properties"])
        expected = stream.get("replication_key")
        assert replication == (f"incremental by `{expected}`" if expected else "full table")


def test_the_readme_has_every_stream_of_the_target() -> None:
    assert set(readme_rows("### Streams of the target")) == set(SINKS)


def test_the_readme_has_every_option_of_the_emulator() -> None:
    options = {
        option
        for action in emulator_parser()._actions  # noqa: SLF001
        for option in action.option_strings
        if option.startswith("--")
    }
    shown = {name.split()[0] for name in readme_rows("## The emulator")}
    assert shown == options - {"--help", "--version"}


def test_reference_is_what_make_reference_writes() -> None:
    assert PAGE.read_text() == page(), "run `make reference`"
    for code in ("unclear_consent", "bad_rule_value", "refused", "no_at"):
        assert f"| `{code}` |" in page()
