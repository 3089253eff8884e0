"""What both connectors say of the settings of their plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbyte_pinterest_audiences.spec import Choice, Option
from airbyte_pinterest_audiences.tokens import KEPT_FIELDS
from pinterest_audiences.config import REFRESH_TOKEN

if TYPE_CHECKING:
    from pinterest_audiences.plugin import PinterestPlugin

TITLE = "Pinterest audiences"
SPEC = {"documentationUrl": "https://developers.pinterest.com/docs/api/v5/"}

CHANGES: dict[str, dict[str, Any]] = {
    "refresh_token": {
        "description": (
            "Refresh token of the user who authorised the app. It is renewed as Pinterest "
            "requires, and Airbyte gets the newest one back. A source and a destination need a "
            "refresh token each."
        )
    },
    "max_wait": {
        "description": (
            "Seconds that a request may wait for Pinterest's rate limit, and a destination for "
            "another one on the same ad account. A longer wait ends the sync as one to try again."
        )
    },
}
NO_FILES = {"batch_config", "faker_config", "token_path"}


def credentials(plugin: type[PinterestPlugin]) -> Choice:
    """Return the ways to authenticate that a plugin has."""
    options = tuple(
        Option(
            group.name,
            group.title,
            group.settings,
            extra=KEPT_FIELDS if group == REFRESH_TOKEN else {},
        )
        for group in plugin.auth_groups
        if NO_FILES.isdisjoint(group.settings)
    )
    return Choice(
        "credentials",
        "Authentication",
        "How to prove to Pinterest who is asking.",
        "auth_type",
        options,
        required=True,
    )
