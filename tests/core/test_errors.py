"""Messages for users, and redaction."""

from __future__ import annotations

import datetime as dt
import string

import pytest

from pinterest_audiences.errors import RateLimitedError, RequestFailedError, redact

NOW = dt.datetime(2026, 7, 9, 12, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "secret",
    [
        "pina_AEATMFAWAAAZABAA6AAA",
        "pinr.eyJjIjoi.abc-def",
        "pinc_demo",
        "pinc.AEATMFAWAAAZABAA6AAA",
        "pinx_AEATMFAWAAAZABAA6AAA",
        "pins.eyJjIjoi.eyJpYXQiOjE3ODUwMDAwMDB9.abc-def",
        "pink_live-AEATMFAWAAAZABAA6AAAHGYQ1Xo_w==",
        "ann.lee+list@shop.example",
        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
        "5F4DCC3B5AA765D61D8327DEB882CF99",
        "38400000-8cf0-11bd-b23e-10b96e40000d",
    ],
)
def test_tokens_and_identifiers_are_not_printed(secret: str) -> None:
    said = redact(f"Invalid request: '{secret}' does not match '^x$'")
    assert secret not in said
    assert said == "Invalid request: '[redacted]' does not match '^x$'"


@pytest.mark.parametrize(
    "name",
    [
        "pink_shoes",
        "pink_shoes_summer_sale_retargeting_30_days_2026",
        "pine.furniture.buyers",
        "pins_saved_in_the_last_180_days",
        "column_mapping.json",
        "shipping_addresses_without_newsletter",
        "ping.pinterest-shop.example/checkout/thank-you",
        "Pinterest_2026",
    ],
)
def test_ordinary_name_that_looks_like_a_token_prefix_is_printed(name: str) -> None:
    assert redact(f"audience {name!r} is not there") == f"audience {name!r} is not there"


def test_a_token_of_any_prefix_is_redacted_in_the_middle_of_a_text() -> None:
    for letter in string.ascii_lowercase:
        for mark in "_.":
            token = f"pin{letter}{mark}AIATJYQXAAKLOAAAGBABWDUGYM4HPGIBACGSPXM2"
            assert redact(f"grant%3D{token}&x=1") == "grant%3D[redacted]&x=1"


def test_text_from_outside_becomes_one_short_line() -> None:
    assert redact("a\r\n  b\tc") == "a b c"
    assert len(redact("x" * 10_000)) == 300


def test_refusal_message_says_what_where_and_what_to_do() -> None:
    error = RequestFailedError("audiences/list", 403, 29, "Not permitted.", "123")
    assert str(error) == (
        "Pinterest refused audiences/list: Not permitted. (HTTP 403, code 29, request id 123). "
        "The token's user has no role on this ad account that allows it"
    )


def test_rate_limit_message_says_when_to_retry() -> None:
    error = RateLimitedError("audiences/list", 67150, NOW)
    assert "run again in 67150 s, after 2026-07-10 06:39:10 UTC" in str(error)
    assert error.exit_code == 75
