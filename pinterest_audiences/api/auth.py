"""The ways to prove to Pinterest who is asking.

Facts on tokens: Pinterest's OpenAPI description 5.23 (``oauth/token``) and its release notes. A
refresh answers with a new refresh token that lives 60 days; whether the old one still works is not
documented, so only the newest is used.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from requests.auth import AuthBase

from pinterest_audiences.api.login_store import LoginStore
from pinterest_audiences.api.operations import OAUTH_TOKEN
from pinterest_audiences.api.token_store import StoredToken, TokenStore, is_token
from pinterest_audiences.api.uninterrupted import uninterrupted
from pinterest_audiences.errors import (
    InvalidResponseError,
    PinterestError,
    RequestFailedError,
    SettingsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import PreparedRequest

    from pinterest_audiences.api.token_store import AnyTokenStore

    TokenCall = Callable[[dict[str, str]], Mapping[str, Any]]
    """Sends a form to ``/oauth/token`` and returns the JSON object of the answer."""

_EARLY_SECONDS = 300.0
"""A token is renewed this long before it ends, so that it does not end on its way."""

_LONGEST_SECONDS = 10 * 365 * 86_400
"""A token that claims to last longer is used until Pinterest refuses it."""


_AUTHORISE = "authorise the app again and set the new refresh_token"
_LOG_IN = "run pinterest-audiences login again"


@dataclass(frozen=True, slots=True, repr=False)
class AccessToken:
    """A bearer token and when to replace it, in Unix seconds (None: when it is refused)."""

    value: str
    renew_at: float | None = None

    def usable(self, rejected: str | None) -> bool:
        """Return whether Pinterest may take this token, given one that it refused."""
        due = self.renew_at is not None and self.renew_at < time.time()
        return self.value != rejected and not due


class Grant(Protocol):
    """A way to come by an access token."""

    can_write: bool

    def fetch(self, rejected: str | None) -> AccessToken | None:
        """Return a usable token, or None if there is no other than the rejected one."""


class StaticToken:
    """The setting ``access_token``: used as it is, cannot be renewed."""

    can_write = True

    def __init__(self, access_token: str) -> None:
        """Use ``access_token`` until Pinterest refuses it."""
        self._token = AccessToken(access_token)

    def fetch(self, rejected: str | None) -> AccessToken | None:
        """Return the configured token unless it is the rejected one."""
        return self._token if self._token.usable(rejected) else None


class ClientCredentials:
    """``client_id`` and ``client_secret`` alone: a token for reads, of the app's own account."""

    can_write = False

    def __init__(self, call: TokenCall) -> None:
        """Fetch tokens with ``call``."""
        self._call = call

    def fetch(self, rejected: str | None) -> AccessToken:  # noqa: ARG002
        """Return a new token."""
        try:
            answer = self._call({"grant_type": "client_credentials", "scope": "ads:read"})
        except RequestFailedError as error:
            raise _refused(error, "client_id and client_secret", _AUTHORISE) from error
        return _access_token(answer)


class RefreshToken:
    """``client_id``, ``client_secret`` and a refresh token: tokens are renewed and kept."""

    can_write = True

    def __init__(
        self, call: TokenCall, refresh_token: str | None, store: AnyTokenStore, max_wait: float
    ) -> None:
        """Renew with ``call``, starting from ``refresh_token`` or from what ``store`` has.

        Args:
            call: Sends a form to the token endpoint.
            refresh_token: The refresh token of the settings; None if a login is in ``store``.
            store: Keeps the newest tokens.
            max_wait: Seconds to wait for another process that renews tokens of the same file.
        """
        self._max_wait = max_wait
        self._call = call
        self._refresh_token = refresh_token
        self._store = store

    def fetch(self, rejected: str | None) -> AccessToken:
        """Return the kept access token if it is usable, else renew and keep both tokens.

        A signal must not come between Pinterest's answer and the file: without the new refresh
        token somebody has to log in again.
        """
        return uninterrupted(lambda: self._fetch(rejected))

    def _fetch(self, rejected: str | None) -> AccessToken:
        with self._store.locked(self._max_wait):
            kept = self._store.read()
            if kept:
                token = AccessToken(kept.access_token, kept.renew_at)
                if token.usable(rejected):
                    return token
            before = kept or StoredToken(self._refresh_token or "", "", 0)
            form = {"grant_type": "refresh_token", "refresh_token": before.refresh_token}
            try:
                answer = self._call(form)
            except RequestFailedError as error:
                source = str(self._store) if kept else "the settings"
                remedy = _AUTHORISE if self._refresh_token else _LOG_IN
                raise _refused(error, f"the refresh token of {source}", remedy) from error
            # The old refresh token may be used up, so the new one is kept in any case.
            self._store.write(renewed(before, answer))
            return _access_token(answer)


