"""The tap and the target inside another program, such as Dagster, Airflow or a notebook."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, cast

import pytest
from click.testing import CliRunner
from programs import record, schema

from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from programs import Programs

    from pinterest_emulator.testing import Emulator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def handler(*_: object) -> None:
    """Stand in for the signal handler of the host program."""


@pytest.fixture(autouse=True)
def _handlers_of_the_host() -> Iterator[None]:
    before = [signal.signal(number, handler) for number in SIGNALS]
    yield
    for number, each in zip(SIGNALS, before, strict=True):
        signal.signal(number, each)


def in_this_thread(run: Callable[[], None]) -> None:
    run()


def in_another_thread(run: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def catch() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001  (whatever it is, the test shows it)
            errors.append(error)

    thread = threading.Thread(target=catch)
    thread.start()
    thread.join()
    assert not errors


def input_lines() -> str:
    made = record(name="Buyers", audience_type="VISITOR", rule={"visitor_source_id": "1"})
    return "".join(json.dumps(message) + "\n" for message in (schema(), made))


def invoke_tap(settings: dict[str, Any], _: Path) -> None:
    TapPinterestAudiences.invoke(config=SimpleNamespace(config=settings, parse_env=False))


def invoke_target(settings: dict[str, Any], _: Path) -> None:
    TargetPinterestAudiences.invoke(
        config=SimpleNamespace(config=settings, parse_env=False),
        file_input=io.StringIO(input_lines()),
    )


def use_tap(settings: dict[str, Any], _: Path) -> None:
    TapPinterestAudiences(config=settings).sync_all()


def use_target(settings: dict[str, Any], _: Path) -> None:
    TargetPinterestAudiences(config=settings).listen(io.StringIO(input_lines()))


def call_tap(settings: dict[str, Any], folder: Path) -> None:
    (folder / "c.json").write_text(json.dumps(settings))
    options = ["--config", str(folder / "c.json")]
    assert CliRunner().invoke(TapPinterestAudiences.cli, options).exit_code == 0
    assert CliRunner().invoke(TapPinterestAudiences.cli, [*options, "--discover"]).exit_code == 0


def call_target(settings: dict[str, Any], folder: Path) -> None:
    (folder / "c.json").write_text(json.dumps(settings))
    command = TargetPinterestAudiences.cli
    options = ["--config", str(folder / "c.json")]
    assert CliRunner().invoke(command, options, input=input_lines()).exit_code == 0


@pytest.mark.parametrize("start", [in_this_thread, in_another_thread])
@pytest.mark.parametrize(
    "run", [invoke_tap, invoke_target, use_tap, use_target, call_tap, call_target]
)
def test_run_in_process_leaves_signal_handlers_as_they_were(
    start: Callable[[Callable[[], None]], None],
    run: Callable[[dict[str, Any], Path], None],
    emulator: Emulator,
    account: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = {"access_token": "pina_demo", "api_url": emulator.url}
    if "target" in run.__name__:
        settings["ad_account_id"] = account
    hook = sys.unraisablehook
    seen: list[Any] = []

    def watched() -> None:
        run(settings, tmp_path)
        seen.extend(signal.getsignal(number) for number in SIGNALS)

    start(watched)
    assert seen == [handler, handler]
    assert [signal.getsignal(number) for number in SIGNALS] == [handler, handler]
    assert sys.unraisablehook is hook
    if "target" in run.__name__:
        assert len(emulator.requests("audiences/create")) == 1
    else:
        assert emulator.requests("audiences/list")


def test_target_stopped_by_its_host_emits_the_finished_state(
    emulator: Emulator,
    account: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = {"access_token": "pina_demo", "api_url": emulator.url, "ad_account_id": account}

    def lines() -> Iterator[str]:
        yield from input_lines().splitlines(keepends=True)
        yield json.dumps({"type": "STATE", "value": {"bookmarks": {"done": 1}}}) + "\n"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TargetPinterestAudiences.invoke(
            config=SimpleNamespace(config=settings, parse_env=False),
            file_input=cast("IO[str]", lines()),
        )
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"bookmarks": {"done": 1}}


@pytest.mark.parametrize("program", ["tap", "target"])
def test_python_m_starts_the_program(programs: Programs, program: str) -> None:
    module = f"{program}_pinterest_audiences"
    command = [sys.executable, "-m", module, "--version"]
    done = subprocess.run(command, cwd=programs.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith(module.replace("_", "-"))
