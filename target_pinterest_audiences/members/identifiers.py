"""Identifiers of customers: what is sent to Pinterest for one, or why nothing is. No I/O in here.

Pinterest describes the members of a customer list as emails, which "must be lowercase and can be
plain text or hashed using SHA1, SHA256, or MD5", and as MAIDs and IDFAs, which "must be hashed"
with one of the three (Pinterest OpenAPI 5.23). It says nothing else about how to normalise. What
is done here beyond that is this project's convention:

- Emails are trimmed, brought to Unicode NFC and lower-cased, then hashed with SHA-256. Dots and
  ``+tags`` stay: they belong to the address that the person gave. A domain needs no dot.
- Spreadsheets, CRMs and exports put marks around an identifier: ``"ann@shop.example"``,
  ``<ann@shop.example>``, ``mailto:ann@shop.example``, ``{UUID}``. These come off where one reading
  is left. An email with any other stray mark is rejected, because its hash matches nobody.
- Device ids are UUIDs with dashes, trimmed and lower-cased, then hashed with SHA-256. Phones print
  IDFAs in capitals and GAIDs in small letters; with one case, the same device is the same member.
- 32, 40 or 64 hexadecimal digits are an MD5, a SHA-1 or a SHA-256, never hashed again, so a device
  id without dashes is taken for an MD5: the two look the same.
- Ids of LiveRamp, of Datalogix and of Pinterest itself are pseudonyms already and go as they are.

No reason holds any part of what was refused.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.values import NULL_WORDS
from target_pinterest_audiences.members.wrappers import MARKS, bare, bare_email

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIST_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "email": "EMAIL",
        "maid": "MAID",
        "idfa": "IDFA",
        "lr_id": "LR_ID",
        "dlx_id": "DLX_ID",
        "hashed_pinner_id": "HASHED_PINNER_ID",
    }
)
"""The column of a record that holds it: Pinterest's ``list_type`` (``UserListType``)."""

HASHED_TYPES = frozenset({"EMAIL", "MAID", "IDFA"})
"""The list types whose members are sent as lower-case hexadecimal hashes."""

LONGEST = 254
"""Characters of the longest identifier that is no hash: the longest address that mail allows."""

MISSING = Reject("missing", "the identifier is missing or empty")
NOT_TEXT = Reject("not_text", "the identifier is not text: cast the column to text")
TOO_LONG = Reject("too_long", f"the identifier is longer than {LONGEST} characters")
INNER_SPACE = Reject(
    "inner_space", "the identifier has whitespace or an invisible character inside"
)
COMMA = Reject("comma", "the identifier has a comma: give each record one identifier")
NO_AT = Reject("no_at", "the email has no @ and is no SHA-256, SHA-1 or MD5 either")
MANY_ATS = Reject("many_ats", "the email has more than one @")
NO_LOCAL_PART = Reject("no_local_part", "the email has nothing before its @")
NO_DOMAIN = Reject("no_domain", "the email has nothing after its @")
NOT_A_DEVICE_ID = Reject(
    "not_a_device_id",
    "the device id is neither a UUID with dashes nor a SHA-256, SHA-1 or MD5",
)
ZERO_DEVICE_ID = Reject(
    "zero_device_id", "the device id is all zeros: the device does not let itself be tracked"
)
UNKNOWN_HASH = Reject(
    "unknown_hash", "the hash is neither 64 (SHA-256), 40 (SHA-1) nor 32 (MD5) digits long"
)
EMPTY_HASH = Reject("empty_hash", "the hash is that of an empty text")
PLACEHOLDER = Reject("placeholder", "the identifier stands for a missing one or is made up")
PLACEHOLDER_HASH = Reject(
    "placeholder_hash", "the hash is that of a text that stands for a missing identifier"
)
HALF_WRAPPED = Reject(
    "half_wrapped",
    "the identifier begins or ends with a quote or a bracket that has no counterpart: send the "
    "identifier without it",
)
BAD_LOCAL_PART = Reject(
    "bad_local_part",
    "the part of the email before its @ has a character that no address has there, begins with a "
    "dot, or is percent-encoded: send the bare address",
)
BAD_DOMAIN = Reject(
    "bad_domain",
    "the part of the email after its @ is no domain, which has letters, digits, hyphens inside "
    "and single dots inside: send the bare address",
)
EMAIL_AS_ID = Reject(
    "email_as_id", "the identifier has an @: an email belongs in the column email, to be hashed"
)

STANDS_FOR_NOBODY = frozenset({MISSING, PLACEHOLDER, PLACEHOLDER_HASH, EMPTY_HASH, ZERO_DEVICE_ID})
"""The rejections of a value that is blank or stands for a missing identifier."""

_PLACEHOLDERS = (
    *NULL_WORDS,
    *("na", "n.a.", "-", "--", "unknown", "not provided", "not available", "not applicable"),
    *("missing", "empty", "blank", "(blank)"),
    *("test@test.com", "example@example.com", "null@null.com", "none@none.com"),
)
_ZERO_DEVICE_IDS = ("00000000-0000-0000-0000-000000000000", "0" * 32)
_HASHES = (hashlib.sha256, hashlib.sha1, hashlib.md5)
_HASH_LENGTHS = frozenset({32, 40, 64})
_SHORTEST_HASH = min(_HASH_LENGTHS)

