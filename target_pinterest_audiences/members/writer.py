"""Writes customer lists: the place of the target that sends members to Pinterest."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pinterest_audiences.api.create_once import create_once
from pinterest_audiences.api.operations import CREATE_CUSTOMER_LIST, UPDATE_CUSTOMER_LIST
from pinterest_audiences.api.responses import id_of
from pinterest_audiences.errors import RequestFailedError
from target_pinterest_audiences.audiences.writer import PLANNED_IDS, with_name_as_sent
from target_pinterest_audiences.input.names import name_key
from target_pinterest_audiences.members.uploads import upload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_audiences.api.senders import Answer
    from target_pinterest_audiences.audiences.existing import Inventory
    from target_pinterest_audiences.write_access import WriteAccess

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SentPart:
    """A request on its way.

    Attributes:
        answer: What Pinterest answers.
        members: How many of the members it has: the first ones.
    """

    answer: Answer
    members: int


class ListWriter(Protocol):
    """What can be done to customer lists."""

    planned_requests: int
    """Requests that would have been sent."""

    def create(
        self,
        ad_account_id: str,
        name: str,
        list_type: str,
        members: Sequence[str],
        inventory: Inventory,
    ) -> Mapping[str, Any]:
        """Make a list of its first members exactly once, and return it.

        Args:
            ad_account_id: Where to make it.
            name: What to call it.
            list_type: Pinterest's ``list_type`` of the members.
            members: The first members.
            inventory: What the ad account has.
        """

    def send_ahead(
        self, ad_account_id: str, customer_list_id: str, members: Sequence[str], *, add: bool
    ) -> SentPart | None:
        """Send a change without waiting for the answer; None if it must be waited for.

        Then pass what this returns to ``change``.
        """

    def change(
        self,
        ad_account_id: str,
        customer_list_id: str,
        members: Sequence[str],
        *,
        add: bool,
        sent: SentPart | None = None,
    ) -> None:
        """Add members to a list, or remove them from it."""


class RecordsWriter:
    """Sends members in the body of a request.

    Pinterest does not say how large a request may be. If it refuses one for its size, the members
    go in two halves, and later requests are no larger than what was not refused.
    """

    def __init__(self, api: PinterestAPI, access: WriteAccess) -> None:
        """Write through ``api``, to ad accounts to which ``access`` does not forbid it."""
        self.planned_requests = 0
        self._api = api
        self._access = access
        self._most: int | None = None

    def create(
        self,
        ad_account_id: str,
        name: str,
        list_type: str,
        members: Sequence[str],
        inventory: Inventory,
    ) -> Mapping[str, Any]:
        """Make a list exactly once."""
        _ = inventory.customer_lists  # to know later which are new
        body: dict[str, Any] = {"name": name, "list_type": list_type}

        def find_created() -> Mapping[str, Any] | None:
            key = name_key(name)
            new = inventory.reload_lists()
            return next((item for item in new if name_key(str(item.get("name"))) == key), None)

        first = members[: self._most]
        while True:
            body["records"] = ",".join(first)
            try:
                with self._access.writing(ad_account_id):
                    ids = {"ad_account_id": ad_account_id}
                    created = create_once(self._api, CREATE_CUSTOMER_LIST, ids, body, find_created)
                break
            except RequestFailedError as error:
                first = first[: self._smaller(len(first), error)]
        made = with_name_as_sent(created, name, CREATE_CUSTOMER_LIST)
        list_id = id_of(made, CREATE_CUSTOMER_LIST)
        inventory.customer_lists.put(made)
        if rest := members[len(first) :]:
            self.change(ad_account_id, list_id, rest, add=True)
        return made

    def send_ahead(
        self, ad_account_id: str, customer_list_id: str, members: Sequence[str], *, add: bool
    ) -> SentPart | None:
        """Send a change without waiting for the answer; None if it must be waited for.

        An ad account may refuse its first write to say that it takes none.
        """
        if not self._access.is_certain(ad_account_id):
            return None
        ids = {"ad_account_id": ad_account_id, "customer_list_id": customer_list_id}
        part = members[: self._most]
        answer = self._api.send_ahead(UPDATE_CUSTOMER_LIST, ids, body=_change_of(part, add=add))
        return SentPart(answer, len(part))

    def change(
        self,
        ad_account_id: str,
        customer_list_id: str,
        members: Sequence[str],
        *,
        add: bool,
        sent: SentPart | None = None,
    ) -> None:
        """Add members or remove them; doing it twice changes nothing (Pinterest OpenAPI 5.23)."""
        ids = {"ad_account_id": ad_account_id, "customer_list_id": customer_list_id}
        while members:
            first, sent = sent, None
            part = members[: first.members if first else self._most]
            body, answer = _change_of(part, add=add), first.answer if first else None
            try:
                with self._access.writing(ad_account_id):
                    self._api.request(UPDATE_CUSTOMER_LIST, ids, body=body, sent=answer)
            except RequestFailedError as error:
                self._smaller(len(part), error)
            else:
                members = members[len(part) :]

    def _smaller(self, refused: int, error: RequestFailedError) -> int:
        """Halve the size of a request that was refused for its size, and return the new one.

        Raises:
            RequestFailedError: If it was refused for something else, or held one member only.
        """
        if refused == 1 or not error.too_large:
            raise error
        self._most = min(self._most or refused, refused // 2)  # several may be refused together
        logger.warning("%s; sending %d members at a time from here", error, self._most)
        return self._most


class UploadWriter(RecordsWriter):
    """Sends the members of a list that is there by a file; a new list begins with a request."""

    def send_ahead(
        self,
        ad_account_id: str,
        customer_list_id: str,
        members: Sequence[str],
        *,
        add: bool,
    ) -> None:
        """Send nothing: an upload is several requests, one after the other."""

    def change(
        self,
        ad_account_id: str,
        customer_list_id: str,
        members: Sequence[str],
        *,
        add: bool,
        sent: SentPart | None = None,  # noqa: ARG002
    ) -> None:
        """Upload a file of members to be added or removed."""
        with self._access.writing(ad_account_id):
            upload(self._api, ad_account_id, customer_list_id, members, add=add)


class DryListWriter:
    """Answers as Pinterest would, and writes nothing."""

    def __init__(self, requests_for_a_change: int) -> None:
        """Begin with no planned request."""
        self.planned_requests = 0
        self._requests = requests_for_a_change
        self._ids = itertools.count(PLANNED_IDS)

    def create(
        self,
        ad_account_id: str,  # noqa: ARG002
        name: str,
        list_type: str,  # noqa: ARG002
        members: Sequence[str],  # noqa: ARG002
        inventory: Inventory,
    ) -> Mapping[str, Any]:
        """Pretend to make a list: Pinterest makes them PROCESSING (seen live 2026-07)."""
        self.planned_requests += 1
        made = {"id": str(next(self._ids)), "name": name, "status": "PROCESSING"}
        inventory.customer_lists.put(made)
        return made

    def send_ahead(
        self, ad_account_id: str, customer_list_id: str, members: Sequence[str], *, add: bool
    ) -> None:
        """Send nothing."""

    def change(
        self,
        ad_account_id: str,  # noqa: ARG002
        customer_list_id: str,  # noqa: ARG002
        members: Sequence[str],  # noqa: ARG002
        *,
        add: bool,  # noqa: ARG002
        sent: SentPart | None = None,  # noqa: ARG002
    ) -> None:
        """Pretend to change a list."""
        self.planned_requests += self._requests


def _change_of(members: Sequence[str], *, add: bool) -> dict[str, str]:
    return {"operation_type": "ADD" if add else "REMOVE", "records": ",".join(members)}
