"""Where a rotated refresh token is kept between runs."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import filelock

from pinterest_audiences.errors import BusyError, SettingsError
from pinterest_audiences.files import (
    make_folder,
    restrict_permissions,
    state_folder,
    temporary_of,
    user_path,
    write_atomically,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

logger = logging.getLogger(__name__)

UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError)
"""What a token file raises that holds something else than tokens."""


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class StoredToken:
    """What the token file holds, apart from its key.

    Attributes:
        refresh_token: The newest refresh token.
        access_token: The newest access token; empty if Pinterest sent none with refresh_token.
        renew_at: When to replace the access token, in Unix seconds; 0 if nobody knows.
        access_ends_at: When Pinterest stops to take the access token; 0 if nobody knows.
        refresh_ends_at: When Pinterest stops to take the refresh token; 0 if nobody knows.
        scope: What the access token may do, in Pinterest's words; empty if nobody knows.
        user: Who logged in; empty if Pinterest did not say, and for a token of the settings.
    """

    refresh_token: str
    access_token: str
    renew_at: int
    access_ends_at: int = 0
    refresh_ends_at: int = 0
    scope: str = ""
    user: str = ""


class AnyTokenStore(Protocol):
    """Keeps the newest tokens between runs; ``str()`` names it in error messages."""

    def locked(self, max_wait: float = 0) -> AbstractContextManager[None]:
        """Keep other runs from renewing the same token meanwhile."""

    def read(self) -> StoredToken | None:
        """Return the kept tokens, or None if there are none for these settings."""

    def write(self, token: StoredToken) -> None:
        """Keep ``token``; the caller is inside of `locked`."""


class TokenFile:
    """A file of mode 0600 with tokens by key, for several plugins, apps and users."""

    def __init__(self, path: Path) -> None:
        """Choose the file; nothing is read or written yet."""
        self.path = path

    def __str__(self) -> str:
        """Name the file."""
        return str(self.path)

    @contextlib.contextmanager
    def locked(self, max_wait: float = 0) -> Iterator[None]:
        """Keep other processes from renewing a token of the same file meanwhile.

        Args:
            max_wait: Seconds to wait for a process that does so now.

        Raises:
            BusyError: If that process takes longer.
            SettingsError: If the folder cannot be written to, or a file that is open to other
                users cannot be closed to them. It is raised before any token is used up, because
                a renewed refresh token that cannot be kept would be lost.
        """
        self._check_kind()
        try:
            make_folder(self.path.parent)
            with contextlib.suppress(FileNotFoundError):
                restrict_permissions(self.path)
            lock = filelock.FileLock(f"{self.path}.lock", timeout=max_wait, mode=0o600)
            with lock:
                # A process that was killed between writing and renaming it has left live tokens.
                temporary_of(self.path).unlink(missing_ok=True)
                yield
        except filelock.Timeout:
            msg = (
                f"token_path: another run has held {self.path}.lock for {max_wait:.0f} s; run "
                "again when that run is done, or raise the setting max_wait. "
                "Runs that share a refresh_token must share its token_path"
            )
            raise BusyError(msg) from None
        except OSError as error:
            msg = (
                f"token_path: {self.path} cannot be read and written ({error.strerror}), and a "
                "renewed refresh token has to be kept; set token_path to a file in a writable "
                "folder"
            )
            raise SettingsError(msg) from None

    def _check_kind(self) -> None:
        """Make sure that what is there may be replaced and closed to other users.

        Raises:
            SettingsError: If it is a folder, or a file that somebody needs, such as the settings.
        """
        if self.path.is_dir():
            msg = f"token_path: {self.path} is a folder: name a file in it"
            raise SettingsError(msg)
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, *UNREADABLE):
            return  # The caller says so, if it matters.
        if isinstance(kept, dict) and kept and kept.keys().isdisjoint({"key", "tokens"}):
            msg = (
                f"token_path: {self.path} holds something else than tokens, and stays as it is: "
                "choose another path"
            )
            raise SettingsError(msg)

    def entries(self) -> dict[str, Any]:
        """Return what the file holds by key, as it is there: other plugins check their own.

        Raises:
            OSError: If the file is there and cannot be read.
            ValueError, TypeError, AttributeError, RecursionError: If it holds something else.
        """
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        if "key" in kept:  # one entry, as earlier versions wrote it
            return {kept.pop("key"): kept}
        return dict(kept["tokens"].items()) if "tokens" in kept else {}

    def put(self, key: str, token: StoredToken | None) -> None:
        """Replace an entry, or remove it if ``token`` is None; the caller is inside of `locked`.

        Raises:
            OSError: If the file cannot be read or written.
        """
        try:
            tokens = self.entries()
        except UNREADABLE:
            tokens = {}  # nobody can read it, so nothing is lost
        tokens.pop(key, None)
        if token:
            tokens[key] = dataclasses.asdict(token)
        write_atomically(self.path, [json.dumps({"tokens": tokens})])


class TokenStore(TokenFile):
    """Keeps an entry for each configured refresh token.

    The key of an entry is a digest of the client id and the refresh token of the settings. When the
    user configures another refresh token, the keys differ and the entry is not used. It stays in
    the file, because another plugin may share the file and use it.
    """

    def __init__(self, path: str | None, client_id: str, refresh_token: str) -> None:
        """Choose the file; nothing is read or written yet.

        Args:
            path: The setting ``token_path``; None for a file in the user's state folder.
            client_id: App id.
            refresh_token: The refresh token of the settings.

        Raises:
            SettingsError: If ``token_path`` cannot be a path.
        """
        self._key = hashlib.sha256(f"{client_id}:{refresh_token}".encode()).hexdigest()
        super().__init__(
            user_path("token_path", path)
            if path
            else state_folder() / f"token-{self._key[:16]}.json"
        )

    def read(self) -> StoredToken | None:
        """Return the kept tokens, or None if there are none for these settings.

        Raises:
            OSError: If the file is there and cannot be read.
        """
        try:
            entry = self.entries().get(self._key)
            return None if entry is None else stored_token(entry)
        except UNREADABLE:
            logger.warning(
                "The token file %s cannot be read; the refresh_token of the settings is used "
                "instead",
                self.path,
            )
            return None

    def write(self, token: StoredToken) -> None:
        """Keep ``token``, and the entries of other settings; the caller is inside of `locked`.

        Raises:
            OSError: If the file cannot be read or written.
        """
        self.put(self._key, token)


def stored_token(entry: Mapping[str, Any]) -> StoredToken:
    """Return the tokens of an entry; an older one lacks what has a default.

    Raises:
        TypeError: If it holds something else.
    """
    token = StoredToken(**entry)
    numbers = (token.renew_at, token.access_ends_at, token.refresh_ends_at)
    if not (
        is_token(token.refresh_token)
        and (token.access_token == "" or is_token(token.access_token))
        and all(isinstance(number, int) for number in numbers)
        and isinstance(token.scope, str)
        and isinstance(token.user, str)
    ):
        msg = "not an entry of a token file"
        raise TypeError(msg)
    return token


def is_token(value: object) -> TypeGuard[str]:
    """Return whether a value is something that can be sent as a token."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()
