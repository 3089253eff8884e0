"""`pinterest-audiences logout`: ends the tokens of a login, here and at Pinterest."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from pinterest_audiences.errors import (
    PinterestError,
    RequestFailedError,
    SettingsError,
    one_line_errors,
)
from pinterest_audiences_cli.settings import client_of, config_option, read_settings

if TYPE_CHECKING:
    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_audiences.api.login_store import LoginStore
    from pinterest_audiences.api.token_store import StoredToken

logger = logging.getLogger(__name__)


@click.command()
@config_option
@click.option("--user", metavar="NAME", help="Who is to be logged out, if several are logged in.")
def logout(config_paths: tuple[str, ...], user: str | None) -> None:
    """Revoke the tokens of a login at Pinterest, and remove them from token_path."""
    from pinterest_audiences.api.client import PinterestAPI  # noqa: PLC0415
    from pinterest_audiences.api.hooks import Hooks  # noqa: PLC0415
    from pinterest_audiences.api.login_store import LoginStore, user_name  # noqa: PLC0415

    with one_line_errors(logger):
        settings = read_settings(config_paths)
        store = LoginStore(settings.get("token_path"), client_of(settings))
        api = PinterestAPI(settings, Hooks(token_store=store))
        with store.locked(api.max_wait):
            token = _chosen(store, user)
            try:
                _revoke(api, token)
            except RequestFailedError as error:
                store.remove(token)
                msg = (
                    f"Pinterest did not revoke the tokens of {user_name(token)} ({error}). They "
                    f"are no longer in {store}, but they are valid until they end: remove the "
                    "app in the user's settings at Pinterest"
                )
                raise PinterestError(msg) from None
            store.remove(token)
        click.echo(
            f"Logged out {user_name(token)}. The tokens are revoked and no longer in {store}."
        )


def _chosen(store: LoginStore, user: str | None) -> StoredToken:
    if user is None:
        return store.read()
    for token in store.all():
        if token.user == user:
            return token
    msg = f"--user: {store} holds no login of that user and this app"
    raise SettingsError(msg)


def _revoke(api: PinterestAPI, token: StoredToken) -> None:
    """End both tokens at Pinterest.

    Pinterest's OpenAPI description 5.23 (``token/revoke``) says that only the tokens of system
    users can be revoked.
    """
    from pinterest_audiences.api.operations import REVOKE_TOKEN  # noqa: PLC0415

    for hint in ("refresh_token", "access_token"):
        value = getattr(token, hint)
        if value:
            api.request_as_app(REVOKE_TOKEN, {"token": value, "token_type_hint": hint})
