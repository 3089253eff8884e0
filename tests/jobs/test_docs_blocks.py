"""No block of code on any page is left out: a test runs it, or it is checked and excused here.

A test runs a block if it asks for it with `docs_blocks.block`, or if it is on a page of
`test_docs_commands`. What cannot be run is checked as far as possible, like the code within
sentences: programs, options, targets of make, settings, and functions must exist.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import test_docs_commands
import yaml
from docs_blocks import PAGES, ROOT, Block, block, blocks, commands_in, phrases
from docs_programs import PLUGINS, has_option, missing
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN_WHOLE = {f"docs/{page}" for page in (test_docs_commands.TUTORIAL, *test_docs_commands.TASKS)}
NOT_RUN = {
    ("CONTRIBUTING.md", "make test"): "the tests run by it",
    ("README.md", "export TAP_"): "needs an account; tests/jobs/test_main_job.py runs these jobs",
    ("README.md", "make docs"): "`.ci/run` and people run them",
    ("docs/airbyte.md", "python3.12 -m venv"): "needs an index; `make airbyte` installs the same",
    ("docs/architecture.md", "airbyte_pinterest_audiences "): "a drawing",
    ("docs/benchmarks.md", ".venv/bin/python -m bench"): "takes minutes, and measures",
    ("docs/first-hour.md", "mkdir ~/pinterest"): "needs the network; people run `make demo`",
    ("docs/first-hour.md", "python3 -m venv"): "needs an index; `make wheel` installs the same",
    ("docs/fidelity.md", "make conformance"): "needs a description of Pinterest's",
    ("docs/reliability.md", "scenario "): "`make faults` prints it after minutes",
    ("docs/orchestrators.md", "/opt/pinterest-jobs/"): "a drawing",
    ("docs/report.md", "gh pr comment"): "needs an account of GitHub",
    ("docs/scale.md", "COPY INTO"): "needs an account of Snowflake",
    ("docs/scale.md", "EXPORT DATA"): "needs an account of BigQuery",
    ("docs/scale.md", "INSERT OVERWRITE"): "needs an account of Databricks",
}
"""Blocks that no test runs, by their page and beginning, and why."""

SETTINGS = {
    plugin["name"]: {setting["name"].partition(".")[0] for setting in plugin["settings"]}
    for plugin in PLUGINS
    if "settings" in plugin
} | {
    "target-snowflake": {  # of version 0.20.4, whose `--about` lists them
        *("account", "user", "private_key_path", "role", "warehouse", "database"),
        "default_target_schema",
    }
}
SCHEMAS: dict[str, dict[str, Any]] = {
    kind.name: kind.config_jsonschema for kind in (TapPinterestAudiences, TargetPinterestAudiences)
}
OTHER_NAMES = {
    *("bookmark", "operation", "opted_out", "__else__"),  # of answers, columns and stream maps
    "data_flattening_max_level",  # of PipelineWise's loaders
}
"""Names before a colon that are no settings."""


def asked_for() -> set[tuple[str, str]]:
    """Return what tests give to `block`: a page, and the beginning of a block."""
    found = set()
    for path in (ROOT / "tests").rglob("*.py"):
        if "block(" not in (text := path.read_text()):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "block":
                values = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if len(values) == 2:
                    found.add((str(values[0]), str(values[1])))
    return found


def wrong_settings(plugin: str, config: dict[str, Any]) -> list[str]:
    """Return the settings that a plugin lacks, and values that it does not take."""
    wrong = [name for name in config if name not in SETTINGS[plugin]]
    properties = SCHEMAS.get(plugin, {}).get("properties", {})
    errors = Draft7Validator({"properties": properties}).iter_errors(config)
    return [*wrong, *(error.message for error in errors)]


@pytest.mark.parametrize("page", PAGES)
def test_each_block_is_run_or_excused(page: str) -> None:
    starts = [start for where, start in asked_for() | NOT_RUN.keys() if where == page]
    left_out = [
        each
        for each in blocks(page)
        if not any(each.text.lstrip().startswith(start) for start in starts)
        and not (
            each.language == "shell" and (page in RUN_WHOLE if each.commands else not each.shown)
        )
    ]
    assert [(str(each), each.language) for each in left_out] == []


def test_each_excuse_and_each_block_of_a_test_is_on_its_page() -> None:
    for page, start in asked_for():
        assert block(page, start)
    for page, start in NOT_RUN:
        assert not block(page, start).shown, "nobody compares this output"
    assert not asked_for() & NOT_RUN.keys()


def test_release_check_installs_as_the_readme_says() -> None:
    lines = block("README.md", "pip install .").text.splitlines()
    others = [line.partition("  #")[0].strip() for line in lines if not line.startswith("pip ")]
    assert [line.split()[0] for line in others] == ["pipx", "uvx"]
    makefile = (ROOT / "Makefile").read_text()
    rehearsal = makefile.partition("\nrelease-check:")[2].partition("\n\n")[0]
    assert [line for line in others if line not in rehearsal] == []


def test_pages_list_what_ci_runs() -> None:
    ran = re.findall(r"^(make [a-z0-9]+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    for page in ("README.md", "CONTRIBUTING.md"):
        (listed,) = re.findall("what CI runs: (.+)", (ROOT / page).read_text())
        assert re.findall(r"make [a-z0-9]+", listed) == ran, page


@pytest.mark.parametrize("page", PAGES)
def test_programs_and_options_on_a_page_exist(page: str) -> None:
    shell = [each.text for each in blocks(page) if each.language == "shell"]
    lines = [*shell, *phrases(page)]
    wrong = [each for line in lines for words in commands_in(line) for each in missing(words)]
    options = [each.split()[0] for each in phrases(page) if each.startswith("--")]
    assert wrong + [each for each in options if not has_option(each)] == []


@pytest.mark.parametrize("page", PAGES)
def test_versions_within_sentences_are_those_of_the_tests(page: str) -> None:
    locks = [path.read_text() for path in (ROOT / "requirements").glob("*.txt")]
    pins = [
        re.sub(r"\[.*\]", "", each) for each in phrases(page) if re.match(r"[\w\[\]-]+==", each)
    ]
    assert [pin for pin in pins if not any(f"\n{pin} " in f"\n{lock}" for lock in locks)] == []


@pytest.mark.parametrize("page", PAGES)
def test_settings_within_sentences_exist(page: str) -> None:
    wrong = []
    for phrase in phrases(page):
        found = re.fullmatch(r'"?([a-z_]+)"?: (\S.*)', phrase)
        if not found or found[1] in OTHER_NAMES:
            continue
        named = {found[1]: yaml.safe_load(found[2])}
        if all(wrong_settings(plugin, named) for plugin in SETTINGS):
            wrong.append(phrase)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_variables_on_a_page_are_those_of_settings(page: str) -> None:
    variables = re.findall(
        r"\b(TAP|TARGET)(_PINTEREST_AUDIENCES)_([A-Z_]+)", (ROOT / page).read_text()
    )
    wrong = [
        f"{kind}{middle}_{name}"
        for kind, middle, name in variables
        if name.lower() not in SETTINGS[f"{kind}{middle}".lower().replace("_", "-")]
    ]
    assert wrong == []


def settings_in(each: Block) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the settings of each plugin in a block of YAML or JSON.

    It is a part of `meltano.yml`, or the settings of the target or of the tap.
    """
    found = yaml.safe_load(each.text)
    if "plugins" in found:
        for plugin in (plugin for kind in found["plugins"].values() for plugin in kind):
            yield plugin["name"], plugin.get("config", {})
    else:
        config = found.get("config", found)
        either = (plugin for plugin in SCHEMAS if not wrong_settings(plugin, config))
        yield next(either, TargetPinterestAudiences.name), config


