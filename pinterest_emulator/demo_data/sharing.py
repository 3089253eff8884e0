"""The demo's businesses and shares of audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator.data.sharing import AD_ACCOUNT, BUSINESS_ACCOUNT, Business, Share

if TYPE_CHECKING:
    from pinterest_emulator.data.store import Store

_HOUR = 3600
OWN_BUSINESS_ID = 729_090_764_500_000_001
OTHER_BUSINESS_ID = 729_090_764_500_000_002
_BUSINESSES = (
    Business(id=OWN_BUSINESS_ID, name="Wickwillow Group", roles=("OWNER",)),
    Business(id=OTHER_BUSINESS_ID, name="Kettlecopper Holding", roles=()),
)
# Ad accounts and businesses by position in the demo, audiences by position in the account:
# owner, audience, recipient, hours after the epoch
_TO_AD_ACCOUNTS = (
    (4, 2, 0, 2300),
    (0, 30, 1, 2400),
    (0, 10, 1, 2400),
    (0, 3, 1, 2500),
    (0, 44, 4, 2500),
    (0, 3, 3, 2600),
    (3, 0, 1, 2650),
    (3, 1, 0, 2700),
    (3, 1, 1, 2710),
    (4, 0, 0, 2900),
    (4, 0, 3, 2950),
)
_TO_BUSINESSES = (
    (0, 30, 0, 2400),
    (0, 3, 1, 2450),
    (3, 2, 0, 2500),
    (0, 3, 0, 2600),
    (1, 5, 0, 2700),
    (4, 1, 0, 2800),
)


def fill(store: Store, epoch: int) -> None:
    """Adds the businesses and the shares of the demo's ad accounts, which are there already.

    Args:
        store: Where to add them.
        epoch: Unix seconds after which it happened.
    """
    for business in _BUSINESSES:
        store.businesses.put(business.id, business)
    account_ids = [account.id for account in store.ad_accounts]
    audience_ids = [
        [audience.id for audience in store.audiences(account_id)] for account_id in account_ids
    ]
    recipients = {
        AD_ACCOUNT: (_TO_AD_ACCOUNTS, account_ids),
        BUSINESS_ACCOUNT: (_TO_BUSINESSES, [business.id for business in _BUSINESSES]),
    }
    for account_type, (rows, recipient_ids) in recipients.items():
        for owner, audience, recipient, hours in rows:
            store.add_share(
                Share(
                    audience_id=audience_ids[owner][audience],
                    owner_id=account_ids[owner],
                    account_type=account_type,
                    account_id=recipient_ids[recipient],
                    shared_on_timestamp=epoch + hours * _HOUR,
                )
            )
