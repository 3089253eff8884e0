"""The bodies of responses.

The keys of ad accounts, audiences and customer lists are in the order seen live in 2026-07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_emulator import guesses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pinterest_emulator.data.models import AdAccount, Audience, CustomerList
    from pinterest_emulator.data.sharing import Business, Share
    from pinterest_emulator.data.uploads import Upload
    from pinterest_emulator.settings import Settings


def ad_account(account: AdAccount) -> dict[str, Any]:
    """An ad account, the same in a list and in a get; only some accounts have `time_zone`."""
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


def audience(audience: Audience, settings: Settings) -> dict[str, Any]:
    """The response of `audiences/get`."""
    rule = audience.rule
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
        "rule": guesses.rule_of_unions(rule) if settings.follows_5_28 else rule,
        "created_by_company_name": audience.created_by_company_name,
        "is_nca": audience.is_nca,
    }


def listed_audience(item: Audience, settings: Settings) -> dict[str, Any]:
    """An item of `audiences/list`: the only response with `is_ctv_enabled`."""
    return {**audience(item, settings), "is_ctv_enabled": False}


def received_audience(item: Audience, share: Share, settings: Settings) -> dict[str, Any]:
    """An item among the audiences that an ad account or a business received."""
    owner = str(guesses.received_ad_account_id(share.owner_id))
    return {**listed_audience(item, settings), "ad_account_id": owner}


def updated_audience(item: Audience, settings: Settings) -> dict[str, Any]:
    """The response of `audiences/update`: the company name is null."""
    return {**audience(item, settings), "created_by_company_name": None}


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


def created_audience(item: Audience, settings: Settings) -> dict[str, Any]:
    """The response of `audiences/create`: another order of keys, the company name is null."""
    view = updated_audience(item, settings)
    return {key: view[key] for key in CREATED_KEYS}


def customer_list(item: CustomerList, settings: Settings) -> dict[str, Any]:
    """A customer list in all responses but the list; `exceptions` is empty without problems.

    It has `is_nca` since Pinterest OpenAPI 5.28; live in 2026-07 only the list had it.
    """
    view = _customer_list(item)
    return _with_is_nca(view, item) if settings.follows_5_28 else view


def listed_customer_list(item: CustomerList) -> dict[str, Any]:
    """An item of `customer_lists/list`: with `is_nca`, before the status."""
    return _with_is_nca(_customer_list(item), item)


def _customer_list(item: CustomerList) -> dict[str, Any]:
    return {
        "ad_account_id": str(item.ad_account_id),
        "created_time": item.created_time,
        "id": str(item.id),
        "name": item.name,
        "num_batches": item.num_batches,
        "num_removed_user_records": item.num_removed_user_records,
        "num_uploaded_user_records": item.num_uploaded_user_records,
        "type": "customerlist",
        "updated_time": item.updated_time,
        "exceptions": {},
        "status": item.status,
    }


def _with_is_nca(view: dict[str, Any], item: CustomerList) -> dict[str, Any]:
    status = view.pop("status")
    return {**view, "is_nca": item.is_nca, "status": status}


def upload(item: Upload) -> dict[str, Any]:
    """An upload, the same in all responses (Pinterest OpenAPI 5.23)."""
    return {
        "id": str(item.id),
        "customer_list_id": str(item.customer_list_id),
        "ad_account_id": str(item.ad_account_id),
        "operation": item.operation,
        "state": item.state,
        "creation_time": item.creation_time,
        "updated_time": item.updated_time,
        "record_counts": item.record_counts,
        "error_counts": item.error_counts,
    }


def sharing(
    audience_id: int, field: str, recipient_ids: Sequence[int], operation_type: str
) -> dict[str, Any]:
    """The response to a SHARE or REVOKE (Pinterest OpenAPI 5.23).

    Args:
        audience_id: The audience.
        field: Name of the field of the recipients.
        recipient_ids: The recipients that were added or removed.
        operation_type: SHARE or REVOKE.
    """
    return {
        "audience_id": str(audience_id),
        "permissions": guesses.share_permissions(operation_type),
        field: [str(recipient) for recipient in recipient_ids],
    }


def shared_account(recipient: AdAccount | Business, share: Share) -> dict[str, Any]:
    """An item of the list of an audience's recipients (Pinterest OpenAPI 5.23)."""
    return {
        "account_id": str(share.account_id),
        "account_name": recipient.name,
        "account_type": share.account_type,
        "shared_on_timestamp": share.shared_on_timestamp,
    }


def insight_definitions(insights: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The response of `insights/audiences` for the insights of an ad account, by type.

    It is not a page: it has no bookmark at all (Pinterest OpenAPI 5.23).
    """
    items = []
    for insight_type, body in insights.items():
        scope, definition = guesses.INSIGHT_DEFINITIONS[insight_type]
        items.append({"type": definition, "scope": scope, "date": body["date"]})
    return {"items": items}
