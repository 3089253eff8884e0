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
from target_pinterest_audiences.input.column_names import squeezed
from target_pinterest_audiences.input.deletions import read_flag, read_time
from target_pinterest_audiences.input.values import is_blank, is_null_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Allows = Callable[[Any], bool]

_ABOUT = (
    "(?:is|has|was|user|customer|contact|email|sms|marketing|newsletter|ads?|advertising|targeting|"
    "tracking|personali[sz]ation|pinterest|data|global|gdpr|ccpa|cpra|privacy|double|single)*"
)
_WHEN = "(?:at|on|date|time|timestamp|datetime|flag|status|state|value)?"
_OPT_OUT = re.compile(
    _ABOUT + r"(?:opt(?:ed)?out(?:ofemail|ofmarketing|ofads|ofadvertising|ofsms|ofall)?"
    r"|unsubscribed?|suppress(?:ed|ion)?|(?:black|block)listed"
    r"|donot(?:contact|sell|share|e?mail|market|target|track|advertise|process|call|upload)\w*"
    r"|(?:consent|permission)?(?:withdrawn|revoked|denied|refused|declined)"
    r"|erasurerequest(?:ed)?|(?:righttobe)?forgotten)" + _WHEN + "(?:reason)?"
)
_OPT_IN = re.compile(
    _ABOUT + r"(?:consent(?:ed|s|given|granted|obtained)?|opt(?:ed)?in|subscribed"
    r"|permission(?:given|granted)?|accepts(?:email|sms)?marketing"
    r"|(?:can|may)(?:contact|e?mail|market|target|upload)"
    r"|allow(?:s|ed)?(?:e?mail|sms|marketing|ads|advertising|targeting|tracking|upload))" + _WHEN
)
_STATUS = re.compile(r"\w*(?:status|state)")
_STATUS_OF_PERSON = re.compile(
    _ABOUT + "(?:subscription|subscriber|member)?status|subscriptionstate"
)
"""Unlike the status of an order, or the state of an address."""

_GIVEN = frozenset(
    {"granted", "given", "optedin", "optin", "doubleoptin", "singleoptin", "subscribed", "accepted"}
)
_REFUSED = frozenset(
    {"unsubscribed", "unsubscribe", "optedout", "optout", "optedoutofemail", "suppressed"}
    | {"donotcontact", "donotsell", "complained", "withdrawn", "revoked", "denied", "declined"}
)
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
    return {
        column: record[column] if _is_known(record[column]) else "[redacted]"
        for column, _ in _readers(tuple(record))
    }


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
    if _OPT_OUT.fullmatch(name):
        return _not_out
    if _OPT_IN.fullmatch(name):
        return _is_in
    return _no_refusal if _STATUS.fullmatch(name) else None


def _not_out(value: Any) -> bool:  # noqa: ANN401
    return is_blank(value) or is_null_word(value) or read_flag(_whole(value)) is False


def _is_in(value: Any) -> bool:  # noqa: ANN401
    return read_flag(_whole(value)) is True or _word(value) in _GIVEN or read_time(value) is True


def _no_refusal(value: Any) -> bool:  # noqa: ANN401
    return _word(value) not in _REFUSED


def _is_known(value: Any) -> bool:  # noqa: ANN401
    return _not_out(value) or _is_in(value) or _word(value) in _REFUSED


def _whole(value: Any) -> Any:  # noqa: ANN401
    """Return a flag without the fraction that a data frame or a CSV export gives it."""
    if isinstance(value, float | Decimal) and value in {0, 1}:
        return int(value)
    return value.strip().removesuffix(".0") if isinstance(value, str) else value


def _word(value: Any) -> str:  # noqa: ANN401
    return squeezed(value) if isinstance(value, str) else ""
