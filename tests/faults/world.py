"""Identical copies of an emulator and a folder for each run of a scenario."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from programs import selecting
from scenarios import ACCOUNT
from verdict import check_talk

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ended import Ended, Runner
    from scenarios import Messages, Scenario

_PINTEREST = "pinterest.json"


class World:
    """One emulator, and one folder with the files of the programs.

    Attributes:
        emulator: The emulator.
        runs: Runs of this world, oldest first.
        earlier: The earlier run, if the scenario has one.
    """

    def __init__(
        self, scenario: Scenario, runner: Runner, folder: Path, emulator: Emulator
    ) -> None:
        """Run `scenario` in `folder` against `emulator`."""
        self.emulator = emulator
        self.runs: list[Ended] = []
        self.earlier: list[Ended] = []
        self._scenario = scenario
        self._runner = runner
        self._folder = folder

    def go(self, messages: Messages | None = None, **plan: Any) -> Ended:
        """Run the program from the last emitted state.

        Args:
            messages: Input of the target, instead of the messages after that state.
            plan: The failures to inject.

        Raises:
            Broken: If it leaked something secret.
        """
        scenario, folder = self._scenario, self._folder
        options = ["--config", "config.json"]
        if scenario.program == "tap":
            self._write("catalog.json", selecting(scenario.streams))
            options += ["--catalog", "catalog.json"]
            if (folder / "state.json").exists():
                options += ["--state", "state.json"]
            plan = {**plan, "changes": scenario.changes, "changes_at": scenario.changes_at}
        elif messages is None:
            messages = self._left()
        lines = [json.dumps(message) + "\n" for message in _renewed(messages or [], len(self.runs))]
        (folder / "in").write_text("".join(lines))
        self._write("config.json", self._settings())
        plan = {**plan, "base": self.emulator.base}
        run = self._runner.run(scenario.program, folder, options, plan)
        self.runs.append(run)
        check_talk(run, self._folder)
        if run.state is not None:
            self._write("state.json", run.state)
        return run

    def refuse(self) -> None:
        """Let Pinterest refuse all changes of the scenario's refused list, if it has one."""
        if self._scenario.refuses:
            lists = self.emulator.state()["customer_lists"][ACCOUNT]
            (key,) = [item["id"] for item in lists if item["name"] == self._scenario.refuses]
            refusal = {"kind": "status", "status": 403, "code": 29, "times": None}
            self.emulator.fault(operation="customer_lists/update", path_contains=key, **refusal)

    @property
    def is_done(self) -> bool:
        """Whether the target passed on the last state of its input, so nothing is left to do."""
        path = self._folder / "state.json"
        last = [each["value"] for each in self._scenario.messages if each["type"] == "STATE"][-1:]
        return path.exists() and [json.loads(path.read_text())] == last

    def _left(self) -> Messages:
        """Messages of a tap that continues from the last state: schemas, and all after it."""
        messages = self._scenario.messages
        path = self._folder / "state.json"
        passed = json.loads(path.read_text()) if path.exists() else None
        values = [message.get("value") for message in messages]
        begin = values.index(passed) + 1 if passed and passed in values else 0
        schemas = [message for message in messages[:begin] if message["type"] == "SCHEMA"]
        return [*schemas, *messages[begin:]]

    def _settings(self) -> dict[str, Any]:
        settings = {
            **self._scenario.credentials,
            "api_url": self.emulator.url,
            "token_path": str(self._folder / "token.json"),
            **self._scenario.settings,
        }
        if self._scenario.program == "target":
            settings["ad_account_id"] = ACCOUNT
            settings["ledger_url"] = f"sqlite:///{self._folder}/ledger.db"
            settings["report_path"] = str(self._folder / "report.json")
        return settings

    def _write(self, name: str, content: object) -> None:
        (self._folder / name).write_text(json.dumps(content))


class Template:
    """Data before the run of a scenario, created once and copied."""

    def __init__(self, scenario: Scenario, runner: Runner, folder: Path) -> None:
        """Make it in `folder`."""
        self.scenario = scenario
        self._folder = folder / "before"
        self._copy = folder / "now"
        self._earlier: list[Ended] = []
        self._folder.mkdir(parents=True)
        with self._emulator(self._folder) as emulator:
            scenario.fill(emulator)
            if scenario.is_later:
                world = World(scenario, runner, self._folder, emulator)
                run = world.go(scenario.earlier)
                assert run.code == 0, run.err
                self._earlier.append(run)
                (self._folder / "changed").unlink(missing_ok=True)
            scenario.then(emulator)

    @contextmanager
    def world(self, runner: Runner) -> Iterator[World]:
        """Another one to break."""
        shutil.copytree(self._folder, self._copy)
        try:
            with self._emulator(self._copy) as emulator:
                world = World(self.scenario, runner, self._copy, emulator)
                world.earlier = self._earlier
                yield world
        finally:
            shutil.rmtree(self._copy)

    def _emulator(self, folder: Path) -> Emulator:
        return Emulator(
            seed="empty",
            access="unlimited",
            data=folder / _PINTEREST,
            revoke_old_refresh_token=self.scenario.revokes,
        )


def _renewed(messages: Messages, runs: int) -> Messages:
    """The messages; a table with versions gets the version of a new reading."""
    return [
        {**message, "version": message["version"] + runs} if "version" in message else message
        for message in messages
    ]