_IN_LOCAL_PART = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~.")
_IN_WORDS = "\u00b7\u30fb"  # the middle dots of Catalan and of Japanese, which domains may have

PLAIN_EMAIL = r"[a-z0-9_][a-z0-9!#$&'*+/=?^_`{|}~.-]*+@[a-z0-9]++(?:[.-][a-z0-9]++)*+"
"""An address, in lower case, that is hashed as it is unless it is ``REFUSED``.

Whatever this leaves out is read the long way round, with the same outcome for a plain address.
"""

_is_plain_email = re.compile(PLAIN_EMAIL).fullmatch
_are_plain_emails = re.compile(rf"(?:{PLAIN_EMAIL}\n)++").fullmatch
_are_sha256 = re.compile(r"(?:[0-9a-f]{64}\n)++").fullmatch
_has_encoding = re.compile(r"%[0-9a-f]{2}").search
_is_uuid = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_is_rounded = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+").fullmatch
"""What a spreadsheet makes of a long number."""

_is_hex = re.compile(r"[0-9a-f]+").fullmatch


def _refused() -> dict[str, Reject]:
    """Return what is refused on sight, all in lower case."""
    refused = {"0" * length: PLACEHOLDER_HASH for length in _HASH_LENGTHS}
    for placeholder in _PLACEHOLDERS:
        refused[placeholder] = PLACEHOLDER
        # Whoever hashed it did not always lower-case it first, nor know what it was.
        written = {placeholder, placeholder.upper(), placeholder.title(), "NaN", "NaT"}
        refused |= dict.fromkeys(_all_hashes(*written), PLACEHOLDER_HASH)
    refused |= dict.fromkeys(_all_hashes(*_ZERO_DEVICE_IDS), PLACEHOLDER_HASH)
    refused |= dict.fromkeys(_all_hashes("", " "), EMPTY_HASH)
    return refused | dict.fromkeys(_ZERO_DEVICE_IDS, ZERO_DEVICE_ID)


def _all_hashes(*texts: str) -> list[str]:
    return [
        make(text.encode(), usedforsecurity=False).hexdigest() for text in texts for make in _HASHES
    ]


REFUSED: Mapping[str, Reject] = MappingProxyType(_refused())
"""Why a text in lower case is refused on sight."""


def read_identifier(list_type: str, value: object) -> str | Reject:
    """Return the text to send to Pinterest for one identifier, or the reason to send nothing.

    Reading what was returned again returns it unchanged.

    Args:
        list_type: One of the values of ``LIST_TYPES``.
        value: What a record holds: any JSON value.

    Returns:
        For an email or a device id 64, 40 or 32 lower-case hexadecimal digits, for the other
        types printable text without comma or whitespace. Or one of the constants above.

    Raises:
        KeyError: If there is no such list type.
    """
    return _READERS[list_type](value)


def read_identifiers(
    list_type: str, values: Sequence[str | None]
) -> Sequence[str] | Sequence[str | Reject]:
    """Return what ``read_identifier`` returns for each value, faster where all are plain.

    Raises:
        KeyError: If there is no such list type.
    """
    read = _READERS[list_type]
    return _read_plain(list_type, values) or [read(value) for value in values]


def _read_plain(list_type: str, values: Sequence[str | None]) -> Sequence[str] | None:
    """Read values that are all SHA-256, or all emails as most are; None if they are not."""
    if list_type not in HASHED_TYPES or None in values:
        return None
    lines = "\n".join(cast("Sequence[str]", values)).lower() + "\n"
    are_emails = list_type == "EMAIL" and _are_plain_emails(lines)
    if not are_emails and not _are_sha256(lines):
        return None
    texts = lines.split("\n")[:-1]
    is_one_each = len(texts) == len(values)
    if not is_one_each or max(map(len, texts)) > LONGEST or not REFUSED.keys().isdisjoint(texts):
        return None
    if not are_emails:
        return texts
    return [hashlib.sha256(text).hexdigest() for text in lines.encode().split(b"\n")[:-1]]


def to_key(list_type: str, text: str) -> bytes:
    """Return the compact form of what ``read_identifier`` returned, to be kept in the ledger.

    The 32, 20 or 16 bytes of a hash, or the UTF-8 of a vendor's pseudonym. Neither is what a
    person would call their email or their device.
    """
    return bytes.fromhex(text) if list_type in HASHED_TYPES else text.encode()


def to_keys(list_type: str, texts: Sequence[str]) -> list[bytes]:
    """Return what ``to_key`` returns for each text, faster where all are of one length."""
    lengths = set(map(len, texts)) if list_type in HASHED_TYPES else set()
    if len(lengths) != 1:
        return [to_key(list_type, text) for text in texts]
    width = lengths.pop() // 2
    joined = bytes.fromhex("".join(texts))
    return [joined[place : place + width] for place in range(0, len(joined), width)]


