"""The enum values and the forms of ids that one version of the description lists.

The live API may accept more, so the emulator checks these only if it is `strict`. Some enums are
schemas, others a list of "supported values" in the text; both count. The text of an error is a
guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_emulator.checks.values import is_digits, require_one_of
from pinterest_emulator.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pinterest_emulator.settings import Spec

_OBJECTIVES = (
    "AWARENESS",
    "CONSIDERATION",
    "WEB_CONVERSION",
    "CATALOG_SALES",
    "VIDEO_COMPLETION",
)
OBJECTIVES: dict[Spec, tuple[str, ...]] = {
    "5.18": _OBJECTIVES,
    "5.23": _OBJECTIVES,
    "5.28": (*_OBJECTIVES, "SALES"),
}
AUDIENCE_TYPES = ("CUSTOMER_LIST", "VISITOR", "ENGAGEMENT", "ACTALIKE", "PERSONA")
ENGAGEMENTS = ("click", "save", "closeup", "comment", "like")
SOURCES = {
    "event_source": ("web", "mobile", "offline"),
    "ingestion_source": ("tag", "mmp", "file_upload", "conversions_api"),
}
URL_OPERATORS = ("=", "!=", "contains", "not_contains")
CURRENCIES = (
    "UNK", "USD", "GBP", "CAD", "EUR", "AUD", "NZD", "SEK", "ILS", "CHF", "HKD", "JPY", "SGD",
    "KRW", "NOK", "DKK", "PLN", "RON", "HUF", "CZK", "BRL", "MXN", "ARS", "CLP", "COP", "INR",
    "TRY",
)  # fmt: skip
"""`Currency`, the enum of `event_data.currency`: the same in all three versions."""

_ID_LISTS = ("pin_id", "ad_id", "campaign_id")


def check_update(body: Mapping[str, Any], spec: Spec) -> None:
    """Checks the body of `audiences/update`, whose form has already been checked.

    Since 5.28 it may have an `audience_type`.

    Raises:
        ApiError: 400.
    """
    if spec == "5.28" and body.get("audience_type") is not None:
        require_one_of("audience_type", body["audience_type"], AUDIENCE_TYPES)
    if "rule" in body:
        check_rule(body["rule"], spec)


def check_rule(rule: Mapping[str, Any], spec: Spec) -> None:
    """Checks a rule, whose form has already been checked, against that version.

    Raises:
        ApiError: 400.
    """
    _check_list(rule, "objective_type", OBJECTIVES[spec])
    if rule.get("engagement_type") is not None:
        require_one_of("rule.engagement_type", rule["engagement_type"], ENGAGEMENTS)
    for name, allowed in SOURCES.items():
        source = rule.get(name)
        if source is None:
            continue
        if not isinstance(source, dict) or set(source) != {"="}:
            refuse(f"'rule.{name}' must be an object with the operator '=' alone.")
        _check_list(source, "=", allowed, prefix=f"rule.{name}.")
    _check_url(rule.get("url"))
    event_data = rule.get("event_data")
    if isinstance(event_data, dict) and event_data.get("currency") is not None:
        require_one_of("rule.event_data.currency", event_data["currency"], CURRENCIES)
    if spec != "5.28":
        _check_ids(rule)


def _check_list(
    values: Mapping[str, Any], name: str, allowed: Collection[str], prefix: str = "rule."
) -> None:
    value = values.get(name)
    if value is None:
        return
    if not isinstance(value, list):
        refuse(f"'{prefix}{name}' must be an array.")
    for item in value:
        require_one_of(f"{prefix}{name}", item, allowed)


def _check_url(url: object) -> None:
    """An array in the schema; in the text a string or an object of operators."""
    if isinstance(url, dict):
        for operator in url:
            require_one_of("rule.url", operator, URL_OPERATORS)
    elif url is not None and not isinstance(url, str | list):
        refuse("'rule.url' must be an array, a string or an object.")


def _check_ids(rule: Mapping[str, Any]) -> None:
    """The patterns that 5.28 dropped, and the form of `seed_id` before 5.28."""
    tags = rule.get("visitor_source_id")
    # The description's own example has a list of tags.
    for tag in tags if isinstance(tags, list) else [tags]:
        if tag is not None and not is_digits(tag):
            refuse(rf"'rule.visitor_source_id' value {tag!r} must match the pattern: ^\d+$")
    for name in _ID_LISTS:
        for value in rule.get(name) or ():
            if not is_digits(value):
                refuse(rf"'rule.{name}' value {value!r} must match the pattern: ^\d+$")
    if isinstance(rule.get("seed_id"), str):
        refuse("'rule.seed_id' must be an array of strings of digits.")
