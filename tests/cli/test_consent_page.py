"""The login in a real browser: Debian's Chromium, without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logins import Cli
    from webdriver import Browser


def decide(browser: Browser, page: str, decision: str) -> str:
    """Press a button of the page, and return the text of the next page."""
    browser.open(page)
    shown = browser.text("main")
    assert "The app demo-app wants to use your account" in shown
    for scope in ("ads:read", "ads:write", "user_accounts:read"):
        assert scope in shown
    assert "biz_access" not in shown
    browser.click(f"button[value={decision}]")
    return browser.text("body > p")  # which only the next page has


def test_user_allows_in_a_browser(cli: Cli, browser: Browser) -> None:
    with cli.login() as login:
        arrived = decide(browser, login.opened, "allow")
        run = login.wait()

    assert "Go back to the terminal" in arrived
    assert run.code == 0, run.err
    assert "Logged in as wickwillow" in run.out


def test_user_declines_in_a_browser(cli: Cli, browser: Browser) -> None:
    with cli.login() as login:
        arrived = decide(browser, login.opened, "decline")
        run = login.wait()

    assert "The user declined" in arrived
    assert run.code == 1
    assert "The user declined" in run.complaints[-1]
    assert not cli.token_path.exists()
