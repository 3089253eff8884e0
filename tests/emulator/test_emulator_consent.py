"""The consent page of the emulator, and the codes that it gives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
from logins import answered, query_of

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = ("demo-app", "demo-secret")
REDIRECT = "http://localhost:8085/"
ASKED = {
    "client_id": "demo-app",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "ads:read,user_accounts:read",
    "state": "the state & more",
}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited") as running:
        yield running


def page(emulator: Emulator, **fields: str) -> requests.Response:
    return requests.get(f"{emulator.base}/oauth/", {**ASKED, **fields}, timeout=10)


def exchange(emulator: Emulator, code: str, **fields: str) -> requests.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    return requests.post(f"{emulator.url}/oauth/token", {**form, **fields}, auth=APP, timeout=10)


def code_of(emulator: Emulator) -> str:
    return query_of(answered(page(emulator).url))["code"]


def test_consent_gives_a_code_for_the_scopes_that_were_asked_for(emulator: Emulator) -> None:
    redirect = answered(page(emulator).url)
    assert redirect.startswith(f"{REDIRECT}?code=")
    assert query_of(redirect)["state"] == ASKED["state"]

    answer = exchange(emulator, query_of(redirect)["code"], continuous_refresh="true").json()

    assert answer["scope"] == "ads:read user_accounts:read"
    assert answer["refresh_token_expires_in"] == 60 * 86_400
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    user = requests.get(f"{emulator.url}/user_account", headers=bearer, timeout=10).json()
    assert user["username"] == "wickwillow"


def test_user_who_declines_gives_no_code(emulator: Emulator) -> None:
    fields = query_of(answered(page(emulator).url, "decline"))

    assert fields["error"] == "access_denied"
    assert fields["state"] == ASKED["state"]
    assert "code" not in fields


def test_code_works_once(emulator: Emulator) -> None:
    code = code_of(emulator)

    assert exchange(emulator, code).status_code == 200
    assert exchange(emulator, code).status_code == 401


def test_code_of_another_redirect_uri_is_refused_and_used_up(emulator: Emulator) -> None:
    code = code_of(emulator)

    assert exchange(emulator, code, redirect_uri="http://localhost:8086/").status_code == 401
    assert exchange(emulator, code).status_code == 401


def test_code_expires(emulator: Emulator) -> None:
    code = code_of(emulator)
    emulator.advance(600)

    assert exchange(emulator, code).status_code == 401


def test_invalid_continuous_refresh_is_refused(emulator: Emulator) -> None:
    assert exchange(emulator, code_of(emulator), continuous_refresh="maybe").status_code == 400


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"client_id": "other"}, "client_id"),
        ({"redirect_uri": "http://attacker.example/"}, "redirect_uri"),
        ({"redirect_uri": "http://localhost@attacker.example/"}, "redirect_uri"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
        ({"redirect_uri": "https://a.example;script-src/x"}, "redirect_uri"),
        ({"response_type": "token"}, "response_type"),
        ({"scope": ""}, "scope"),
        ({"scope": "ads:read,<b>"}, "&lt;b&gt;"),
    ],
)
def test_invalid_request_gets_an_error_page_and_no_redirect(
    emulator: Emulator, fields: dict[str, str], problem: str
) -> None:
    answer = page(emulator, **fields)

    assert answer.status_code == 400
    assert not answer.history
    assert problem in answer.text
    assert "<b>" not in answer.text


def test_form_needs_the_browser_that_got_the_page_and_works_once(emulator: Emulator) -> None:
    shown = page(emulator)
    key = re.findall(r'name="request" value="([^"]+)"', shown.text)[0]
    form = {"request": key, "decision": "allow"}
    address = f"{emulator.base}/oauth/"

    elsewhere = requests.post(address, form, timeout=10, allow_redirects=False)
    used = requests.post(address, form, cookies=shown.cookies, timeout=10, allow_redirects=False)

    assert [elsewhere.status_code, used.status_code] == [400, 400]
    cookie = shown.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_page_cannot_be_framed_and_loads_nothing(emulator: Emulator) -> None:
    shown = page(emulator)

    policy = shown.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert f"form-action 'self' {REDIRECT.rstrip('/')}" in policy
    assert "<script" not in shown.text
    assert not re.findall(r'(?:src|href)="', shown.text)


def test_state_and_code_are_not_in_the_log(emulator: Emulator) -> None:
    exchange(emulator, code_of(emulator))

    assert [entry["operation"] for entry in emulator.requests()] == ["oauth/token"]
    assert "state" not in str(emulator.requests())
