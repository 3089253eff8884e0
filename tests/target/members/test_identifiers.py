"""Reading identifiers of customers, in all forms that occur in warehouses."""

from __future__ import annotations

import hashlib
import json
import re
import string
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from people import SCHEMA, members, person

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.members.identifiers import (
    HASHED_TYPES,
    LIST_TYPES,
    STANDS_FOR_NOBODY,
    read_identifier,
    read_identifiers,
    rejected_digest,
    to_key,
    to_keys,
    to_text,
)

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator

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


def test_email_with_accents_has_one_hash_in_every_encoding() -> None:
    composed = unicodedata.normalize("NFC", "Zoë@Café.example")
    apart = unicodedata.normalize("NFD", composed)
    assert apart != composed
    for written in (composed, apart, f" {apart.upper()} "):
        assert read_identifier("EMAIL", written) == sha256("zoë@café.example")


def test_a_domain_needs_no_dot() -> None:
    assert read_identifier("EMAIL", "jane@localhost") == sha256("jane@localhost")


@pytest.mark.parametrize("list_type", ["MAID", "IDFA"])
def test_device_id_has_one_hash_in_upper_and_lower_case(list_type: str) -> None:
    for written in (DEVICE, DEVICE.upper(), f" {DEVICE}\n"):
        assert read_identifier(list_type, written) == sha256(DEVICE)


@pytest.mark.parametrize("list_type", sorted(HASHED_TYPES))
@pytest.mark.parametrize("make", MAKERS)
def test_hash_is_not_hashed_again(list_type: str, make: Any) -> None:
    digest = make(b"jane@example.com").hexdigest()
    assert read_identifier(list_type, digest) == digest
    assert read_identifier(list_type, f" {digest.upper()} ") == digest


def test_device_id_without_dashes_is_read_as_an_md5() -> None:
    bare = DEVICE.replace("-", "")
    assert read_identifier("MAID", bare) == bare


@pytest.mark.parametrize("list_type", PSEUDONYM_TYPES)
def test_pseudonyms_of_vendors_are_sent_unchanged(list_type: str) -> None:
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
def test_invalid_email_is_rejected(value: object, expected: str) -> None:
    assert code("EMAIL", value) == expected


WRAPPED = [
    *("<{}>", '"{}"', "'{}'", "`{}`", "`{}'", "({})", "[{}]", "{{{}}}"),
    *("\u201c{}\u201d", "\u201e{}\u201c", "\u2018{}\u2019", "\u00ab{}\u00bb", "\u00b4{}\u00b4"),
    *(
        '""{}""',
        '["{}"]',
        '" {} "',
        '="{}"',
        "\ufeff{}",
        "{}\u200b",
        "\u00a0{}\u2060\r\n",
        "{}\x00",
    ),
]


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_marks_around_an_identifier_are_removed(wrapper: str) -> None:
    for email in ("ann@shop.example", "o'neil@shop.example", "zo\u00eb@b\u00fccher.example"):
        assert read_identifier("EMAIL", wrapper.format(email)) == sha256(email)
        assert read_identifier("EMAIL", wrapper.format(sha256(email))) == sha256(email)
    for list_type in ("MAID", "IDFA"):
        assert read_identifier(list_type, wrapper.format(DEVICE.upper())) == sha256(DEVICE)
    for list_type in PSEUDONYM_TYPES:
        assert read_identifier(list_type, wrapper.format("XY1005wVFg=")) == "XY1005wVFg="


