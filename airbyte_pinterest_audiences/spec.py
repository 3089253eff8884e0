"""Airbyte's form of the settings, derived from the plugin's own. No I/O.

Airbyte wants one type for each setting, free-form objects as JSON text, and a choice as ``oneOf``.
"""

from __future__ import annotations

import copy
import json
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pinterest_audiences.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pinterest_audiences.plugin import PinterestPlugin

logger = logging.getLogger(__name__)

_KEPT_KEYWORDS = ("title", "description", "default", "enum", "format", "pattern")
_BOUNDS = ("minimum", "maximum")
_DRAFT_07 = "http://json-schema.org/draft-07/schema#"


@dataclass(frozen=True, slots=True)
class Option:
    """One way to answer a choice.

    Attributes:
        name: Its name in the configuration.
        title: Its name for the user.
        settings: The settings that it needs.
        implied: Settings that it stands for.
        extra: Schemas of what only the connector writes.
    """

    name: str
    title: str
    settings: tuple[str, ...] = ()
    implied: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting that Airbyte shows as a choice.

    Attributes:
        name: Its name in the configuration.
        title: Its name for the user.
        description: What it means.
        key: The field that says which option was chosen.
        options: The first one is chosen if the configuration says nothing, unless ``required``.
        required: Whether the configuration must answer it.
    """

    name: str
    title: str
    description: str
    key: str
    options: tuple[Option, ...]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """The settings of a plugin as Airbyte shows them.

    Attributes:
        plugin: The plugin.
        title: What to call the connector.
        choices: Settings that are choices.
        left_out: Settings that mean nothing in a container, or that Airbyte has of its own.
        changes: Keywords that replace those of the plugin's schema, by setting.
    """

    plugin: type[PinterestPlugin]
    title: str
    choices: tuple[Choice, ...]
    left_out: Collection[str]
    changes: Mapping[str, Mapping[str, Any]]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the configuration."""
        chosen = {name for each in self.choices for option in each.options for name in _all(option)}
        found = {each.name: self._choice(each) for each in self.choices}
        plain = self._properties()
        found |= {name: plain[name] for name in plain if name not in chosen}
        return {
            "$schema": _DRAFT_07,
            "type": "object",
            "title": self.title,
            "required": [each.name for each in self.choices if each.required],
            "properties": {
                name: {**schema, "order": number}
                for number, (name, schema) in enumerate(found.items())
            },
        }

    def settings(self, config: object) -> dict[str, Any]:
        """Return the plugin's settings for a configuration.

        Raises:
            SettingsError: If it is none. Values are not shown.
        """
        if not isinstance(config, dict):
            msg = "Settings: the configuration is not a JSON object"
            raise SettingsError(msg)
        given = {name: value for name, value in config.items() if value not in (None, "")}
        settings: dict[str, Any] = {}
        for choice in self.choices:
            settings |= self._chosen(choice, given.pop(choice.name, None))
        offered, own = self.schema()["properties"], self._own()
        for name, value in given.items():
            if name in offered:
                settings[name] = self._read(name, value)
            elif name in own:
                self._refuse_unoffered(name)
            else:
                logger.warning("There is no setting %s: it is not used", name)
        return settings

    def _own(self) -> dict[str, Any]:
        schema = copy.deepcopy(self.plugin.config_jsonschema)
        self.plugin.append_builtin_config(schema)
        return dict(schema["properties"])

    def _properties(self) -> dict[str, dict[str, Any]]:
        return {
            name: {**_property(schema), **self.changes.get(name, {})}
            for name, schema in self._own().items()
            if name not in self.left_out
        }

    def _choice(self, choice: Choice) -> dict[str, Any]:
        plain = self._properties()
        options = []
        for option in choice.options:
            const = {"type": "string", "const": option.name, "default": option.name, "order": 0}
            fields = {choice.key: const, **{name: plain[name] for name in option.settings}}
            for number, name in enumerate(option.settings, start=1):
                fields[name] = {**fields[name], "order": number}
            options.append(
                {
                    "type": "object",
                    "title": option.title,
                    "required": [choice.key, *option.settings],
                    "properties": {**fields, **option.extra},
                }
            )
        about = {"title": choice.title, "description": choice.description}
        return {"type": "object", **about, "oneOf": options}

    def _chosen(self, choice: Choice, given: object) -> dict[str, Any]:
        if given is None and not choice.required:
            return dict(choice.options[0].implied)
        names = " or ".join(option.name for option in choice.options)
        if not isinstance(given, dict):
            msg = f"Settings: {choice.name} has to be an object with {choice.key} {names}"
            raise SettingsError(msg)
        option = next((each for each in choice.options if each.name == given.get(choice.key)), None)
        if option is None:
            msg = f"Settings: {choice.name}.{choice.key} has to be {names}"
            raise SettingsError(msg)
        missing = [name for name in option.settings if given.get(name) in (None, "")]
        if missing:
            msg = (
                f"Settings: {choice.name} with {choice.key} {option.name} needs "
                f"{' and '.join(missing)}"
            )
            raise SettingsError(msg)
        return {
            **option.implied,
            **{name: self._read(name, given[name]) for name in option.settings},
        }

    def _read(self, name: str, value: Any) -> Any:  # noqa: ANN401
        pattern = self.changes.get(name, {}).get("pattern")
        if pattern and not (isinstance(value, str) and re.match(pattern, value)):
            msg = f"Settings: {name} does not match {pattern}"
            raise SettingsError(msg)
        schema = self._own()[name]
        if schema.get("secret") and not isinstance(value, str):
            msg = f"Settings: {name} is not text"
            raise SettingsError(msg)
        if not _is_object(schema) or isinstance(value, dict):
            return value
        try:
            found = json.loads(value)
        except (TypeError, ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            msg = f"Settings: {name} is not the text of a JSON object"
            raise SettingsError(msg)
        return found

    def _refuse_unoffered(self, name: str) -> None:
        """Refuse a setting of the plugin that this form does not have at this place.

        Raises:
            SettingsError: Always.
        """
        where = [
            choice.name
            for choice in self.choices
            for option in choice.options
            if name in _all(option)
        ]
        what = f"put it into {where[0]}" if where else "it does not exist under Airbyte: remove it"
        msg = f"Settings: {name} has no effect here; {what}"
        raise SettingsError(msg)


def _all(option: Option) -> set[str]:
    return {*option.settings, *option.implied}


def _is_object(schema: Mapping[str, Any]) -> bool:
    return "object" in schema["type"]


def _property(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a setting's schema with the one type that Airbyte can show."""
    kept = {key: schema[key] for key in _KEPT_KEYWORDS if key in schema}
    secret = {"airbyte_secret": True} if schema.get("secret") else {}
    types = [each for each in schema["type"] if each != "null"]
    if "object" in types:
        kept.pop("default", None)
        return {"type": "string", "multiline": True, **kept, **secret}
    if "string" in types:
        return {"type": "string", **kept, **secret}
    bounds = {key: schema[key] for key in _BOUNDS if key in schema}
    found = {"type": types[0], **kept, **bounds, **secret}
    if "items" in schema:
        # A title in here is one of another setting that shares the type.
        found["items"] = {**_property(schema["items"]), "title": schema["title"]}
    return found
