"""What exists at Pinterest: read once for each ad account, then kept up with what is written."""

from __future__ import annotations

import functools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import requests

from pinterest_audiences.api.operations import (
    GET_AUDIENCE,
    LIST_AUDIENCES,
    LIST_BUSINESS_SHARED_ACCOUNTS,
    LIST_CUSTOMER_LISTS,
    LIST_SHARED_ACCOUNTS,
    Operation,
)
from pinterest_audiences.api.responses import id_of
from pinterest_audiences.errors import RequestFailedError
from target_pinterest_audiences.audiences.sharing import BUSINESS_ACCOUNT
from target_pinterest_audiences.input.names import name_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pinterest_audiences.api.client import PinterestAPI
    from target_pinterest_audiences.audiences.desired import Desired
    from target_pinterest_audiences.changes import Owner

_PAGE_SIZE = 250


class Named:
    """Things of one ad account, by their id and by their name, which several may have."""

    def __init__(self, operation: Operation, found: Sequence[Mapping[str, Any]] = ()) -> None:
        """Begin with what a list held.

        Args:
            operation: What they were answered to.
            found: The things.

        Raises:
            InvalidResponseError: If one has no id.
        """
        self._operation = operation
        self.by_id: dict[str, Mapping[str, Any]] = {}
        self._ids: dict[str, dict[str, None]] = {}
        for thing in found:
            self.put(thing)

    def named(self, name: str) -> list[Mapping[str, Any]]:
        """Return all of a name, and of names that look the same."""
        return [self.by_id[key] for key in self._ids.get(name_key(name), {})]

    def put(self, thing: Mapping[str, Any]) -> None:
        """Note a thing as Pinterest answered it."""
        key = id_of(thing, self._operation)
        self.drop(key)
        self.by_id[key] = thing
        self._ids.setdefault(name_key(str(thing.get("name"))), {})[key] = None

    def drop(self, key: str) -> None:
        """Note that a thing is gone."""
        thing = self.by_id.pop(key, None)
        if thing:
            self._ids[name_key(str(thing.get("name")))].pop(key)


class Inventory:
    """The audiences that one ad account owns, and its customer lists once they are asked for."""

    def __init__(self, api: PinterestAPI, ad_account_id: str) -> None:
        """Read the list of audiences.

        Raises:
            PinterestError: If it cannot be read.
        """
        self._api = api
        self._account = ad_account_id
        self._audiences = Named(LIST_AUDIENCES)
        self.reload()

    def reload(self) -> list[Mapping[str, Any]]:
        """Read the list again and return the audiences that were not known before.

        Raises:
            PinterestError: If it cannot be read; then nothing is forgotten.
        """
        found = Named(LIST_AUDIENCES, self._list(LIST_AUDIENCES, {"ownership_type": "OWNED"}))
        known, self._audiences = self._audiences, found
        return [audience for key, audience in found.by_id.items() if key not in known.by_id]

    @functools.cached_property
    def customer_lists(self) -> Named:
        """The customer lists, read when they are first needed.

        Raises:
            PinterestError: If they cannot be read.
        """
        return Named(LIST_CUSTOMER_LISTS, self._list(LIST_CUSTOMER_LISTS))

    def reload_lists(self) -> list[Mapping[str, Any]]:
        """Read the customer lists again and return those that were not known before.

        Raises:
            PinterestError: If they cannot be read; then nothing is forgotten.
        """
        known = self.customer_lists
        self.customer_lists = Named(LIST_CUSTOMER_LISTS, self._list(LIST_CUSTOMER_LISTS))
        return [found for key, found in self.customer_lists.by_id.items() if key not in known.by_id]

    def over_list(self, customer_list_id: str) -> list[Mapping[str, Any]]:
        """Return the audiences that are made of a customer list."""
        return [
            audience
            for audience in self._audiences.by_id.values()
            if audience.get("audience_type") == "CUSTOMER_LIST"
            and str((audience.get("rule") or {}).get("customer_list_id")) == customer_list_id
        ]

    def matching(self, desired: Desired) -> list[Mapping[str, Any]]:
        """Return the audience with the id that is desired, or without one all of that name.

        Raises:
            PinterestError: If an id that the list did not have cannot be asked for.
        """
        if desired.audience_id:
            found = self.get(desired.audience_id) or self._ask(desired.audience_id)
            return [found] if found else []
        return self.named(desired.name or "")

    def named(self, name: str) -> list[Mapping[str, Any]]:
        """Return all audiences of a name."""
        return self._audiences.named(name)

    def named_list(self, name: str) -> list[Mapping[str, Any]]:
        """Return all customer lists of a name."""
        return self.customer_lists.named(name)

    def get(self, audience_id: str) -> Mapping[str, Any] | None:
        """Return an audience that the list has."""
        return self._audiences.by_id.get(audience_id)

    def put(self, audience: Mapping[str, Any]) -> None:
        """Note an audience as Pinterest answered it.

        Raises:
            InvalidResponseError: If it has no id.
        """
        self._audiences.put(audience)

    def drop(self, audience_id: str) -> None:
        """Note that an audience is gone."""
        self._audiences.drop(audience_id)

    def _ask(self, audience_id: str) -> Mapping[str, Any] | None:
        """Ask for an audience that may have been made since the list was read."""
        audience = get_audience(self._api, self._account, audience_id)
        if audience is None or not self._owns(audience):
            return None
        self.put(audience)
        return audience

    def _list(
        self, operation: Operation, params: Mapping[str, Any] = MappingProxyType({})
    ) -> list[Mapping[str, Any]]:
        ids = {"ad_account_id": self._account}
        found = _all_of(self._api, operation, ids, {"order": "ASCENDING", **params})
        return [thing for thing in found if self._owns(thing)]

    def _owns(self, thing: Mapping[str, Any]) -> bool:
        """Return whether a thing belongs to this ad account: a list may hold received audiences."""
        return str(thing.get("ad_account_id") or self._account) == self._account


