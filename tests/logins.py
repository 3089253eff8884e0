"""Logs in with `pinterest-audiences login`, and answers the emulator's consent page."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import requests
from forks import Fork, until
from programs import Run, environment

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence

APP = {"client_id": "demo-app", "client_secret": "demo-secret"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answered(page: str, decision: str = "allow") -> str:
    """Answer a consent page over HTTP and return the address that it redirects to."""
    with requests.Session() as browser:
        browser.trust_env = False
        shown = browser.get(page, timeout=30)
        assert shown.status_code == 200, shown.text
        key = re.findall(r'name="request" value="([^"]+)"', shown.text)[0]
        form = {"request": key, "decision": decision}
        done = browser.post(page.partition("?")[0], form, timeout=30, allow_redirects=False)
    assert done.status_code == 303
    return str(done.headers["Location"])


def browser(folder: Path) -> str:
    """Return what the variable ``BROWSER`` has to be, so that each consent page is answered."""
    tests = str(Path(__file__).parent)
    script = folder / "answer.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {tests!r})\n"
        "from logins import answered, get\nget(answered(sys.argv[1]))\n"
    )
    return f"{sys.executable} {script} %s &"


def get(url: str, **headers: str) -> requests.Response:
    with requests.Session() as browser:
        browser.trust_env = False
        return browser.get(url, headers=headers, timeout=30)


@dataclasses.dataclass
class Cli:
    """The console script `pinterest-audiences`, with its files in one folder."""

    folder: Path
    settings: dict[str, Any]

    @property
    def token_path(self) -> Path:
        return self.folder / "token.json"

    def run(self, *command: str, **settings: Any) -> Run:
        return self.start(*command, **settings).wait()

    def start(self, *command: str, env: dict[str, str] | None = None, **settings: Any) -> Started:
        config = self.folder / "cli.json"
        config.write_text(json.dumps({**self.settings, **settings}))
        words = [*command] if "ENV" in command else [*command, "--config", str(config)]
        return Started(self.folder, words, env or {})

    def login(self, *options: str, **settings: Any) -> Started:
        return self.start("login", "--port", str(free_port()), *options, **settings)


class Started:
    """A command that runs. Its browser is a program that writes down what it is to open."""

    def __init__(self, folder: Path, command: Sequence[str], env: dict[str, str]) -> None:
        self._opened = folder / "opened.txt"
        self._opened.unlink(missing_ok=True)
        browser = folder / "browser"
        browser.write_text(
            f'#!/bin/sh\nprintf %s "$1" > "{self._opened}.new"\n'
            f'mv "{self._opened}.new" "{self._opened}"\n'
        )
        browser.chmod(0o700)
        self._files = [folder / f"cli.{name}" for name in ("in", "out", "err")]
        for file in self._files:
            file.unlink(missing_ok=True)
        typing = "--no-browser" in command
        if typing:
            os.mkfifo(self._files[0])
        else:
            self._files[0].touch()
        self._fork = Fork(
            ["pinterest-audiences", *command],
            files=self._files,
            folder=folder,
            env={**environment(folder), "BROWSER": str(browser), **env},
        )
        self._stdin = self._files[0].open("w") if typing else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stdin:
            self._stdin.close()
        self._fork.kill()

    @property
    def opened(self) -> str:
        """The page that it opened in the browser."""
        until(lambda: self._opened.exists() or self._fork.poll() is not None)
        return self._opened.read_text()

    @property
    def printed(self) -> str:
        """The page that it printed."""
        until(lambda: "http" in self.output())
        return str(re.findall(r"^  (http\S+)$", self.output(), re.MULTILINE)[0])

    def output(self) -> str:
        return self._files[1].read_text() if self._files[1].exists() else ""

    def type(self, line: str) -> None:
        assert self._stdin
        self._stdin.write(line + "\n")
        self._stdin.flush()

    def end_input(self) -> None:
        assert self._stdin
        self._stdin.close()

    def stop(self, number: signal.Signals) -> Run:
        os.kill(self._fork.pid, number)
        return self.wait()

    def wait(self) -> Run:
        code = self._fork.wait()
        return Run(code, self._files[1].read_text(), self._files[2].read_text())


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def tokens(cli: Cli) -> list[dict[str, str]]:
    return [*json.loads(cli.token_path.read_text())["tokens"].values()]


def assert_no_secret(cli: Cli, *runs: Run, also: str = "") -> None:
    said = "".join(run.out + run.err for run in runs)
    secrets = {APP["client_secret"], "pina_", "pinr.", *([also] if also else [])}
    for token in tokens(cli) if cli.token_path.exists() else []:
        secrets |= {token["refresh_token"], token["access_token"]}
    assert not {secret for secret in secrets if secret in said}
