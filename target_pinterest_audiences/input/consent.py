"""Whether a record may say that a person does not want to be uploaded. No I/O in here.

Nobody agreed on a name for this: it is a column of somebody's own table. So the target does not act
on it. It rejects a record whose column may say "no", because to ignore it would upload somebody who
opted out.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pinterest_audiences.errors import redact
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.column_names import OPERATION_COLUMNS, squeezed
from target_pinterest_audiences.input.deletions import (
    MARKS,
    ORIGIN_DELETED,
    SUSPECTS,
    read_flag,
    read_time,
)
from target_pinterest_audiences.input.values import is_blank, is_null_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Allows = Callable[[Any], bool]

_ABOUT = (
    "(?:is|has|was|wants|receives?|users?|customers?|contact|subscriber|email|sms|push|marketing|newsletters?|ads?|"
    "advertising|targeting|tracking|personali[sz]ation|pinterest|data|global|gdpr|dsgvo|rgpd|ccpa|"
    "cpra|privacy|double|single|hs)*"
)
_WHEN = "(?:at|on|date|time|timestamp|datetime|flag|status|state|value|reason)*"
_DO = (
    "(?:contact|sell|share|e?mail|market|re?target|track|advertise|process|call|upload|use|send|"
    "disturb|phone|text|sms|personali|profile|remarket)"
)
_ASK = (
    "(?:consent|opt(?:ed|ing)?in|subscribed|permission|permit|agree|accept|allow|contactable|"
    "e?mailable|marketable|confirmed)"
)
_OUT = (
    r"opt(?:ed|ing)?out|unsub|suppress|(?:black|block|deny|stop)list|limit(?:ed)?ad(?:s?$|s?tracking|s?target|vert)"
    rf"|(?:donot|dont){_DO}|disallow|noncontactable|objected|objection|spamcomplain|complained"
    r"|erased|erasure|forgotten(?!pass)|anonymi[sz]"
    rf"|(?:no|not|non|un|without|never|lacks?)(?:yet)?{_ABOUT}{_ASK}"
)
"""What says "no" wherever it is in a name or in the words of a status."""

_OPT_OUT = re.compile(
    rf"{_OUT}|{_ASK}\w*(?:withdr[ae]w|revo[kc]|denied|refus|declin|reject|expired|missing)"
    rf"|(?:withdr[ae]wn?|revoked?|denied|refused?|declined?|rejected){_ABOUT}{_ASK}"
)
_ALL_OPT_OUT = re.compile(
    rf"{_ABOUT}(?:dnc|dnd|dns|dnm|gpc|blocked|banned|revoked|withdrawn|denied|refused|declined"
    rf"|deceased|no(?:ne)?{_DO}\w*|no(?:ads?|newsletters?)){_WHEN}"
)
_OPT_IN = re.compile(
    rf"consent|opt(?:ed|ing)?in|subscribedto|^{_ABOUT}(?:can|may)(?:be)?{_DO}"
    r"|accept(?:s|ed)?(?:of|e?mail|sms|push)*marketing|marketing(?:accepted|allowed|agreed|permi)"
    rf"|allow(?:s|ed)?(?:to)?(?:{_DO}|marketing|ads|advertising|targeting|tracking)"
    r"|(?:targeting|tracking|advertising|ads)allowed|(?:contact|market|e?mail)able"
    r"|agree(?:s|d)?(?:to)?marketing|permissionto|adpersonali|aduserdata|personali[sz]edads"
    rf"|(?:e?mail|sms|marketing|contact|ads?)permission"
    rf"|^{_ABOUT}(?:subscribed|permission(?:given|granted)?){_WHEN}$"
)
_DETAIL = re.compile(
    r"\w*(?:source|text|version|ip(?:address)?|id|uuid|token|method|channel|url|page|form|language"
    r"|locale|country|type|by|ref(?:erence)?|name|document|string|note|comment"
    r"|(?:updated|modified|created)(?:at|on)?|expir(?:es|y)(?:at|on|date)?)"
)
"""What a column tells beside the answer itself: where, when and how it was given."""

_TOPIC = re.compile(
    rf"{_ABOUT}(?:newsletters?|marketing|permissions?|gdpr|dsgvo|rgpd|ccpa|privacy){_ABOUT}(?:ok|agreed|accepted)?{_WHEN}"
)
"""A name that may hold an answer: only "no" counts."""

_STATUS = re.compile(r"\w*(?:status|state)")
_STATUS_OF_PERSON = re.compile(
    _ABOUT + "(?:subscription|subscriber|member)?status|subscriptionstate"
)
"""Unlike the status of an order, or the state of an address."""

_GIVEN = frozenset(
    {"granted", "given", "optedin", "optin", "doubleoptin", "singleoptin", "subscribed", "accepted"}
)
_REFUSAL = re.compile(
    rf"{_OUT}|delete|deletion|^(?:complained|withdrawn|revoked|denied|declined|refused|dnc|cleaned|spam|blocked"
    r"|banned|removed|deceased)$"
)
_HANDLED = frozenset(map(squeezed, (*MARKS, *SUSPECTS, ORIGIN_DELETED, *OPERATION_COLUMNS)))
"""Deletion marks, which are read before."""

_MOST_TABLES = 1000


def unclear_consent(record: Mapping[str, Any]) -> Reject | None:
    """Reject a record of a person who may not want to be uploaded.

    Args:
        record: A record that asks for an upload.
    """
    for column, allows in _readers(tuple(record)):
        if not allows(record[column]):
            return Reject(
                "unclear_consent",
                f"{redact(column)} may say that the person does not want to be uploaded: leave out "
                "such rows or send them with the operation REMOVE, and drop the column if it means "
                "something else",
            )
    return None


def all_allow(columns: Iterable[str], records: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether ``unclear_consent`` rejects none of the records.

    Args:
        columns: All columns that the records have.
        records: Records that ask for an upload.
    """
    readers = _readers(tuple(sorted(columns)))
    return all(allows(record.get(column)) for column, allows in readers for record in records)


