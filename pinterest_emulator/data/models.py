"""Ad accounts, audiences and customer lists, and how time changes them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pinterest_emulator import guesses

INITIALIZING = "INITIALIZING"
READY = "READY"
TOO_SMALL = "TOO_SMALL"
PROCESSING = "PROCESSING"
UPLOADING = "UPLOADING"


class AdAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ad account.

    Attributes:
        id: Digits, 12 of them as seen live 2026-07.
        name: Display name, not unique.
        owner_username: User name of the owner.
        owner_id: Digits.
        country: ISO 3166 code of two letters.
        currency: ISO 4217 code.
        permissions: Roles of the token's user; empty if the account is somebody else's.
        created_time: Unix seconds.
        updated_time: Unix seconds.
        time_zone: IANA name, or None if the account has none (seen live on some only).
        business_id: The business that owns it, None if that is unknown.
    """

    id: int
    name: str
    owner_username: str
    owner_id: str
    country: str
    currency: str
    permissions: tuple[str, ...]
    created_time: int
    updated_time: int
    time_zone: str | None = None
    business_id: int | None = None

    @property
    def visible(self) -> bool:
        """Whether the emulator's one user may see it."""
        return bool(self.permissions)

    @property
    def owned(self) -> bool:
        """Whether it is the user's own, not one shared with the user."""
        return "OWNER" in self.permissions


class Audience(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One audience.

    Attributes:
        id: Digits, 13 of them as seen live 2026-07.
        ad_account_id: The account that owns it.
        name: Not unique (seen live 2026-07).
        audience_type: One of `AudienceType` (Pinterest OpenAPI 5.23).
        description: Free text or None.
        rule: A free object, see `AudienceRule` (Pinterest OpenAPI 5.23).
        size: People, or None.
        status: INITIALIZING, READY or TOO_SMALL.
        created_timestamp: Unix seconds.
        updated_timestamp: Unix seconds.
        created_by_company_name: In responses to reads; null in responses to writes.
        ready_at: Unix seconds at which processing ends, None for never.
        is_nca: Whether it is for new customer acquisition (Pinterest OpenAPI 5.28).
    """

    id: int
    ad_account_id: int
    name: str
    audience_type: str
    description: str | None
    rule: dict[str, Any]
    size: int | None
    status: str
    created_timestamp: int
    updated_timestamp: int
    created_by_company_name: str | None
    ready_at: int | None = None
    is_nca: bool = False


def as_of(audience: Audience, now: float) -> Audience:
    """The audience as it is at `now`, in Unix seconds.

    A new audience is INITIALIZING with size 0 (seen live 2026-07). That it becomes READY or
    TOO_SMALL later is in Pinterest OpenAPI 5.23; the rest is guessed.
    """
    if audience.ready_at is None or now < audience.ready_at:
        return audience
    size = guesses.processed_size(audience.id)
    return replace(
        audience,
        status=READY if size >= guesses.SMALLEST_READY_SIZE else TOO_SMALL,
        size=size,
        updated_timestamp=guesses.updated_by_processing(
            audience.updated_timestamp, audience.ready_at
        ),
    )


class CustomerList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One customer list, without its members: see `members.py`.

    Attributes:
        id: Digits, 7 of them as seen live 2026-07.
        ad_account_id: The account that owns it.
        name: Not unique (seen live 2026-07).
        status: PROCESSING, READY, TOO_SMALL or UPLOADING.
        created_time: Unix seconds.
        updated_time: Unix seconds.
        num_batches: Number of batches: the creation and every later ADD or REMOVE.
        num_uploaded_user_records: Records of all ADD batches, also of existing members.
        num_removed_user_records: Records of all REMOVE batches, also of people not in the list.
        ready_at: Unix seconds at which processing ends, None for never.
        list_type: What its records are (`UserListType`, Pinterest OpenAPI 5.23).
        num_members: How many different members it has; None if not all of them are known.
        is_nca: Whether it is for new customer acquisition (Pinterest OpenAPI 5.28); for good.
    """

    id: int
    ad_account_id: int
    name: str
    status: str
    created_time: int
    updated_time: int
    num_batches: int
    num_uploaded_user_records: int
    num_removed_user_records: int
    ready_at: int | None = None
    list_type: str = "EMAIL"
    num_members: int | None = None
    is_nca: bool = False


def list_as_of(customer_list: CustomerList, now: float) -> CustomerList:
    """The customer list as it is at `now`, in Unix seconds.

    The statuses are in Pinterest OpenAPI 5.23. Processing changes the time (seen live 2026-07).
    """
    if customer_list.ready_at is None or now < customer_list.ready_at:
        return customer_list
    records = customer_list.num_uploaded_user_records - customer_list.num_removed_user_records
    is_ready = guesses.customer_list_is_ready(customer_list.num_members, records)
    return replace(
        customer_list,
        status=READY if is_ready else TOO_SMALL,
        updated_time=guesses.updated_by_processing(
            customer_list.updated_time, customer_list.ready_at
        ),
    )
