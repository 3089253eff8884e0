"""Values of settings, read from the environment and brought into one form.

Whatever can be read two ways is refused: a value that the SDK takes for "no", such as ``y``, would
turn a dry run into a real one.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import TYPE_CHECKING, Any

from pinterest_audiences.errors import SettingsError, redact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LONGEST_NUMBER = 100
_SHORTEST_NAME = 3
_RESEMBLANCE = 0.8
_LONGEST_EXACT_FLOAT = 2**53


def variable_of(name: str, prefix: str) -> str:
    """Return the environment variable of a setting."""
    return prefix + name.upper().replace("-", "_")


def read_variables(
    schema: Mapping[str, Any], texts: Mapping[str, str], prefix: str
) -> dict[str, Any]:
    """Return the settings that environment variables give.

    An empty variable is one that is not set.

    Args:
        schema: JSON schema of all settings.
        texts: Values of variables, by setting.
        prefix: What the names of the variables begin with.

    Raises:
        SettingsError: If a value is not of its setting's type. The value is not shown.
    """
    properties: Mapping[str, Any] = schema["properties"]
    found: dict[str, Any] = {}
    for name, text in texts.items():
        if not text.strip():
            continue
        try:
            found[name] = _read(text, properties[name])
        except _UnreadableError as error:
            variable = variable_of(name, prefix)
            msg = f"Settings: {name}: the environment variable {variable} {error}"
            raise SettingsError(msg) from None
    return found


def unread_variables(
    schema: Mapping[str, Any],
    config: Mapping[str, Any],
    environment: Mapping[str, str],
    prefix: str,
) -> dict[str, str]:
    """Return the variables that mean something else than the settings which a run uses.

    A run reads them only with ``--config ENV``. Meltano sets them beside its configuration file, to
    the same values. Lists and objects are not compared: Meltano writes them in a form of its own.

    Args:
        schema: JSON schema of all settings.
        config: The settings that the run uses.
        environment: All environment variables.
        prefix: What the names of the variables begin with.

    Returns:
        The name of each variable, by the name of its setting.
    """
    found = {}
    for name, each in schema["properties"].items():
        variable = variable_of(name, prefix)
        text = environment.get(variable, "")
        used = config.get(name, each.get("default"))
        is_simple = not {"array", "object"} & {*each["type"]}
        if is_simple and text.strip() and not _means(text, used, each):
            found[name] = variable
    return found


def check_names(names: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the names that are no settings and resemble none, as they may be shown.

    Args:
        names: What somebody set.
        known: The names of all settings.

    Raises:
        SettingsError: If a name is a misspelt setting. A run without what it asks for may write
            where a dry run was meant.
    """
    others = []
    for name in names:
        if name in known:
            continue
        if meant := _resembled(name, known):
            msg = f"Settings: there is no setting {redact(name)}: write {meant}, or remove it"
            raise SettingsError(msg)
        others.append(redact(name))
    return others


def _resembled(name: str, known: Collection[str]) -> str | None:
    short = {re.sub(r"[\W_]", "", each).casefold(): each for each in known}
    plain = re.sub(r"[\W_]", "", name).casefold()
    if len(plain) < _SHORTEST_NAME:
        return None
    for each, meant in short.items():
        if each.startswith(plain) or plain.startswith(each):
            return meant
    close = difflib.get_close_matches(plain, short, n=1, cutoff=_RESEMBLANCE)
    return short[close[0]] if close else None


def _means(text: str, used: Any, schema: Mapping[str, Any]) -> bool:  # noqa: ANN401
    try:
        return text == str(used) or bool(_read(text, schema) == used)
    except _UnreadableError:
        return False


def in_one_form(value: Any, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return a valid value with whole numbers as integers, and as text if it is an id.

    Raises:
        ValueError: If it is a number that no calculation can use, or an id that lost digits.
    """
    types = schema.get("type", ())
    if isinstance(value, float) and not math.isfinite(value):
        msg = "is not a finite number"
        raise ValueError(msg)
    if isinstance(value, dict) and isinstance(inner := schema.get("additionalProperties"), dict):
        return {key: in_one_form(each, inner) for key, each in value.items()}
    if isinstance(value, list) and "items" in schema:
        return [in_one_form(each, schema["items"]) for each in value]
    if isinstance(value, bool) or not isinstance(value, int | float) or "integer" not in types:
        return value
    if "string" not in types:
        return int(value)
    if isinstance(value, float) and value >= _LONGEST_EXACT_FLOAT:
        msg = "is an id that lost digits: put it in quotes"
        raise ValueError(msg)
    return str(int(value))


class _UnreadableError(ValueError):
    """A text is no value of a setting; the message goes on after the variable's name."""


def _read(text: str, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401
    types = schema["type"]
    stripped = text.strip()
    if "string" in types:
        return text
    if "boolean" in types:
        if stripped.lower() not in _BOOLEANS:
            msg = "is neither true nor false: write true or false"
            raise _UnreadableError(msg)
        return _BOOLEANS[stripped.lower()]
    if "integer" in types or "number" in types:
        return _number(stripped, whole="integer" in types)
    return _json(stripped, types)


def _number(stripped: str, *, whole: bool) -> float:
    form = _INTEGER if whole else _NUMBER
    if (
        len(stripped) > _LONGEST_NUMBER
        or not form.fullmatch(stripped)
        or math.isinf(float(stripped))
    ):
        msg = "is not a whole number" if whole else "is not a number"
        raise _UnreadableError(msg)
    return int(stripped) if whole else float(stripped)


def _exact_float(text: str) -> float:
    """Return a number that is no rounded id, such as 2.54262E+12 of a spreadsheet."""
    number = float(text)
    is_rounded = "e" in text.lower() and number.is_integer()
    if is_rounded or abs(number) >= _LONGEST_EXACT_FLOAT:
        msg = "holds a number that may have lost digits: put ids in quotes"
        raise _UnreadableError(msg)
    return number


def _json(stripped: str, types: Sequence[str]) -> list[Any] | dict[str, Any]:
    if "array" in types and not stripped.startswith(("[", "{", '"')):
        return [part.strip() for part in stripped.split(",")]  # the short form of lists of ids
    kind, what = (list, "a JSON array") if "array" in types else (dict, "a JSON object")
    try:
        value = json.loads(stripped, parse_float=_exact_float)
    except _UnreadableError:
        raise
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list | dict) or not isinstance(value, kind):
        msg = f"is not {what}"
        raise _UnreadableError(msg)
    return value
