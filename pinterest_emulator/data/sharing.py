"""Shares of audiences, and the businesses that may receive them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from pinterest_emulator import guesses
from pinterest_emulator.data.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

AD_ACCOUNT = "AD_ACCOUNT"
BUSINESS_ACCOUNT = "BUSINESS_ACCOUNT"
ACCOUNT_TYPES = (AD_ACCOUNT, BUSINESS_ACCOUNT)


class Business(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One business.

    Attributes:
        id: Digits, at most 20 (Pinterest OpenAPI 5.23).
        name: For people.
        roles: Roles of the token's user; empty if the business is somebody else's.
    """

    id: int
    name: str
    roles: tuple[str, ...]


class Share(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The share of one audience with one account.

    Attributes:
        audience_id: The audience.
        owner_id: The ad account that owns it.
        account_type: AD_ACCOUNT or BUSINESS_ACCOUNT.
        account_id: The ad account or the business that received it.
        shared_on_timestamp: Unix seconds.
    """

    audience_id: int
    owner_id: int
    account_type: str
    account_id: int
    shared_on_timestamp: int

    @property
    def position(self) -> int:
        """Sort key among all shares that its account received.

        A business's list is by id, an ad account's by time of sharing (Pinterest OpenAPI 5.23).
        """
        if self.account_type == BUSINESS_ACCOUNT:
            return self.audience_id
        return guesses.received_position(self.shared_on_timestamp, self.audience_id)


class Shares:
    """All shares, by audience and by recipient."""

    def __init__(self) -> None:
        """Starts empty."""
        self._received: dict[tuple[str, int], Table[Share]] = {}
        self._recipients: dict[tuple[int, str], Table[Share]] = {}

    def __iter__(self) -> Iterator[Share]:
        """The shares, those of one audience together."""
        return (share for table in self._recipients.values() for share in table)

    def add(self, share: Share) -> None:
        """Adds a new share."""
        received = self._received.setdefault((share.account_type, share.account_id), Table())
        received.put(share.position, share)
        recipients = self._recipients.setdefault((share.audience_id, share.account_type), Table())
        recipients.put(guesses.shared_account_position(share.account_id), share)

    def find(self, audience_id: int, account_type: str, account_id: int) -> Share | None:
        """The share of an audience with an account, or None if there is none."""
        recipients = self.recipients(audience_id, account_type)
        return next((share for share in recipients if share.account_id == account_id), None)

    def remove(self, share: Share) -> None:
        """Ends an existing share."""
        self._received[share.account_type, share.account_id].remove(share.position)
        self._recipients[share.audience_id, share.account_type].remove(
            guesses.shared_account_position(share.account_id)
        )

    def drop(self, audience_id: int) -> None:
        """Ends all shares of an audience."""
        for account_type in ACCOUNT_TYPES:
            for share in self._recipients.pop((audience_id, account_type), ()):
                self._received[account_type, share.account_id].remove(share.position)

    def received(self, account_type: str, account_id: int) -> Table[Share]:
        """Shares that an account received, in the order of its list."""
        return self._received.get((account_type, account_id), Table())

    def recipients(self, audience_id: int, account_type: str) -> Table[Share]:
        """Recipients of an audience, of one account type, in the order of their list."""
        return self._recipients.get((audience_id, account_type), Table())