def to_text(list_type: str, key: bytes) -> str:
    """Return the text of which ``to_key`` made this key."""
    return key.hex() if list_type in HASHED_TYPES else key.decode()


def rejected_digest(value: object) -> str:
    """Return the SHA-256 of a refused value, by which its owner finds it again and nobody else."""
    try:
        text = str(value)
    except (ValueError, RecursionError):  # more digits or a deeper nesting than Python will print
        text = type(value).__name__
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read_email(value: object) -> str | Reject:
    if not isinstance(value, str):
        return _no_text(value)
    text = value.strip().lower()
    if len(text) <= LONGEST and _is_plain_email(text) and text not in REFUSED:
        return hashlib.sha256(text.encode()).hexdigest()
    return _read_unusual_email(value)


def _read_unusual_email(value: str) -> str | Reject:
    # Normalised on both sides: lower-casing composed letters can leave letters to be composed.
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", value.strip()).lower())
    hashed = _read_hash(text)
    if hashed is None:
        text = bare_email(text)
        hashed = _read_hash(text)
    return hashed or _unfit_as_email(text) or hashlib.sha256(text.encode()).hexdigest()


def _unfit_as_email(text: str) -> Reject | None:
    """Return why ``text`` is no email address that can be sent."""
    reject = _unfit_to_send(text)
    if reject is not None:
        return reject
    local_part, at, domain = text.partition("@")
    faults = (
        (not at, NO_AT),
        ("@" in domain, MANY_ATS),
        (not local_part, NO_LOCAL_PART),
        (not domain, NO_DOMAIN),
        (text[0] in MARKS or text[-1] in MARKS, HALF_WRAPPED),
        (not _is_local_part(local_part), BAD_LOCAL_PART),
        (not _is_domain(domain), BAD_DOMAIN),
    )
    return next((reject for is_so, reject in faults if is_so), None)


def _is_local_part(text: str) -> bool:
    """Return whether an address may have this before its @.

    Two dots in a row, and a dot before the @, are in addresses that Japanese phone companies gave.
    Quoted local parts are left out: quotes come from exports far more often.
    """
    letters = all(letter in _IN_LOCAL_PART or _is_foreign(letter) for letter in text)
    return letters and not text.startswith(".") and not _has_encoding(text)


def _is_domain(text: str) -> bool:
    """Return whether this can be a domain; international ones have no compatibility characters."""
    labels = text.split(".")
    return unicodedata.normalize("NFKC", text) == text and all(
        label
        and "-" not in (label[0], label[-1])
        and all(
            (letter.isascii() and letter.isalnum()) or letter == "-" or _is_foreign(letter)
            for letter in label
        )
        for label in labels
    )


def _is_foreign(letter: str) -> bool:
    """Return whether this is a letter, digit or accent that ASCII does not have."""
    return not letter.isascii() and (
        unicodedata.category(letter)[0] in "LMN" or letter in _IN_WORDS
    )


def _read_device_id(value: object) -> str | Reject:
    if not isinstance(value, str):
        return _no_text(value)
    text = value.strip().lower()
    if not _is_uuid(text):
        text = bare(text)
    if _is_uuid(text) and text not in REFUSED:
        return hashlib.sha256(text.encode()).hexdigest()
    return _read_hash(text) or NOT_A_DEVICE_ID


def _read_pseudonym(value: object) -> str | Reject:
    if not isinstance(value, str):
        return _no_text(value)
    text = bare(value)
    reject = REFUSED.get(value.strip().lower()) or REFUSED.get(text.lower())
    if _is_rounded(text):
        return NOT_TEXT
    reject = reject or _unfit_to_send(text)
    if reject is not None:
        return reject
    if "@" in text:
        return EMAIL_AS_ID
    return HALF_WRAPPED if text[0] in MARKS or text[-1] in MARKS else text


def _no_text(value: object) -> Reject:
    return MISSING if value is None else NOT_TEXT


def _read_hash(text: str) -> str | Reject | None:
    """Return a hash as it is, the reason to refuse ``text``, or None if it is something else."""
    if not text:
        return MISSING
    if text in REFUSED:
        return REFUSED[text]
    if len(text) < _SHORTEST_HASH or not _is_hex(text):
        return None
    return text if len(text) in _HASH_LENGTHS else UNKNOWN_HASH


def _unfit_to_send(text: str) -> Reject | None:
    """Return why ``text`` cannot be one of the comma-separated members of a request."""
    if not text:
        return MISSING
    if len(text) > LONGEST:
        return TOO_LONG
    if " " in text or not text.isprintable():
        return INNER_SPACE
    return COMMA if "," in text else None


_READERS = {
    "EMAIL": _read_email,
    "MAID": _read_device_id,
    "IDFA": _read_device_id,
    "LR_ID": _read_pseudonym,
    "DLX_ID": _read_pseudonym,
    "HASHED_PINNER_ID": _read_pseudonym,
}
