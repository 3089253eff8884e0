"""Reading identifiers of customers, in all the forms in which warehouses keep them."""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_pinterest_audiences.decisions import Reject
from target_pinterest_audiences.identifiers import (
    HASHED_TYPES,
    LIST_TYPES,
    read_identifier,
    rejected_digest,
    to_key,
    to_text,
)

DEVICE = "6d92078a-8246-4ba4-ae5b-76104861e7dc"
ZERO_DEVICE = "00000000-0000-0000-0000-000000000000"
PSEUDONYM_TYPES = sorted(set(LIST_TYPES.values()) - HASHED_TYPES)
MAKERS = [hashlib.sha256, hashlib.sha1, hashlib.md5]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def code(list_type: str, value: object) -> str:
    outcome = read_identifier(list_type, value)
    assert isinstance(outcome, Reject), outcome
    return outcome.code


@pytest.mark.parametrize(
    "written",
    ["jane.doe+news@gmail.com", "  Jane.Doe+News@Gmail.com\t", "JANE.DOE+NEWS@GMAIL.COM\n"],
)
def test_an_email_is_trimmed_and_lower_cased_and_its_dots_and_tags_stay(written: str) -> None:
    assert read_identifier("EMAIL", written) == sha256("jane.doe+news@gmail.com")


def test_an_email_with_accents_is_one_however_they_are_encoded() -> None:
    composed = unicodedata.normalize("NFC", "Zoë@Café.example")
    apart = unicodedata.normalize("NFD", composed)
    assert apart != composed
    for written in (composed, apart, f" {apart.upper()} "):
        assert read_identifier("EMAIL", written) == sha256("zoë@café.example")


def test_a_domain_needs_no_dot() -> None:
    assert read_identifier("EMAIL", "jane@localhost") == sha256("jane@localhost")


@pytest.mark.parametrize("list_type", ["MAID", "IDFA"])
def test_a_device_has_one_hash_in_capitals_and_in_small_letters(list_type: str) -> None:
    for written in (DEVICE, DEVICE.upper(), f" {DEVICE}\n"):
        assert read_identifier(list_type, written) == sha256(DEVICE)


@pytest.mark.parametrize("list_type", sorted(HASHED_TYPES))
@pytest.mark.parametrize("make", MAKERS)
def test_what_is_hashed_already_is_not_hashed_again(list_type: str, make: Any) -> None:
    digest = make(b"jane@example.com").hexdigest()
    assert read_identifier(list_type, digest) == digest
    assert read_identifier(list_type, f" {digest.upper()} ") == digest


def test_a_device_id_without_dashes_is_taken_for_an_md5() -> None:
    bare = DEVICE.replace("-", "")
    assert read_identifier("MAID", bare) == bare


