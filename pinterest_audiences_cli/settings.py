"""The settings of the commands that log in and out: those of the plugins."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click
from singer_sdk import typing as th

from pinterest_audiences.config import API_SETTINGS
from pinterest_audiences.errors import SettingsError
from pinterest_audiences.plugin import PinterestPlugin
from pinterest_audiences.setting_values import check_names

if TYPE_CHECKING:
    from collections.abc import Callable

config_option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
    "--config",
    "config_paths",
    multiple=True,
    required=True,
    metavar="FILE",
    help="Settings of the tap or the target as JSON, or ENV for their environment variables; may "
    "be repeated.",
)


# Without defaults, so that what is not set cannot differ between the two.
_SCHEMA: dict[str, Any] = th.PropertiesList(*API_SETTINGS).to_dict()
_SCHEMA["properties"] = {
    name: {key: value for key, value in each.items() if key != "default"}
    for name, each in _SCHEMA["properties"].items()
}


class _OfTap(PinterestPlugin):
    name = "tap-pinterest-audiences"
    config_jsonschema = _SCHEMA


class _OfTarget(PinterestPlugin):
    name = "target-pinterest-audiences"
    config_jsonschema = _SCHEMA


def read_settings(config_paths: tuple[str, ...]) -> dict[str, Any]:
    """Return what ``--config`` names, with the variables of the tap and of the target.

    Raises:
        SettingsError: If a setting cannot be right, is misspelt, or has two values.
    """
    for name in (_OfTap.name, _OfTarget.name, "singer_sdk"):
        # They report where each setting comes from, which is for the log of a scheduled run.
        logging.getLogger(name).setLevel(logging.WARNING)
    context, option = click.get_current_context(), click.Option(["--config"])
    given = _OfTap.cb_config(context, option, config_paths)
    check_names(given.config, _SCHEMA["properties"])  # others may be of the tap or the target
    kinds = (_OfTap, _OfTarget) if given.parse_env else (_OfTap,)
    of_tap, *of_target = (
        kind(config=dict(given.config), parse_env_config=given.parse_env).config for kind in kinds
    )
    settings = dict(of_tap)
    for name, value in (of_target[0] if of_target else {}).items():
        if settings.setdefault(name, value) != value:
            msg = (
                f"Settings: {name}: the variables of the tap and of the target differ, so it is "
                "not clear what is meant: unset one"
            )
            raise SettingsError(msg)
    return settings


def client_of(settings: dict[str, Any]) -> str:
    """Return the app's id.

    Raises:
        SettingsError: If the settings lack it or the secret.
    """
    for name in ("client_id", "client_secret"):
        if not str(settings.get(name) or "").strip():
            msg = f"Settings: {name} is not set: copy it from the app's page at Pinterest"
            raise SettingsError(msg)
    return str(settings["client_id"]).strip()