@pytest.mark.parametrize(
    "written",
    [
        "mailto:ann@shop.example",
        "MailTo: Ann@shop.example",
        "mailto://ann@shop.example",
        "mailto:ann@shop.example?subject=Hi%20there,%20you&body=x",
        "<mailto:ann@shop.example>",
        "Ann <ann@shop.example>",
        '"Ann Lee" <ann@shop.example>',
        "Ann <mailto:ann@shop.example>",
        "'Ann <ann@shop.example>'",
    ],
)
def test_link_and_name_around_an_email_are_removed(written: str) -> None:
    assert read_identifier("EMAIL", written) == sha256("ann@shop.example")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<ann@shop.example", "half_wrapped"),
        ("ann@shop.example>", "half_wrapped"),
        ("'ann@shop.example", "half_wrapped"),
        ("\"ann@shop.example'", "half_wrapped"),
        ('"ann"@shop.example', "half_wrapped"),
        ("\u201cann@shop.example", "half_wrapped"),
        ("{{email}}@shop.example", "half_wrapped"),
        (".ann@shop.example", "bad_local_part"),
        ("email:ann@shop.example", "bad_local_part"),
        ("an\\n@shop.example", "bad_local_part"),
        ("o\\'neil@shop.example", "bad_local_part"),
        ("o\u2019neil@shop.example", "bad_local_part"),
        ("o&#39;neil@shop.example", "bad_local_part"),
        ("ann%2bnews@shop.example", "bad_local_part"),
        ("mailto:ann%2Bnews@shop.example", "bad_local_part"),
        ("mailto:ann@shop.example?to=bob%40shop.example", "bad_local_part"),
        ("ann@shop.example.", "bad_domain"),
        ("ann@shop.example;", "bad_domain"),
        ("ann@shop.example:", "bad_domain"),
        ("ann@shop.example/", "bad_domain"),
        ("ann@shop.example!", "bad_domain"),
        ("ann@shop.example\\n", "bad_domain"),
        ("ann@shop.example%20", "bad_domain"),
        ("ann@shop.example&nbsp;", "bad_domain"),
        ("&lt;ann@shop.example&gt;", "bad_local_part"),
        ("ann@shop..example", "bad_domain"),
        ("ann@.shop.example", "bad_domain"),
        ("ann@-shop.example", "bad_domain"),
        ("ann@shop-.example", "bad_domain"),
        ("ann@shop.example-", "bad_domain"),
        ("ann@shop_1.example", "bad_domain"),
        ("ann@shop+1.example", "bad_domain"),
        ("ann@shop.example(work)", "half_wrapped"),
        ("ann@[127.0.0.1]", "half_wrapped"),
        ("ann@shop\u3002example", "bad_domain"),
        ("ann@\uff53hop.example", "bad_domain"),
        ("ann@shop.example (work)", "inner_space"),
        ("Lee, Ann <ann@shop.example>", "inner_space"),
        ("ann at shop.example", "inner_space"),
        ("ann%40shop.example", "no_at"),
        ("ann@shop.example,", "comma"),
        ("ann@shop.example;bob@shop.example", "many_ats"),
        ("ann@shop.example<mailto:ann@shop.example>", "many_ats"),
        ("ann@old.example <ann@shop.example>", "inner_space"),
        ("[ann@shop.example](mailto:ann@shop.example)", "many_ats"),
        ("mailto:ann@shop.example?cc=bob@shop.example", "many_ats"),
        ('""', "missing"),
        ("<>", "missing"),
        ("\ufeff\u200b", "missing"),
        ("mailto:", "missing"),
    ],
)
def test_an_email_with_other_marks_is_rejected(value: str, expected: str) -> None:
    assert code("EMAIL", value) == expected


@pytest.mark.parametrize(
    "email",
    [
        *("o'neil@shop.example", "a{b}@shop.example", "x+y_z-1@shop.example", "ann@localhost"),
        *(
            "zo\u00eb@b\u00fccher.example",
            "\u7528\u6237@\u4f8b\u5b50.example",
            "ann@xn--bcher-kva.example",
        ),
        "\u0939\u093f\u0928\u094d\u0926\u0940@\u0939\u093f\u0928\u094d\u0926\u0940.example",
        *("!#$%&*+-/=?^_|~`'@shop.example", "user%host@shop.example", "-@shop.example"),
        *("ann..b.@phone.example", "1@2.3", "ann@a--b.example", "ann@paral\u00b7lel.example"),
    ],
)
def test_unusual_legal_email_is_hashed_unchanged(email: str) -> None:
    assert read_identifier("EMAIL", email) == sha256(email)
    assert read_identifier("EMAIL", f" {email.upper()}\n") == sha256(email)


