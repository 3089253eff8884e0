"""OAuth's authorization code grant: the page that asks a user, and the way back. No I/O.

Pinterest's OpenAPI description 5.23 (``pinterest_oauth2``) names the page and its parameters. It
does not know PKCE (RFC 7636), and a server may refuse parameters that it does not know, so none of
PKCE's is sent. The state and the app's secret protect the code instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from pinterest_audiences.api.urls import is_loopback
from pinterest_audiences.errors import PinterestError, redact

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAGE = "https://www.pinterest.com/oauth/"
_MOST_FIELDS = 20

DEFAULT_SCOPES = ("ads:read", "ads:write", "user_accounts:read")
"""What the tap and the target need, and the name of the user, which tells logins apart."""


class ForeignRedirectError(PinterestError):
    """A redirect does not belong to this login, so it is no answer to it."""


@dataclass(frozen=True, slots=True, repr=False)
class Authorization:
    """One request to a user to let an app act in the user's name.

    Attributes:
        client_id: App id.
        redirect_uri: Where the page sends the browser; the app's settings at Pinterest have it.
        scopes: What the app asks for.
        state: A secret that the page sends back, so that nobody else's code is taken.
    """

    client_id: str
    redirect_uri: str
    scopes: Sequence[str]
    state: str

    def page(self, api_url: str) -> str:
        """Return the address of the page that asks the user.

        Args:
            api_url: Base URL of the API. A server on this machine serves a page of its own.
        """
        api = urlsplit(api_url)
        page = f"{api.scheme}://{api.netloc}/oauth/" if is_loopback(api.hostname or "") else _PAGE
        fields = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": ",".join(self.scopes),
            "state": self.state,
        }
        return f"{page}?{urlencode(fields)}"

    def code_in_url(self, url: str) -> str:
        """Return the code in an address that a user copied from the browser; see `code_in`.

        Raises:
            ForeignRedirectError: If it is not the redirect URI.
        """
        try:
            given, expected = urlsplit(url.strip()), urlsplit(self.redirect_uri)
        except ValueError:
            msg = "that is no address"
            raise ForeignRedirectError(msg) from None
        if (given.scheme, given.netloc, given.path or "/") != (
            expected.scheme,
            expected.netloc,
            expected.path,
        ):
            msg = f"the address does not begin with {self.redirect_uri}"
            raise ForeignRedirectError(msg)
        return self.code_in(given.query)

    def code_in(self, query: str) -> str:
        """Return the code that the page sent back.

        Args:
            query: Query of the redirect.

        Raises:
            ForeignRedirectError: If it has another state, or neither a code nor an error.
            PinterestError: If the user declined, or Pinterest refused.
        """
        try:
            fields = parse_qs(query, max_num_fields=_MOST_FIELDS)
        except ValueError:
            fields = {}
        match fields.get("state"):
            case [state] if compare_digest(state.encode(errors="replace"), self.state.encode()):
                pass
            case _:
                msg = "the state is not the one of this login"
                raise ForeignRedirectError(msg)
        match fields.get("error"), fields.get("code"):
            case None, [code]:
                return code
            case ["access_denied"], None:
                msg = "The user declined on Pinterest's page, so nobody was logged in"
            case [error, *_], None:
                why = redact(" ".join([error, *fields.get("error_description", [])]))
                msg = f"Pinterest's page refused the login: {why}"
            case _:
                msg = "it has neither a code nor an error"
                raise ForeignRedirectError(msg)
        raise PinterestError(msg)

    def form(self, code: str) -> dict[str, str]:
        """Return the form that exchanges a code for tokens.

        Apps from before 25 September 2025 have to ask for refresh tokens that can be renewed
        without end (Pinterest's OpenAPI description 5.23, ``oauth/token``).
        """
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "continuous_refresh": "true",
        }
