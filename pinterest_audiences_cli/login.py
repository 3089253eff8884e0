"""`pinterest-audiences login`: a user lets the app act in the user's name, in the browser."""

from __future__ import annotations

import json
import logging
import secrets
import shlex
import sys
import webbrowser
from typing import TYPE_CHECKING, Any

import click

from pinterest_audiences.errors import (
    InvalidResponseError,
    PinterestError,
    RequestFailedError,
    SettingsError,
    one_line_errors,
)
from pinterest_audiences_cli.settings import client_of, config_option, read_settings

if TYPE_CHECKING:
    from pinterest_audiences.api.authorization import Authorization
    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_audiences.api.login_store import LoginStore
    from pinterest_audiences.api.token_store import StoredToken

logger = logging.getLogger(__name__)

_DEFAULT_PORT = 8085
_SMALLEST_PORT, _LARGEST_PORT = 1024, 65_535
_DEFAULT_TIMEOUT_SECONDS = 300


@click.command()
@config_option
@click.option(
    "--port",
    type=click.IntRange(_SMALLEST_PORT, _LARGEST_PORT),
    default=_DEFAULT_PORT,
    show_default=True,
    help="Port of this machine that receives Pinterest's answer. The app at Pinterest needs the "
    "redirect URI http://localhost:PORT/.",
)
@click.option(
    "--scopes",
    metavar="A,B",
    help="What to ask for, by default ads:read,ads:write,user_accounts:read. The streams of "
    "businesses need biz_access:read too, and sharing by a business biz_access:write.",
)
@click.option(
    "--no-browser",
    is_flag=True,
    help="Print the address of the page, and ask for the address that the browser ends at.",
)
@click.option(
    "--timeout",
    type=click.IntRange(1),
    default=_DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds to wait for an answer in the browser.",
)
def login(
    config_paths: tuple[str, ...],
    port: int,
    scopes: str | None,
    no_browser: bool,  # noqa: FBT001  (an option)
    timeout: int,
) -> None:
    """Log in at Pinterest with the browser, and store the tokens in token_path."""
    from pinterest_audiences.api.authorization import (  # noqa: PLC0415
        DEFAULT_SCOPES,
        Authorization,
    )
    from pinterest_audiences.api.client import PinterestAPI  # noqa: PLC0415
    from pinterest_audiences.api.hooks import Hooks  # noqa: PLC0415
    from pinterest_audiences.api.login_store import LoginStore  # noqa: PLC0415

    with one_line_errors(logger):
        settings = read_settings(config_paths)
        _check(settings)
        authorization = Authorization(
            client_of(settings),
            f"http://localhost:{port}/",
            tuple(scopes.replace(",", " ").split()) if scopes else DEFAULT_SCOPES,
            secrets.token_urlsafe(32),
        )
        store = LoginStore(settings.get("token_path"), authorization.client_id)
        api = PinterestAPI(settings, Hooks(token_store=store))
        with store.locked(api.max_wait):
            pass  # If the tokens cannot be stored, nobody is asked for them.
        page = authorization.page(api.url)
        code = (
            _pasted(authorization, page) if no_browser else _received(authorization, page, timeout)
        )
        token = _exchanged(api, authorization, code)
        _store_and_show(settings, store, token)


def _check(settings: dict[str, Any]) -> None:
    """Make sure that runs with these settings will use the login.

    Raises:
        SettingsError: If they will not.
    """
    for name in ("refresh_token", "access_token"):
        if settings.get(name):
            msg = f"Settings: {name} is set, and a run uses it instead of a login: remove it first"
            raise SettingsError(msg)


def _received(authorization: Authorization, page: str, timeout: int) -> str:
    """Open the page, and return the code that the browser brings back."""
    from pinterest_audiences_cli.loopback import RedirectReceiver  # noqa: PLC0415

    with RedirectReceiver(authorization) as receiver:
        click.echo(f"Answer Pinterest's page in the browser. If none opens, open:\n\n  {page}\n")
        webbrowser.open(page)
        return receiver.wait(timeout)


