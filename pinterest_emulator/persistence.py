"""The emulator's data in a JSON file."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

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


class SavedRun(Struct, forbid_unknown_fields=True):
    """The outcome of an upload that is RUNNING; `keys` are packed."""

    upload: Upload
    keys: str


class SavedInsights(Struct, forbid_unknown_fields=True):
    """The insights of one ad account."""

    ad_account_id: int
    by_type: dict[str, dict[str, Any]]


class Saved(Struct, kw_only=True, forbid_unknown_fields=True):
    """All that a file holds. Older files lack what has a default."""

    version: int = VERSION
    clock_offset: float
    ad_accounts: list[AdAccount]
    audiences: list[Audience]
    removed: list[Audience]
    customer_lists: list[CustomerList] = []
    members: dict[int, str] = {}
    # Saved without their files, which may contain addresses of people; clients send them again.
    uploads: list[Upload] = []
    runs: list[SavedRun] = []
    businesses: list[Business] = []
    shares: list[Share] = []
    insights: list[SavedInsights] = []
    access_tokens: dict[str, Grant]
    refresh_tokens: dict[str, Grant]


def save(state: EmulatorState, path: Path) -> None:
    """Writes the store, the tokens and the clock to a file in one step, fully or not at all.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps(msgspec.to_builtins(_saved(state)), indent=1)
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
            # In a JSON file, the keys of an object are text.
            _fill(state, msgspec.convert(data, Saved, str_keys=True))
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
        message = f"{path} does not hold the data of an emulator ({error!r}); use another file"
        raise DataError(message) from error
    if version != VERSION:
        message = f"{path} has version {version}, not {VERSION}; use another file"
        raise DataError(message)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _saved(state: EmulatorState) -> Saved:
    store = state.store
    accounts = list(store.ad_accounts)
    return Saved(
        clock_offset=state.clock.offset,
        ad_accounts=accounts,
        audiences=[each for account in accounts for each in store.audiences(account.id)],
        removed=store.removed,
        customer_lists=[each for account in accounts for each in store.customer_lists(account.id)],
        members={list_id: _packed(keys) for list_id, keys in store.members.items()},
        uploads=list(state.uploads),
        runs=[SavedRun(run.upload, _packed(run.keys)) for run in state.uploads.runs],
        businesses=list(store.businesses),
        shares=list(store.shares),
        insights=[SavedInsights(*of_account) for of_account in store.insights.items()],
        access_tokens=state.tokens.access,
        refresh_tokens=state.tokens.refresh,
    )


def _fill(state: EmulatorState, saved: Saved) -> None:
    store = state.store
    state.clock.offset = saved.clock_offset
    for account in saved.ad_accounts:
        store.add_ad_account(account)
    for audience in saved.audiences:
        store.put_audience(audience)
    for audience in saved.removed:
        store.add_removed(audience)
    for customer_list in saved.customer_lists:
        store.put_customer_list(customer_list)
    for list_id, keys in saved.members.items():
        store.members[list_id] = set(_unpacked(keys))
    for upload in saved.uploads:
        state.uploads.put(upload)
    state.uploads.runs = [Run(run.upload, _unpacked(run.keys)) for run in saved.runs]
    for business in saved.businesses:
        store.businesses.put(business.id, business)
    for share in saved.shares:
        store.add_share(share)
    store.insights = {each.ad_account_id: each.by_type for each in saved.insights}
    state.tokens.access, state.tokens.refresh = saved.access_tokens, saved.refresh_tokens


def _packed(keys: Iterable[bytes]) -> str:
    """Members as one string, because a JSON writer takes seconds for a list of a million."""
    return ",".join(key.hex() for key in keys)


def _unpacked(keys: str) -> list[bytes]:
    return [bytes.fromhex(key) for key in keys.split(",")] if keys else []
