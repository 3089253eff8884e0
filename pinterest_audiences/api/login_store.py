"""The tokens of users who logged in with ``pinterest-audiences login``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pinterest_audiences.api.token_store import UNREADABLE, StoredToken, TokenFile, stored_token
from pinterest_audiences.errors import SettingsError
from pinterest_audiences.files import state_folder, user_path

if TYPE_CHECKING:
    from collections.abc import Sequence


class LoginStore(TokenFile):
    """Keeps an entry for each user who logged in to an app.

    A run whose settings have no refresh token uses the entry of its app. When there is none, or
    there are several, the run fails: it must not read or write as somebody else.
    """

    def __init__(self, path: str | None, client_id: str) -> None:
        """Choose the file; nothing is read or written yet.

        Args:
            path: The setting ``token_path``; None for a file in the user's state folder.
            client_id: App id.

        Raises:
            SettingsError: If ``token_path`` cannot be a path.
        """
        digest = hashlib.sha256(client_id.encode()).hexdigest()
        self._prefix = f"login:{digest}:"
        self._is_default = not path
        super().__init__(
            user_path("token_path", path) if path else state_folder() / f"login-{digest[:16]}.json"
        )

    def is_asked_for(self) -> bool:
        """Return whether a run without a refresh token is to use a login.

        The setting ``token_path`` asks for it, and so does an earlier login on this machine. After
        a logout the file is still there, so that no run goes on as the app's own account.

        Raises:
            SettingsError: If the file cannot be seen.
        """
        if not self._is_default:
            return True
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            msg = f"token_path: {self.path} cannot be read ({error.strerror})"
            raise SettingsError(msg) from None
        return True

    def all(self) -> Sequence[StoredToken]:
        """Return the tokens of all users of the app.

        Raises:
            SettingsError: If the file cannot be read, or holds something else.
        """
        try:
            return [
                stored_token(entry)
                for key, entry in self.entries().items()
                if key.startswith(self._prefix)
            ]
        except OSError as error:
            msg = f"token_path: {self.path} cannot be read ({error.strerror})"
        except UNREADABLE:
            msg = f"token_path: {self.path} holds no tokens: remove it, then log in again"
        raise SettingsError(msg)

    def read(self) -> StoredToken:
        """Return the tokens of the one user of the app.

        Raises:
            SettingsError: If nobody is logged in, or several users are.
        """
        match self.all():
            case [token]:
                return token
            case []:
                other = (
                    f"to read as the app itself, remove {self.path}"
                    if self._is_default
                    else "to read as the app itself, unset token_path"
                )
                msg = (
                    f"token_path: {self.path} holds no login of this app: run pinterest-audiences "
                    f"login, or set refresh_token; {other}"
                )
            case tokens:
                names = ", ".join(user_name(token) for token in tokens)
                msg = (
                    f"token_path: {self.path} holds several logins of this app ({names}), so it is "
                    "not clear who is to work: log out the others with pinterest-audiences logout "
                    "--user NAME, or give each user a token_path"
                )
        raise SettingsError(msg)

    def write(self, token: StoredToken) -> None:
        """Keep the tokens of a user, and all other entries; the caller is inside of `locked`.

        Raises:
            OSError: If the file cannot be read or written.
        """
        self.put(self._key(token), token)

    def remove(self, token: StoredToken) -> None:
        """Remove the tokens of a user; the caller is inside of `locked`.

        Raises:
            OSError: If the file cannot be read or written.
        """
        self.put(self._key(token), None)

    def _key(self, token: StoredToken) -> str:
        return self._prefix + hashlib.sha256(token.user.encode()).hexdigest()


def user_name(token: StoredToken) -> str:
    """Name the user of a login."""
    return token.user or "a user without a name"
