"""Faults at the operations that change customer lists, shares and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE, SMALL = "549755800001", "549755800002"
BUSINESS = "729090764500000001"
OWN, SEEDED = "2542620000002", "4189033"
LISTS = f"v5/ad_accounts/{SMALL}/customer_lists"
SHARE = {"audience_id": OWN, "operation_type": "SHARE"}
TO_ACCOUNT = {**SHARE, "recipient_account_ids": [SMALL]}
TO_BUSINESS = {**SHARE, "recipient_business_ids": [BUSINESS]}
RECORDS = {"records": "anna@example.com", "operation_type": "ADD", "name": "N"}
UPLOAD = {"operation": "ADD", "total_parts": 1}
AUDIENCES = f"v5/ad_accounts/{LARGE}/audiences"
OF_BUSINESS = f"v5/businesses/{BUSINESS}/audiences"
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "customer_lists/create": ("POST", LISTS, RECORDS),
    "customer_lists/update": ("PATCH", f"{LISTS}/{SEEDED}", RECORDS),
    "customer_list_uploads/create": ("POST", f"{LISTS}/{SEEDED}/uploads", UPLOAD),
    "customer_list_uploads/get": ("GET", f"{LISTS}/{SEEDED}/uploads/7300001", None),
    "customer_list_uploads/run": ("POST", f"{LISTS}/{SEEDED}/uploads/7300001/run", None),
    "s3/put_part": ("PUT", "_uploads/7300001/1", None),
    "update_ad_account_to_ad_account_shared_audience": (
        "PATCH",
        f"{AUDIENCES}/ad_accounts/shared",
        TO_ACCOUNT,
    ),
    "update_ad_account_to_business_shared_audience": (
        "PATCH",
        f"{AUDIENCES}/businesses/shared",
        TO_BUSINESS,
    ),
    "update_business_to_ad_account_shared_audience": (
        "PATCH",
        f"{OF_BUSINESS}/ad_accounts/shared",
        TO_ACCOUNT,
    ),
    "update_business_to_business_shared_audience": (
        "PATCH",
        f"{OF_BUSINESS}/businesses/shared",
        TO_BUSINESS,
    ),
    "business_account_audiences_shared_accounts/list": (
        "GET",
        f"{OF_BUSINESS}/shared/accounts?audience_id={OWN}",
        None,
    ),
    "token/revoke": ("POST", "v5/oauth/token/revoke", None),
}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited") as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[Emulator]:
    """For tests whose requests have no effect."""
    with Emulator(access="unlimited") as running:
        yield running


def send(emulator: Emulator, operation: str) -> requests.Response:
    method, path, body = REQUESTS[operation]
    headers = {"Authorization": "Bearer pina_demo"}
    return requests.request(
        method, f"{emulator.base}/{path}", headers=headers, json=body, timeout=10
    )


@pytest.mark.parametrize("operation", REQUESTS)
def test_each_write_can_get_a_staged_status(shared: Emulator, operation: str) -> None:
    before = shared.state()
    shared.clear()
    shared.fault(kind="status", operation=operation, status=503, code=7)
    shared.fault(kind="rate_limit", operation=operation, reset=17)
    shared.fault(kind="html", operation=operation)
    shared.fault(kind="drop_before", operation=operation)

    error, limited, html = (send(shared, operation) for _ in range(3))
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        send(shared, operation)

    assert (error.status_code, error.json()["code"]) == (503, 7)
    assert (limited.status_code, limited.json()["code"]) == (429, 8)
    assert limited.headers["x-ratelimit-reset"] == "17"
    assert html.text.startswith("<!DOCTYPE html>")
    assert [entry["status"] for entry in shared.requests(operation)] == [503, 429, 200, -1]
    assert shared.state() == before


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "truncate"])
def test_lost_response_keeps_the_members(emulator: Emulator, kind: str) -> None:
    for operation in ("customer_lists/create", "customer_lists/update"):
        emulator.fault(kind=kind, operation=operation)
        try:
            assert send(emulator, operation).status_code == 500
        except requests.RequestException:
            assert kind != "error_after"

    made = emulator.state()["customer_lists"][SMALL][-1]
    assert len(emulator.members(SEEDED)) == 1
    assert emulator.members(made["id"]) == emulator.members(SEEDED)


def test_lost_response_keeps_the_part_and_the_share(emulator: Emulator) -> None:
    created = send(emulator, "customer_list_uploads/create").json()
    (part,) = created["s3_multipart_upload_data"]["file_parts"]
    emulator.fault(kind="drop_after", times=2)

    with pytest.raises(requests.ConnectionError):
        requests.put(part["presigned_url"], data=b"anna@example.com", timeout=10)
    with pytest.raises(requests.ConnectionError):
        send(emulator, "update_ad_account_to_ad_account_shared_audience")
    send(emulator, "customer_list_uploads/run")
    emulator.advance(3600)

    assert len(emulator.members(SEEDED)) == 1
    (share,) = emulator.state()["shared_accounts"][OWN]
    assert share["account_id"] == SMALL


def test_page_faults_apply_to_audiences_of_a_business(emulator: Emulator) -> None:
    send(emulator, "update_business_to_ad_account_shared_audience")
    emulator.fault(kind="empty_page", operation="business_account_audiences_shared_accounts/list")

    page = send(emulator, "business_account_audiences_shared_accounts/list").json()

    assert page["items"] == []
    assert page["bookmark"]
