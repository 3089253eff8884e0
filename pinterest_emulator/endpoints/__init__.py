"""The operations that the emulator answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator.endpoints import (
    ad_accounts,
    audiences,
    customer_lists,
    insights,
    oauth,
    sharing,
    sharing_writes,
    uploads,
    user_account,
)

if TYPE_CHECKING:
    from pinterest_emulator.http.operations import Operation
    from pinterest_emulator.settings import Settings


def operations(settings: Settings) -> tuple[Operation, ...]:
    """The operations of the chosen version of the API, in the order in which paths are tried."""
    custom = audiences.CUSTOM_OPERATIONS if settings.has_custom_audiences else ()
    return (
        *ad_accounts.OPERATIONS,
        *custom,
        *audiences.OPERATIONS,
        *customer_lists.OPERATIONS,
        *(uploads.OPERATIONS if settings.has_uploads else ()),
        *sharing.OPERATIONS,
        *sharing_writes.OPERATIONS,
        *insights.OPERATIONS,
        *oauth.OPERATIONS,
        *user_account.OPERATIONS,
    )
