"""`pinterest-audiences login`: what it takes for an answer, and what it stores."""

from __future__ import annotations

import re
import signal
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from logins import APP, Cli, answered, assert_no_secret, get, query_of, tokens

from pinterest_audiences.api.authorization import Authorization, ForeignRedirectError

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Programs

    from pinterest_emulator.testing import Emulator


def test_login_opens_the_browser_stores_the_token_and_says_what_to_configure(cli: Cli) -> None:
    with cli.login() as login:
        page = login.opened
        asked = query_of(page)
        assert login.printed == page
        redirect = answered(page)
        assert get(redirect).status_code == 200
        run = login.wait()

    assert run.code == 0, run.err
    assert asked["scope"] == "ads:read,ads:write,user_accounts:read"
    assert asked["response_type"] == "code"
    assert "code_challenge" not in asked
    assert "Logged in as wickwillow" in run.out
    assert "549755800004 Marrowstreet Kitchen (ADMIN, AUDIENCE_MANAGER)" in run.out
    for line in ('client_id: "demo-app"', f'token_path: "{cli.token_path}"', "client_secret: $"):
        assert f"  {line}" in run.out
    assert stat.S_IMODE(cli.token_path.stat().st_mode) == 0o600
    assert_no_secret(cli, run, also=query_of(redirect)["code"])


def test_plugins_start_with_the_stored_token(
    demo: Emulator, logged_in: Cli, plugins: Programs
) -> None:
    demo.clear()

    tap = plugins.tap()
    target = plugins.target("", dry_run=True)

    assert tap.code == 0, tap.err
    assert len(tap.records("ad_accounts")) == 4
    assert target.code == 0, target.err
    assert demo.requests("oauth/token") == []
    assert_no_secret(logged_in, tap, target)


def test_plugins_without_token_path_use_the_login_of_the_state_folder(
    cli: Cli, plugins: Programs
) -> None:
    for settings in (cli.settings, plugins.settings):
        settings.pop("token_path", None)
    with cli.login() as login:
        get(answered(login.opened))
        assert login.wait().code == 0
    (path,) = (cli.folder / "state" / "pinterest-audiences").glob("login-*.json")

    assert plugins.target("").code == 0  # client credentials cannot write
    assert cli.run("logout").code == 0
    after = plugins.tap()

    assert after.code == 1
    assert f"{path} holds no login of this app" in after.complaints[-1]
    path.unlink()
    assert plugins.tap().code == 0


def test_run_renews_the_token_of_a_login_and_keeps_the_user(
    demo: Emulator, logged_in: Cli, plugins: Programs
) -> None:
    (before,) = tokens(logged_in)
    demo.advance(31 * 86_400)
    logged_in.token_path.write_text(
        logged_in.token_path.read_text().replace(str(before["renew_at"]), "1")
    )

    run = plugins.tap()

    assert run.code == 0, run.err
    (after,) = tokens(logged_in)
    assert after["refresh_token"] != before["refresh_token"]
    assert after["user"] == "wickwillow"
    assert after["scope"] == before["scope"]
    assert stat.S_IMODE(logged_in.token_path.stat().st_mode) == 0o600


def test_second_login_of_a_user_replaces_the_first(logged_in: Cli) -> None:
    (first,) = tokens(logged_in)
    with logged_in.login() as login:
        get(answered(login.opened))
        assert login.wait().code == 0

    (second,) = tokens(logged_in)
    assert second["refresh_token"] != first["refresh_token"]


def test_user_who_declines_is_not_logged_in(cli: Cli) -> None:
    with cli.login() as login:
        page = get(answered(login.opened, "decline"))
        run = login.wait()

    assert page.status_code == 200
    assert "declined" in page.text
    assert run.code == 1
    assert "The user declined" in run.complaints[-1]
    assert not cli.token_path.exists()


