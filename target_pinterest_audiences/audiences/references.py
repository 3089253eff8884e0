"""Names in a rule, and ids of another ad account: what they mean in this one. No I/O in here.

A rule may name its seeds (``seed_name``) and its customer list (``customer_list_name``) instead of
giving their ids, which differ from account to account. And a rule that is copied from another
account has that account's ids.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pinterest_audiences.errors import redact
from target_pinterest_audiences.audiences.rules import REFERENCES
from target_pinterest_audiences.changes import Pending, Reject
from target_pinterest_audiences.input.names import name_key, placeholder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Thing = Mapping[str, Any]
    """An audience or a customer list as Pinterest answers it."""
    OnAmbiguous = Literal["reject", "newest"]

ACCOUNT_IDS = ("visitor_source_id", "customer_list_id", "ad_id", "campaign_id")
"""Fields of a rule whose ids mean nothing in another ad account. A pin is the same everywhere."""
MAPPED_IDS = ("pin_id", *ACCOUNT_IDS, "seed_id")
"""Fields of a rule that ``remap`` reads."""

_is_id = re.compile(r"[0-9]+").fullmatch


@dataclass(frozen=True, slots=True)
class Names:
    """How to find things of one ad account by their name, and what several of one name mean."""

    audiences: Callable[[str], Sequence[Thing]]
    customer_lists: Callable[[str], Sequence[Thing]]
    on_ambiguous: OnAmbiguous


def has_names(rule: Mapping[str, Any] | None) -> bool:
    """Return whether a rule names something that it needs the id of."""
    return any(field in (rule or {}) for field in REFERENCES)


def resolve(rule: Mapping[str, Any], names: Names) -> dict[str, Any] | Reject | Pending:
    """Return a rule with ids where it has names."""
    resolved = dict(rule)
    if "seed_name" in resolved:
        seeds = resolved.pop("seed_name")
        found = [
            find(name, names.audiences, "audience", names.on_ambiguous)
            for name in (seeds if isinstance(seeds, list) else [seeds])
        ]
        failed = next((item for item in found if not isinstance(item, str)), None)
        if failed:
            return failed
        resolved["seed_id"] = found
    if "customer_list_name" in resolved:
        name = resolved.pop("customer_list_name")
        found_list = find(name, names.customer_lists, "customer list", names.on_ambiguous)
        if not isinstance(found_list, str):
            return found_list
        resolved["customer_list_id"] = found_list
    return resolved


def find(
    name: object,
    lookup: Callable[[str], Sequence[Thing]],
    kind: str,
    on_ambiguous: OnAmbiguous,
    *,
    removes: bool = False,
) -> str | Reject | Pending:
    """Return the id of the one thing with a name.

    Args:
        name: Its name.
        lookup: Returns all things of a name.
        kind: What it is, for a person.
        on_ambiguous: What to do if several have it.
        removes: Whether something is to be taken from it: then several are rejected in any case,
            because with "newest" each run could take it from another one.
    """
    if not isinstance(name, str) or not name_key(name):
        return Reject("bad_reference", f"the name of the {kind} must be text")
    if reject := placeholder(f"the name of the {kind}", name):
        return reject
    matches = lookup(name)
    if not matches:
        return Pending(
            Reject(
                "unknown_reference",
                f"the ad account has no {kind} named {redact(name)!r}, and no record made it: "
                "check the name",
            ),
            redact(name_key(name)),
        )
    if len(matches) > 1 and (removes or on_ambiguous == "reject"):
        ids = ", ".join(str(match["id"]) for match in matches)
        advice = "" if removes else ", or set on_ambiguous to newest"
        return Reject(
            "ambiguous_reference",
            f"{len(matches)} things are a {kind} named {redact(name)!r} (ids {ids}): give the "
            f"id{advice}",
        )
    return str(newest(matches)["id"])


def newest(things: Sequence[Thing]) -> Thing:
    """Return the newest of several things: Pinterest gives higher ids to newer ones."""
    return max(things, key=lambda thing: int(thing["id"]))


def remap(
    rule: Mapping[str, Any],
    ad_account_id: str,
    id_map: Mapping[str, str],
    seed: Callable[[str], str | Reject | Pending],
) -> dict[str, Any] | Reject | Pending:
    """Return a rule of another ad account with the ids of this one.

    Args:
        rule: The other account's rule.
        ad_account_id: This account.
        id_map: This account's ids by those of the other.
        seed: Finds the audience that a seed of the other account became here.

    Returns:
        The rule. What is no id stays as it is, and so does an id beside the name that replaces it.
    """
    mapped = dict(rule)
    if "ad_account_id" in mapped:
        mapped["ad_account_id"] = ad_account_id
    named = {field for name, field in REFERENCES.items() if name in mapped}
    for field in MAPPED_IDS:
        if field not in mapped or field in named:
            continue
        value = mapped[field]
        members = value if isinstance(value, list) else [value]
        ids = [_mapped(field, member, id_map, seed) for member in members]
        failed = next((item for item in ids if isinstance(item, Reject | Pending)), None)
        if failed:
            return failed
        mapped[field] = ids if isinstance(value, list) else ids[0]
    return mapped


def _mapped(
    field: str,
    member: Any,  # noqa: ANN401
    id_map: Mapping[str, str],
    seed: Callable[[str], str | Reject | Pending],
) -> Any:  # noqa: ANN401
    if member is None or isinstance(member, bool | dict | list):
        return member
    value = str(member).strip()
    if value in id_map:
        return id_map[value]
    if field in ACCOUNT_IDS and value:
        return unmapped(field, value)
    return seed(value) if field == "seed_id" and _is_id(value) else member


def unmapped(field: str, value: str) -> Reject:
    """Reject an id of another account if nothing says which id it has here."""
    return Reject(
        "unmapped_id",
        f"rule.{field} {redact(value)} belongs to the other ad account: put it into id_map, with "
        "the id that takes its place",
    )