@pytest.mark.parametrize("list_type", PSEUDONYM_TYPES)
def test_pseudonyms_of_vendors_go_as_they_are(list_type: str) -> None:
    assert read_identifier(list_type, " XY1005wVFg-Aa_b/=\n") == "XY1005wVFg-Aa_b/="


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "missing"),
        ("", "missing"),
        (" \t\u00a0", "missing"),
        (7, "not_text"),
        (True, "not_text"),
        (Decimal("1.5"), "not_text"),
        (["jane@shop.com"], "not_text"),
        ({"email": "jane@shop.com"}, "not_text"),
        ("jane.shop.com", "no_at"),
        (DEVICE, "no_at"),
        ("a" * 31, "no_at"),
        ("jane@doe@shop.com", "many_ats"),
        ("jane@@shop.com", "many_ats"),
        ("@shop.com", "no_local_part"),
        ("jane@", "no_domain"),
        ("@", "no_local_part"),
        ("jane doe@shop.com", "inner_space"),
        ("jane@shop\u00a0.com", "inner_space"),
        ("ja\u200bne@shop.com", "inner_space"),
        ("\ufeffjane@shop.com", "inner_space"),
        ("ja\x00ne@shop.com", "inner_space"),
        ("jane\x7f@shop.com", "inner_space"),
        ("jane@shop.com\nmary@shop.com", "inner_space"),
        ("ja\ud800ne@shop.com", "inner_space"),
        ("jane@shop.com,mary@shop.com", "comma"),
        ("zoë@shop.com,mary@shop.com", "comma"),
        ("j" * 246 + "@shop.com", "too_long"),
        ("ë" * 246 + "@shop.com", "too_long"),
        ("a" * 33, "unknown_hash"),
        ("0" * 63, "unknown_hash"),
        ("F" * 128, "unknown_hash"),
        ("a" * 300, "unknown_hash"),
        ("null", "placeholder"),
        (" NULL ", "placeholder"),
        ("NaN", "placeholder"),
        ("None", "placeholder"),
        ("N/A", "placeholder"),
        ("undefined", "placeholder"),
        ("Unknown", "placeholder"),
        ("Test@Test.com", "placeholder"),
        ("example@example.com", "placeholder"),
        (ZERO_DEVICE, "zero_device_id"),
        ("0" * 32, "zero_device_id"),
        ("0" * 40, "placeholder_hash"),
        ("0" * 64, "placeholder_hash"),
    ],
)
def test_what_is_no_email_is_rejected(value: object, expected: str) -> None:
    assert code("EMAIL", value) == expected


def test_an_email_may_have_254_characters() -> None:
    longest = "j" * 245 + "@shop.com"
    assert read_identifier("EMAIL", f" {longest} ") == sha256(longest)


@pytest.mark.parametrize("list_type", ["MAID", "IDFA"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "missing"),
        ("", "missing"),
        (12, "not_text"),
        ("jane@shop.com", "not_a_device_id"),
        (DEVICE[:-1], "not_a_device_id"),
        (f"{{{DEVICE}}}", "not_a_device_id"),
        (DEVICE.replace("d", "g"), "not_a_device_id"),
        (DEVICE.replace("6", "\u0666"), "not_a_device_id"),
        (f"{DEVICE},{DEVICE}", "not_a_device_id"),
        (ZERO_DEVICE, "zero_device_id"),
        ("0" * 32, "zero_device_id"),
        ("a" * 48, "unknown_hash"),
        ("unknown", "placeholder"),
    ],
)
def test_what_is_no_device_id_is_rejected(list_type: str, value: object, expected: str) -> None:
    assert code(list_type, value) == expected


@pytest.mark.parametrize("list_type", PSEUDONYM_TYPES)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "missing"),
        (" ", "missing"),
        (1005, "not_text"),
        ("XY1,XY2", "comma"),
        ("XY1 XY2", "inner_space"),
        ("XY1\u200b", "inner_space"),
        ("X" * 255, "too_long"),
        ("NULL", "placeholder"),
        (ZERO_DEVICE, "zero_device_id"),
        ("jane@shop.com", "email_as_id"),
    ],
)
def test_what_is_no_pseudonym_is_rejected(list_type: str, value: object, expected: str) -> None:
    assert code(list_type, value) == expected


@pytest.mark.parametrize("list_type", LIST_TYPES.values())
@pytest.mark.parametrize("make", MAKERS)
def test_hashes_of_nothing_and_of_placeholders_are_rejected(list_type: str, make: Any) -> None:
    assert code(list_type, make(b"").hexdigest()) == "empty_hash"
    for written in ("null", "NULL", "None", "NaN", "n/a", "test@test.com", ZERO_DEVICE, "0" * 32):
        digest = make(written.encode()).hexdigest()
        assert code(list_type, digest) == "placeholder_hash", written
        assert code(list_type, digest.upper()) == "placeholder_hash", written


