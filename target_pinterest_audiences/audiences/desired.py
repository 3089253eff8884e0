"""What a record of the stream ``audiences`` asks for. No I/O in here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.audiences.flattened_rule import (
    check_bare_columns,
    rule_column,
    unflattened,
)
from target_pinterest_audiences.audiences.rule_fields import ID_FIELDS
from target_pinterest_audiences.audiences.rules import REFERENCES
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.column_names import OPERATION_COLUMNS, Columns
from target_pinterest_audiences.input.deletions import KEY_ONLY_DELETION, is_deleted, is_removal
from target_pinterest_audiences.input.names import cleaned
from target_pinterest_audiences.input.values import (
    UnreadableRecordError,
    check_digits,
    id_in,
    is_blank,
    json_in,
    one_of,
    plain,
    read_columns,
    sendable,
    text_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

OPERATION_TYPES = ("UPDATE", "REMOVE")
AUDIENCE_COLUMNS = Columns(
    *("id", "name", "ad_account_id", "audience_type", "description", "rule"),
    *("sharing_type", "data_party", "category", "seed_name", "customer_list_name"),
    *OPERATION_COLUMNS,
    other=rule_column,
)

_READERS = {
    "id": id_in,
    "ad_account_id": id_in,
    "name": text_in,
    "audience_type": text_in,
    "description": text_in,
    "sharing_type": one_of("CUSTOM", "SYNDICATED"),
    "data_party": one_of("1p", "3p"),
}
_JSON_NAMES = {list: "an array", bool: "true or false", int: "a number", Decimal: "a number"}


@dataclass(frozen=True, slots=True)
class Sharing:
    """Fields of a custom audience that only ``audiences/create_custom`` knows.

    Source: Pinterest's OpenAPI description 5.18.
    """

    sharing_type: str
    data_party: str
    category: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a record that is copied to another ad account comes from."""

    ad_account_id: str
    audience_id: str | None


@dataclass(frozen=True, slots=True)
class Desired:
    """An audience as a record wants it. None: the record does not say, so leave it alone.

    Attributes:
        ad_account_id: The account it belongs to.
        audience_id: Pinterest's id, if the record has one.
        name: Audience name.
        audience_type: Pinterest's ``audience_type``.
        description: Audience description. Empty: the audience is to have none.
        rule: Who is in the audience, with plain JSON values.
        sharing: Set if the audience is to be made as a custom one.
        remove: True if the audience is to be gone.
        source: Set if the record is of another ad account, whose ids its rule has.
    """

    ad_account_id: str
    audience_id: str | None = None
    name: str | None = None
    audience_type: str | None = None
    description: str | None = None
    rule: Mapping[str, Any] | None = None
    sharing: Sharing | None = None
    remove: bool = False
    source: Source | None = None


def read(
    record: Mapping[str, Any], default_account: str | None, *, override: bool = False
) -> Desired | Reject:
    """Read a record; columns that it does not know are ignored.

    Args:
        record: A Singer record. ``rule`` may be an object or its JSON text, as SQL taps send it;
            ids may be text or whole numbers.
        default_account: The ad account of a record that names none.
        override: Write everything to ``default_account``; a record of another account is copied.

    Returns:
        What the record asks for, or why it cannot be read.
    """
    try:
        return _read(AUDIENCE_COLUMNS.read(record), default_account, override=override)
    except UnreadableRecordError as error:
        return error.reject


def _read(record: Mapping[str, Any], default_account: str | None, *, override: bool) -> Desired:
    read = read_columns(record, _READERS)
    audience_id, account, name = read["id"], read["ad_account_id"], read["name"]
    source = None
    if override and account and default_account and account != default_account:
        source = Source(account, audience_id)
        audience_id, account = None, default_account
    remove = is_removal(record, OPERATION_TYPES)
    # With an id a placeholder may be the name that Pinterest has: see the plan.
    name = cleaned(name, "name", placeholders=audience_id is not None) if name else None
    if audience_id is None and name is None:
        raise UnreadableRecordError(KEY_ONLY_DELETION if is_deleted(record) else _nameless(source))
    account = account or default_account
    if account is None:
        raise UnreadableRecordError(
            Reject(
                "no_ad_account",
                "the record has no ad_account_id: add the column, or set the setting ad_account_id",
            )
        )
    rule = _rule(record)
    if not remove:
        check_bare_columns(record, rule or {})
    return Desired(
        ad_account_id=account,
        audience_id=audience_id,
        name=name,
        audience_type=read["audience_type"],
        # Blank text takes the description away.
        description=""
        if record.get("description") is not None and not read["description"]
        else read["description"],
        rule=rule,
        sharing=_sharing(record, read["sharing_type"], read["data_party"]),
        remove=remove,
        source=source,
    )


def _nameless(source: Source | None) -> Reject:
    if source:
        return Reject(
            "no_name",
            "the record has no name, and its id belongs to another ad account: an audience is "
            "copied by its name",
        )
    return Reject(
        "no_id_or_name",
        "the record has neither id nor name: give it one to match or create by",
    )


def _rule(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Read the rule, and the columns that stand for a field of it."""
    value = record.get("rule")
    if isinstance(value, str):
        value = json_in(value, "rule") if value.strip() else None
    columns = unflattened(record)
    if columns and value:
        raise UnreadableRecordError(
            Reject("conflicting_columns", "rule and the columns rule__… both hold a rule: send one")
        )
    value = columns or value
    names = {field: record[field] for field in REFERENCES if record.get(field) is not None}
    references = {field: plain(name) for field, name in names.items() if not is_blank(name)}
    if value is None and not references:
        return None
    if value is not None and not isinstance(value, dict):
        raise UnreadableRecordError(
            Reject(
                "rule_not_object",
                'rule must be an object like {"visitor_source_id": "2612511566392"}, '
                f"not {_JSON_NAMES.get(type(value), 'a value')}",
            )
        )
    value = value or {}
    for field in ID_FIELDS & value.keys():
        check_digits(value[field], f"rule.{field}")
    return {**sendable(value, "rule"), **references}


def _sharing(
    record: Mapping[str, Any], sharing_type: str | None, data_party: str | None
) -> Sharing | None:
    if sharing_type is None and data_party is None:
        return None
    if sharing_type is None or data_party is None:
        raise UnreadableRecordError(
            Reject("half_custom", "a custom audience needs both sharing_type and data_party")
        )
    return Sharing(sharing_type, data_party, text_in(record, "category"))
