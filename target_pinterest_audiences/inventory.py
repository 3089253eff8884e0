"""What exists at Pinterest: read once for each ad account, then kept up with what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from tap_pinterest_audiences.answers import id_of
from tap_pinterest_audiences.errors import RequestFailedError
from tap_pinterest_audiences.operations import GET_AUDIENCE, LIST_AUDIENCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_pinterest_audiences.client import PinterestAPI
    from target_pinterest_audiences.wanted import Wanted

_PAGE_SIZE = 250


class Inventory:
    """The audiences that one ad account owns."""

    def __init__(self, api: PinterestAPI, ad_account_id: str) -> None:
        """Read the list.

        Raises:
            PinterestError: If it can not be read.
        """
        self._api = api
        self._account = ad_account_id
        self._by_id: dict[str, Mapping[str, Any]] = {}
        self._ids_by_name: dict[str, dict[str, None]] = {}
        self.reload()

    def reload(self) -> list[Mapping[str, Any]]:
        """Read the list again and return the audiences that were not known before.

        Raises:
            PinterestError: If it can not be read; then nothing is forgotten.
        """
        found = [
            audience
            for page in self._api.pages(
                LIST_AUDIENCES,
                {"ad_account_id": self._account},
                {"page_size": _PAGE_SIZE, "order": "ASCENDING"},
            )
            for audience in page.items
        ]
        ids = [id_of(audience, LIST_AUDIENCES) for audience in found]
        known = set(self._by_id)
        self._by_id, self._ids_by_name = {}, {}
        for audience in found:
            self.put(audience)
        return [self._by_id[key] for key in ids if key not in known]

    def matching(self, wanted: Wanted) -> list[Mapping[str, Any]]:
        """Return the audience with the id that is wanted, or without one all of that name.

        Raises:
            PinterestError: If an id that the list did not have can not be asked for.
        """
        if wanted.audience_id:
            found = self._by_id.get(wanted.audience_id) or self._get(wanted.audience_id)
            return [found] if found else []
        return [self._by_id[key] for key in self._ids_by_name.get(wanted.name or "", {})]

    def _get(self, audience_id: str) -> Mapping[str, Any] | None:
        """Ask for an audience that may have been made since the list was read."""
        ids = {"ad_account_id": self._account, "audience_id": audience_id}
        try:
            audience = self._api.request(GET_AUDIENCE, ids).data
        except RequestFailedError as error:
            if error.status == requests.codes.not_found:
                return None
            raise
        self.put(audience)
        return audience

    def put(self, audience: Mapping[str, Any]) -> None:
        """Note an audience as Pinterest answered it.

        Raises:
            MalformedAnswerError: If it has no id.
        """
        audience_id = id_of(audience, LIST_AUDIENCES)
        self.drop(audience_id)
        self._by_id[audience_id] = audience
        self._ids_by_name.setdefault(str(audience.get("name")), {})[audience_id] = None

    def drop(self, audience_id: str) -> None:
        """Note that an audience is gone."""
        audience = self._by_id.pop(audience_id, None)
        if audience:
            self._ids_by_name[str(audience.get("name"))].pop(audience_id)
