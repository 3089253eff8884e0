"""The page `/oauth/` that asks the user whether an app may act in the user's name.

Pinterest's page is at www.pinterest.com/oauth/ (Pinterest OpenAPI 5.23); here it is beside the API.
The form works once, and only in the browser that got the page: another site can neither send it nor
show the page in a frame.
"""

from __future__ import annotations

from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pinterest_emulator import consent_page, guesses
from pinterest_emulator.http.consents import Consent
from pinterest_emulator.http.tokens import CLIENT_ID, SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from pinterest_emulator.http.state import EmulatorState

_COOKIE = "pinterest_emulator_consent"
_LARGEST_FORM = 10_000


class ConsentRoutes:
    """Asks the user of one emulator."""

    def __init__(self, state: EmulatorState) -> None:
        """Asks for that emulator."""
        self._state = state

    def routes(self) -> list[Route]:
        """The routes, relative to `/oauth`."""
        return [
            Route("/", self.show, methods=["GET"]),
            Route("/", self.answer, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The page, or an error page: nobody is redirected to an address that was not checked."""
        fields = request.query_params
        problem = _problem(fields)
        if problem:
            return _page(consent_page.error(problem), 400)
        consent = Consent(fields["redirect_uri"], _scopes(fields), fields.get("state"))
        browser = token_urlsafe(32)
        key = self._state.consents.ask(consent, browser, self._state.clock.now())
        user = str(guesses.USER["username"])
        page = consent_page.question(CLIENT_ID, user, consent.scopes, consent.redirect_uri, key)
        response = _page(page, 200, _origin(consent.redirect_uri))
        response.set_cookie(_COOKIE, browser, path="/oauth", httponly=True, samesite="strict")
        return response

    async def answer(self, request: Request) -> Response:
        """Redirects the browser with a code, or with an error if the user declined."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST_FORM:
                return _page(consent_page.error("The form is too large."), 413)
        form = dict(parse_qsl(body.decode(errors="replace")))
        now = self._state.clock.now()
        browser = request.cookies.get(_COOKIE, "")
        consent = self._state.consents.answered(form.get("request", ""), browser, now)
        if consent is None or form.get("decision") not in {"allow", "decline"}:
            problem = "The form was used or is too old, or this browser did not get it."
            return _page(consent_page.error(problem), 400)
        if form["decision"] == "allow":
            fields = {"code": self._state.consents.issue_code(consent, now)}
        else:
            fields = dict(guesses.DECLINED)
        if consent.state is not None:
            fields["state"] = consent.state
        separator = "&" if urlsplit(consent.redirect_uri).query else "?"
        response = RedirectResponse(f"{consent.redirect_uri}{separator}{urlencode(fields)}", 303)
        response.headers.update(_HEADERS)
        response.delete_cookie(_COOKIE, path="/oauth", httponly=True, samesite="strict")
        return response


def _problem(fields: Mapping[str, str]) -> str | None:
    if fields.get("client_id") != CLIENT_ID:
        return "No app has this client_id."
    if not guesses.may_redirect_to(fields.get("redirect_uri", "")):
        return "The app does not have this redirect_uri."
    if fields.get("response_type") != "code":
        return "The response_type must be code."
    if not _scopes(fields):
        return "The scope is missing."
    unknown = [scope for scope in _scopes(fields) if scope not in SCOPES]
    return f"There is no scope {unknown[0]}." if unknown else None


def _scopes(fields: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fields.get("scope", "").replace(",", " ").split()))


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


_HEADERS = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


def _page(html: str, status: int, redirects_to: str = "") -> Response:
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "
        # Browsers apply form-action to the redirect after the form, too.
        f"form-action 'self' {redirects_to}"
    )
    return HTMLResponse(html, status, {**_HEADERS, "content-security-policy": policy.rstrip()})
