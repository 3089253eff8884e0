"""Can a run begin? Nothing is written to find out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_audiences.api.operations import LIST_AD_ACCOUNTS
from pinterest_audiences.api.responses import id_of
from pinterest_audiences.errors import PinterestError

if TYPE_CHECKING:
    from target_pinterest_audiences.run.context import RunContext


def connection_test(run: RunContext) -> None:
    """Make sure that the token sees the ad account of the settings, and open the ledger.

    Only a write shows whether the user may write.

    Args:
        run: A run that was not begun, best a dry one: it only reads the ledger.

    Raises:
        PinterestError: If the run cannot begin.
    """
    visible = {
        id_of(account, LIST_AD_ACCOUNTS)
        for page in run.api.pages(LIST_AD_ACCOUNTS)
        for account in page.items
    }
    if not visible:
        msg = (
            "The token sees no ad account: give its user a role on one, or check that the app was "
            "authorised by the right user"
        )
        raise PinterestError(msg)
    wanted = run.config.get("ad_account_id")
    if wanted and wanted not in visible:
        msg = (
            f"The token does not see ad account {wanted}: check ad_account_id, or give the token's "
            "user a role there"
        )
        raise PinterestError(msg)
    run.logger.info("The token sees ad account %s", ", ".join(sorted(visible)))
    if run.config.get("ledger_url"):
        _ = run.customer_lists.ledger