def shown_consent(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns on consent as they may be kept: they are read as before."""
    return {column: _shown(record[column]) for column, _ in _readers(tuple(record))}


def consent_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that may say whether a person wants to be uploaded, by their names."""
    return [
        column
        for column, allows in _readers(tuple(columns))
        if allows is not _no_refusal or _STATUS_OF_PERSON.fullmatch(_plain(column))
    ]


@functools.lru_cache(_MOST_TABLES)
def _readers(columns: tuple[str, ...]) -> tuple[tuple[str, Allows], ...]:
    found = ((column, _reader(_plain(column))) for column in columns)
    return tuple((column, allows) for column, allows in found if allows)


def _plain(column: str) -> str:
    return squeezed(unicodedata.normalize("NFKC", column))


def _reader(name: str) -> Allows | None:
    if name in _HANDLED:
        return None
    if _OPT_OUT.search(name) or _ALL_OPT_OUT.fullmatch(name):
        return _not_out
    if _OPT_IN.search(name):
        return _no_refusal_and_no_flag if _DETAIL.fullmatch(name) else _is_in
    if _TOPIC.fullmatch(name):
        return _no_refusal_and_no_flag
    return _no_refusal if _STATUS.fullmatch(name) else None


def _not_out(value: Any) -> bool:  # noqa: ANN401
    return is_blank(value) or is_null_word(value) or read_flag(_whole(value)) is False


def _is_in(value: Any) -> bool:  # noqa: ANN401
    return read_flag(_whole(value)) is True or _word(value) in _GIVEN or read_time(value) is True


def _no_refusal(value: Any) -> bool:  # noqa: ANN401
    return not _REFUSAL.search(_word(value))


def _no_refusal_and_no_flag(value: Any) -> bool:  # noqa: ANN401
    return _no_refusal(value) and read_flag(_whole(value)) is not False


def _shown(value: Any) -> Any:  # noqa: ANN401
    """Return a value, or the part of it that is read as the whole is and holds nothing else."""
    if _not_out(value) or _is_in(value):
        return value
    found = _REFUSAL.search(_word(value))
    return found[0] if found else "[redacted]"


def _whole(value: Any) -> Any:  # noqa: ANN401
    """Return a flag without the fraction that a data frame or a CSV export gives it."""
    if isinstance(value, float | Decimal) and value in {0, 1}:
        return int(value)
    return value.strip().removesuffix(".0") if isinstance(value, str) else value


def _word(value: Any) -> str:  # noqa: ANN401
    return squeezed(value) if isinstance(value, str) else ""
