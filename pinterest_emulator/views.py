"""What a read or a write shows, with the keys in the order seen live in 2026-07."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinterest_emulator.models import AdAccount, Audience


def ad_account(account: AdAccount) -> dict[str, Any]:
    """An ad account, alike in a list and alone; `time_zone` is on some accounts only."""
    view: dict[str, Any] = {
        "id": str(account.id),
        "name": account.name,
        "owner": {"username": account.owner_username, "id": account.owner_id},
        "country": account.country,
        "currency": account.currency,
        "permissions": list(account.permissions),
        "created_time": account.created_time,
        "updated_time": account.updated_time,
    }
    if account.time_zone is not None:
        view["time_zone"] = account.time_zone
    return view


def audience(audience: Audience) -> dict[str, Any]:
    """The answer of `audiences/get`."""
    return {
        "type": "audience",
        "id": str(audience.id),
        "name": audience.name,
        "ad_account_id": str(audience.ad_account_id),
        "audience_type": audience.audience_type,
        "description": audience.description,
        "status": audience.status,
        "size": audience.size,
        "updated_timestamp": audience.updated_timestamp,
        "created_timestamp": audience.created_timestamp,
        "rule": audience.rule,
        "created_by_company_name": audience.created_by_company_name,
        "is_nca": False,
    }


def listed_audience(item: Audience) -> dict[str, Any]:
    """An item of `audiences/list`: the only answer with `is_ctv_enabled`."""
    return {**audience(item), "is_ctv_enabled": False}


def updated_audience(item: Audience) -> dict[str, Any]:
    """The answer of `audiences/update`: the company name is null."""
    return {**audience(item), "created_by_company_name": None}


CREATED_KEYS = (
    "ad_account_id",
    "id",
    "name",
    "audience_type",
    "description",
    "rule",
    "size",
    "status",
    "type",
    "created_timestamp",
    "updated_timestamp",
    "created_by_company_name",
    "is_nca",
)


def created_audience(item: Audience) -> dict[str, Any]:
    """The answer of `audiences/create`: another order of keys, the company name is null."""
    view = updated_audience(item)
    return {key: view[key] for key in CREATED_KEYS}
