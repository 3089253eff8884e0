"""A connector as a program: its command line, and how it ends."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from typing_extensions import override

from airbyte_pinterest_audiences.channel import Channel, log_to
from airbyte_pinterest_audiences.failures import KNOWN_ERRORS, ReportedError, message_of, report
from pinterest_audiences.errors import EXIT_FAILED, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Verb = Callable[[Channel, Mapping[str, Any]], None]
    """Does what a command asks for, given its files by the names of their options."""

_FILES = {
    "spec": (),
    "check": ("config",),
    "discover": ("config",),
    "read": ("config", "catalog"),
    "write": ("config", "catalog"),
}


@dataclass(slots=True)
class Given:
    """Settings as a plugin takes them from its command line."""

    config: dict[str, Any]
    parse_env: bool = False


class _Parser(argparse.ArgumentParser):
    @override
    def error(self, message: str) -> NoReturn:
        """Report a wrong command line like any other error.

        Raises:
            SettingsError: Always.
        """
        msg = f"Command line: {message}"
        raise SettingsError(msg)


def run(name: str, verbs: Mapping[str, Verb], args: list[str] | None = None) -> None:
    """Run a connector.

    Every failure is an ERROR and the exit code 1: PyAirbyte takes any other failure for a success.

    Args:
        name: Of the program.
        verbs: What it can do, by command.
        args: The command line, or None for this process's own.

    Raises:
        SystemExit: With 1, if it failed.
    """
    channel = Channel.take_stdout()
    try:
        log_to(channel)
        command, files = _parsed(name, verbs, args)
        verbs[command](channel, files)
    except BrokenPipeError:
        raise SystemExit(EXIT_FAILED) from None
    except ReportedError:
        raise SystemExit(EXIT_FAILED) from None
    except Exception as error:  # noqa: BLE001  (the channel says what it was)
        report(channel, error)
        raise SystemExit(EXIT_FAILED) from None


def check(channel: Channel, test: Callable[[], str]) -> None:
    """Write the outcome of a connection test, which returns what to say of a success.

    A connection that does not work is an answer, and no failure of the program.
    """
    try:
        status = {"status": "SUCCEEDED", "message": test()}
    except KNOWN_ERRORS as error:
        status = {"status": "FAILED", "message": message_of(error)}
    channel.send("CONNECTION_STATUS", connectionStatus=status)


def _parsed(
    name: str, verbs: Mapping[str, Verb], args: list[str] | None
) -> tuple[str, dict[str, Any]]:
    parser = _Parser(prog=name)
    commands = parser.add_subparsers(dest="command", required=True)
    for verb in verbs:
        command = commands.add_parser(verb)
        for option in _FILES[verb]:
            command.add_argument(f"--{option}", type=Path, required=True)
        if verb == "read":
            command.add_argument("--state", type=Path)
    given = vars(parser.parse_args(args))
    files = {key: _content(key, path) for key, path in given.items() if isinstance(path, Path)}
    return given["command"], files


def _content(option: str, path: Path) -> Any:  # noqa: ANN401
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"--{option}: {path} cannot be read ({error.strerror})"
    except (ValueError, RecursionError):
        msg = f"--{option}: {path} is not JSON"
    raise SettingsError(msg)
