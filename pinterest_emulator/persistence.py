"""The emulator's data in a JSON file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pinterest_emulator.data.models import AdAccount, Audience, CustomerList
from pinterest_emulator.data.sharing import Business, Share
from pinterest_emulator.data.uploads import Run, Upload
from pinterest_emulator.http.tokens import Grant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pinterest_emulator.http.state import EmulatorState

VERSION = 1


class DataError(ValueError):
    """A file that does not contain an emulator's data; the message says so."""


def save(state: EmulatorState, path: Path) -> None:
    """Writes the store, the tokens and the clock to a file in one step, fully or not at all.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps(_dump(state), indent=1)
    # The name is always the same, so the next save replaces what a killed emulator left.
    temporary = path.parent / f".{path.name}.tmp"
    temporary.unlink(missing_ok=True)
    try:
        with open(temporary, "x", encoding="utf-8", opener=_private) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(state: EmulatorState, path: Path) -> None:
    """Fills a new emulator from a file.

    Raises:
        OSError: It cannot be read.
        DataError: It was not written by `save`.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version = data["version"]
        if version == VERSION:
            _fill(state, data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"{path} does not hold the data of an emulator ({error!r})"
        raise DataError(message) from error
    if version != VERSION:
        message = f"{path} has version {version}, not {VERSION}"
        raise DataError(message)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


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
        "members": {str(list_id): _packed(keys) for list_id, keys in store.members.items()},
        # Saved without their files, which may contain addresses of people; clients send them again.
        "uploads": [asdict(upload) for upload in state.uploads],
        "runs": [
            {"upload": asdict(run.upload), "keys": _packed(run.keys)} for run in state.uploads.runs
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
    _fill_lists(state, data)
    for row in data.get("businesses", ()):
        business = Business(**{**row, "roles": tuple(row["roles"])})
        state.store.businesses.put(business.id, business)
    for row in data.get("shares", ()):
        state.store.add_share(Share(**row))
    for row in data.get("insights", ()):
        state.store.insights[row["ad_account_id"]] = row["by_type"]
    state.tokens.access = {token: _grant(row) for token, row in data["access_tokens"].items()}
    state.tokens.refresh = {token: _grant(row) for token, row in data["refresh_tokens"].items()}


def _fill_lists(state: EmulatorState, data: dict[str, Any]) -> None:
    # Older files lack this key and the ones below.
    for row in data.get("customer_lists", ()):
        state.store.put_customer_list(CustomerList(**row))
    for list_id, keys in data.get("members", {}).items():
        state.store.members[int(list_id)] = set(_unpacked(keys))
    for row in data.get("uploads", ()):
        state.uploads.put(Upload(**row))
    for row in data.get("runs", ()):
        state.uploads.runs.append(Run(Upload(**row["upload"]), _unpacked(row["keys"])))


def _packed(keys: Iterable[bytes]) -> str:
    """Members as one string, because a JSON writer takes seconds for a list of a million."""
    return ",".join(key.hex() for key in keys)


def _unpacked(keys: str) -> list[bytes]:
    return [bytes.fromhex(key) for key in keys.split(",")] if keys else []


def _grant(row: dict[str, Any]) -> Grant:
    return Grant(**{**row, "scopes": tuple(row["scopes"])})
