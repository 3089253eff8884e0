"""Writes the definitions for Meltano Hub: ``make hub``.

The settings come from ``meltano.yml``, which tests hold equal to the code. What only the hub wants
to know stands here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
NAMES = {"extractors": "tap-pinterest-audiences", "loaders": "target-pinterest-audiences"}
VARIANT = "pinterest-audiences"
REPO = "https://github.com/pinterest-audiences/pinterest-audiences"
_TITLES = {
    "extractors": "Pinterest's ad accounts, audiences, customer lists and insights.",
    "loaders": "Creates and updates Pinterest's audiences, and fills them with members.",
}
_OF_THE_PROJECT = {"config", "load_schema", "metadata", "pip_url", "select"}
"""What ``meltano.yml`` says of this project's jobs, and not of the plugin."""


def definition(kind: str) -> dict[str, Any]:
    """Return the definition of a plugin, as the hub keeps it.

    Args:
        kind: ``extractors`` or ``loaders``.
    """
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (plugin,) = (each for each in project["plugins"][kind] if each["name"] == NAMES[kind])
    own = {key: value for key, value in plugin.items() if key not in _OF_THE_PROJECT}
    return own | {
        "variant": VARIANT,
        "label": "Pinterest Audiences",
        "description": _TITLES[kind],
        "domain_url": "https://developers.pinterest.com/docs/api/v5/",
        "logo_url": f"/assets/logos/{kind}/pinterest-audiences.png",
        "repo": REPO,
        "pip_url": f"git+{REPO}.git",
        "keywords": ["api", "meltano_sdk", "pinterest", "reverse-etl"],
        "maintenance_status": "active",
        "quality": "silver",
        "prereq": "",
        "next_steps": "",
        "settings_preamble": (
            "Set `access_token`, or `client_id` and `client_secret` with a `refresh_token`. "
            f"[How to get them]({REPO}/blob/main/docs/login.md)."
        ),
        "usage": f"[All settings, and what you can rely on]({REPO}#readme).",
    }


def path_of(kind: str) -> Path:
    """Return the file of a definition, named as in the hub's repository."""
    return ROOT / "hub" / kind / NAMES[kind] / f"{VARIANT}.yml"


def text_of(kind: str) -> str:
    """Return the content of that file."""
    text: str = yaml.safe_dump(definition(kind), allow_unicode=True, width=10_000)
    return text


if __name__ == "__main__":
    for each in NAMES:
        path_of(each).parent.mkdir(parents=True, exist_ok=True)
        path_of(each).write_text(text_of(each))
