"""Waits that Pinterest requests, and waits of the client."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from pinterest_audiences.api.operations import (
    CREATE_AUDIENCE,
    LIST_AUDIENCES,
    OAUTH_TOKEN,
    Operation,
)
from pinterest_audiences.api.rate_limit import RateLimiter, asked_wait, http_date, waits
from pinterest_audiences.errors import NoResponseError, RateLimitedError, RetriableError

NOW = dt.datetime(2026, 7, 9, 12, 0, 0, tzinfo=dt.UTC)
LIVE_LIMIT = '100, 100;w=1;name="safety_net_app_id_user_id", 1000;w=60;name="ads_read"'


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "7", "x-ratelimit-reset": "58"}, 7),
        ({"Retry-After": "Thu, 09 Jul 2026 12:01:30 GMT"}, 90),
        ({"Retry-After": "Thu, 09 Jul 2026 11:00:00 GMT"}, 0),
        ({"Retry-After": "soon", "x-ratelimit-reset": "58"}, 58),
        ({"X-RateLimit-Reset": "67150", "x-ratelimit-limit": LIVE_LIMIT}, 67150),
        ({"x-ratelimit-reset": "-1"}, None),
        ({"x-ratelimit-reset": "inf"}, None),
        ({"x-ratelimit-reset": "nan"}, None),
    ],
)
def test_wait_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(CaseInsensitiveDict(headers), NOW) == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_header_is_read_or_ignored(retry_after: str, reset: str) -> None:
    wait = asked_wait({"retry-after": retry_after, "x-ratelimit-reset": reset}, NOW)
    assert wait is None or 0 <= wait < float("inf")


def test_http_date_is_read() -> None:
    assert http_date("Thu, 09 Jul 2026 12:00:00 GMT") == NOW
    assert http_date("Thu, 09 Jul 2026 12:00:00 -0000") == NOW
    assert http_date("yesterday") is None
    assert http_date(None) is None


def waited(errors: list[RetriableError], max_wait: float) -> list[float]:
    generator = waits(max_wait)
    next(generator)
    result = []
    for error in errors:
        try:
            result.append(generator.send(error))
        except StopIteration:
            break
    return result


def limited(wait: float | None) -> RateLimitedError:
    return RateLimitedError("audiences/list", wait, NOW)


def lost(wait: float | None = None) -> NoResponseError:
    return NoResponseError("audiences/list", "no connection", wait_seconds=wait)


def test_rate_limit_wait_follows_the_headers() -> None:
    assert waited([limited(58), limited(0)], 900) == [58, 1]


def test_rate_limit_without_a_time_waits_longer_each_time() -> None:
    assert waited([limited(None)] * 8, 900) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_sum_of_waits_of_a_request_stays_within_max_wait() -> None:
    assert waited([limited(58)] * 9, 120) == [58, 58]
    assert waited([limited(67150)], 900) == []
    assert waited([limited(1)], 0) == []


def test_request_without_response_is_tried_five_times() -> None:
    assert waited([lost()] * 9, 0) == [1, 2, 4, 8]


def test_unavailable_server_gets_the_wait_that_it_requests() -> None:
    assert waited([lost(30)], 900) == [30]
    assert waited([lost(3600)], 900) == []


def test_rate_limits_do_not_count_as_failed_tries() -> None:
    errors = list(itertools.chain.from_iterable((limited(1), lost()) for _ in range(9)))
    assert waited(errors, 900) == [1, 1, 1, 2, 1, 4, 1, 8, 1]


SAFETY_NET = '100;w=1;name="safety_net_app_id_user_id"'
STANDARD_READS = f'{SAFETY_NET}, 1000;w=60;name="ads_read_app_id_user_id"'
STANDARD_WRITES = f'{SAFETY_NET}, 400;w=60;name="ads_write_app_id_user_id"'
TRIAL_READS = '1000;w=86400;name="ads_read_app_id"'
TRIAL_WRITES = '300;w=86400;name="ads_write_app_id"'


def headers(policies: str, left: int, reset: int) -> CaseInsensitiveDict[str]:
    limit = f"{policies.partition(';')[0]}, {policies}"
    return CaseInsensitiveDict(
        {
            "x-ratelimit-limit": limit,
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": str(reset),
        }
    )


@pytest.mark.parametrize(
    ("seen", "writes", "seconds"),
    [
        ({}, 500, 0),
        ({LIST_AUDIENCES: STANDARD_READS}, 500, 4),
        ({LIST_AUDIENCES: STANDARD_READS, CREATE_AUDIENCE: STANDARD_WRITES}, 500, 60),
        ({LIST_AUDIENCES: TRIAL_READS}, 300, 0),
        ({LIST_AUDIENCES: TRIAL_READS}, 301, 86_400),
        ({LIST_AUDIENCES: TRIAL_READS}, 500, 86_400),
        ({LIST_AUDIENCES: TRIAL_READS}, 601, 172_800),
        ({LIST_AUDIENCES: f"{SAFETY_NET}, {TRIAL_READS}"}, 500, 86_400),
        ({OAUTH_TOKEN: TRIAL_READS, LIST_AUDIENCES: STANDARD_READS}, 500, 86_400),
        ({LIST_AUDIENCES: TRIAL_READS, CREATE_AUDIENCE: TRIAL_WRITES}, 500, 86_400),
        ({LIST_AUDIENCES: TRIAL_READS, CREATE_AUDIENCE: "600;w=86400"}, 500, 0),
    ],
)
def test_least_seconds_for_writes_follow_the_limits_that_were_seen(
    seen: dict[Operation, str], writes: int, seconds: int
) -> None:
    budget = RateLimiter(900, lambda _: None)
    for operation, policies in seen.items():
        budget.acquire(operation)
        budget.release(operation, headers(policies, left=99, reset=1))

    assert budget.least_seconds("ads_write", writes) == seconds
