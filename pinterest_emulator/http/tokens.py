"""Access tokens and refresh tokens."""

from __future__ import annotations

from secrets import token_urlsafe

from msgspec import Struct

ACCESS_TOKEN_SECONDS = 2_592_000
"""30 days (third-party)."""

REFRESH_TOKEN_SECONDS = 5_184_000
"""60 days (Pinterest OpenAPI 5.23)."""

SCOPES = (
    "ads:read",
    "ads:write",
    "biz_access:read",
    "biz_access:write",
    "user_accounts:read",
)
CLIENT_ID = "demo-app"
CLIENT_SECRET = "demo-secret"  # noqa: S105  (made up, and printed at every start)
DEMO_ACCESS_TOKEN = "pina_demo"  # noqa: S105  (the same)
DEMO_REFRESH_TOKEN = "pinr.demo"  # noqa: S105  (the same)


class Grant(Struct, frozen=True, forbid_unknown_fields=True):
    """What one token allows.

    Attributes:
        scopes: Names such as `ads:read`.
        expires_at: Unix seconds at which it expires.
        client_only: Whether it came from client_credentials, so it has no user.
    """

    scopes: tuple[str, ...]
    expires_at: int
    client_only: bool = False


class Tokens:
    """All issued tokens.

    Attributes:
        access: The grants of access tokens.
        refresh: The grants of refresh tokens that were not revoked.
    """

    def __init__(self) -> None:
        """Starts without any."""
        self.access: dict[str, Grant] = {}
        self.refresh: dict[str, Grant] = {}

    def add_demo(self, now: int, *, with_refresh: bool) -> None:
        """Extends the demo's access token by 30 days and, if asked, its refresh token by 60.

        The refresh token is optional because a used one must not become valid again when saved
        data is loaded.
        """
        self.access[DEMO_ACCESS_TOKEN] = Grant(SCOPES, now + ACCESS_TOKEN_SECONDS)
        if with_refresh:
            self.refresh[DEMO_REFRESH_TOKEN] = Grant(SCOPES, now + REFRESH_TOKEN_SECONDS)

    def issue_access(self, scopes: tuple[str, ...], now: int, *, client_only: bool = False) -> str:
        """A new access token of 30 days."""
        token = f"pina_{token_urlsafe(48)}"
        self.access[token] = Grant(scopes, now + ACCESS_TOKEN_SECONDS, client_only)
        return token

    def issue_refresh(self, scopes: tuple[str, ...], now: int) -> str:
        """A new refresh token of 60 days."""
        token = f"pinr.{token_urlsafe(48)}"
        self.refresh[token] = Grant(scopes, now + REFRESH_TOKEN_SECONDS)
        return token

    def revoke_refresh(self, token: str) -> None:
        """Ends a refresh token."""
        del self.refresh[token]

    def revoke(self, token: str) -> bool:
        """Ends an access token or a refresh token; False if there is no such token."""
        ended = self.access.pop(token, None) or self.refresh.pop(token, None)
        return ended is not None

    def find_access(self, token: str, now: float) -> Grant | None:
        """What an access token allows at `now`; None if it is unknown or has expired."""
        return _valid(self.access.get(token), now)

    def find_refresh(self, token: str, now: float) -> Grant | None:
        """What a refresh token allows at `now`; None if unknown, expired or revoked."""
        return _valid(self.refresh.get(token), now)


def _valid(grant: Grant | None, now: float) -> Grant | None:
    return None if grant is None or grant.expires_at <= now else grant