def test_wrong_state_and_second_request_are_refused_and_the_login_waits(
    demo: Emulator, cli: Cli
) -> None:
    with cli.login() as login:
        root = query_of(login.opened)["redirect_uri"]
        state = query_of(login.opened)["state"]
        for query in (
            "?code=stolen&state=wrong",
            "?code=stolen",
            f"?code=stolen&state={state[:-1]}",
            f"?code=stolen&state={state}&state=wrong",
            f"?code=stolen&code=other&state={state}",
            f"?code=stolen&error=access_denied&state={state}",
            f"?state={state}",
            "?error=access_denied&state=wrong",
            "?" + "&".join(["state=1"] * 100),
            "",
        ):
            assert get(root + query).status_code == 400, query
        assert get(f"{root}favicon.ico").status_code == 404
        stolen = get(f"{root}?code=stolen&state={state}", Host="attacker.example")
        assert stolen.status_code == 400
        assert demo.requests("oauth/token") == []
        get(answered(login.opened))
        assert login.wait().code == 0


def test_only_the_first_redirect_is_taken() -> None:
    from pinterest_audiences_cli.loopback import RedirectReceiver  # noqa: PLC0415

    receiver = RedirectReceiver(Authorization("app", "http://localhost:8085/", (), "the-state"))

    first = receiver.take("/?code=first&state=the-state", "localhost:8085")
    second = receiver.take("/?code=second&state=the-state", "localhost:8085")
    receiver.hand_over()

    assert (first[0], second[0]) == (200, 410)
    assert receiver.wait(1) == "first"


def test_login_listens_on_loopback_only(cli: Cli) -> None:
    with cli.login() as login:
        port = int(query_of(login.opened)["redirect_uri"].rsplit(":", 1)[1].strip("/"))
        listening = subprocess.run(
            [sys.executable, "-c", "print(open('/proc/net/tcp').read())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        addresses = re.findall(rf"\d: ([0-9A-F]{{8}}):{port:04X} 00000000:0000 0A", listening)

    assert addresses == ["0100007F"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_port_in_use_is_named(demo: Emulator, cli: Cli, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as other:
        try:
            other.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        other.listen()
        port = other.getsockname()[1]
        run = cli.run("login", "--timeout", "1", "--port", str(port))

    assert run.code == 1
    assert f"--port: {port} on this machine cannot be used" in run.complaints[-1]
    assert demo.requests() == []


def test_login_ends_when_nobody_answers(cli: Cli) -> None:
    with cli.login("--timeout", "1") as login:
        run = login.wait()

    assert run.code == 1
    assert "Nobody answered Pinterest's page in 1 s" in run.complaints[-1]


@pytest.mark.parametrize("option", ["--no-browser", "--timeout=60"])
def test_signal_ends_a_login(cli: Cli, option: str) -> None:
    with cli.login(option) as login:
        assert login.printed
        run = login.stop(signal.SIGTERM)

    assert run.code == 143
    assert not cli.token_path.exists()


def test_pasted_redirect_logs_in(cli: Cli) -> None:
    with cli.login("--no-browser") as login:
        redirect = answered(login.printed)
        login.type("")
        login.type("http://localhost:1/?code=x")
        login.type(redirect.replace("state=", "state=x"))
        login.type(f"  {redirect}  ")
        run = login.wait()

    assert run.code == 0, run.err
    assert run.out.count("Refused, because") == 2
    assert "Logged in as wickwillow" in run.out
    assert not (cli.folder / "opened.txt").exists()
    assert_no_secret(cli, run, also=query_of(redirect)["code"])


def test_input_that_ends_before_the_redirect_is_an_error(cli: Cli) -> None:
    with cli.login("--no-browser") as login:
        assert login.printed
        login.end_input()
        run = login.wait()

    assert run.code == 1
    assert "The input ended" in run.complaints[-1]


def test_code_that_expired_is_refused(demo: Emulator, cli: Cli) -> None:
    with cli.login() as login:
        redirect = answered(login.opened)
        demo.advance(3600)
        get(redirect)
        run = login.wait()

    assert run.code == 1
    assert "Pinterest refused the code (HTTP 401" in run.complaints[-1]
    assert not cli.token_path.exists()
    assert_no_secret(cli, run, also=query_of(redirect)["code"])


def test_wrong_client_secret_is_refused(cli: Cli) -> None:
    with cli.login(client_secret="another") as login:
        get(answered(login.opened))
        run = login.wait()

    assert run.code == 1
    assert "client_secret is wrong" in run.complaints[-1]
    assert "another" not in run.out + run.err


def test_scopes_can_be_chosen_and_the_user_may_stay_unknown(cli: Cli, plugins: Programs) -> None:
    with cli.login("--scopes", "ads:read") as login:
        assert query_of(login.opened)["scope"] == "ads:read"
        get(answered(login.opened))
        run = login.wait()

    assert run.code == 0, run.err
    assert "Logged in as a user without a name" in run.out
    assert plugins.tap().code == 0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"client_secret": ""}, "client_secret is not set"),
        ({"client_id": None}, "client_id is not set"),
        ({"refresh_token": "pinr.demo"}, "refresh_token is set"),
        ({"access_token": "pina_demo"}, "access_token is set"),
    ],
)
def test_settings_that_a_login_cannot_serve_are_named(
    cli: Cli, settings: dict[str, str], named: str
) -> None:
    run = cli.run("login", "--timeout", "1", **settings)

    assert run.code == 1
    assert named in run.complaints[-1]
    assert "_demo" not in run.err


