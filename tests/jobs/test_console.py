"""What a person sees of a run: colours, the summary, and ``--about``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from programs import Programs, record, schema
from terminals import on_terminal

if TYPE_CHECKING:
    from pinterest_emulator.testing import Emulator

TAP, TARGET = "tap-pinterest-audiences", "target-pinterest-audiences"
RED = b"\x1b[31m"


@pytest.mark.parametrize("plugin", [TAP, TARGET])
def test_about_shows_each_setting_with_its_description_and_default(
    programs: Programs, plugin: str
) -> None:
    told = json.loads(programs.run(plugin, "--about", "--format", "json").out)
    run = programs.run(plugin, "--about")
    assert run.code == 0, run.err
    shown = " ".join(run.out.split())
    settings = told["settings"]["properties"]
    assert len(settings) > 15
    for name, found in settings.items():
        if "properties" in found:
            continue  # its parts are shown instead
        assert re.search(rf"\b{name}\b", shown)
        assert " ".join(found.get("description", "").split()) in shown
        if found.get("default") is not None:
            default = str(found["default"])
            text = default.lower() if isinstance(found["default"], bool) else default
            assert re.search(rf"^{name} \(.*, default {re.escape(text)}\)$", run.out, re.MULTILINE)


def test_errors_are_red_on_a_terminal_only(programs: Programs) -> None:
    config = str(programs.file("config.json", {"start_date": "never", "access_token": "pina"}))
    code, shown = on_terminal(programs, TAP, "--config", config)
    assert code == 1
    (line,) = [line for line in shown.splitlines() if b"start_date" in line]
    assert line.startswith(RED)
    assert line.endswith(b"\x1b[0m")
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        _, shown = on_terminal(programs, TAP, "--config", config, **env)
        assert b"start_date" in shown
        assert b"\x1b[" not in shown
    assert "\x1b" not in programs.run(TAP, "--config", config).err


def test_errors_of_the_target_are_red_and_its_output_is_not(programs: Programs) -> None:
    config = str(programs.file("config.json", {**programs.settings, "ad_account_id": "x"}))
    stdin = str(programs.file("in.singer", {"type": "NONSENSE"}))
    code, shown = on_terminal(programs, TARGET, "--config", config, "--input", stdin)
    assert code == 1
    assert RED in shown
    assert "\x1b" not in (programs.folder / "out").read_text()


def test_tap_ends_with_one_line_of_records_requests_and_seconds(
    emulator: Emulator, programs: Programs
) -> None:
    emulator.seed(ad_accounts=2, audiences=300)
    emulator.clear()
    run = programs.tap(streams=["audiences", "ad_accounts"])
    (line,) = [line for line in run.err.splitlines() if "| Done: " in line]
    counted = re.search(
        r"Done: 302 records, 2 of ad_accounts, 300 of audiences; (\d+) requests, 0 s waited, "
        r"\d+\.\d s in all$",
        line,
    )
    assert counted
    assert int(counted[1]) == len(emulator.requests())


def test_tap_that_fails_says_what_it_read(emulator: Emulator, programs: Programs) -> None:
    emulator.seed(ad_accounts=2, audiences=300)
    emulator.fault(operation="audiences/list", kind="status", status=400, times=None)
    run = programs.tap(streams=["audiences"])
    assert run.code == 1
    assert "| Done: 0 records; " in run.err


def test_target_ends_with_one_line_of_its_counts_requests_and_seconds(
    emulator: Emulator, programs: Programs
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=0)
    line = record(name="One", audience_type="VISITOR", rule={"visitor_source_id": "1"})
    run = programs.target([schema(), line], ad_account_id=account)
    (summary,) = [line for line in run.err.splitlines() if "| Done: " in line]
    assert re.search(
        r"1 created, .*; 1 requests to read and 1 to write, 0 s waited, \d+\.\d s", summary
    )


def test_target_shows_on_a_terminal_how_far_it_is(emulator: Emulator, programs: Programs) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=0)
    lines = [
        record(name=str(place), audience_type="VISITOR", rule={"visitor_source_id": "1"})
        for place in range(3)
    ]
    config = str(programs.file("config.json", {**programs.settings, "ad_account_id": account}))
    stdin = programs.folder / "in.singer"
    stdin.write_text("".join(f"{json.dumps(each)}\n" for each in [schema(), *lines]))
    code, shown = on_terminal(programs, TARGET, "--config", config, "--input", str(stdin))
    assert code == 0
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).decode()
    sent = len(emulator.requests())
    assert re.search(rf"\r?3 records read, {sent} requests sent, 0:00:\d\d", text)
    assert text.index("records read") < text.index("| Done: "), "the log is shown, too"
    assert b"\x1b[?25h" in shown, "the cursor stays visible if the run is killed"
    assert "records read" not in programs.run(TARGET, "--config", config, "--input", str(stdin)).err


@pytest.mark.parametrize(
    ("level", "shown"), [(None, False), ("INFO", False), ("DEBUG", True)], ids=str
)
def test_metrics_of_the_sdk_are_shown_only_at_debug(
    emulator: Emulator, programs: Programs, level: str | None, *, shown: bool
) -> None:
    emulator.seed(ad_accounts=1, audiences=1)
    config = str(programs.file("config.json", programs.settings))
    env = {"LOGLEVEL": level} if level else {}
    run = programs.run(TAP, "--config", config, **env)
    assert run.code == 0, run.err
    assert ("METRIC" in run.err) == shown
    assert "| Done: " in run.err
