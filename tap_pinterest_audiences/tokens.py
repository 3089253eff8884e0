"""Where a rotated refresh token is kept between runs."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import filelock

from tap_pinterest_audiences.errors import SettingsError
from tap_pinterest_audiences.private import (
    close_to_others,
    make_folder,
    state_folder,
    temporary_of,
    write_atomically,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

_LOCK_TIMEOUT_SECONDS = 120


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class KeptToken:
    """What the token file holds, apart from its key.

    Attributes:
        refresh_token: The newest refresh token.
        access_token: The newest access token.
        renew_at: When to replace the access token, in Unix seconds; 0 if nobody knows.
    """

    refresh_token: str
    access_token: str
    renew_at: int


class TokenStore:
    """A file of mode 0600 with the newest tokens of one configured refresh token.

    The file carries a digest of the client id and the refresh token of the settings. When the
    user configures another refresh token, the digests differ and the file is not used.
    """

    def __init__(self, path: str | None, client_id: str, refresh_token: str) -> None:
        """Choose the file; nothing is read or written yet.

        Args:
            path: The setting ``token_path``; None for a file in the user's state folder.
            client_id: App id.
            refresh_token: The refresh token of the settings.
        """
        self._key = hashlib.sha256(f"{client_id}:{refresh_token}".encode()).hexdigest()
        self.path = (
            Path(path).expanduser() if path else state_folder() / f"token-{self._key[:16]}.json"
        )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from renewing the same token meanwhile.

        Raises:
            SettingsError: If the folder can not be written to, or a file that is open to other
                users can not be closed to them. It is raised before any token is used up, because
                a renewed refresh token that can not be kept would be lost.
        """
        try:
            make_folder(self.path.parent)
            with contextlib.suppress(FileNotFoundError):
                close_to_others(self.path)
            lock = filelock.FileLock(f"{self.path}.lock", timeout=_LOCK_TIMEOUT_SECONDS, mode=0o600)
            with lock:
                # A process that was killed between writing and renaming it has left live tokens.
                temporary_of(self.path).unlink(missing_ok=True)
                yield
        except filelock.Timeout:
            msg = (
                f"token_path: {self.path}.lock has been held for {_LOCK_TIMEOUT_SECONDS} s by "
                "another run; end that run, or give this one a token_path of its own"
            )
            raise SettingsError(msg) from None
        except OSError as error:
            msg = (
                f"token_path: {self.path} can not be written ({error.strerror}), and a renewed "
                "refresh token has to be kept; set token_path to a file in a writable folder"
            )
            raise SettingsError(msg) from None

    def read(self) -> KeptToken | None:
        """Return the kept tokens, or None if there are none for these settings."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            if kept.pop("key") != self._key:
                return None
            token = KeptToken(**kept)
            tokens = (token.refresh_token, token.access_token)
            if not (all(map(is_token, tokens)) and isinstance(token.renew_at, int)):
                raise TypeError  # noqa: TRY301
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            logger.warning(
                "The token file %s can not be read; the refresh_token of the settings is used "
                "instead",
                self.path,
            )
            return None
        return token

    def write(self, token: KeptToken) -> None:
        """Keep ``token``; the caller is inside of `locked`."""
        kept = {"key": self._key, **dataclasses.asdict(token)}
        write_atomically(self.path, [json.dumps(kept)])


def is_token(value: object) -> TypeGuard[str]:
    """Tell whether a value is something that can be sent as a token."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()
