from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = ("demo-app", "demo-secret")
FAILED = {"code": 2, "message": "Authentication failed."}
REFRESH = {"grant_type": "refresh_token", "refresh_token": "pinr.demo"}
CLIENT = {"grant_type": "client_credentials", "scope": "ads:read,ads:write"}
DAY = 86_400


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def ask(
    emulator: Emulator, form: dict[str, str], auth: tuple[str, str] | None = APP
) -> requests.Response:
    return requests.post(f"{emulator.url}/oauth/token", data=form, auth=auth, timeout=10)


def revoke(
    emulator: Emulator, form: dict[str, str], auth: tuple[str, str] | None = APP
) -> requests.Response:
    return requests.post(f"{emulator.url}/oauth/token/revoke", data=form, auth=auth, timeout=10)


def read(emulator: Emulator, authorization: str | None) -> requests.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return requests.get(f"{emulator.url}/ad_accounts", headers=headers, timeout=10)


def test_a_refresh_gives_a_new_refresh_token_and_ends_the_old_one(emulator: Emulator) -> None:
    body = ask(emulator, REFRESH).json()

    assert body["access_token"].startswith("pina_")
    assert body["refresh_token"].startswith("pinr.")
    assert body["refresh_token"] != "pinr.demo"
    assert body["token_type"] == "bearer"
    assert body["response_type"] == "refresh_token"
    assert body["expires_in"] == 2_592_000
    assert body["refresh_token_expires_in"] == 60 * DAY
    assert body["refresh_token_expires_at"] == pytest.approx(emulator.advance(0) + 60 * DAY, abs=5)
    assert "ads:write" in body["scope"].split()
    assert read(emulator, f"Bearer {body['access_token']}").status_code == 200
    used = ask(emulator, REFRESH)
    assert (used.status_code, used.json()) == (401, FAILED)
    assert "x-ratelimit-limit" not in used.headers
    assert ask(emulator, {**REFRESH, "refresh_token": body["refresh_token"]}).status_code == 200


def test_the_old_refresh_token_can_be_kept() -> None:
    with Emulator(revoke_old_refresh_token=False) as emulator:
        first, second = ask(emulator, REFRESH).json(), ask(emulator, REFRESH).json()

    assert first["refresh_token"] != second["refresh_token"]


def test_a_refresh_can_narrow_the_scopes_of_the_access_token(emulator: Emulator) -> None:
    narrow = ask(emulator, {**REFRESH, "scope": "ads:read"}).json()
    again = ask(emulator, {**REFRESH, "refresh_token": narrow["refresh_token"]}).json()

    assert narrow["scope"] == "ads:read"
    assert "ads:write" in again["scope"]


def test_an_authorization_code_gives_both_tokens(emulator: Emulator) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": "demo-code",
        "redirect_uri": "http://localhost/",
    }

    body = ask(emulator, form).json()

    assert read(emulator, f"Bearer {body['access_token']}").status_code == 200
    assert ask(emulator, {**REFRESH, "refresh_token": body["refresh_token"]}).status_code == 200
    assert ask(emulator, {**form, "code": "other"}).status_code == 401


def test_client_credentials_read_but_never_write(shared: Emulator) -> None:
    body = ask(shared, CLIENT).json()

    assert set(body) == {"access_token", "response_type", "token_type", "expires_in", "scope"}
    bearer = f"Bearer {body['access_token']}"
    account = read(shared, bearer).json()["items"][0]["id"]
    refused = requests.post(
        f"{shared.url}/ad_accounts/{account}/audiences",
        headers={"Authorization": bearer},
        json={},
        timeout=10,
    )
    assert (refused.status_code, refused.json()["code"]) == (401, 3)
    assert "x-ratelimit-limit" not in refused.headers


def test_a_token_without_the_scope_is_refused(shared: Emulator) -> None:
    body = ask(shared, {**CLIENT, "scope": "user_accounts:read"}).json()

    answer = read(shared, f"Bearer {body['access_token']}")

    assert (answer.status_code, answer.json()["code"]) == (401, 3)


@pytest.mark.parametrize(
    "authorization", [None, "Bearer pina_unknown", "Bearer", "Basic pina_demo", "pina_demo"]
)
def test_a_bad_access_token_is_refused(shared: Emulator, authorization: str | None) -> None:
    answer = read(shared, authorization)

    assert (answer.status_code, answer.json()) == (401, FAILED)
    assert "x-ratelimit-limit" not in answer.headers


