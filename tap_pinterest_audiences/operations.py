"""The operations of Pinterest's API v5 that this project uses, under Pinterest's own names.

Names, methods and paths: Pinterest's OpenAPI description 5.23, ``audiences/create_custom`` 5.18.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint.

    Attributes:
        name: Pinterest's ``operationId``.
        method: HTTP method.
        path: Path template below the API's base URL.
        creates: True if sending it twice can make two things. All others can be repeated: reads
            change nothing, updates set values that a second time are the same.
    """

    name: str
    method: str
    path: str
    creates: bool = False

    def url(self, base: str, **ids: str) -> str:
        """Return the full URL, with ``ids`` filled in and escaped."""
        return base + self.path.format_map(
            {key: quote(value, safe="") for key, value in ids.items()}
        )


_AUDIENCES = "/ad_accounts/{ad_account_id}/audiences"

OAUTH_TOKEN = Operation("oauth/token", "POST", "/oauth/token")
LIST_AD_ACCOUNTS = Operation("ad_accounts/list", "GET", "/ad_accounts")
LIST_AUDIENCES = Operation("audiences/list", "GET", _AUDIENCES)
GET_AUDIENCE = Operation("audiences/get", "GET", _AUDIENCES + "/{audience_id}")
CREATE_AUDIENCE = Operation("audiences/create", "POST", _AUDIENCES, creates=True)
CREATE_CUSTOM_AUDIENCE = Operation(
    "audiences/create_custom", "POST", _AUDIENCES + "/custom", creates=True
)
UPDATE_AUDIENCE = Operation("audiences/update", "PATCH", _AUDIENCES + "/{audience_id}")
