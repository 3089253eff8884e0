"""`/oauth/token` with its three grants, and `/oauth/token/revoke` (Pinterest OpenAPI 5.23)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from hmac import compare_digest
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from pinterest_emulator import errors, guesses
from pinterest_emulator.checks import values as checks
from pinterest_emulator.http.operations import Operation, Result
from pinterest_emulator.http.tokens import (
    ACCESS_TOKEN_SECONDS,
    CLIENT_ID,
    CLIENT_SECRET,
    REFRESH_TOKEN_SECONDS,
    SCOPES,
)

if TYPE_CHECKING:
    from pinterest_emulator.http.operations import Call

TOKEN_TYPES = ("access_token", "refresh_token")
_FORM = "application/x-www-form-urlencoded"


def _token(call: Call) -> Result:
    if not _is_the_app(call.request.authorization):
        raise errors.authentication_failed()
    form = _form(call)
    grants = {
        "authorization_code": _authorization_code,
        "refresh_token": _refresh_token,
        "client_credentials": _client_credentials,
    }
    checks.require(form, ("grant_type",))
    checks.require_one_of("grant_type", form["grant_type"], grants)
    answer = grants[form["grant_type"]](call, form)
    return Result(answer, status=call.state.settings.create_status)


def _revoke(call: Call) -> Result:
    if not _is_the_app(call.request.authorization):
        raise errors.authentication_failed()
    form = _form(call)
    checks.require(form, ("token",))
    # The hint is optional (RFC 7009, section 2.1): all tokens are searched in any case.
    checks.choice(form, "token_type_hint", TOKEN_TYPES, TOKEN_TYPES[0])
    if not call.state.tokens.revoke(form["token"]) and not guesses.UNKNOWN_TOKEN_IS_REVOKED:
        raise errors.authentication_failed()
    return Result(None)


def _is_the_app(authorization: str) -> bool:
    """Whether a header is the HTTP Basic form of the app's credentials."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        credentials = b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    return compare_digest(credentials, f"{CLIENT_ID}:{CLIENT_SECRET}".encode())


def _form(call: Call) -> dict[str, str]:
    if call.request.content_type.partition(";")[0].strip().lower() != _FORM:
        errors.refuse(f"the content type must be {_FORM}.")
    return dict(parse_qsl(call.request.body.decode(errors="replace")))


def _scopes(text: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes of a request, comma-separated as Pinterest's quickstart sends them."""
    scopes = tuple(text.replace(",", " ").split())
    for scope in scopes:
        checks.require_one_of("scope", scope, allowed)
    return scopes


def _authorization_code(call: Call, form: dict[str, str]) -> dict[str, Any]:
    checks.require(form, ("code", "redirect_uri"))
    continuous = checks.choice(form, "continuous_refresh", ("true", "false"), "false")
    if continuous == "false" and not guesses.CONTINUOUS_REFRESH_IS_OPTIONAL:
        errors.refuse("'continuous_refresh' must be true.")
    if form["code"] == guesses.REUSABLE_CODE:
        return _user_tokens(call, form["grant_type"], SCOPES, SCOPES)
    consent = call.state.consents.redeem(form["code"], form["redirect_uri"], call.now)
    if consent is None:
        raise errors.authentication_failed()
    return _user_tokens(call, form["grant_type"], consent.scopes, consent.scopes)


def _refresh_token(call: Call, form: dict[str, str]) -> dict[str, Any]:
    checks.require(form, ("refresh_token",))
    tokens = call.state.tokens
    grant = tokens.find_refresh(form["refresh_token"], call.now)
    if grant is None:
        raise errors.authentication_failed()
    scopes = _scopes(form["scope"], grant.scopes) if "scope" in form else grant.scopes
    if call.state.settings.revoke_old_refresh_token:
        tokens.revoke_refresh(form["refresh_token"])
    # The new refresh token keeps the scopes of the old one (RFC 6749, section 6).
    return _user_tokens(call, form["grant_type"], scopes, grant.scopes)


def _client_credentials(call: Call, form: dict[str, str]) -> dict[str, Any]:
    checks.require(form, ("scope",))
    scopes = _scopes(form["scope"], SCOPES)
    access = call.state.tokens.issue_access(scopes, int(call.now), client_only=True)
    return _answer(form["grant_type"], access, scopes)


def _user_tokens(
    call: Call, grant_type: str, scopes: tuple[str, ...], refreshable: tuple[str, ...]
) -> dict[str, Any]:
    now = int(call.now)
    return {
        **_answer(grant_type, call.state.tokens.issue_access(scopes, now), scopes),
        "refresh_token": call.state.tokens.issue_refresh(refreshable, now),
        "refresh_token_expires_in": REFRESH_TOKEN_SECONDS,
        "refresh_token_expires_at": now + REFRESH_TOKEN_SECONDS,
    }


def _answer(grant_type: str, access_token: str, scopes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "response_type": grant_type,
        "access_token": access_token,
        "token_type": "bearer",
        "expires_in": ACCESS_TOKEN_SECONDS,
        "scope": " ".join(scopes),
    }


OPERATIONS = (
    Operation(
        name="oauth/token",
        method="POST",
        path="/oauth/token",
        category="org_read",
        handler=_token,
    ),
    Operation(
        name="token/revoke",
        method="POST",
        path="/oauth/token/revoke",
        category="org_write",
        handler=_revoke,
    ),
)
