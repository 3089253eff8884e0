"""What the target needs of a ledger. The database itself is imported when it is used."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from pinterest_audiences.files import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def default_path() -> Path:
    """Return where the ledger is if no setting says so: in the user's state folder."""
    return state_folder() / "ledger.db"


@dataclasses.dataclass(frozen=True, slots=True)
class NotedList:
    """A customer list that the ledger knows.

    Attributes:
        customer_list_id: Pinterest's id.
        ad_account_id: The ad account that owns it.
        name: Its name, which other lists may have too.
        list_type: Pinterest's ``UserListType``, which its API does not return.
        created_at: When this program made it, in Unix seconds; None if it did not.
    """

    customer_list_id: str
    ad_account_id: str
    name: str
    list_type: str
    created_at: int | None


class MemberLedger(Protocol):
    """Which members were sent to which list; see ``ledger.Ledger``."""

    def note_list(self, noted: NotedList) -> None:
        """Keep what is known of a list."""

    def list_type(self, list_id: str) -> str | None:
        """Return the type of a list's members, if it was noted."""

    def unsent(self, list_id: str, digests: Iterable[bytes]) -> set[bytes]:
        """Return those who are not in a list."""

    def seen(self, list_id: str, digests: Iterable[bytes], version: int) -> set[bytes]:
        """Note who is in a version of the mirrored table, and return those not in the list."""

    def add(self, list_id: str, digests: Iterable[bytes], version: int) -> None:
        """Note that Pinterest took them in."""

    def remove(self, list_id: str, digests: Iterable[bytes]) -> None:
        """Note that Pinterest took them out."""

    def count(self, list_id: str) -> int:
        """Return how many are in a list."""

    def count_all(self, ad_account_id: str | None) -> int:
        """Return how many are in lists of an ad account, or of all of them."""

    def mirrored_lists(self, ad_account_id: str | None) -> list[tuple[NotedList, int]]:
        """Return the lists that a mirrored table filled, and how many members each holds."""

    def count_stale(self, list_id: str, version: int) -> int:
        """Return how many of them were not seen in a version."""

    def stale(self, list_id: str, version: int, chunk: int) -> Iterator[list[bytes]]:
        """Yield those who were not seen in a version."""