def test_token_path_that_cannot_be_written_is_reported_before_the_page_opens(cli: Cli) -> None:
    blocked = cli.folder / "file"
    blocked.touch()

    run = cli.run("login", "--timeout", "1", token_path=str(blocked / "token.json"))

    assert run.code == 1
    assert "token_path" in run.complaints[-1]
    assert "http" not in run.out


def test_environment_of_tap_or_target_is_read(cli: Cli) -> None:
    env = {
        "TARGET_PINTEREST_AUDIENCES_CLIENT_ID": APP["client_id"],
        "TAP_PINTEREST_AUDIENCES_CLIENT_SECRET": APP["client_secret"],
        "TAP_PINTEREST_AUDIENCES_TOKEN_PATH": str(cli.token_path),
        "TARGET_PINTEREST_AUDIENCES_API_URL": cli.settings["api_url"],
    }
    other = {"TAP_PINTEREST_AUDIENCES_CLIENT_ID": "other"}

    run = cli.start("status", "--config", "ENV", env=env).wait()
    differ = cli.start("status", "--config", "ENV", env=env | other).wait()

    assert "holds no login of this app" in run.complaints[-1]
    assert "client_id: the variables of the tap and of the target differ" in differ.complaints[-1]


def test_page_is_pinterests_own_unless_the_api_is_on_this_machine() -> None:
    authorization = Authorization("1", "http://localhost:8085/", ("ads:read", "ads:write"), "s")

    assert authorization.page("https://api.pinterest.com/v5") == (
        "https://www.pinterest.com/oauth/?client_id=1&redirect_uri=http%3A%2F%2Flocalhost%3A8085"
        "%2F&response_type=code&scope=ads%3Aread%2Cads%3Awrite&state=s"
    )
    assert authorization.page("https://proxy.example/v5").startswith("https://www.pinterest.com/")
    assert authorization.page("http://[::1]:4010/v5").startswith("http://[::1]:4010/oauth/?")


@pytest.mark.parametrize("url", ["http://[", "https://localhost:8085/?code=c&state=s", "c", ""])
def test_pasted_text_that_is_not_the_redirect_is_refused(url: str) -> None:
    authorization = Authorization("1", "http://localhost:8085/", (), "s")

    assert authorization.code_in_url("http://localhost:8085?code=c&state=s") == "c"
    with pytest.raises(ForeignRedirectError):
        authorization.code_in_url(url)


def test_commands_do_not_import_the_plugins_or_each_others_packages(tmp_path: Path) -> None:
    code = "import sys, pinterest_audiences_cli.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    heavy = {"duckdb", "sqlalchemy", "pyarrow", "tap_pinterest_audiences", "http.server"}
    assert not heavy & set(done.stdout.split())
