"""What a record asks for, read from whatever a warehouse made of it. No I/O in here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from tap_pinterest_audiences.errors import redact
from target_pinterest_audiences.decisions import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARING_TYPES = ("CUSTOM", "SYNDICATED")
DATA_PARTIES = ("1p", "3p")
OPERATION_TYPES = ("UPDATE", "REMOVE")

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
class Wanted:
    """An audience as a record wants it. None: the record does not say, so leave it alone.

    Attributes:
        ad_account_id: The account it belongs to.
        audience_id: Pinterest's id, if the record has one.
        name: Audience name.
        audience_type: Pinterest's ``audience_type``.
        description: Audience description.
        rule: Who is in the audience, with plain JSON values.
        sharing: Set if the audience is to be made as a custom one.
        remove: True if the audience is to be gone.
    """

    ad_account_id: str
    audience_id: str | None = None
    name: str | None = None
    audience_type: str | None = None
    description: str | None = None
    rule: Mapping[str, Any] | None = None
    sharing: Sharing | None = None
    remove: bool = False


class UnreadableRecordError(Exception):
    """A record does not say what it wants, or says it in a way that can not be right."""

    def __init__(self, reject: Reject) -> None:
        """Carry the rejection."""
        super().__init__(reject.reason)
        self.reject = reject


def read(record: Mapping[str, Any], default_account: str | None) -> Wanted | Reject:
    """Read a record of the stream ``audiences``; columns that it does not know are ignored.

    Args:
        record: A Singer record. ``rule`` may be an object or its JSON text, as SQL taps send it;
            ids may be text or whole numbers.
        default_account: The ad account of a record that names none.

    Returns:
        What is wanted, or why that can not be told.
    """
    try:
        return _read(record, default_account)
    except UnreadableRecordError as error:
        return error.reject


def _read(record: Mapping[str, Any], default_account: str | None) -> Wanted:
    audience_id = _id(record, "id")
    name = _text(record, "name")
    if audience_id is None and name is None:
        raise UnreadableRecordError(
            Reject(
                "no_id_or_name",
                "the record has neither id nor name: give it one to match or create by",
            )
        )
    account = _id(record, "ad_account_id") or default_account
    if account is None:
        raise UnreadableRecordError(
            Reject(
                "no_ad_account",
                "the record has no ad_account_id: add the column, or set the setting ad_account_id",
            )
        )
    return Wanted(
        ad_account_id=account,
        audience_id=audience_id,
        name=name,
        audience_type=_text(record, "audience_type"),
        description=_text(record, "description"),
        rule=_rule(record.get("rule")),
        sharing=_sharing(record),
        remove=_remove(record),
    )


def _id(record: Mapping[str, Any], field: str) -> str | None:
    match plain(record.get(field)):
        case None | "":
            return None
        case bool():
            pass
        case int(number) if number >= 0:
            return str(number)
        case str(text) if text.isascii() and text.strip().isdigit():
            return text.strip()
        case _:
            pass
    raise UnreadableRecordError(Reject("bad_id", f"{field} must be digits, as Pinterest's ids are"))


def _text(record: Mapping[str, Any], field: str) -> str | None:
    value = record.get(field)
    if value is None or isinstance(value, str):
        return value if value and value.strip() else None
    raise UnreadableRecordError(
        Reject(
            "not_text", f"{field} must be text, not {type(value).__name__}: cast it in the query"
        )
    )


def _one_of(record: Mapping[str, Any], field: str, allowed: tuple[str, ...]) -> str | None:
    value = _text(record, field)
    if value is None or value in allowed:
        return value
    raise UnreadableRecordError(
        Reject(f"bad_{field}", f"{field} {redact(value)!r} is not one of {', '.join(allowed)}")
    )


def _rule(value: Any) -> Mapping[str, Any] | None:  # noqa: ANN401
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise UnreadableRecordError(
                Reject(
                    "rule_not_json", "rule is text but not JSON: send an object, or its JSON text"
                )
            ) from None
    if value is None:
        return None
    if not isinstance(value, dict):
        raise UnreadableRecordError(
            Reject(
                "rule_not_object",
                'rule must be an object like {"visitor_source_id": "2612511566392"}, '
                f"not {_JSON_NAMES.get(type(value), 'a value')}",
            )
        )
    return cast("Mapping[str, Any]", plain(value))


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _sharing(record: Mapping[str, Any]) -> Sharing | None:
    sharing_type = _one_of(record, "sharing_type", SHARING_TYPES)
    data_party = _one_of(record, "data_party", DATA_PARTIES)
    if sharing_type is None and data_party is None:
        return None
    if sharing_type is None or data_party is None:
        raise UnreadableRecordError(
            Reject("half_custom", "a custom audience needs both sharing_type and data_party")
        )
    return Sharing(sharing_type, data_party, _text(record, "category"))


def _remove(record: Mapping[str, Any]) -> bool:
    operation = _one_of(record, "operation_type", OPERATION_TYPES)
    return operation == "REMOVE" or record.get("_sdc_deleted_at") is not None


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a JSON value without nulls in objects, and with whole numbers as integers.

    Singer carries numbers with a fraction as ``Decimal``; ``30.0`` is meant as 30.
    """
    match value:
        case dict():
            return {key: plain(inner) for key, inner in value.items() if inner is not None}
        case list():
            return [plain(inner) for inner in value]
        case Decimal() if value.is_finite() and value == int(value):
            return int(value)
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
