"""`/user_account`: who the user of a token is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator import guesses
from pinterest_emulator.http.operations import Operation, Result

if TYPE_CHECKING:
    from pinterest_emulator.http.operations import Call


def _get(_call: Call) -> Result:
    return Result(dict(guesses.USER))


OPERATIONS = (
    Operation(
        name="user_account/get",
        method="GET",
        path="/user_account",
        category="org_read",
        handler=_get,
        scope="user_accounts:read",
    ),
)
