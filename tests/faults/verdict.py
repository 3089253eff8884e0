"""Checks that nothing is lost, doubled or leaked."""

from __future__ import annotations

import re
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import people
from scenarios import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ended import Ended
    from scenarios import Scenario
    from world import World

    from pinterest_emulator.testing import Emulator

_SECRETS = (
    r"pin[acr][_.][\w.~+/=-]+|pin[a-z][_.][\w.~+/=-]*[a-z0-9]{20}",
    r"demo-secret",
    r"@\w+\.example",
)
"""Tokens of Pinterest and similar ones, but not `mapping.io` or `pink_shoes`; the app's secret; and
identifiers of people. Apart, they are found faster than as one pattern."""
_MISTAKES = (r"Traceback", r"\b[0-9a-f]{64}\b")
"""Text that is not secret but must not be printed: tracebacks, and hashes of people."""
_LEAKS = [re.compile(text, re.IGNORECASE | re.ASCII) for text in (*_SECRETS, *_MISTAKES)]
_KEPT = [re.compile(text.encode(), re.IGNORECASE) for text in _SECRETS]
_MAY_HAVE_SECRETS = {"in", "config.json", "token.json", "pinterest.json"}
"""The program's input, the token file, and the emulator's data."""
_TOKENS_UNFINISHED, _REPORT_UNFINISHED = ".token.json.tmp", ".report.json.tmp"
"""Files that SIGKILL may leave until the next run; only the first may contain tokens."""

_PRIVATE = 0o600

LOST, DOUBLED, STUCK, LEAKED = "lost", "doubled", "stuck", "leaked"
_LISTS = ("audiences", "customer_lists")


class Broken(Exception):  # noqa: N818  (what it says, not how it came)
    """A promise was broken.

    Attributes:
        kind: `lost`, `doubled`, `stuck` or `leaked`.
    """

    def __init__(self, kind: str, what: str) -> None:
        """Say what is wrong."""
        super().__init__(f"{kind}: {what}")
        self.kind = kind


def check_talk(run: Ended, folder: Path) -> None:
    """Check that a run left no secret anywhere and printed no traceback."""
    for leak in _LEAKS:
        if found := leak.search(run.err):
            # The end of the log shows the mistake and contains only test data.
            raise Broken(LEAKED, f"{found.group()} in {run.err[-2000:]}")
    _check_unfinished(run, folder)
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in {*_MAY_HAVE_SECRETS, _TOKENS_UNFINISHED}:
            content = path.read_bytes()
            for kept in _KEPT:
                if secret := kept.search(content):
                    raise Broken(LEAKED, f"{secret.group()!r} in {path.name}")


def _check_unfinished(run: Ended, folder: Path) -> None:
    """Check that only SIGKILL leaves temporary files."""
    killed = run.code == -signal.SIGKILL
    allowed = {folder / _TOKENS_UNFINISHED, folder / _REPORT_UNFINISHED} if killed else set()
    for path in folder.rglob(".*"):
        if path not in allowed:
            raise Broken(LEAKED, f"{path.name} is left of a run that ended {run.code}")
        if path.name == _TOKENS_UNFINISHED and (mode := path.stat().st_mode & 0o777) != _PRIVATE:
            raise Broken(LEAKED, f"{path.name} has mode {mode:o}")


def check_ended_well(run: Ended) -> None:
    if run.code:
        raise Broken(STUCK, f"it ended {run.code} without a fault: {run.err[-2000:]}")


def check_refusal_is_reported(run: Ended) -> None:
    """Check that a run with a refused list failed and emitted no state."""
    if not run.code:
        raise Broken(LOST, "a run whose list was refused ended well")
    if run.state is not None:
        raise Broken(LOST, f"a run whose list was refused passed on {run.state}")


def list_members(emulator: Emulator) -> dict[str, set[str]]:
    """The members of the customer lists of the ad account, by list name."""
    lists = emulator.state()["customer_lists"][ACCOUNT]
    return {item["name"]: emulator.members(item["id"]) for item in lists}


