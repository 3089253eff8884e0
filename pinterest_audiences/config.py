"""The settings that the tap and the target share, and how their values are checked."""

from __future__ import annotations

from typing import Any, NamedTuple

from singer_sdk import typing as th

from pinterest_audiences.api.client import (
    DEFAULT_API_URL,
    DEFAULT_MAX_WAIT_SECONDS,
    DEFAULT_TIMEOUT_SECONDS,
)

ID = th.CustomType({"type": ["string", "integer"], "pattern": r"^\d+$", "minimum": 0})
"""An id, which people may write without quotes in YAML and JSON; the plugin makes it text."""


class AuthGroup(NamedTuple):
    """Settings that together are one way to authenticate."""

    name: str
    title: str
    settings: tuple[str, ...]


REFRESH_TOKEN = AuthGroup(
    "refresh_token", "Refresh token", ("client_id", "client_secret", "refresh_token")
)
LOGIN = AuthGroup("login", "Login", ("client_id", "client_secret", "token_path"))
ACCESS_TOKEN = AuthGroup("access_token", "Access token", ("access_token",))
CLIENT_CREDENTIALS = AuthGroup(
    "client_credentials", "Client credentials", ("client_id", "client_secret")
)

API_SETTINGS: tuple[th.Property[Any], ...] = (
    th.Property(
        "access_token",
        th.StringType,
        secret=True,
        title="Access token",
        description="A Pinterest access token, used as it is until it ends (30 days).",
    ),
    th.Property(
        "client_id",
        th.CustomType({"type": ["string", "integer"], "minimum": 0}),
        title="Client ID",
        description="App ID of the Pinterest app.",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="App secret key of the Pinterest app.",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh token",
        description=(
            "Refresh token of the user who authorised the app. It is renewed as Pinterest "
            "requires, and the newest one is kept in token_path."
        ),
    ),
    th.Property(
        "token_path",
        th.StringType,
        title="Token path",
        description=(
            "File of mode 0600 that keeps the newest tokens, also those of pinterest-audiences "
            "login; by default one in the user's state folder. The tap and the target share it "
            "when they share a refresh_token or a login; it may keep the tokens of several."
        ),
    ),
    th.Property(
        "api_url",
        th.StringType,
        default=DEFAULT_API_URL,
        title="API URL",
        description="Base URL of the API; plain http only for a server on this machine.",
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="User-Agent header; by default pinterest-audiences and its version.",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1),
        default=DEFAULT_TIMEOUT_SECONDS,
        title="Request timeout",
        description="Seconds to wait for an answer before a request counts as lost.",
    ),
    th.Property(
        "max_wait",
        th.IntegerType(minimum=0),
        default=DEFAULT_MAX_WAIT_SECONDS,
        title="Longest wait",
        description=(
            "Seconds that a request may wait for Pinterest's rate limit, for another run that "
            "renews the same token, and a target for another one on the same ad account. A longer "
            "wait ends the run with exit code 75: run it again later to go on."
        ),
    ),
)
