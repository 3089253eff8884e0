"""Inputs of the target and their outcomes, in the files of `cases/`; see CONTRIBUTING.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from docs_blocks import block

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator

CASES = Path(__file__).parent / "cases"
SECRETS = ("pina_", "pinr.", "demo-secret", "Traceback")


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """The outcome of an input.

    Attributes:
        exit_code: The exit code.
        errors: Texts that the errors of the log contain; none if there is no error.
        states: The states that the target prints.
        writes: The operations of the requests that write, in their order.
        audiences: The names of the audiences that exist at the end, in the order of their creation.
        hidden: Texts that are not printed.
        settings: Settings beside the credentials and the ad account.
    """

    exit_code: int
    errors: list[str]
    states: list[dict[str, Any]]
    writes: list[str]
    audiences: list[str]
    hidden: list[str] = []
    settings: dict[str, Any] = {}


@pytest.mark.parametrize("path", sorted(CASES.glob("*.singer")), ids=lambda path: path.stem)
def test_input_has_the_outcome_of_its_case(
    emulator: Emulator, programs: Programs, account: str, path: Path
) -> None:
    case = msgspec.toml.decode(path.with_suffix(".toml").read_bytes(), type=Case)
    assert_outcome(emulator, programs, account, path, case)


def assert_outcome(
    emulator: Emulator, programs: Programs, account: str, path: Path, case: Case
) -> None:
    run = programs.target(path, ad_account_id=account, **case.settings)
    said = "\n".join(run.complaints)
    assert run.code == case.exit_code, run.err
    assert bool(said) == bool(case.errors), run.err
    assert [text for text in case.errors if text not in said] == [], said
    assert [text for text in (*SECRETS, *case.hidden) if text in run.out + run.err] == []
    assert [json.loads(line) for line in run.out.splitlines()] == case.states
    writes = [entry for entry in emulator.requests() if entry["method"] != "GET"]
    assert [entry["operation"] for entry in writes] == case.writes
    audiences = emulator.state()["audiences"][account]
    assert [audience["name"] for audience in audiences] == case.audiences


def test_outcome_in_contributing_is_true(
    emulator: Emulator, programs: Programs, account: str
) -> None:
    case = msgspec.toml.decode(block("CONTRIBUTING.md", "exit_code = 1").text, type=Case)
    assert_outcome(emulator, programs, account, CASES / "neither_id_nor_name.singer", case)


def test_each_outcome_has_an_input() -> None:
    inputs = {path.stem for path in CASES.glob("*.singer")}
    assert {path.stem for path in CASES.glob("*.toml")} == inputs
    assert {path.suffix for path in CASES.iterdir()} == {".singer", ".toml"}
