"""What a token sees at Pinterest, as text for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_audiences.api.operations import GET_USER, LIST_AD_ACCOUNTS
from pinterest_audiences.errors import RequestFailedError, redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pinterest_audiences.api.client import PinterestAPI


def user_of(api: PinterestAPI) -> str:
    """Return the name of the token's user; empty if Pinterest does not tell it to this token."""
    try:
        name = api.request(GET_USER).data.get("username")
    except RequestFailedError:
        return ""
    return name if isinstance(name, str) else ""


def ad_accounts(api: PinterestAPI) -> list[str]:
    """Return a line for each ad account that the token sees."""
    pages = api.pages(LIST_AD_ACCOUNTS, params={"page_size": 250})
    return list(_lines(account for page in pages for account in page.items))


def _lines(accounts: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for account in accounts:
        roles = ", ".join(map(str, account.get("permissions") or ["no role"]))
        yield redact(f"{account.get('id')}  {account.get('name')}  ({roles})")
