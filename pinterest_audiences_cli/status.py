"""`pinterest-audiences status`: which token a run would use, and what it may do."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from typing import TYPE_CHECKING, Any

import click

from pinterest_audiences.errors import one_line_errors
from pinterest_audiences_cli.settings import config_option, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_audiences.api.token_store import StoredToken

logger = logging.getLogger(__name__)


@click.command()
@config_option
def status(config_paths: tuple[str, ...]) -> None:
    """Show the token that a run would use, its ad accounts, and the rate limits."""
    from pinterest_audiences.api.client import PinterestAPI  # noqa: PLC0415
    from pinterest_audiences_cli.account import ad_accounts, user_of  # noqa: PLC0415

    with one_line_errors(logger):
        settings = read_settings(config_paths)
        try:
            api = PinterestAPI(settings)
            accounts = ad_accounts(api)
            user = user_of(api)
        finally:
            # Only now, because the request may have renewed it; and also if it failed.
            for line in _token_lines(settings):
                click.echo(line)
        click.echo(f"user: {user or 'not known to this token'}")
        click.echo(f"ad accounts: {len(accounts)}")
        for line in accounts:
            click.echo(f"  {line}")
        for line in _limit_lines(api):
            click.echo(line)


def _token_lines(settings: dict[str, Any]) -> Iterator[str]:
    """Describe the tokens that the settings lead to, in the order in which a run prefers them."""
    from pinterest_audiences.api.login_store import LoginStore, user_name  # noqa: PLC0415
    from pinterest_audiences.api.token_store import TokenStore  # noqa: PLC0415

    client_id, path = str(settings.get("client_id") or "").strip(), settings.get("token_path")
    refresh_token = str(settings.get("refresh_token") or "").strip()
    access_token = str(settings.get("access_token") or "").strip()
    if refresh_token and client_id:
        store = TokenStore(path, client_id, refresh_token)
        kept = store.read()
        yield f"token: refresh_token of the settings {_digest(refresh_token)}"
        if kept:
            yield f"  renewed, in {store}: {_digest(kept.refresh_token)}"
            yield from _details(kept)
    elif access_token:
        yield f"token: access_token of the settings {_digest(access_token)}"
    elif client_id:
        logins = LoginStore(path, client_id)
        if not logins.is_asked_for():
            yield "token: client credentials (reads only)"
            return
        for token in logins.all():
            yield f"token: login of {user_name(token)}, in {logins}: {_digest(token.refresh_token)}"
            yield from _details(token)


def _details(token: StoredToken) -> Iterator[str]:
    yield f"  access token ends: {_time(token.access_ends_at)}"
    yield f"  refresh token ends: {_time(token.refresh_ends_at)}"
    yield f"  scopes: {token.scope or 'not known'}"


def _limit_lines(api: PinterestAPI) -> Iterator[str]:
    yield "rate limits:"
    for category, (left, policies) in sorted(api.limits_seen().items()):
        quotas = ", ".join(f"{each.quota} in {each.seconds} s" for each in policies)
        yield f"  {category}: {'?' if left is None else left} left; at most {quotas or '?'}"


def _digest(token: str) -> str:
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()[:12]}"


def _time(seconds: int) -> str:
    if not seconds:
        return "not known"
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M} UTC"
