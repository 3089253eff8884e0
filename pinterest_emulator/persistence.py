"""The emulator's data in a JSON file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from pinterest_emulator.models import AdAccount, Audience, CustomerList
from pinterest_emulator.sharing import Business, Share
from pinterest_emulator.tokens import Grant

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.state import EmulatorState

VERSION = 1


class DataError(ValueError):
    """A file that does not hold an emulator's data; the text says so."""


def save(state: EmulatorState, path: Path) -> None:
    """Writes the store, the tokens and the clock to a file, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps(_dump(state), indent=1)
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)  # noqa: PTH105  (a name, not a Path)
        except BaseException:
            os.unlink(file.name)  # noqa: PTH108  (the same)
            raise


def load(state: EmulatorState, path: Path) -> None:
    """Fills a new emulator from a file.

    Raises:
        OSError: It cannot be read.
        DataError: It was not written by `save`.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            message = f"{path} has version {data['version']}, not {VERSION}"
            raise DataError(message)
        _fill(state, data)
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        message = f"{path} does not hold the data of an emulator ({error!r})"
        raise DataError(message) from error


def _dump(state: EmulatorState) -> dict[str, Any]:
    store = state.store
    return {
        "version": VERSION,
        "clock_offset": state.clock.offset,
        "ad_accounts": [asdict(account) for account in store.ad_accounts],
        "audiences": [
            asdict(audience)
            for account in store.ad_accounts
            for audience in store.audiences(account.id)
        ],
        "removed": [asdict(audience) for audience in store.removed],
        "customer_lists": [
            asdict(customer_list)
            for account in store.ad_accounts
            for customer_list in store.customer_lists(account.id)
        ],
        "businesses": [asdict(business) for business in store.businesses],
        "shares": [asdict(share) for share in store.shares],
        "insights": [
            {"ad_account_id": account_id, "by_type": by_type}
            for account_id, by_type in store.insights.items()
        ],
        "access_tokens": {token: asdict(grant) for token, grant in state.tokens.access.items()},
        "refresh_tokens": {token: asdict(grant) for token, grant in state.tokens.refresh.items()},
    }


def _fill(state: EmulatorState, data: dict[str, Any]) -> None:
    state.clock.offset = data["clock_offset"]
    for row in data["ad_accounts"]:
        state.store.add_ad_account(AdAccount(**{**row, "permissions": tuple(row["permissions"])}))
    for row in data["audiences"]:
        state.store.put_audience(Audience(**row))
    for row in data["removed"]:
        state.store.add_removed(Audience(**row))
    # Files from before there were customer lists have none of these.
    for row in data.get("customer_lists", ()):
        state.store.put_customer_list(CustomerList(**row))
    for row in data.get("businesses", ()):
        business = Business(**{**row, "roles": tuple(row["roles"])})
        state.store.businesses.put(business.id, business)
    for row in data.get("shares", ()):
        state.store.add_share(Share(**row))
    for row in data.get("insights", ()):
        state.store.insights[row["ad_account_id"]] = row["by_type"]
    state.tokens.access = {token: _grant(row) for token, row in data["access_tokens"].items()}
    state.tokens.refresh = {token: _grant(row) for token, row in data["refresh_tokens"].items()}


def _grant(row: dict[str, Any]) -> Grant:
    return Grant(**{**row, "scopes": tuple(row["scopes"])})
