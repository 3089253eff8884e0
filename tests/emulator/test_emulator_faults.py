from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3
from forks import until

from pinterest_emulator.testing import Emulator, EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LARGE, EMPTY = "549755800001", "549755800003"
HEADERS = {"Authorization": "Bearer pina_demo"}
VISITORS = {"name": "V", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited") as running:
        yield running


def read(
    emulator: Emulator, account: str = LARGE, params: Mapping[str, str | int] | None = None
) -> requests.Response:
    return requests.get(
        f"{emulator.url}/ad_accounts/{account}/audiences",
        headers=HEADERS,
        params=params,
        timeout=10,
    )


def create(emulator: Emulator, timeout: float | tuple[float, float] = 10) -> requests.Response:
    return requests.post(
        f"{emulator.url}/ad_accounts/{EMPTY}/audiences",
        headers=HEADERS,
        json=VISITORS,
        timeout=timeout,
    )


def count(emulator: Emulator) -> int:
    return len(emulator.state()["audiences"][EMPTY])


def read_all(emulator: Emulator) -> list[list[Any]]:
    query: dict[str, str | int] = {"page_size": 250}
    pages: list[list[Any]] = []
    while True:
        body = read(emulator, params=query).json()
        pages.append([item["id"] for item in body["items"]])
        if body.get("bookmark") is None:
            return pages
        assert body["bookmark"] != query.get("bookmark")
        query["bookmark"] = body["bookmark"]


def expected(emulator: Emulator) -> list[Any]:
    return [item["id"] for item in emulator.state()["audiences"][LARGE]]


def test_status_fault_returns_its_status(emulator: Emulator) -> None:
    emulator.fault(kind="status", status=503, code=7, message="No.", headers={"x-a": "b"})

    answer = create(emulator)

    assert (answer.status_code, answer.json()) == (503, {"code": 7, "message": "No."})
    assert answer.headers["x-a"] == "b"
    assert count(emulator) == 0
    assert emulator.requests()[0]["fault"] == "status"
    assert emulator.requests()[0]["status"] == 503


def test_rate_limit_fault_returns_429(emulator: Emulator) -> None:
    emulator.fault(kind="rate_limit", reset=17, retry_after=5)
    emulator.fault(kind="rate_limit", reset=None, spam=True)

    plain, spam = create(emulator), create(emulator)

    assert (plain.status_code, plain.json()["code"]) == (429, 8)
    assert plain.headers["x-ratelimit-reset"] == "17"
    assert plain.headers["x-ratelimit-remaining"] == "0"
    assert "ads_write" in plain.headers["x-ratelimit-limit"]
    assert plain.headers["retry-after"] == "5"
    assert "x-envoy-ratelimited" in plain.headers
    assert "message_detail" not in plain.json()
    assert "x-ratelimit-reset" not in spam.headers
    assert "retry-after" not in spam.headers
    assert "spam" in spam.json()["message_detail"]
    assert count(emulator) == 0


def test_body_code_rate_limit_fault_returns_code_8(emulator: Emulator) -> None:
    emulator.fault(kind="body_code_rate_limit")

    answer = read(emulator)

    assert (answer.status_code, answer.json()["code"]) == (403, 8)


@pytest.mark.parametrize(("kind", "created"), [("drop_before", 0), ("drop_after", 1)])
def test_drop_faults_close_the_connection(emulator: Emulator, kind: str, created: int) -> None:
    emulator.fault(kind=kind)

    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        create(emulator)

    assert count(emulator) == created
    assert [entry["status"] for entry in emulator.requests()] == [-1]
    assert emulator.requests()[0]["body"] == VISITORS
    assert create(emulator).status_code == 200


def test_truncate_fault_cuts_the_body(emulator: Emulator) -> None:
    emulator.fault(kind="truncate")

    with requests.get(
        f"{emulator.url}/ad_accounts", headers=HEADERS, stream=True, timeout=10
    ) as answer:
        assert answer.status_code == 200
        length = int(answer.headers["content-length"])
        received = answer.raw.read(length // 2)
        with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
            answer.raw.read(1)

    assert len(received) == length // 2
    with pytest.raises(json.JSONDecodeError):
        json.loads(received)
    assert emulator.requests()[0]["status"] == -1


def test_html_and_empty_faults_replace_the_body(emulator: Emulator) -> None:
    emulator.fault(kind="html")
    emulator.fault(kind="empty")

    html, empty = create(emulator), create(emulator)

    assert html.status_code == empty.status_code == 200
    assert html.headers["content-type"].startswith("text/html")
    assert "<html>" in html.text
    assert empty.content == b""
    assert count(emulator) == 0


def test_error_after_fault_keeps_the_effect(emulator: Emulator) -> None:
    emulator.fault(kind="error_after")

    answer = create(emulator)

    assert (answer.status_code, answer.json()["code"]) == (500, 12)
    assert count(emulator) == 1


def test_delay_fault_loses_the_response_but_not_the_effect(emulator: Emulator) -> None:
    emulator.fault(kind="delay", seconds=3600)
    emulator.fault(kind="delay", seconds=0.3)

    with pytest.raises(requests.ReadTimeout):
        create(emulator, timeout=(10, 0.1))
    until(lambda: count(emulator) == 1)
    started = time.monotonic()
    assert create(emulator).status_code == 200
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_an_empty_page_loses_nothing(emulator: Emulator, skip: int) -> None:
    emulator.fault(kind="empty_page", skip=skip)

    pages = read_all(emulator)

    assert pages[skip] == []
    assert sum(pages, []) == expected(emulator)  # noqa: RUF017


@pytest.mark.parametrize("skip", [0, 2])
def test_a_short_page_loses_nothing(emulator: Emulator, skip: int) -> None:
    emulator.fault(kind="short_page", skip=skip)

    pages = read_all(emulator)

    assert len(pages[skip]) == (125, None, 70)[skip]
    assert sum(pages, []) == expected(emulator)  # noqa: RUF017


def test_no_bookmark_key_fault_removes_the_key(emulator: Emulator) -> None:
    emulator.fault(kind="no_bookmark_key", times=None)

    assert "bookmark" in read(emulator).json()
    assert read(emulator, EMPTY).json() == {"items": []}


def test_repeat_bookmark_fault_repeats_the_bookmark(emulator: Emulator) -> None:
    emulator.fault(kind="repeat_bookmark", times=None)
    first = read(emulator).json()["bookmark"]

    again = read(emulator, params={"bookmark": first}).json()

    assert again["bookmark"] == first
    assert len(again["items"]) == 25


def test_extra_field_fault_adds_a_field(emulator: Emulator) -> None:
    emulator.fault(kind="extra_field")

    assert all("future_field" in item for item in read(emulator).json()["items"])
    assert all("future_field" not in item for item in read(emulator).json()["items"])


def test_fault_waits_for_a_matching_request(emulator: Emulator) -> None:
    emulator.fault(kind="status", operation="audiences/create", times=1)
    emulator.fault(kind="status", method="GET", path_contains=EMPTY, status=501, skip=1, times=2)

    assert read(emulator).status_code == 200
    assert [read(emulator, EMPTY).status_code for _ in range(4)] == [200, 501, 501, 200]
    assert [create(emulator).status_code for _ in range(2)] == [500, 200]
    assert [fault["fired"] for fault in emulator.faults()] == [1, 2]


def test_page_fault_waits_for_a_list(emulator: Emulator) -> None:
    emulator.fault(kind="empty_page")

    assert create(emulator).status_code == 200
    assert read(emulator).json()["items"] == []


def test_faults_fire_before_the_token_is_checked(emulator: Emulator) -> None:
    emulator.fault(kind="status", status=401, code=2, message="Authentication failed.")

    assert read(emulator).status_code == 401
    assert read(emulator).status_code == 200


def test_faults_can_be_staged_in_lists_and_cleared(emulator: Emulator) -> None:
    faults = [{"kind": "html"}, {"kind": "empty", "times": None}]
    requests.post(f"{emulator.base}/_emulator/faults", json=faults, timeout=10)
    assert [fault["kind"] for fault in emulator.faults()] == ["html", "empty"]

    emulator.clear()

    assert emulator.faults() == []
    with pytest.raises(EmulatorError, match="unknown kind 'htlm'; there are body_code_rate_limit"):
        emulator.fault(kind="htlm")
    with pytest.raises(EmulatorError, match=r"unknown kind \['html'\]; there are body_code"):
        emulator.fault(kind=["html"])
    with pytest.raises(EmulatorError, match="html has no field 'seconds'; it has operation, "):
        emulator.fault(kind="html", seconds=1)
    with pytest.raises(EmulatorError, match="'times' must be a whole number"):
        emulator.fault(kind="html", times="once")


@pytest.mark.parametrize(
    ("kind", "name", "value", "words"),
    [
        ("html", "skip", 1.5, "a whole number from 0"),
        ("html", "times", True, "a whole number from 0, or null for ever"),
        ("html", "method", 5, "a string or null"),
        ("status", "status", 600, "an HTTP status"),
        ("status", "headers", {"retry-after": 5}, "an object of strings"),
        ("status", "message", None, "a string"),
        ("rate_limit", "reset", -1, "whole seconds, or null for no header"),
        ("rate_limit", "spam", 1, "true or false"),
        ("delay", "seconds", -1, "seconds from 0 to 86400"),
        ("delay", "seconds", 1e300, "seconds from 0 to 86400"),
    ],
)
def test_wrong_value_of_a_fault_is_refused_with_its_valid_values(
    emulator: Emulator, kind: str, name: str, value: object, words: str
) -> None:
    with pytest.raises(EmulatorError) as refused:
        emulator.fault(**{"kind": kind, name: value})
    problem = json.loads(str(refused.value))["error"]
    assert problem == f"{name!r} must be {words} (was {value!r})"


def test_staged_fault_is_shown_with_all_its_fields(emulator: Emulator) -> None:
    emulator.fault(kind="rate_limit", retry_after=5, times=2)
    read(emulator)
    assert emulator.faults() == [
        {
            "kind": "rate_limit",
            "operation": None,
            "method": None,
            "path_contains": None,
            "skip": 0,
            "times": 1,
            "reset": 1,
            "retry_after": 5,
            "spam": False,
            "fired": 1,
        }
    ]
