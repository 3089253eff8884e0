"""What a user gets to read, and what nobody ever does."""

from __future__ import annotations

import datetime as dt

import pytest

from tap_pinterest_audiences.errors import RateLimitedError, RequestFailedError, redact

NOW = dt.datetime(2026, 7, 9, 12, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "secret",
    [
        "pina_AEATMFAWAAAZABAA6AAA",
        "pinr.eyJjIjoi.abc-def",
        "ann.lee+list@shop.example",
        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
        "5F4DCC3B5AA765D61D8327DEB882CF99",
        "38400000-8cf0-11bd-b23e-10b96e40000d",
    ],
)
def test_no_token_and_nobodys_identifier_is_printed(secret: str) -> None:
    said = redact(f"Invalid request: '{secret}' does not match '^x$'")
    assert secret not in said
    assert said == "Invalid request: '[redacted]' does not match '^x$'"


def test_foreign_text_stays_one_short_line() -> None:
    assert redact("a\r\n  b\tc") == "a b c"
    assert len(redact("x" * 10_000)) == 300


def test_a_refusal_says_what_where_and_what_to_do() -> None:
    error = RequestFailedError("audiences/list", 403, 29, "Not permitted.", "123")
    assert str(error) == (
        "Pinterest refused audiences/list: Not permitted. (HTTP 403, code 29, request id 123). "
        "The token's user has no role on this ad account that allows it"
    )


def test_a_rate_limit_says_when_to_come_back() -> None:
    error = RateLimitedError("audiences/list", 67150, NOW)
    assert "run again in 67150 s, after 2026-07-10 06:39:10 UTC" in str(error)
    assert error.exit_code == 75