def test_every_column_has_one_of_the_list_types_of_pinterest() -> None:
    assert {column.upper(): kind for column, kind in LIST_TYPES.items()} == {
        kind: kind for kind in LIST_TYPES.values()
    }
    for list_type in LIST_TYPES.values():
        assert code(list_type, None) == "missing"
    with pytest.raises(KeyError):
        read_identifier("PHONE", "1")


def test_the_key_of_a_hash_is_its_bytes() -> None:
    assert to_key("EMAIL", "ff" * 32) == b"\xff" * 32
    assert to_key("MAID", "ff" * 20) == b"\xff" * 20
    assert to_key("IDFA", "ff" * 16) == b"\xff" * 16
    assert to_key("LR_ID", "ff" * 16) == b"ff" * 16


def test_a_rejected_value_is_found_again_by_the_hash_of_its_text() -> None:
    assert rejected_digest("jane doe@shop.com") == sha256("jane doe@shop.com")
    assert rejected_digest(Decimal("1.5")) == sha256("1.5")


_local = st.text(string.ascii_letters + string.digits + ".+-_'!#$%", min_size=1, max_size=64)
_emails = st.builds("{}@{}.{}".format, _local, _local, _local)
_space = st.text(" \t\r\n\u00a0", max_size=2)
_texts = (
    st.text(max_size=12)
    | _emails
    | st.builds("{}@{}".format, st.text(max_size=9), st.text(max_size=9))
    | st.uuids().map(str)
    | st.text("0123456789abcdefABCDEF", min_size=30, max_size=66)
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.floats() | _texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
_types = st.sampled_from(sorted(LIST_TYPES.values()))


@given(_emails, _space, _space, st.data())
def test_an_email_has_one_hash_however_it_is_written(
    email: str, before: str, after: str, data: st.DataObject
) -> None:
    capitals = data.draw(st.lists(st.booleans(), min_size=len(email), max_size=len(email)))
    other = "".join(
        letter.upper() if capital else letter.lower()
        for letter, capital in zip(email, capitals, strict=True)
    )
    expected = sha256(email.strip().lower())
    assert read_identifier("EMAIL", email) == expected
    assert read_identifier("EMAIL", before + other + after) == expected


@given(st.text(max_size=9), st.text(max_size=9))
def test_an_email_has_one_hash_in_all_forms_of_unicode(local: str, domain: str) -> None:
    email = f"{local}@{domain}"
    assert read_identifier("EMAIL", unicodedata.normalize("NFC", email)) == read_identifier(
        "EMAIL", unicodedata.normalize("NFD", email)
    )


@given(_types, _values)
def test_no_value_is_too_strange_to_be_read_or_rejected(list_type: str, value: object) -> None:
    outcome = read_identifier(list_type, value)
    assert re.fullmatch("[0-9a-f]{64}", rejected_digest(value))
    if isinstance(outcome, Reject):
        assert "\n" not in outcome.reason
        return
    assert read_identifier(list_type, outcome) == outcome
    assert to_text(list_type, to_key(list_type, outcome)) == outcome
    if list_type in HASHED_TYPES:
        assert re.fullmatch("[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}", outcome)
    else:
        assert not re.search(r"[\s,@]", outcome)


@given(_types, st.text(string.ascii_letters + string.digits + "@, .", min_size=1))
def test_a_reason_is_one_of_a_few_that_hold_no_identifier(list_type: str, tail: str) -> None:
    """Two values that are rejected alike are told the same, so the reason says nothing of them."""
    for unfit in ("{} @{}", "{},{}", "{}@{}@", "-{}"):
        one, other = (
            read_identifier(list_type, unfit.format(mark, tail)) for mark in ("q1z", "w2x")
        )
        if isinstance(one, Reject):
            assert one is other


def test_a_rejected_value_has_a_digest_whatever_it_is() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    for value in (nested, 10**5000, "\ud800"):
        assert code("EMAIL", value) in {"not_text", "inner_space"}
        assert re.fullmatch("[0-9a-f]{64}", rejected_digest(value))