def check_others_went_on(
    first: Mapping[str, set[str]], second: Mapping[str, set[str]], refused: str
) -> None:
    """Check that a refusal kept the new members out of one list only.

    Args:
        first: Members by list after the run with the refused list.
        second: Members by list after the next run, without a refusal.
        refused: The name of the refused list.
    """
    late = {name for name, members in second.items() if not members <= first[name]}
    if late != {refused}:
        raise Broken(LOST, f"{sorted(late)} got members late, but only {refused} was refused")


def emitted(runs: Iterable[Ended]) -> dict[str, dict[str, dict[str, Any]]]:
    """Content of a warehouse after those runs: the last record of each id, by stream."""
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for run in runs:
        for message in run.messages:
            if message.get("type") == "RECORD":
                table = tables.setdefault(message["stream"], {})
                table[message["record"]["id"]] = message["record"]
    return tables


def check_emitted(runs: Iterable[Ended], clean: Mapping[str, Iterable[str]]) -> None:
    """Check that each record of the clean run was emitted at least once."""
    tables = emitted(runs)
    for stream, ids in clean.items():
        if missing := set(ids) - tables.get(stream, {}).keys():
            raise Broken(LOST, f"{stream} {sorted(missing)} were not emitted")


def check_copied(runs: Iterable[Ended], emulator: Emulator) -> None:
    """Check that a warehouse now equals Pinterest."""
    tables, truth = emitted(runs), emulator.state()
    things = [("ad_accounts", thing) for thing in truth["ad_accounts"]]
    things += [(name, thing) for name in _LISTS for own in truth[name].values() for thing in own]
    for stream, thing in things:
        copy = tables.get(stream, {}).get(thing["id"])
        if copy is None or any(copy.get(key) != value for key, value in thing.items()):
            raise Broken(LOST, f"{stream} {thing['id']} is {thing}, but the copy is {copy}")


def at_pinterest(emulator: Emulator) -> Counter[Any]:
    """Content of the ad account, without ids, times and Pinterest's counts."""
    truth = emulator.state()
    audiences, lists = truth["audiences"][ACCOUNT], truth["customer_lists"][ACCOUNT]
    names = {thing["id"]: thing["name"] for thing in [*audiences, *lists]}

    def rule(value: Any) -> str:
        """A rule with names in place of ids."""
        if isinstance(value, dict):
            return str(sorted((key, rule(item)) for key, item in value.items()))
        if isinstance(value, list):
            return str([rule(item) for item in value])
        return str(names.get(str(value), value))

    found: Counter[Any] = Counter(
        ("audience", item["name"], item["audience_type"], item["description"], rule(item["rule"]))
        for item in audiences
    )
    found.update(
        ("share", f"{names[key]} with {share['account_id']}")
        for key, shares in truth["shared_accounts"].items()
        for share in shares
    )
    found.update(
        ("list", item["name"], tuple(sorted(emulator.members(item["id"])))) for item in lists
    )
    return found


def check_no_doubles(found: Counter[Any], clean: Counter[Any]) -> None:
    """Check that nothing is at Pinterest more often than it should be."""
    names, more = _names(found), _names(found) - _names(clean)
    if twice := {name: count for name, count in more.items() if names[name] > 1}:
        raise Broken(DOUBLED, str(twice))


def check_at_pinterest(found: Counter[Any], clean: Counter[Any]) -> None:
    """Check that everything expected is at Pinterest, once."""
    check_no_doubles(found, clean)
    if more := _names(found) - _names(clean):
        raise Broken(LOST, f"the removal of {list(more)}")
    if less := clean - found:
        raise Broken(LOST, str(list(less))[:2000])


def check_nothing_is_left(world: World, scenario: Scenario) -> None:
    """Check that the same input writes nothing again, because the ledger has it."""
    world.emulator.clear()
    run = world.go(scenario.messages)
    check_ended_well(run)
    if again := people.writes(world.emulator):
        raise Broken(LOST, f"the next run still writes {again}")


def _names(things: Counter[Any]) -> Counter[Any]:
    return Counter(thing[:2] for thing in things.elements())
