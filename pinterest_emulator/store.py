"""The ad accounts and audiences of one emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_emulator import guesses
from pinterest_emulator.models import INITIALIZING, Audience, as_of
from pinterest_emulator.table import Table

if TYPE_CHECKING:
    from pinterest_emulator.models import AdAccount

FIRST_AD_ACCOUNT_ID = 549_755_800_001
FIRST_AUDIENCE_ID = 2_542_620_000_001


class Store:
    """Ad accounts and audiences, in the order of their ids.

    Attributes:
        ad_accounts: Every account, also those that the user may not see.
        removed: Audiences that were removed, in the order of their removal.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self.ad_accounts: Table[AdAccount] = Table()
        self.removed: list[Audience] = []
        self._audiences: dict[int, Table[Audience]] = {}
        self._next_ad_account_id = FIRST_AD_ACCOUNT_ID
        self._next_audience_id = FIRST_AUDIENCE_ID

    def next_ad_account_id(self) -> int:
        """An id that no account has, higher than all before."""
        return self._next_ad_account_id

    def next_audience_id(self) -> int:
        """An id that no audience ever had, higher than all before."""
        return self._next_audience_id

    def add_ad_account(self, account: AdAccount) -> None:
        """Adds an account without audiences."""
        self.ad_accounts.put(account.id, account)
        self._audiences[account.id] = Table()
        self._next_ad_account_id = max(self._next_ad_account_id, account.id + 1)

    def put_audience(self, audience: Audience) -> None:
        """Adds an audience or replaces the one of its id."""
        self._audiences[audience.ad_account_id].put(audience.id, audience)
        self._next_audience_id = max(self._next_audience_id, audience.id + 1)

    def add_removed(self, audience: Audience) -> None:
        """Keeps an audience that is gone, so that its id is never given again."""
        self.removed.append(audience)
        self._next_audience_id = max(self._next_audience_id, audience.id + 1)

    def remove_audience(self, audience: Audience) -> None:
        """Takes an audience away; `audience` is what is kept of it."""
        self._audiences[audience.ad_account_id].remove(audience.id)
        self.add_removed(audience)

    def audiences(self, ad_account_id: int) -> Table[Audience]:
        """The audiences of an account, as they were last written: see `as_of`."""
        return self._audiences[ad_account_id]

    def audience(self, ad_account_id: int, audience_id: int, now: float) -> Audience | None:
        """One audience as it is at `now`, in Unix seconds."""
        audience = self._audiences[ad_account_id].get(audience_id)
        return None if audience is None else as_of(audience, now)

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
            rule=guesses.answered_rule(fields["rule"]),
            size=0,
            status=INITIALIZING,
            created_timestamp=now,
            updated_timestamp=now,
            created_by_company_name=guesses.COMPANY_NAME,
            ready_at=ready_at,
        )
        self.put_audience(audience)
        return audience
