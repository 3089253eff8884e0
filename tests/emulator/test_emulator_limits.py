from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import requests

from pinterest_emulator import clock
from pinterest_emulator.http import gateway
from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from pinterest_emulator.settings import Access

LIVE_FORM = re.compile(
    r'(\d+), 100;w=1;name="safety_net_app_id_user_id", (\d+);w=60;name="(\w+)_app_id_user_id"'
)


def read(emulator: Emulator) -> requests.Response:
    return requests.get(
        f"{emulator.url}/ad_accounts", headers={"Authorization": "Bearer pina_demo"}, timeout=10
    )


def write(emulator: Emulator) -> requests.Response:
    return requests.post(
        f"{emulator.url}/ad_accounts/1/audiences",
        headers={"Authorization": "Bearer pina_demo"},
        timeout=10,
    )


def assert_refused(answer: requests.Response) -> None:
    assert answer.status_code == 429
    assert list(answer.json()) == ["code", "message"]
    assert answer.json()["code"] == 8
    assert answer.json()["message"].startswith("This request exceeded a rate limit.")
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert "x-envoy-ratelimited" in answer.headers
    assert "retry-after" not in answer.headers


def test_headers_have_the_live_form() -> None:
    with Emulator() as emulator:
        answers = [read(emulator), write(emulator)]

    found = [LIVE_FORM.fullmatch(answer.headers["x-ratelimit-limit"]) for answer in answers]
    assert [match and match.groups() for match in found] == [
        ("100", "1000", "ads_read"),
        ("100", "400", "ads_write"),
    ]
    assert answers[0].headers["x-ratelimit-remaining"] == "99"
    assert answers[0].headers["x-ratelimit-reset"] == "1"
    assert answers[1].status_code == 404


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's clock stands still unless it is moved, and starts at a new minute."""
    monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: 1_785_000_000.0))


@pytest.mark.usefixtures("stopped_clock")
def test_one_hundred_requests_a_second_are_allowed() -> None:
    with Emulator() as emulator, requests.Session() as session:
        session.headers["Authorization"] = "Bearer pina_demo"
        emulator.advance(0.9)
        answers = [session.get(f"{emulator.url}/ad_accounts", timeout=10) for _ in range(101)]

        assert [answer.status_code for answer in answers] == [200] * 100 + [429]
        assert answers[99].headers["x-ratelimit-remaining"] == "0"
        assert answers[100].headers["x-ratelimit-reset"] == "1"
        assert answers[100].headers["x-ratelimit-limit"].startswith("100, ")
        assert_refused(answers[100])
        emulator.advance(0.1)
        assert read(emulator).status_code == 200


@pytest.mark.usefixtures("stopped_clock")
def test_quota_of_a_minute_is_counted_by_category() -> None:
    with Emulator() as emulator, requests.Session() as session:
        session.headers["Authorization"] = "Bearer pina_demo"
        url = f"{emulator.url}/ad_accounts/1/audiences"
        statuses = []
        for number in range(400):
            if number % 80 == 0:
                emulator.advance(2)
            statuses.append(session.post(url, timeout=10).status_code)

        assert set(statuses) == {404}
        refused = session.post(url, timeout=10)
        assert_refused(refused)
        assert refused.headers["x-ratelimit-limit"].startswith("400, ")
        assert refused.headers["x-ratelimit-reset"] == "50"
        assert session.get(f"{emulator.url}/ad_accounts", timeout=10).status_code == 200
        emulator.advance(50)
        assert session.post(url, timeout=10).status_code == 404


def test_a_trial_has_a_thousand_requests_a_day() -> None:
    with Emulator(access="trial") as emulator, requests.Session() as session:
        session.headers["Authorization"] = "Bearer pina_demo"
        now = emulator.advance(0)
        emulator.advance(86_400 - now % 86_400 + 60)
        url = f"{emulator.url}/ad_accounts/1"
        statuses = {session.get(url, timeout=10).status_code for _ in range(1000)}

        assert statuses == {404}
        refused = read(emulator)
        assert_refused(refused)
        assert refused.headers["x-ratelimit-limit"].startswith("1000, 1000;w=86400;name=")
        assert 86_000 < int(refused.headers["x-ratelimit-reset"]) <= 86_340
        emulator.advance(86_400)
        assert read(emulator).status_code == 200


def test_trial_has_three_hundred_writes_a_day_among_its_thousand_requests() -> None:
    with Emulator(access="trial") as emulator, requests.Session() as session:
        session.headers["Authorization"] = "Bearer pina_demo"
        now = emulator.advance(0)
        emulator.advance(86_400 - now % 86_400 + 60)
        url = f"{emulator.url}/ad_accounts/1"
        writes = [session.post(f"{url}/audiences", timeout=10) for _ in range(300)]

        assert {answer.status_code for answer in writes} == {404}
        remaining = [int(answer.headers["x-ratelimit-remaining"]) for answer in writes]
        assert remaining == list(range(299, -1, -1))
        refused = session.post(f"{url}/audiences", timeout=10)
        assert_refused(refused)
        first, *policies = refused.headers["x-ratelimit-limit"].split(", ")
        assert first == "300"
        assert [policy.partition(";name=")[0] for policy in policies] == [
            "1000;w=86400",
            "300;w=86400",
        ]
        assert 86_000 < int(refused.headers["x-ratelimit-reset"]) <= 86_340
        reads = [session.get(url, timeout=10).status_code for _ in range(701)]
        assert reads == [404] * 700 + [429]
        emulator.advance(86_400)
        assert session.post(f"{url}/audiences", timeout=10).status_code == 404


def test_unlimited_never_refuses_but_has_the_headers() -> None:
    with Emulator(access="unlimited") as emulator, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: read(emulator), range(130)))

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-ratelimit-remaining"] for answer in answers} == {"99"}


def test_control_endpoints_are_not_limited() -> None:
    with Emulator() as emulator:
        for _ in range(150):
            emulator.advance(0)

        assert emulator.requests() == []


@pytest.mark.parametrize("access", ["standard", "unlimited"])
def test_requests_in_flight_are_counted(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[float] = []
    four = asyncio.Event()

    async def until_four_are_there(latency: float) -> None:
        there.append(latency)
        if len(there) == 4:
            four.set()
        await four.wait()

    monkeypatch.setattr(gateway, "asyncio", SimpleNamespace(sleep=until_four_are_there))
    with Emulator(access=access) as emulator, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: read(emulator), range(4)))

        assert max(entry["in_flight"] for entry in emulator.requests()) == 4
        read(emulator)
        assert emulator.requests()[-1]["in_flight"] == 1
