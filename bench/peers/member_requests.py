"""Sends hashes of members to a new customer list, with requests alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BATCH = 10_000


def parts(hashes: Sequence[str]) -> Iterator[Sequence[str]]:
    """Return the hashes in parts of one request each."""
    for first in range(0, len(hashes), BATCH):
        yield hashes[first : first + BATCH]


class ListWriter:
    """One customer list, which the first members make."""

    def __init__(self, url: str, account_id: str) -> None:
        """Begin without a list."""
        self._session = requests.Session()
        self._session.headers["Authorization"] = "Bearer pina_bench"
        self._url = f"{url}/ad_accounts/{account_id}/customer_lists"
        self._list_id: str | None = None

    def add(self, hashes: Sequence[str]) -> None:
        """Send members in one request."""
        body = {"records": ",".join(hashes)}
        if self._list_id is None:
            body |= {"name": "Customers", "list_type": "EMAIL"}
            answer = self._session.post(self._url, json=body, timeout=60)
        else:
            body |= {"operation_type": "ADD"}
            answer = self._session.patch(f"{self._url}/{self._list_id}", json=body, timeout=60)
        answer.raise_for_status()
        self._list_id = answer.json()["id"]
