"""`pinterest-audiences status` and `logout`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests
from logins import APP, Cli, assert_no_secret, tokens

from pinterest_audiences.api.login_store import LoginStore
from pinterest_audiences.api.token_store import StoredToken, TokenStore

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator

CLIENT = (APP["client_id"], APP["client_secret"])


def refresh(emulator: Emulator, token: str) -> int:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return requests.post(
        f"{emulator.url}/oauth/token", data=form, auth=CLIENT, timeout=30
    ).status_code


def revoke(emulator: Emulator, *values: str) -> None:
    for value in values:
        requests.post(
            f"{emulator.url}/oauth/token/revoke", data={"token": value}, auth=CLIENT, timeout=30
        ).raise_for_status()


def add_user(cli: Cli, name: str) -> None:
    LoginStore(str(cli.token_path), APP["client_id"]).write(
        StoredToken(f"pinr.{name}", f"pina_{name}", 0, user=name)
    )


def test_status_shows_the_login_without_its_tokens(logged_in: Cli) -> None:
    run = logged_in.run("status")

    assert run.code == 0, run.err
    assert f"token: login of wickwillow, in {logged_in.token_path}: sha256:" in run.out
    assert "  access token ends: 20" in run.out
    assert "  refresh token ends: 20" in run.out
    assert "  scopes: ads:read ads:write user_accounts:read" in run.out
    assert "user: wickwillow" in run.out
    assert "  549755800004 Marrowstreet Kitchen (ADMIN, AUDIENCE_MANAGER)" in run.out
    assert "  ads_read: 99 left; at most 100 in 1 s, 1000 in 60 s" in run.out
    assert_no_secret(logged_in, run)


@pytest.mark.parametrize(
    ("settings", "token"),
    [
        ({"refresh_token": "pinr.demo"}, "refresh_token of the settings sha256:"),
        ({"access_token": "pina_demo"}, "access_token of the settings sha256:"),
        ({"token_path": None}, "client credentials (reads only)"),
    ],
)
def test_status_shows_tokens_of_the_settings(
    cli: Cli, settings: dict[str, str | None], token: str
) -> None:
    run = cli.run("status", **settings)

    assert run.code == 0, run.err
    assert f"token: {token}" in run.out
    assert "ad accounts: 4" in run.out
    assert ("  renewed, in " in run.out) == ("refresh_token" in settings)
    assert_no_secret(cli, run)


def test_app_that_the_user_revoked_is_reported(
    demo: Emulator, logged_in: Cli, plugins: Programs
) -> None:
    (token,) = tokens(logged_in)
    revoke(demo, token["refresh_token"], token["access_token"])

    status, tap = logged_in.run("status"), plugins.tap()

    assert (status.code, tap.code) == (1, 1)
    assert "token: login of wickwillow" in status.out
    for run in (status, tap):
        assert "run pinterest-audiences login again" in run.complaints[-1]
        assert_no_secret(logged_in, run)


def test_logout_revokes_and_removes_the_tokens(
    demo: Emulator, logged_in: Cli, plugins: Programs
) -> None:
    (token,) = tokens(logged_in)
    TokenStore(str(logged_in.token_path), "other", "pinr.o").write(StoredToken("pinr.o", "", 0))

    run = logged_in.run("logout")

    assert run.code == 0, run.err
    assert "Logged out wickwillow" in run.out
    assert [each["refresh_token"] for each in tokens(logged_in)] == ["pinr.o"]
    assert refresh(demo, token["refresh_token"]) == 401
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert requests.get(f"{demo.url}/ad_accounts", headers=bearer, timeout=30).status_code == 401
    for after in (plugins.tap(), plugins.target("", dry_run=True), logged_in.run("logout")):
        assert after.code == 1
        assert "run pinterest-audiences login" in after.complaints[-1]


def test_tokens_that_pinterest_does_not_revoke_are_removed_and_named(
    demo: Emulator, logged_in: Cli
) -> None:
    demo.fault(operation="token/revoke", kind="status", status=403, code=29, message="System user")

    run = logged_in.run("logout")

    assert run.code == 1
    assert "Pinterest did not revoke the tokens of wickwillow" in run.complaints[-1]
    assert "remove the app in the user's settings at Pinterest" in run.complaints[-1]
    assert tokens(logged_in) == []


def test_logout_without_an_answer_keeps_the_tokens(demo: Emulator, logged_in: Cli) -> None:
    demo.fault(operation="token/revoke", kind="rate_limit", reset=3600, times=1)

    run = logged_in.run("logout")

    assert run.code == 75
    assert len(tokens(logged_in)) == 1
    assert logged_in.run("logout").code == 0


def test_several_users_of_one_app_have_an_entry_each(
    demo: Emulator, logged_in: Cli, plugins: Programs
) -> None:
    add_user(logged_in, "other")
    demo.clear()

    for run in (plugins.tap(), logged_in.run("status"), logged_in.run("logout")):
        assert run.code == 1
        assert "several logins of this app (wickwillow, other)" in run.complaints[-1]
    assert demo.requests() == []
    assert logged_in.run("logout", "--user", "nobody").code == 1
    assert logged_in.run("logout", "--user", "other").code == 0
    assert plugins.tap().code == 0


@pytest.mark.usefixtures("logged_in")
def test_login_of_another_app_is_not_used(plugins: Programs) -> None:
    run = plugins.tap(client_id="another-app")

    assert run.code == 1
    assert "holds no login of this app" in run.complaints[-1]


@pytest.mark.parametrize("content", ["{", "[]", '{"tokens": {}}'])
def test_token_file_without_a_login_fails_clearly(
    cli: Cli, plugins: Programs, content: str
) -> None:
    cli.token_path.write_text(content)

    run = plugins.tap()

    assert run.code == 1
    assert "log in again" in run.complaints[-1] or "pinterest-audiences login" in run.complaints[-1]


def test_login_entry_that_is_damaged_fails_clearly(logged_in: Cli, plugins: Programs) -> None:
    kept = json.loads(logged_in.token_path.read_text())
    for entry in kept["tokens"].values():
        entry["user"] = 1
    logged_in.token_path.write_text(json.dumps(kept))

    assert "log in again" in plugins.tap().complaints[-1]


@pytest.mark.parametrize("command", ["login", "status", "logout"])
def test_misspelt_setting_is_an_error(demo: Emulator, cli: Cli, command: str) -> None:
    demo.clear()
    run = cli.run(command, tokenpath=str(cli.folder / "other.json"), ad_account_ids=["1"])
    assert run.code == 1
    assert "there is no setting tokenpath: write token_path" in run.err
    assert demo.requests() == []
