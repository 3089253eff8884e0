"""Ad accounts to which the token's user may not write: one refusal is enough to know it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import requests

from pinterest_audiences.api.operations import (
    CREATE_AUDIENCE,
    CREATE_CUSTOM_AUDIENCE,
    CREATE_CUSTOMER_LIST,
    CREATE_UPLOAD,
    UPDATE_AUDIENCE,
    UPDATE_CUSTOMER_LIST,
)
from pinterest_audiences.errors import PinterestError, RequestFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEED_THE_ROLE = {
    operation.name
    for operation in (
        CREATE_AUDIENCE,
        CREATE_CUSTOM_AUDIENCE,
        CREATE_CUSTOMER_LIST,
        CREATE_UPLOAD,
        UPDATE_AUDIENCE,
        UPDATE_CUSTOMER_LIST,
    )
}
"""Not those that share: Pinterest refuses these for one recipient or one audience, too."""


class NotSentError(RequestFailedError):
    """A write that was not sent, because the ad account takes none from the token's user."""

    def __init__(self, ad_account_id: str, first: RequestFailedError) -> None:
        """Describe what any write to the ad account would meet after the ``first`` refusal."""
        super().__init__(first.operation, first.status, first.code)
        msg = (
            f"not sent, because the first write of this run to ad account {ad_account_id} was "
            f"refused. {first}"
        )
        self.args = (msg,)


class WriteAccess:
    """Remembers the ad accounts to which this run can and cannot write."""

    def __init__(self) -> None:
        """Begin without knowing of any."""
        self._refused: dict[str, RequestFailedError] = {}
        self._writable: set[str] = set()

    @contextlib.contextmanager
    def writing(self, ad_account_id: str) -> Iterator[None]:
        """Send a write in here, unless the ad account takes none.

        After a write that worked, HTTP 403 is about one audience and not about the role.

        Raises:
            NotSentError: If Pinterest refused the first write to the ad account with HTTP 403.
        """
        self.check(ad_account_id)
        try:
            yield
        except RequestFailedError as error:
            is_about_role = (
                error.status == requests.codes.forbidden and error.operation in _NEED_THE_ROLE
            )
            if is_about_role and ad_account_id not in self._writable:
                self._refused[ad_account_id] = error
            raise
        self._writable.add(ad_account_id)

    def is_certain(self, ad_account_id: str) -> bool:
        """Return whether a write to an ad account has worked in this run."""
        return ad_account_id in self._writable

    def check(self, ad_account_id: str) -> None:
        """Make sure that an ad account may take writes.

        Raises:
            NotSentError: If Pinterest refused the first write to it with HTTP 403.
        """
        if first := self._refused.get(ad_account_id):
            raise NotSentError(ad_account_id, first)

    def check_all(self) -> None:
        """Make sure that no ad account of the run refused all writes.

        Raises:
            PinterestError: If one did, however many records may be rejected.
        """
        if self._refused:
            msg = (
                "Pinterest refused the first write with HTTP 403, so nothing was written, to ad "
                f"account {', '.join(self._refused)}: give the token's user a role there that may "
                "write audiences, then run again"
            )
            raise PinterestError(msg)