@pytest.mark.parametrize("list_type", sorted(LIST_TYPES.values()))
@pytest.mark.parametrize(
    "value",
    [
        *(None, " ", '""', "NaT", "\\N", "<NA>", "<null>", "(null)", "[NULL]", "{null}", '"null"'),
        *("#N/A", "#NULL!", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "(blank)", "-", "n.a."),
        *(ZERO_DEVICE, "0" * 64, sha256(""), sha256("NaT"), sha256("\\N")),
    ],
)
def test_value_that_stands_for_nobody_is_recognised(list_type: str, value: object) -> None:
    assert read_identifier(list_type, value) in STANDS_FOR_NOBODY


def test_a_malformed_identifier_may_stand_for_somebody() -> None:
    for value in ("ann@shop.example.", "<ann@shop.example", "ann", 7, "ann@a.example,b@b.example"):
        assert read_identifier("EMAIL", value) not in STANDS_FOR_NOBODY


def test_wrapped_email_is_sent_and_broken_one_is_reported(
    emulator: Emulator, programs: Programs, account: str
) -> None:
    good = ("<ann@shop.example>", "mailto:bob@shop.example", '"cat@shop.example"')
    bad = ("dan@shop..example", "eve@shop.example.", "'fay@shop.example", "email:gus@shop.example")
    lines = [SCHEMA, *(person(email=written) for written in (*good, *bad))]
    run = programs.target(
        lines,
        ad_account_id=account,
        ledger_url=f"sqlite:///{programs.folder}/ledger.db",
        report_path=str(programs.folder / "report.json"),
    )
    assert run.code == 1
    assert members(emulator, account) == {
        sha256(f"{who}@shop.example") for who in ("ann", "bob", "cat")
    }
    report = (programs.folder / "report.json").read_text()
    (done,) = json.loads(report)["customer_lists"]
    assert done["rejected"] == {"bad_domain": 2, "half_wrapped": 1, "bad_local_part": 1}
    assert "shop." not in run.err + report


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
        (f"{{{DEVICE}", "not_a_device_id"),
        (f"{DEVICE}.", "not_a_device_id"),
        (f"{{{ZERO_DEVICE}}}", "zero_device_id"),
        (DEVICE.replace("d", "g"), "not_a_device_id"),
        (DEVICE.replace("6", "\u0666"), "not_a_device_id"),
        (f"{DEVICE},{DEVICE}", "not_a_device_id"),
        (ZERO_DEVICE, "zero_device_id"),
        ("0" * 32, "zero_device_id"),
        ("a" * 48, "unknown_hash"),
        ("unknown", "placeholder"),
    ],
)
def test_invalid_device_id_is_rejected(list_type: str, value: object, expected: str) -> None:
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
        ("XY1\u200bXY2", "inner_space"),
        ('"XY1', "half_wrapped"),
        ("XY1}", "half_wrapped"),
        ("[NULL]", "placeholder"),
        ("X" * 255, "too_long"),
        ("NULL", "placeholder"),
        (ZERO_DEVICE, "zero_device_id"),
        ("jane@shop.com", "email_as_id"),
        ("1.23457E+11", "not_text"),
        ("1,2e+15", "not_text"),
    ],
)
def test_invalid_pseudonym_is_rejected(list_type: str, value: object, expected: str) -> None:
    assert code(list_type, value) == expected


