"""What the API refuses in the body of an audience.

Pinterest OpenAPI 5.23 says what is required, partly in its schemas, partly in the text about
`rule`. No refusal by Pinterest was recorded: 400 code 1 with the name of the field is a guess.
Undescribed keys are accepted, because Pinterest's schemas are open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_emulator.checks.values import is_digits, require, require_one_of
from pinterest_emulator.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

CREATABLE_TYPES = ("CUSTOMER_LIST", "VISITOR", "ENGAGEMENT", "ACTALIKE")
OPERATIONS = ("UPDATE", "REMOVE")
SHARING_TYPES = ("CUSTOM", "SYNDICATED")
DATA_PARTIES = ("1p", "3p")

# ENGAGEMENT requires nothing: Pinterest's own tests send only {"engager_type": 1}.
_REQUIRED_IN_RULE: dict[str, tuple[str, ...]] = {
    "CUSTOMER_LIST": ("customer_list_id",),
    "VISITOR": ("visitor_source_id",),
    "ENGAGEMENT": (),
    "ACTALIKE": ("seed_id", "country", "percentage"),
}
_ID_FIELDS = ("ad_account_id", "customer_list_id")
# Since 5.28 these have no pattern, and the first may be a list.
_TEXT_LIST_FIELDS = ("visitor_source_id", "pin_id", "ad_id", "campaign_id")
_RANGES = {"percentage": (1, 10), "retention_days": (1, 540), "engager_type": (1, 2)}


def check_create(body: Mapping[str, Any]) -> None:
    """Checks the body of `audiences/create`.

    Raises:
        ApiError: 400; also for PERSONA, which only Pinterest's sales staff can create.
    """
    require(body, ("audience_type", "name", "rule"))
    if body["audience_type"] == "PERSONA":
        refuse("'audience_type' PERSONA cannot be created through the API.")
    require_one_of("audience_type", body["audience_type"], CREATABLE_TYPES)
    _check_common(body)
    check_rule(body["rule"], body["audience_type"])


def check_create_custom(body: Mapping[str, Any]) -> None:
    """Checks the body of `audiences/create_custom` (Pinterest OpenAPI 5.8 to 5.18).

    Raises:
        ApiError: 400.
    """
    require(body, ("sharing_type", "name", "rule", "data_party"))
    require_one_of("sharing_type", body["sharing_type"], SHARING_TYPES)
    require_one_of("data_party", body["data_party"], DATA_PARTIES)
    _check_text(body, "category")
    _check_common(body)
    check_rule(body["rule"], None)


def check_update(body: Mapping[str, Any], audience_type: str) -> None:
    """Checks the body of `audiences/update`, where every key is optional.

    Args:
        body: The body.
        audience_type: The type of the audience as it is; an update cannot change it.

    Raises:
        ApiError: 400.
    """
    if "operation_type" in body:
        require_one_of("operation_type", body["operation_type"], OPERATIONS)
    require(body, [name for name in ("name", "rule") if name in body])
    _check_common(body)
    if "rule" in body:
        check_rule(body["rule"], audience_type)


def check_rule(rule: object, audience_type: str | None) -> None:
    """Checks a rule, and if the type is known, checks it against the type.

    Everything that Pinterest returned or is said to return is accepted, in every version:
    numbers as strings, one id or a list of them, ids of any length, any enum value. The values
    that one version lists are in `checks/strict.py`.

    Raises:
        ApiError: 400.
    """
    if not isinstance(rule, dict):
        refuse("'rule' must be an object.")
    require(rule, _REQUIRED_IN_RULE.get(audience_type or "", ()), prefix="rule.")
    for name in _ID_FIELDS:
        value = rule.get(name)
        if value is not None and not is_digits(value):
            refuse(rf"'rule.{name}' value {value!r} must match the pattern: ^\d+$")
    for name in _TEXT_LIST_FIELDS:
        value = rule.get(name)
        single = name == "visitor_source_id" and isinstance(value, str)
        if value is not None and not _all_text([value] if single else value):
            refuse(f"'rule.{name}' must be an array of strings.")
    seeds = rule.get("seed_id")
    if seeds is not None and not _all_digits([seeds] if isinstance(seeds, str) else seeds):
        refuse("'rule.seed_id' must be an array of strings of digits.")
    for name, (low, high) in _RANGES.items():
        value = rule.get(name)
        if value is not None and not _within(value, low, high):
            refuse(f"'rule.{name}' must be between {low} and {high} (was {value!r}).")


def _check_common(body: Mapping[str, Any]) -> None:
    for name in ("name", "description"):
        _check_text(body, name)
    if body.get("name") == "":
        refuse("'name' must not be empty.")
    account = body.get("ad_account_id")
    if account is not None and not is_digits(account):
        refuse(rf"'ad_account_id' value {account!r} must match the pattern: ^\d+$")


def _check_text(body: Mapping[str, Any], name: str) -> None:
    if not isinstance(body.get(name), str | None):
        refuse(f"'{name}' must be a string.")


def _all_digits(values: object) -> bool:
    return isinstance(values, list) and bool(values) and all(is_digits(value) for value in values)


def _all_text(values: object) -> bool:
    return (
        isinstance(values, list)
        and bool(values)
        and all(isinstance(value, str) and value for value in values)
    )


def _within(value: object, low: int, high: int) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return is_digits(value) and low <= int(value) <= high
    return isinstance(value, int) and low <= value <= high