@pytest.mark.parametrize("page", PAGES)
def test_settings_in_blocks_exist(page: str) -> None:
    for each in blocks(page):
        if each.language == "json":
            json.loads(each.text)
        if each.language in {"yaml", "json"}:
            for plugin, config in settings_in(each):
                assert wrong_settings(plugin, config) == [], str(each)


@pytest.mark.parametrize("page", PAGES)
def test_python_in_blocks_calls_what_exists(page: str) -> None:
    names: dict[str, ast.stmt] = {}
    for each in blocks(page):
        for node in ast.walk(ast.parse(each.text)) if each.language == "python" else ():
            if isinstance(node, ast.ImportFrom) and "pinterest_" in str(node.module):
                found = defined_in(str(node.module))
                names |= {each.name: found[each.name] for each in node.names}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = names.get(node.func.id)
                if isinstance(called, ast.FunctionDef):
                    parameters = {one.arg for one in (*called.args.args, *called.args.kwonlyargs)}
                    assert {word.arg for word in node.keywords} <= parameters, str(each)


def defined_in(module: str) -> dict[str, ast.stmt]:
    """Return the functions and classes of a module, which may need packages that are not here."""
    spec = importlib.util.find_spec(module)
    assert spec, module
    tree = ast.parse(Path(str(spec.origin)).read_text())
    return {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
