"""What ``--about`` prints for a person: the SDK's text has neither descriptions nor defaults."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk.about import AboutInfo

_WIDTH = 100


def about_text(about: AboutInfo) -> str:
    """Return what a plugin is and all that can be set."""
    capabilities = ", ".join(str(each.value) for each in about.capabilities)
    lines = [
        f"{about.name} {about.version}, Meltano SDK {about.sdk_version}",
        f"{about.description}",
        "",
        *textwrap.wrap(f"Capabilities: {capabilities}", _WIDTH),
        "",
        "Settings, and the variables that set them with --config ENV:",
    ]
    for name, schema in _settings(about.settings["properties"]):
        variable = about.env_var_prefix + name.partition(".")[0].upper()
        lines += ["", f"{name} ({_kind(schema)})", f"    {variable}"]
        lines += textwrap.wrap(
            schema.get("description", ""), _WIDTH, initial_indent="    ", subsequent_indent="    "
        )
    return "\n".join(lines)


def _settings(
    properties: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, schema in properties.items():
        if inner := schema.get("properties"):
            yield from _settings(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, schema


def _kind(schema: Mapping[str, Any]) -> str:
    types = schema.get("type", "any")
    names = [types] if isinstance(types, str) else [name for name in types if name != "null"]
    kind = " or ".join(map(str, schema.get("enum") or names))
    default = schema.get("default")
    if default is None:
        return kind
    return f"{kind}, default {str(default).lower() if isinstance(default, bool) else default}"