def test_tokens_expire(emulator: Emulator) -> None:
    body = ask(emulator, REFRESH).json()
    bearer = f"Bearer {body['access_token']}"
    emulator.advance(30 * DAY - 60)
    assert read(emulator, bearer).status_code == 200
    emulator.advance(60)
    assert read(emulator, bearer).json() == FAILED
    assert read(emulator, "Bearer pina_demo").json() == FAILED
    emulator.advance(30 * DAY)
    assert ask(emulator, {**REFRESH, "refresh_token": body["refresh_token"]}).json() == FAILED


@pytest.mark.parametrize("auth", [None, ("demo-app", "wrong"), ("wrong", "demo-secret")])
def test_bad_client_credentials_are_refused(shared: Emulator, auth: tuple[str, str] | None) -> None:
    answer = ask(shared, REFRESH, auth)

    assert (answer.status_code, answer.json()) == (401, FAILED)


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({"grant_type": "password"}, "'grant_type'"),
        ({"refresh_token": "pinr.demo"}, "'grant_type'"),
        ({"grant_type": "refresh_token"}, "'refresh_token'"),
        ({"grant_type": "client_credentials"}, "'scope'"),
        ({**CLIENT, "scope": "everything"}, "'scope'"),
        ({"grant_type": "authorization_code", "code": "demo-code"}, "'redirect_uri'"),
    ],
)
def test_invalid_form_is_refused(shared: Emulator, form: dict[str, str], named: str) -> None:
    answer = ask(shared, form)

    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert named in answer.json()["message"]


def test_json_body_is_refused(shared: Emulator) -> None:
    answer = requests.post(f"{shared.url}/oauth/token", json=REFRESH, auth=APP, timeout=10)

    assert answer.status_code == 400


def test_no_secret_is_kept_in_the_log(emulator: Emulator) -> None:
    ask(emulator, REFRESH)

    (entry,) = emulator.requests("oauth/token")

    assert entry["body"] is None
    assert "demo" not in str(entry)


def test_revoked_access_token_is_refused(emulator: Emulator) -> None:
    tokens = ask(emulator, REFRESH).json()

    answer = revoke(emulator, {"token": tokens["access_token"], "token_type_hint": "access_token"})

    assert (answer.status_code, answer.content) == (200, b"")
    assert 'name="org_write_app_id_user_id"' in answer.headers["x-ratelimit-limit"]
    assert read(emulator, f"Bearer {tokens['access_token']}").json() == FAILED
    assert read(emulator, "Bearer pina_demo").status_code == 200
    again = {**REFRESH, "refresh_token": tokens["refresh_token"]}
    assert ask(emulator, again).status_code == 200


@pytest.mark.parametrize("hint", [{}, {"token_type_hint": "access_token"}])
def test_revoked_refresh_token_is_refused(emulator: Emulator, hint: dict[str, str]) -> None:
    assert revoke(emulator, {"token": "pinr.demo", **hint}).status_code == 200
    assert ask(emulator, REFRESH).json() == FAILED
    assert revoke(emulator, {"token": "pinr.demo"}).status_code == 200


@pytest.mark.parametrize("auth", [None, ("demo-app", "wrong")])
def test_revocation_needs_the_credentials_of_the_app(
    shared: Emulator, auth: tuple[str, str] | None
) -> None:
    answer = revoke(shared, {"token": "pina_demo"}, auth)

    assert (answer.status_code, answer.json()) == (401, FAILED)
    assert read(shared, "Bearer pina_demo").status_code == 200


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({"token_type_hint": "access_token"}, "'token'"),
        ({"token": "pina_demo", "token_type_hint": "id_token"}, "'token_type_hint'"),
    ],
)
def test_invalid_revocation_is_refused(shared: Emulator, form: dict[str, str], named: str) -> None:
    answer = revoke(shared, form)

    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert named in answer.json()["message"]


def test_a_revoked_token_is_not_kept_in_the_log(emulator: Emulator) -> None:
    revoke(emulator, {"token": "pinr.demo"})

    (entry,) = emulator.requests("token/revoke")

    assert (entry["body"], entry["query"]) == (None, {})
    assert "demo" not in str(entry)
