"""The ad accounts of one emulator with all their data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from pinterest_emulator import guesses
from pinterest_emulator.data.members import ADD, EMAIL
from pinterest_emulator.data.models import (
    INITIALIZING,
    PROCESSING,
    Audience,
    CustomerList,
    as_of,
    list_as_of,
)
from pinterest_emulator.data.sharing import AD_ACCOUNT, Shares
from pinterest_emulator.data.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinterest_emulator.data.models import AdAccount
    from pinterest_emulator.data.sharing import Business, Share

FIRST_AD_ACCOUNT_ID = 549_755_800_001
FIRST_AUDIENCE_ID = 2_542_620_000_001
FIRST_CUSTOMER_LIST_ID = 4_189_001


class Store:
    """Ad accounts, their audiences and customer lists, and businesses, in the order of their ids.

    Attributes:
        ad_accounts: Every account, also those that the user may not see.
        businesses: Every business, also those in which the user has no role.
        shares: All shares of audiences.
        insights: Responses of `audience_insights/get`, by ad account and type.
        removed: Audiences that were removed, in the order of their removal.
        members: Known members of the customer lists, see `members.py`.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self.ad_accounts: Table[AdAccount] = Table()
        self.businesses: Table[Business] = Table()
        self.shares = Shares()
        self.insights: dict[int, dict[str, dict[str, Any]]] = {}
        self.removed: list[Audience] = []
        self.members: dict[int, set[bytes]] = {}
        self._audiences: dict[int, Table[Audience]] = {}
        self._customer_lists: dict[int, Table[CustomerList]] = {}
        self._next_ad_account_id = FIRST_AD_ACCOUNT_ID
        self._next_audience_id = FIRST_AUDIENCE_ID
        self._next_customer_list_id = FIRST_CUSTOMER_LIST_ID

    def next_ad_account_id(self) -> int:
        """An id that no account has, higher than all before."""
        return self._next_ad_account_id

    def next_audience_id(self) -> int:
        """An id that no audience ever had, higher than all before."""
        return self._next_audience_id

    def next_customer_list_id(self) -> int:
        """An id that no customer list of any account has, higher than all before."""
        return self._next_customer_list_id

    def add_ad_account(self, account: AdAccount) -> None:
        """Adds an account without anything in it."""
        self.ad_accounts.put(account.id, account)
        self._audiences[account.id] = Table()
        self._customer_lists[account.id] = Table()
        self._next_ad_account_id = max(self._next_ad_account_id, account.id + 1)

    def put_audience(self, audience: Audience) -> None:
        """Adds an audience or replaces the one with its id."""
        self._audiences[audience.ad_account_id].put(audience.id, audience)
        self._next_audience_id = max(self._next_audience_id, audience.id + 1)

    def add_removed(self, audience: Audience) -> None:
        """Keeps a removed audience, so that its id is never used again."""
        self.removed.append(audience)
        self._next_audience_id = max(self._next_audience_id, audience.id + 1)

    def remove_audience(self, audience: Audience) -> None:
        """Removes an audience and its shares; `audience` is what is kept of it."""
        self._audiences[audience.ad_account_id].remove(audience.id)
        self.shares.drop(audience.id)
        self.add_removed(audience)

    def audiences(self, ad_account_id: int) -> Table[Audience]:
        """The audiences of an account, as they were last written: see `as_of`."""
        return self._audiences[ad_account_id]

    def audience(self, ad_account_id: int, audience_id: int, now: float) -> Audience | None:
        """One audience as it is at `now`, in Unix seconds."""
        audience = self._audiences[ad_account_id].get(audience_id)
        return None if audience is None else as_of(audience, now)

    def any_audience(self, audience_id: int, now: float) -> Audience | None:
        """The audience of any account as it is at `now`, in Unix seconds."""
        for account_id in self._audiences:
            audience = self.audience(account_id, audience_id, now)
            if audience is not None:
                return audience
        return None

    def put_customer_list(self, customer_list: CustomerList) -> None:
        """Adds a customer list or replaces the one of its id."""
        self._customer_lists[customer_list.ad_account_id].put(customer_list.id, customer_list)
        self._next_customer_list_id = max(self._next_customer_list_id, customer_list.id + 1)

    def customer_lists(self, ad_account_id: int) -> Table[CustomerList]:
        """The customer lists of an account, as they were last written: see `list_as_of`."""
        return self._customer_lists[ad_account_id]

    def any_customer_list(self, customer_list_id: int) -> CustomerList | None:
        """The customer list of any account, as it was last written."""
        for table in self._customer_lists.values():
            customer_list = table.get(customer_list_id)
            if customer_list is not None:
                return customer_list
        return None

    def customer_list(
        self, ad_account_id: int, customer_list_id: int, now: float
    ) -> CustomerList | None:
        """One customer list as it is at `now`, in Unix seconds."""
        customer_list = self._customer_lists[ad_account_id].get(customer_list_id)
        return None if customer_list is None else list_as_of(customer_list, now)

    def create_customer_list(
        self, ad_account_id: int, fields: dict[str, Any], *, now: int, ready_at: int
    ) -> CustomerList:
        """Adds a customer list that was just created, still without members.

        Args:
            ad_account_id: The account that it belongs to.
            fields: name and perhaps list_type and is_nca.
            now: Unix seconds.
            ready_at: Unix seconds at which it will have been processed.

        Returns:
            The list, PROCESSING and without a batch.
        """
        customer_list = CustomerList(
            id=self._next_customer_list_id,
            ad_account_id=ad_account_id,
            name=fields["name"],
            status=PROCESSING,
            created_time=now,
            updated_time=now,
            num_batches=0,
            num_uploaded_user_records=0,
            num_removed_user_records=0,
            ready_at=ready_at,
            list_type=fields.get("list_type", EMAIL),
            is_nca=fields.get("is_nca", False),
            num_members=0,
        )
        self.put_customer_list(customer_list)
        return customer_list

    def change_members(
        self, old: CustomerList, operation: str, keys: list[bytes], *, now: int, ready_at: int
    ) -> CustomerList:
        """Adds one batch of members to a customer list, or removes it.

        Every record counts, also one without effect (Pinterest OpenAPI 5.23).

        Args:
            old: The list as it is.
            operation: ADD or REMOVE.
            keys: The batch, repetitions too.
            now: Unix seconds.
            ready_at: Unix seconds at which the list will have been processed.
        """
        members = self.members.setdefault(old.id, set())
        added = removed = 0
        if operation == ADD:
            members.update(keys)
            added = len(keys)
        else:
            members.difference_update(keys)
            removed = len(keys)
        changed = replace(
            old,
            status=guesses.CHANGED_LIST_STATUS,
            updated_time=now,
            num_batches=old.num_batches + 1,
            num_uploaded_user_records=old.num_uploaded_user_records + added,
            num_removed_user_records=old.num_removed_user_records + removed,
            ready_at=ready_at,
            num_members=None if old.num_members is None else len(members),
        )
        self.put_customer_list(changed)
        return changed

    def add_share(self, share: Share) -> None:
        """Adds a new share.

        Raises:
            KeyError: The audience or the account that receives it is unknown.
        """
        self.shared_audience(share, 0)
        self.recipient(share)
        self.shares.add(share)

    def shared_audience(self, share: Share, now: float) -> Audience:
        """The audience of a share as it is at `now`, in Unix seconds.

        Raises:
            KeyError: It is unknown.
        """
        return as_of(self._audiences[share.owner_id][share.audience_id], now)

    def recipient(self, share: Share) -> AdAccount | Business:
        """The account that received a share.

        Raises:
            KeyError: It is unknown.
        """
        accounts = self.ad_accounts if share.account_type == AD_ACCOUNT else self.businesses
        return accounts[share.account_id]

    def has_recipient(self, share: Share) -> bool:
        """Whether the account that is to receive a share exists."""
        accounts = self.ad_accounts if share.account_type == AD_ACCOUNT else self.businesses
        return accounts.get(share.account_id) is not None

    def owns(self, business: Business, audience: Audience) -> bool:
        """Whether an audience belongs to an ad account of a business."""
        return self.ad_accounts[audience.ad_account_id].business_id == business.id

    def create_audience(
        self, ad_account_id: int, fields: dict[str, Any], *, now: int, ready_at: int
    ) -> Audience:
        """Adds an audience that was just created.

        Args:
            ad_account_id: The account that it belongs to.
            fields: name, audience_type, rule and perhaps description.
            now: Unix seconds.
            ready_at: Unix seconds at which it will have been processed.

        Returns:
            The audience, INITIALIZING with size 0 (seen live 2026-07).
        """
        audience = Audience(
            id=self._next_audience_id,
            ad_account_id=ad_account_id,
            name=fields["name"],
            audience_type=fields["audience_type"],
            description=fields.get("description"),
            rule=fields["rule"],
            size=0,
            status=INITIALIZING,
            created_timestamp=now,
            updated_timestamp=now,
            created_by_company_name=guesses.COMPANY_NAME,
            ready_at=ready_at,
            is_nca=self.is_nca(ad_account_id, fields["audience_type"], fields["rule"]),
        )
        self.put_audience(audience)
        return audience

    def is_nca(self, ad_account_id: int, audience_type: str, rule: Mapping[str, Any]) -> bool:
        """Whether the audience's customer list is for new customer acquisition.

        An audience takes this from its list (Pinterest OpenAPI 5.28).
        """
        if audience_type != "CUSTOMER_LIST":
            return False
        customer_list = self._customer_lists[ad_account_id].get(int(rule["customer_list_id"]))
        return customer_list is not None and customer_list.is_nca