class Inventories:
    """What several ad accounts have, each read when it is first needed."""

    def __init__(self, api: PinterestAPI, lock: Callable[[str], None] | None) -> None:
        """Read through ``api``; each ad account is locked with ``lock`` before it is read."""
        self._api = api
        self._lock = lock
        self._found: dict[str, Inventory | RequestFailedError] = {}

    def forget(self) -> None:
        """Read all of it again when it is needed: another run may have written."""
        self._found.clear()

    def known(self, ad_account_id: str) -> Inventory | None:
        """Return what an ad account has, if that was read."""
        found = self._found.get(ad_account_id)
        return None if isinstance(found, RequestFailedError) else found

    def of(self, ad_account_id: str) -> Inventory:
        """Return what an ad account has.

        Raises:
            RequestFailedError: If it cannot be read; then it is not tried again.
            BusyError: If another run does not end its turn.
        """
        if ad_account_id not in self._found:
            if self._lock:
                self._lock(ad_account_id)
            try:
                self._found[ad_account_id] = Inventory(self._api, ad_account_id)
            except RequestFailedError as error:
                self._found[ad_account_id] = error
        found = self._found[ad_account_id]
        if isinstance(found, RequestFailedError):
            raise found
        return found


def get_audience(
    api: PinterestAPI, ad_account_id: str, audience_id: str
) -> Mapping[str, Any] | None:
    """Ask for one audience; None if there is none.

    Raises:
        PinterestError: If Pinterest does not say.
    """
    ids = {"ad_account_id": ad_account_id, "audience_id": audience_id}
    try:
        return api.request(GET_AUDIENCE, ids).data
    except RequestFailedError as error:
        if error.status == requests.codes.not_found:
            return None
        raise


def shared_with(
    api: PinterestAPI, owner: Owner, audience_id: str, account_type: str
) -> frozenset[str]:
    """Ask for the ids of the accounts of a type with which an audience is shared.

    Raises:
        PinterestError: If Pinterest does not say.
    """
    of_business = owner.account_type == BUSINESS_ACCOUNT
    operation = LIST_BUSINESS_SHARED_ACCOUNTS if of_business else LIST_SHARED_ACCOUNTS
    ids = {"business_id" if of_business else "ad_account_id": owner.account_id}
    params = {"audience_id": audience_id, "account_type": account_type}
    return frozenset(str(item.get("account_id")) for item in _all_of(api, operation, ids, params))


def _all_of(
    api: PinterestAPI, operation: Operation, ids: Mapping[str, str], params: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    pages = api.pages(operation, ids, {"page_size": _PAGE_SIZE, **params})
    return [item for page in pages for item in page.items]
