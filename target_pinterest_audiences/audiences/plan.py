"""The plans of the target: what a record wants and what exists, in; the change, out.

No I/O in here. Facts about Pinterest: its OpenAPI description 5.23; that names are not unique and
that a server adds no defaults to a rule was seen live in 2026-07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pinterest_audiences.errors import redact
from target_pinterest_audiences.audiences.references import MAPPED_IDS, newest
from target_pinterest_audiences.audiences.rule_fields import normalised
from target_pinterest_audiences.audiences.rules import check_rule, same_rule
from target_pinterest_audiences.changes import (
    Change,
    Create,
    Defer,
    Reject,
    Remove,
    Unchanged,
    Update,
)
from target_pinterest_audiences.input.names import name_key, placeholder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_pinterest_audiences.audiences.desired import Desired
    from target_pinterest_audiences.audiences.references import OnAmbiguous

    WriteMode = Literal["upsert", "create", "update"]
    Audience = Mapping[str, Any]
    """An audience as Pinterest answers it."""

CREATABLE_TYPES = ("ACTALIKE", "CUSTOMER_LIST", "ENGAGEMENT", "VISITOR")
PASSING = frozenset({"INITIALIZING", "PERSONAS_INITIALIZING"})
"""Statuses that pass by themselves (Pinterest OpenAPI 5.28)."""
TOO_SMALL = frozenset({"TOO_SMALL", "PERSONAS_INELIGIBLE_SIZE"})
"""Statuses that stay until the audience has more people."""


def plan(
    desired: Desired,
    existing: Sequence[Audience],
    *,
    write_mode: WriteMode = "upsert",
    on_ambiguous: OnAmbiguous = "reject",
) -> Change:
    """Decide what to do about one record.

    Args:
        desired: What the record wants.
        existing: The audiences of the ad account that match it: the one with its id if it has an
            id, else all of its name.
        write_mode: ``create`` leaves what exists, ``update`` creates nothing.
        on_ambiguous: What to do about several audiences of one name. A removal of one of them is
            rejected in any case: with "newest" each run would remove another one.
    """
    if len(existing) > 1 and (desired.remove or on_ambiguous == "reject"):
        ids = ", ".join(str(audience["id"]) for audience in existing)
        advice = "" if desired.remove else ", or set on_ambiguous to newest"
        return Reject(
            "ambiguous_name",
            f"{len(existing)} audiences in ad account {desired.ad_account_id} have this name "
            f"(ids {ids}): give the record the id of one{advice}",
        )
    if not existing:
        return _plan_missing(desired, write_mode)
    audience = existing[0] if len(existing) == 1 else newest(existing)
    return _plan_existing(desired, audience, write_mode)


def made_by(body: Mapping[str, Any], audience: Audience) -> bool:
    """Return whether ``audience`` looks like the outcome of a create request with ``body``."""
    same_name = name_key(str(audience.get("name"))) == name_key(body["name"])
    return same_name and same_rule(body["rule"], audience.get("rule") or {})


def is_as_wanted(desired: Desired, audience: Audience) -> bool:
    """Return whether nothing is left to be done about an audience."""
    return isinstance(plan(desired, [audience]), Unchanged)


def deferral(change: Change, find: Callable[[str], Audience | None]) -> Defer | Reject | None:
    """Put off what grows from a seed that Pinterest has not finished; reject it if it is too small.

    Args:
        change: What would be written.
        find: Returns an audience of the ad account by its id, if it is known.

    Returns:
        Why the rule is not sent, or None. A status that nobody described is no reason.
    """
    rule = change.body.get("rule") if isinstance(change, Create | Update) else None
    found = [find(seed_id) for seed_id in rule.get("seed_id", ())] if rule else []
    seeds = [seed for seed in found if seed]
    for seed in seeds:
        if seed.get("status") in TOO_SMALL:
            return Reject(
                "seed_too_small",
                f"{_seed(seed)}: Pinterest grows nothing from it, and waiting does not help; use a "
                "seed with more people",
            )
    for seed in seeds:
        if seed.get("status") in PASSING:
            return Defer(
                "seed_not_ready", f"{_seed(seed)}: Pinterest has not finished it; run again later"
            )
    return None


def _seed(seed: Audience) -> str:
    return f"its seed, audience {redact(str(seed.get('name')))!r}, is {seed.get('status')}"


def _plan_missing(desired: Desired, write_mode: WriteMode) -> Change:
    where = f"ad account {desired.ad_account_id}"
    if desired.remove:
        return Unchanged(None)
    if desired.audience_id:
        return Reject(
            "unknown_id",
            f"{where} has no audience {desired.audience_id} (any more): leave the id empty to "
            "match and create by name",
        )
    if write_mode == "update":
        return Reject("not_found", f"{where} has no audience of this name to update")
    if desired.rule is None or not (desired.audience_type or desired.sharing):
        lacking = "rule" if desired.rule is None else "audience_type"
        return Reject(
            "incomplete",
            f"{where} has no audience of this name, and the record has no {lacking} to create it",
        )
    return _plan_creation(desired, desired.rule)


def _plan_creation(desired: Desired, rule: Mapping[str, Any]) -> Change:
    if desired.sharing:
        custom = {
            "sharing_type": desired.sharing.sharing_type,
            "data_party": desired.sharing.data_party,
            "category": desired.sharing.category,
        }
        body = {"name": desired.name, "rule": rule, **custom}
    else:
        if desired.audience_type == "PERSONA":
            return Reject(
                "not_creatable",
                "audience_type PERSONA cannot be created: Pinterest's sales team makes these",
            )
        if desired.audience_type not in CREATABLE_TYPES:
            return Reject(
                "bad_audience_type",
                f"audience_type {redact(str(desired.audience_type))!r} does not exist: use one of "
                f"{', '.join(CREATABLE_TYPES)}, in capitals",
            )
        body = {
            "name": desired.name,
            "audience_type": desired.audience_type,
            "description": desired.description or None,
            "rule": rule,
        }
    known = _copied(desired) if desired.source else None
    checked = check_rule(rule, None if desired.sharing else desired.audience_type, known)
    if isinstance(checked, Reject):
        return checked
    body["rule"] = normalised(rule)
    given = {field: value for field, value in body.items() if value is not None}
    return _placeholder_in(given) or Create(
        desired.ad_account_id, given, custom=desired.sharing is not None, warnings=checked
    )


def _plan_existing(desired: Desired, audience: Audience, write_mode: WriteMode) -> Change:
    audience_id = str(audience["id"])
    if desired.remove:
        if write_mode == "create":
            return _exists(audience_id)
        return Remove(desired.ad_account_id, audience_id)
    there_type = audience.get("audience_type")
    if desired.audience_type and not desired.sharing and desired.audience_type != there_type:
        return Reject(
            "type_differs",
            f"audience {audience_id} is of audience_type {there_type}, which cannot be changed "
            f"to {redact(desired.audience_type)!r}",
        )
    body: dict[str, Any] = {}
    if desired.name is not None and name_key(desired.name) != name_key(str(audience.get("name"))):
        body["name"] = desired.name
    if desired.description not in {None, audience.get("description") or ""}:
        body["description"] = desired.description
    rule = desired.rule
    if rule is not None and not same_rule(rule, audience.get("rule") or {}):
        body["rule"] = normalised(rule)
    if not body:
        return Unchanged(audience_id)
    if write_mode == "create":
        return _exists(audience_id)
    return _placeholder_in(body) or _plan_update(desired, audience, body)


def _plan_update(desired: Desired, audience: Audience, body: Mapping[str, Any]) -> Change:
    known = _copied(desired) if desired.source else audience.get("rule") or {}
    there_type = audience.get("audience_type")
    checked = check_rule(body["rule"], there_type, known) if "rule" in body else ()
    if isinstance(checked, Reject):
        return checked
    old = {field: audience.get(field) for field in body}
    return Update(desired.ad_account_id, str(audience["id"]), body, old, warnings=checked)


def _copied(desired: Desired) -> dict[str, Any]:
    """Return the part of a rule of another ad account that Pinterest itself gave.

    The ids that take the place of the other account's come from the settings.
    """
    rule = desired.rule or {}
    return {field: value for field, value in rule.items() if field not in MAPPED_IDS}


def _placeholder_in(body: Mapping[str, Any]) -> Reject | None:
    fields = [field for field in ("name", "description", "category") if field in body]
    return next(filter(None, (placeholder(field, body[field]) for field in fields)), None)


def _exists(audience_id: str) -> Reject:
    return Reject(
        "exists",
        f"audience {audience_id} is there already and differs, and write_mode create changes "
        "nothing: set write_mode to upsert",
    )
