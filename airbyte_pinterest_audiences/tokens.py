"""Tokens that are renewed go back to Airbyte: the container's files do not outlive the command."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

from airbyte_pinterest_audiences.channel import now_ms
from pinterest_audiences.api.token_store import StoredToken, is_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airbyte_pinterest_audiences.channel import Channel

_CREDENTIALS = "credentials"
_ACCESS_TOKEN, _EXPIRY, _KEY = "access_token", "token_expiry_date", "renewed_for"

KEPT_FIELDS: dict[str, dict[str, Any]] = {
    _ACCESS_TOKEN: {
        "type": "string",
        "title": "Access token",
        "description": "The newest access token; the connector writes it.",
        "airbyte_secret": True,
        "airbyte_hidden": True,
    },
    _EXPIRY: {
        "type": "string",
        "format": "date-time",
        "title": "Renewal time",
        "description": "When to renew the access token; the connector writes it.",
        "airbyte_hidden": True,
    },
    _KEY: {
        "type": "string",
        "title": "Renewed for",
        "description": "Which refresh token the access token belongs to, as a digest.",
        "airbyte_hidden": True,
    },
}
"""What the credentials hold beside the settings of the plugin."""


class ConfigTokens:
    """Keeps tokens in the configuration, which goes back to Airbyte in a CONTROL message.

    The access token is used only together with the refresh token that it came with: when the user
    configures another one, perhaps of another user, it is not used any more.
    """

    def __init__(self, config: dict[str, Any], channel: Channel) -> None:
        """Begin with a configuration; tokens are read only if it has a refresh token."""
        self._config = config
        self._channel = channel

    def __str__(self) -> str:
        """Name the place."""
        return "the configuration"

    @contextlib.contextmanager
    def locked(self, max_wait: float = 0) -> Iterator[None]:
        """Do nothing: no other process can see this configuration."""
        del max_wait
        yield

    def read(self) -> StoredToken | None:
        """Return the tokens of the configuration, if a run wrote them there."""
        credentials = self._config[_CREDENTIALS]
        refresh_token, access_token = credentials["refresh_token"], credentials.get(_ACCESS_TOKEN)
        if credentials.get(_KEY) != self._key(refresh_token) or not is_token(access_token):
            return None
        try:
            renew_at = int(dt.datetime.fromisoformat(credentials[_EXPIRY]).timestamp())
        except (KeyError, TypeError, ValueError, OverflowError):
            renew_at = 0
        return StoredToken(refresh_token, access_token, renew_at)

    def write(self, token: StoredToken) -> None:
        """Send the configuration with these tokens."""
        config = copy.deepcopy(self._config)
        renew_at = dt.datetime.fromtimestamp(token.renew_at, dt.UTC)
        config[_CREDENTIALS] |= {
            "refresh_token": token.refresh_token,
            _ACCESS_TOKEN: token.access_token,
            _EXPIRY: renew_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            _KEY: self._key(token.refresh_token),
        }
        self._channel.send(
            "CONTROL",
            control={
                "type": "CONNECTOR_CONFIG",
                "emitted_at": float(now_ms()),
                "connectorConfig": {"config": config},
            },
        )
        self._config = config

    def _key(self, refresh_token: str) -> str:
        text = f"{self._config[_CREDENTIALS]['client_id']}:{refresh_token}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]