class PinterestAuthenticator(AuthBase):
    """Signs requests with a bearer token and gets a new one when it ends or is refused.

    One for a whole process: threads share it and never renew twice for one refusal.
    """

    def __init__(self, grant: Grant) -> None:
        """Get tokens from ``grant``, the first one when the first request is signed."""
        self._grant = grant
        self._token: AccessToken | None = None
        self._lock = threading.Lock()

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign ``request``."""
        with self._lock:
            if self._token is None or not self._token.usable(None):
                self._token = self._grant.fetch(None) or self._token
            value = self._token.value if self._token else ""
        request.headers["Authorization"] = f"Bearer {value}"
        return request

    def renew(self, refused: PreparedRequest) -> bool:
        """Replace the token that ``refused`` was signed with.

        Returns:
            True if there is another token now, so that the request is worth repeating.
        """
        rejected = str(refused.headers.get("Authorization", "")).removeprefix("Bearer ")
        with self._lock:
            if self._token is None or self._token.value == rejected:
                token = self._grant.fetch(rejected)
                if token is None:
                    return False
                self._token = token
            return True


def choose_grant(
    settings: Mapping[str, Any],
    call: TokenCall,
    max_wait: float,
    store: AnyTokenStore | None = None,
) -> Grant:
    """Read the settings and return the most lasting way to authenticate that they allow.

    Args:
        settings: A plugin's config.
        call: Sends a form to the token endpoint, signed with client id and secret.
        max_wait: Seconds to wait for another process that renews a token of the same file.
        store: Keeps renewed tokens; None for the file of the setting ``token_path``, which may also
            hold a login.

    Raises:
        SettingsError: If there are no credentials, or only half of a pair, or if a login is asked
            for and there is none or more than one.
    """
    access_token, client_id, client_secret, refresh_token = (
        header_text(settings, name)
        for name in ("access_token", "client_id", "client_secret", "refresh_token")
    )
    for name, value, partner, other in (
        ("client_id", client_id, "client_secret", client_secret),
        ("client_secret", client_secret, "client_id", client_id),
        ("refresh_token", refresh_token, "client_id and client_secret", client_id),
    ):
        if value and not other:
            msg = f"Settings: {name} is set but {partner} is not: set both, or neither"
            raise SettingsError(msg)
    if refresh_token:
        store = store or TokenStore(settings.get("token_path"), str(client_id), refresh_token)
        return RefreshToken(call, refresh_token, store, max_wait)
    if access_token:
        return StaticToken(access_token)
    if client_id and store is None:
        logins = LoginStore(settings.get("token_path"), client_id)
        if logins.is_asked_for():
            logins.read()
            return RefreshToken(call, None, logins, max_wait)
    if client_id:
        return ClientCredentials(call)
    msg = (
        "Settings: no credentials: set access_token, or client_id with client_secret and "
        "refresh_token, or client_id with client_secret (reads only, unless you ran "
        "pinterest-audiences login)"
    )
    raise SettingsError(msg)


def header_text(settings: Mapping[str, Any], name: str) -> str | None:
    """Return a setting that travels in an HTTP header, without white space around it.

    Raises:
        SettingsError: If it has characters that no header can carry. The value is not shown.
    """
    value = str(settings.get(name) or "").strip()
    if not (value.isascii() and value.isprintable()):
        msg = f"Settings: {name} has line breaks or characters that are not ASCII: copy it again"
        raise SettingsError(msg)
    return value or None


def renewed(before: StoredToken, answer: Mapping[str, Any]) -> StoredToken:
    """Return what to keep after an answer of ``/oauth/token``.

    Args:
        before: What was kept so far; its refresh token stays if the answer holds none.
        answer: Pinterest's answer. If it holds no access token, neither does what is returned.
    """
    try:
        access = _access_token(answer)
    except InvalidResponseError:
        access = AccessToken("")
    newest, scope = answer.get("refresh_token"), answer.get("scope")
    if is_token(newest):
        ends_at = _from_now(answer.get("refresh_token_expires_in"))
        before = replace(before, refresh_token=newest, refresh_ends_at=ends_at)
    return replace(
        before,
        access_token=access.value,
        renew_at=int(access.renew_at or 0),
        access_ends_at=_from_now(answer.get("expires_in")),
        scope=scope if isinstance(scope, str) else before.scope,
    )


def _from_now(seconds: object) -> int:
    """Return the Unix time after some seconds; 0 if they are no time."""
    match seconds:
        case int(number) | float(number) if 0 <= number <= _LONGEST_SECONDS:
            return int(time.time() + number)
        case _:
            return 0


def _access_token(answer: Mapping[str, Any]) -> AccessToken:
    value = answer.get("access_token")
    if not is_token(value):
        msg = f"Pinterest's answer to {OAUTH_TOKEN.name} holds no access_token"
        raise InvalidResponseError(msg)
    match answer.get("expires_in"):
        case int(seconds) | float(seconds) if 0 <= seconds <= _LONGEST_SECONDS:
            return AccessToken(value, time.time() + max(seconds - _EARLY_SECONDS, seconds / 2))
        case _:
            return AccessToken(value)


def _refused(error: RequestFailedError, what: str, remedy: str) -> PinterestError:
    return PinterestError(
        f"Pinterest refused {what} (HTTP {error.status}, code {error.code}): {remedy}, or correct "
        "client_id and client_secret"
    )