def _pasted(authorization: Authorization, page: str) -> str:
    """Print the page, and return the code of the address that the user pastes.

    Raises:
        PinterestError: If the input ends before.
    """
    from pinterest_audiences.api.authorization import ForeignRedirectError  # noqa: PLC0415

    click.echo(
        f"Open this page in a browser and answer it:\n\n  {page}\n\nThe browser then cannot open "
        f"an address that begins with {authorization.redirect_uri}.\nPaste that address here:"
    )
    for line in sys.stdin:
        if line.strip():
            try:
                return authorization.code_in_url(line)
            except ForeignRedirectError as error:
                click.echo(f"Refused, because {error}. Paste the address again:")
    msg = "The input ended without the address that the browser ended at, so nobody was logged in"
    raise PinterestError(msg)


def _exchanged(api: PinterestAPI, authorization: Authorization, code: str) -> StoredToken:
    """Exchange a code for tokens.

    Raises:
        PinterestError: If Pinterest refused the code.
        InvalidResponseError: If the answer has no tokens.
    """
    from pinterest_audiences.api.auth import renewed  # noqa: PLC0415
    from pinterest_audiences.api.operations import OAUTH_TOKEN  # noqa: PLC0415
    from pinterest_audiences.api.token_store import StoredToken  # noqa: PLC0415

    try:
        answer = api.request_as_app(OAUTH_TOKEN, authorization.form(code)).data
    except RequestFailedError as error:
        msg = (
            f"Pinterest refused the code (HTTP {error.status}, code {error.code}): it was used or "
            f"is too old, or client_secret is wrong, or the app lacks the redirect URI "
            f"{authorization.redirect_uri}: check these, then run pinterest-audiences login again"
        )
        raise PinterestError(msg) from None
    token = renewed(StoredToken("", "", 0), answer)
    if not token.refresh_token or not token.access_token:
        msg = f"Pinterest's answer to {OAUTH_TOKEN.name} holds no access_token or no refresh_token"
        raise InvalidResponseError(msg)
    return token


def _store_and_show(settings: dict[str, Any], store: LoginStore, token: StoredToken) -> None:
    """Store the tokens of the user, and print what the user sees and what to configure."""
    from dataclasses import replace  # noqa: PLC0415

    from pinterest_audiences.api.client import PinterestAPI  # noqa: PLC0415
    from pinterest_audiences.api.login_store import user_name  # noqa: PLC0415
    from pinterest_audiences_cli.account import ad_accounts, user_of  # noqa: PLC0415

    app = ("client_id", "client_secret")
    bearer = {name: value for name, value in settings.items() if name not in app}
    api = PinterestAPI({**bearer, "access_token": token.access_token})
    token = replace(token, user=user_of(api))
    with store.locked(api.max_wait):
        store.write(token)
    path = str(store.path.absolute())
    click.echo(f"Logged in as {user_name(token)}. The tokens are in {path}.")
    if len(store.all()) > 1:
        logger.warning(
            "token_path: other users of this app are logged in as well, so runs with this file "
            "fail: log them out with pinterest-audiences logout --user NAME"
        )
    accounts = ad_accounts(api)
    click.echo(f"\nAd accounts that this user sees: {len(accounts)}")
    for line in accounts:
        click.echo(f"  {line}")
    click.echo(_to_configure(str(settings["client_id"]), path))


def _to_configure(client_id: str, path: str) -> str:
    prefix = "  export TAP_PINTEREST_AUDIENCES_"
    return "\n".join(
        [
            "\nIn meltano.yml, under config of the tap and of the target:",
            f"  client_id: {json.dumps(client_id)}",
            "  client_secret: $PINTEREST_CLIENT_SECRET",
            f"  token_path: {json.dumps(path)}",
            "\nOr in the environment, for --config ENV (the target's begin with TARGET_):",
            f"{prefix}CLIENT_ID={shlex.quote(client_id)}",
            f'{prefix}CLIENT_SECRET="$PINTEREST_CLIENT_SECRET"',
            f"{prefix}TOKEN_PATH={shlex.quote(path)}",
        ]
    )