@pytest.mark.parametrize("list_type", LIST_TYPES.values())
@pytest.mark.parametrize("make", MAKERS)
def test_hashes_of_nothing_and_of_placeholders_are_rejected(list_type: str, make: Any) -> None:
    assert code(list_type, make(b"").hexdigest()) == "empty_hash"
    for written in ("null", "NULL", "None", "NaN", "n/a", "test@test.com", ZERO_DEVICE, "0" * 32):
        digest = make(written.encode()).hexdigest()
        assert code(list_type, digest) == "placeholder_hash", written
        assert code(list_type, digest.upper()) == "placeholder_hash", written


def test_every_column_has_a_list_type_of_pinterest() -> None:
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


def test_rejected_value_can_be_found_by_the_hash_of_its_text() -> None:
    assert rejected_digest("jane doe@shop.com") == sha256("jane doe@shop.com")
    assert rejected_digest(Decimal("1.5")) == sha256("1.5")


_local = st.text(
    string.ascii_letters + string.digits + ".+-_'!#${}|~", min_size=1, max_size=64
).filter(lambda text: text[0] not in ".'{}")
_label = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=30).filter(
    lambda text: "-" not in (text[0], text[-1])
)
_emails = st.builds("{}@{}.{}".format, _local, _label, _label)
_space = st.text(" \t\r\n\u00a0", max_size=2)
_texts = (
    st.text(max_size=12)
    | _emails
    | st.builds("{}@{}".format, st.text(max_size=9), st.text(max_size=9))
    | st.uuids().map(str)
    | st.builds("{}".format, st.sampled_from([*WRAPPED, "mailto:{}", "Ann <{}>"])).flatmap(
        lambda wrapper: (_emails | st.uuids().map(str) | st.text(max_size=9)).map(wrapper.format)
    )
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
def test_email_has_one_hash_in_every_spelling(
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
def test_any_value_is_read_or_rejected(list_type: str, value: object) -> None:
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
def test_reason_is_fixed_text_without_the_identifier(list_type: str, tail: str) -> None:
    """Different values give the same reason, so the reason contains nothing of them."""
    for unfit in ("{} @{}", "{},{}", "{}@{}@", "-{}"):
        one, other = (
            read_identifier(list_type, unfit.format(mark, tail)) for mark in ("q1z", "w2x")
        )
        if isinstance(one, Reject):
            assert one is other


def test_any_rejected_value_has_a_digest() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    for value in (nested, 10**5000, "\ud800"):
        assert code("EMAIL", value) in {"not_text", "inner_space"}
        assert re.fullmatch("[0-9a-f]{64}", rejected_digest(value))


_plain_emails = st.builds(
    "{}@{}.example".format, st.text("abXY09.+-_", min_size=1, max_size=9), _label
)
_odd_ends = st.sampled_from(
    ["", "", "", " ", "\n", "\nann@shop.example", "\u212a", "\u0130", "\x85"]
)
_hashes = st.builds(lambda text: sha256(text).upper(), st.text(max_size=3))
_odd = st.none() | st.text(max_size=5) | st.sampled_from(["test@test.com", "0" * 64, sha256("")])
_alike = st.one_of(
    st.lists(_plain_emails),
    st.lists(_hashes),
    st.lists(st.builds("{}{}".format, _plain_emails | _hashes, _odd_ends)),
    st.lists(_plain_emails | _hashes | _odd),
    st.lists(st.sampled_from(["a" * 245 + "@shop.exa", "a" * 246 + "@shop.exa", "a@b.c"])),
)


@example("EMAIL", ["ann@shop.example\nbob@shop.example"])
@given(_types, _alike)
def test_many_identifiers_are_read_as_each_alone(list_type: str, values: list[str | None]) -> None:
    alone = [read_identifier(list_type, value) for value in values]
    assert [*read_identifiers(list_type, values)] == alone
    texts = [text for text in alone if isinstance(text, str)]
    assert to_keys(list_type, texts) == [to_key(list_type, text) for text in texts]
