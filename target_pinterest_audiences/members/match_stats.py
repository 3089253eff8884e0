"""How a customer list does: what the report says of it, and what Pinterest does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pinterest_audiences.api.operations import GET_CUSTOMER_LIST
from pinterest_audiences.errors import PinterestError, redact
from target_pinterest_audiences.audiences.existing import get_audience
from target_pinterest_audiences.audiences.writer import is_planned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinterest_audiences.api.client import PinterestAPI
    from target_pinterest_audiences.members.customer_list import CustomerList

logger = logging.getLogger(__name__)

SMALLEST_AUDIENCE = 100
"""Matched people that a list needs before Pinterest uses it (Pinterest OpenAPI 5.23)."""


def health(members: CustomerList, api: PinterestAPI | None) -> dict[str, Any]:
    """Return a list's part of the report, asking Pinterest again if anything was written.

    Sizes are those of the list's audience: Pinterest takes a day or two to match new members.

    Args:
        members: The list.
        api: Pinterest; None to use what was known before.
    """
    there = members.list_id is not None and not is_planned(members.list_id)
    tally, before = members.tally, members.found or {}
    size_before = (members.found_audience or {}).get("size")
    after, size = before, size_before
    if api and there and (tally.new or tally.removed or tally.removed_unknown):
        try:
            after, size = _asked(members, api)
        except PinterestError as error:  # all is done: no reason to fail
            logger.warning("How %s does now is not known: %s", members.label, error)
    name = members.ref.audience_name
    return {
        "ad_account_id": members.ref.ad_account_id,
        "customer_list_id": members.list_id if there else None,
        "audience_name": redact(name) if name else None,
        "list_type": members.list_type,
        "added": tally.new,
        "already_there": tally.already_there,
        "removed": tally.removed,
        "removed_unknown": tally.removed_unknown,
        "not_there": tally.not_there,
        "rejected": dict(tally.rejected),
        "status_before": before.get("status"),
        "status": after.get("status"),
        "size_before": size_before,
        "size": size,
        "people_missing": max(SMALLEST_AUDIENCE - (size or 0), 0),
    }


def _asked(members: CustomerList, api: PinterestAPI) -> tuple[Mapping[str, Any], int | None]:
    account = members.ref.ad_account_id
    ids = {"ad_account_id": account, "customer_list_id": str(members.list_id)}
    after = api.request(GET_CUSTOMER_LIST, ids).data
    audience = members.audience
    found = get_audience(api, account, str(audience["id"])) if audience else None
    return after, (found or {}).get("size")
