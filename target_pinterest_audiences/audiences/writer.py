"""Applies changes to audiences and their sharing, or plans to in a dry run."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import requests

from pinterest_audiences.api.create_once import create_once
from pinterest_audiences.api.operations import (
    BUSINESS_SHARE_WITH_AD_ACCOUNTS,
    BUSINESS_SHARE_WITH_BUSINESSES,
    CREATE_AUDIENCE,
    CREATE_CUSTOM_AUDIENCE,
    SHARE_WITH_AD_ACCOUNTS,
    SHARE_WITH_BUSINESSES,
    UPDATE_AUDIENCE,
)
from pinterest_audiences.errors import PinterestError, RequestFailedError, redact
from target_pinterest_audiences.audiences.plan import made_by
from target_pinterest_audiences.audiences.sharing import AD_ACCOUNT, BUSINESS_ACCOUNT
from target_pinterest_audiences.changes import Create, Remove, Update
from target_pinterest_audiences.input.names import name_key
from target_pinterest_audiences.input.values import LONGEST_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_audiences.api.operations import Operation
    from pinterest_audiences.api.senders import Answer
    from target_pinterest_audiences.audiences.existing import Inventory
    from target_pinterest_audiences.changes import Share
    from target_pinterest_audiences.write_access import WriteAccess

SHARING = {
    (AD_ACCOUNT, AD_ACCOUNT): SHARE_WITH_AD_ACCOUNTS,
    (AD_ACCOUNT, BUSINESS_ACCOUNT): SHARE_WITH_BUSINESSES,
    (BUSINESS_ACCOUNT, AD_ACCOUNT): BUSINESS_SHARE_WITH_AD_ACCOUNTS,
    (BUSINESS_ACCOUNT, BUSINESS_ACCOUNT): BUSINESS_SHARE_WITH_BUSINESSES,
}
_PATH_IDS = {AD_ACCOUNT: "ad_account_id", BUSINESS_ACCOUNT: "business_id"}
_RECIPIENTS = {AD_ACCOUNT: "recipient_account_ids", BUSINESS_ACCOUNT: "recipient_business_ids"}
_REMOVAL = {"operation_type": "REMOVE"}
PLANNED_IDS = int("1" + LONGEST_ID * "0")
"""Ids of what a dry run pretends to make begin here, above all that Pinterest may have."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A write on its way.

    Attributes:
        answer: What Pinterest answers.
        known: Ids of the audiences that had the name before: none of them was created by it.
    """

    answer: Answer
    known: frozenset[str] = frozenset()


class Writer(Protocol):
    """What can be done to Pinterest. Each method returns what Pinterest answers."""

    planned_requests: int
    """Requests that would have been sent."""

    def send_ahead(self, change: Create | Update | Remove, inventory: Inventory) -> Sent | None:
        """Send a change without waiting for the answer; None if it must be waited for.

        Then pass what this returns to the method for the change.
        """

    def create(
        self, change: Create, inventory: Inventory, sent: Sent | None = None
    ) -> Mapping[str, Any]:
        """Create an audience exactly once."""

    def update(
        self, change: Update, inventory: Inventory, sent: Sent | None = None
    ) -> Mapping[str, Any]:
        """Change an audience."""

    def remove(self, change: Remove, sent: Sent | None = None) -> None:
        """Remove an audience; if it is gone already, that is fine."""

    def share(self, change: Share) -> None:
        """Share an audience, or end that."""


class RenamedError(PinterestError):
    """Pinterest calls something otherwise than it was asked to."""


class PinterestWriter:
    """Writes to Pinterest."""

    def __init__(self, api: PinterestAPI, access: WriteAccess) -> None:
        """Write through ``api``, to ad accounts to which ``access`` does not forbid it."""
        self._api = api
        self._access = access
        self.planned_requests = 0

    def send_ahead(self, change: Create | Update | Remove, inventory: Inventory) -> Sent | None:
        """Send a change without waiting for the answer; None if it must be waited for.

        An ad account may refuse its first write to say that it takes none. A custom audience may
        need a second request.
        """
        if not self._access.is_certain(change.ad_account_id):
            return None
        ids = {"ad_account_id": change.ad_account_id}
        if not isinstance(change, Create):
            ids["audience_id"] = change.audience_id
            body = change.body if isinstance(change, Update) else _REMOVAL
            return Sent(self._api.send_ahead(UPDATE_AUDIENCE, ids, body=body))
        if change.custom:
            return None
        known = _ids_named(inventory, change)
        return Sent(self._api.send_ahead(CREATE_AUDIENCE, ids, body=change.body), known)

    def create(
        self, change: Create, inventory: Inventory, sent: Sent | None = None
    ) -> Mapping[str, Any]:
        """Create an audience exactly once."""
        operation = CREATE_CUSTOM_AUDIENCE if change.custom else CREATE_AUDIENCE
        known = sent.known if sent else _ids_named(inventory, change)

        def find_created() -> Mapping[str, Any] | None:
            inventory.reload()
            # Not what reload calls new: another create that is on its way may have reloaded.
            named = inventory.named(change.body["name"])
            new = (audience for audience in named if str(audience["id"]) not in known)
            return next((audience for audience in new if made_by(change.body, audience)), None)

        with self._access.writing(change.ad_account_id):
            ids = {"ad_account_id": change.ad_account_id}
            answer = sent.answer if sent else None
            created = create_once(self._api, operation, ids, change.body, find_created, sent=answer)
        return with_name_as_sent(created, change.body["name"], operation)

    def update(
        self,
        change: Update,
        inventory: Inventory,  # noqa: ARG002
        sent: Sent | None = None,
    ) -> Mapping[str, Any]:
        """Change an audience."""
        audience = self._patch(change, change.body, sent)
        if "name" in change.body:
            return with_name_as_sent(audience, change.body["name"], UPDATE_AUDIENCE)
        return audience

    def remove(self, change: Remove, sent: Sent | None = None) -> None:
        """Remove an audience; if it is gone already, that is fine."""
        try:
            self._patch(change, _REMOVAL, sent)
        except RequestFailedError as error:
            if error.status != requests.codes.not_found:
                raise

    def share(self, change: Share) -> None:
        """Share an audience, or end that."""
        owner = change.owner
        self._access.check(owner.account_id)
        for account_type, recipients in change.recipients.items():
            self._api.request(
                SHARING[owner.account_type, account_type],
                {_PATH_IDS[owner.account_type]: owner.account_id},
                body={
                    "audience_id": change.audience_id,
                    _RECIPIENTS[account_type]: list(recipients),
                    "operation_type": "REVOKE" if change.revoke else "SHARE",
                },
            )

    def _patch(
        self, change: Update | Remove, body: Mapping[str, Any], sent: Sent | None
    ) -> Mapping[str, Any]:
        ids = {"ad_account_id": change.ad_account_id, "audience_id": change.audience_id}
        with self._access.writing(change.ad_account_id):
            answer = sent.answer if sent else None
            return self._api.request(UPDATE_AUDIENCE, ids, body=body, sent=answer).data


class DryRunWriter:
    """Answers as Pinterest would, and writes nothing."""

    def __init__(self) -> None:
        """Begin with no planned request."""
        self.planned_requests = 0
        self._ids = itertools.count(PLANNED_IDS)

    def send_ahead(self, change: Create | Update | Remove, inventory: Inventory) -> None:
        """Send nothing."""

    def create(
        self,
        change: Create,
        inventory: Inventory,  # noqa: ARG002
        sent: Sent | None = None,  # noqa: ARG002
    ) -> Mapping[str, Any]:
        """Pretend to create an audience: Pinterest makes them INITIALIZING (seen live 2026-07)."""
        self.planned_requests += 1
        shown = {"audience_type": None, "description": None, **change.body}
        return {**shown, "id": str(next(self._ids)), "status": "INITIALIZING"}

    def update(
        self,
        change: Update,
        inventory: Inventory,
        sent: Sent | None = None,  # noqa: ARG002
    ) -> Mapping[str, Any]:
        """Pretend to change an audience."""
        self.planned_requests += 1
        return {**(inventory.get(change.audience_id) or {}), **change.body}

    def remove(self, change: Remove, sent: Sent | None = None) -> None:  # noqa: ARG002
        """Pretend to remove an audience."""
        self.planned_requests += 1

    def share(self, change: Share) -> None:
        """Pretend to share an audience, or to end that."""
        self.planned_requests += len(change.recipients)


def with_name_as_sent(
    answer: Mapping[str, Any], name: str, operation: Operation
) -> Mapping[str, Any]:
    """Return what Pinterest answered to a write, with the name that was sent if it has none.

    Raises:
        RenamedError: If it has another one: the next run would not find it by the name that it has
            in the input, and would write again.
    """
    answered = answer.get("name")
    if answered is None:
        return {**answer, "name": name}
    if name_key(str(answered)) == name_key(name):
        return answer
    msg = (
        f"Pinterest answered {operation.name} of {redact(name)!r} with the name "
        f"{redact(str(answered))!r} (id {redact(str(answer.get('id')))}): every run would write it "
        "again, so this run ends. Use a name that Pinterest keeps, or give the record this id and "
        "this name"
    )
    raise RenamedError(msg)


def _ids_named(inventory: Inventory, change: Create) -> frozenset[str]:
    return frozenset(str(audience["id"]) for audience in inventory.named(change.body["name"]))


def is_planned(audience_id: str) -> bool:
    """Return whether an id is one that a dry run made up."""
    return int(audience_id) >= PLANNED_IDS
