"""Bugs that tests plant in a program, to check that the sweep finds them."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from pinterest_audiences.api.client import PinterestAPI
from pinterest_audiences.api.token_store import StoredToken, TokenStore
from pinterest_audiences.errors import RequestFailedError
from pinterest_audiences.files import temporary_of
from tap_pinterest_audiences.incremental import Scan
from target_pinterest_audiences.audiences.existing import Inventory
from target_pinterest_audiences.audiences.writer import PinterestWriter
from target_pinterest_audiences.members.sent_members import SentMembers
from target_pinterest_audiences.run.context import RunContext
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from requests import PreparedRequest, Response

    from target_pinterest_audiences.changes import Share


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug, and the outcome that the sweep must report.

    Attributes:
        name: The bug in words.
        scenario: Name of the scenario that shows it.
        row: The failure that shows it.
        outcome: The outcome that the sweep must report.
        plant: Patches the bug into this process.
    """

    name: str
    scenario: str
    row: str
    outcome: str
    plant: Callable[[], None]


def _replace(owner: type, name: str, with_what: Callable[..., object]) -> None:
    assert hasattr(owner, name)
    setattr(owner, name, with_what)


def _bookmark_too_far() -> None:
    begin = Scan.begin

    def later(self: Scan, clock: int) -> None:
        begin(self, clock + 600)

    _replace(Scan, "begin", later)


def _create_retried_blindly() -> None:
    _replace(Inventory, "reload", lambda _: [])
    _replace(Inventory, "reload_lists", lambda _: [])


def _state_passed_early() -> None:
    _replace(TargetPinterestAudiences, "_members_wait", lambda _: False)


def _ledger_ahead() -> None:
    def expect_added(self: SentMembers, texts: Sequence[str], version: int | None) -> None:
        self.note_added(texts, version)

    _replace(SentMembers, "expect_added", expect_added)


def _token_not_kept() -> None:
    _replace(TokenStore, "write", lambda *_: None)


def _token_left_behind() -> None:
    write = TokenStore.write

    def careless(self: TokenStore, token: StoredToken) -> None:
        write(self, token)
        temporary = temporary_of(self.path)
        temporary.touch(0o600)
        temporary.write_bytes(self.path.read_bytes())

    _replace(TokenStore, "write", careless)


def _refusal_taken_for_the_end() -> None:
    pages = PinterestAPI.pages

    def short(*args: Any) -> Iterator[Any]:
        try:
            yield from pages(*args)
        except RequestFailedError:
            return

    _replace(PinterestAPI, "pages", short)


def _token_in_the_log() -> None:
    send = HTTPAdapter.send

    def talkative(self: HTTPAdapter, request: PreparedRequest, **options: Any) -> Response:
        logging.getLogger().debug("%s", request.headers)
        return send(self, request, **options)

    _replace(HTTPAdapter, "send", talkative)


def _refusal_not_noted() -> None:
    for method in ("note_failed_lists", "_note_undone"):
        _replace(RunContext, method, lambda _: None)


def _refused_share_passed_over() -> None:
    share = PinterestWriter.share

    def careless(self: PinterestWriter, decision: Share) -> None:
        with contextlib.suppress(RequestFailedError):
            share(self, decision)

    _replace(PinterestWriter, "share", careless)


BUGS = (
    # With digests, a bookmark that is too late loses nothing.
    Bug("a bookmark too far", "tap, by update time", "refused", "lost", _bookmark_too_far),
    # One thread reads in that scenario, so the refused request is known.
    Bug("a refusal is the end", "tap, everything", "403", "lost", _refusal_taken_for_the_end),
    Bug(
        "an audience created blindly",
        "target, audiences",
        "reset after",
        "doubled",
        _create_retried_blindly,
    ),
    Bug(
        "a list created blindly", "target, members", "500 after", "doubled", _create_retried_blindly
    ),
    Bug("a state passed early", "target, members", "401", "lost", _state_passed_early),
    Bug("a refused list not noted", "target, refused", "500", "lost", _refusal_not_noted),
    Bug("a refused share", "target, sharing", "403", "lost", _refused_share_passed_over),
    Bug("a ledger ahead of Pinterest", "target, members", "403", "lost", _ledger_ahead),
    Bug("a token not kept", "refresh, once only", "403", "stuck", _token_not_kept),
    Bug("a token left behind", "refresh", "500", "leaked", _token_left_behind),
    Bug("a token in the log", "target, mirror", "empty, 200", "leaked", _token_in_the_log),
)


def plant(name: str) -> None:
    """Plant a bug in this process."""
    next(bug for bug in BUGS if bug.name == name).plant()
