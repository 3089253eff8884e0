"""What the server holds: audiences and customer lists in the shape of Pinterest's.

Ids are consecutive, so a benchmark knows which ones a program must print.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from msgspec import json

FIRST_ACCOUNT = 549_755_800_001
FIRST_AUDIENCE = 2_542_620_000_001
FIRST_LIST = 4_189_000_001
LISTS_PER_ACCOUNT = 5
TAG = "2612511566001"
UPDATED_TIMESTAMP = 1_740_787_200
"""2025-03-01T00:00:00Z, in Unix seconds."""
_DAY = 86_400


@dataclass(slots=True)
class Account:
    """An ad account.

    Attributes:
        id: Its id.
        audiences: The JSON of each audience.
        lists: The JSON of each customer list.
        added: What was added to its customer lists, as it was sent, since that was asked for.
        removed: What was removed from them.
        names: Names of the audiences that were created since then.
    """

    id: str
    audiences: list[bytes] = field(default_factory=list)
    lists: list[bytes] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def desired(index: int) -> dict[str, object]:
    """Return what a warehouse says of the audience of that number, counted from 0."""
    return {
        "name": f"Generated visitors {index + 1}",
        "description": f"Visitors of page {index + 1}",
        "audience_type": "VISITOR",
        "rule": {"retention_days": 1 + index % 540, "visitor_source_id": TAG},
    }


def audience(number: int, account_id: str, wanted: dict[str, object]) -> bytes:
    """Return an audience as Pinterest lists it, of the id that comes ``number`` after the first."""
    return json.encode(
        {
            "type": "audience",
            "id": str(FIRST_AUDIENCE + number),
            "name": wanted["name"],
            "ad_account_id": account_id,
            "audience_type": wanted.get("audience_type"),
            "description": wanted.get("description"),
            "status": "READY",
            "size": 100 + number,
            "updated_timestamp": UPDATED_TIMESTAMP,
            "created_timestamp": UPDATED_TIMESTAMP - _DAY,
            "rule": wanted.get("rule"),
            "created_by_company_name": "Wickwillow Trading",
            "is_nca": False,
            "is_ctv_enabled": False,
        }
    )


def customer_list(list_id: int, account_id: str, name: str) -> bytes:
    """Return a customer list as Pinterest lists it."""
    return json.encode(
        {
            "ad_account_id": account_id,
            "created_time": UPDATED_TIMESTAMP - _DAY,
            "id": str(list_id),
            "name": name,
            "num_batches": 1,
            "num_removed_user_records": 0,
            "num_uploaded_user_records": 1200,
            "type": "customerlist",
            "updated_time": UPDATED_TIMESTAMP,
            "exceptions": {},
            "is_nca": False,
            "status": "READY",
        }
    )


def account_view(account_id: str) -> bytes:
    """Return an ad account as Pinterest lists it."""
    return json.encode(
        {
            "id": account_id,
            "name": f"Generated Shop {account_id}",
            "owner": {"username": "generatedshops", "id": "1099300700000000002"},
            "country": "US",
            "currency": "USD",
            "permissions": ["OWNER"],
            "created_time": UPDATED_TIMESTAMP - _DAY,
            "updated_time": UPDATED_TIMESTAMP - _DAY,
        }
    )


def filled_accounts(accounts: int, rows: int) -> dict[str, Account]:
    """Return ad accounts that share ``rows`` audiences, the first ones one more than the last."""
    numbers = itertools.count()
    made = {}
    for place in range(accounts):
        account = Account(str(FIRST_ACCOUNT + place))
        for _ in range(rows // accounts + (place < rows % accounts)):
            number = next(numbers)
            account.audiences.append(audience(number, account.id, desired(number)))
        for index in range(LISTS_PER_ACCOUNT):
            list_id = FIRST_LIST + place * LISTS_PER_ACCOUNT + index
            account.lists.append(customer_list(list_id, account.id, f"Customers {index + 1}"))
        made[account.id] = account
    return made
