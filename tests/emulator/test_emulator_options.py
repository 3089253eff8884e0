"""Options that make the emulator behave as Pinterest may in the future."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from pinterest_emulator.settings import DefaultOwnership, Spec, TooLargeStatus

SMALL, EMPTY = "549755800002", "549755800003"


def call(emulator: Emulator, method: str, path: str, **sent: Any) -> requests.Response:
    return requests.request(
        method,
        f"{emulator.url}/ad_accounts/{path}",
        headers={"Authorization": "Bearer pina_demo"},
        timeout=10,
        **sent,
    )


def audience_ids(emulator: Emulator, account: str, **query: str) -> list[str]:
    """The ids of every page."""
    found: list[str] = []
    params = dict(query)
    while True:
        answer = call(emulator, "GET", f"{account}/audiences", params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [item["id"] for item in page["items"]]
        if page["bookmark"] is None:
            return found
        params = {**query, "bookmark": page["bookmark"]}


@pytest.mark.parametrize(
    ("spec", "default", "lists_both"),
    [
        ("5.18", "spec", False),
        ("5.23", "spec", False),
        ("5.28", "spec", True),
        ("5.23", "both", True),
        ("5.28", "owned", False),
    ],
)
def test_list_without_ownership_type_shows_what_the_options_say(
    spec: Spec, default: DefaultOwnership, *, lists_both: bool
) -> None:
    with Emulator(spec=spec, default_ownership=default, access="unlimited") as emulator:
        owned = audience_ids(emulator, SMALL, ownership_type="OWNED")
        received = audience_ids(emulator, SMALL, ownership_type="RECEIVED")
        assert owned
        assert received
        expected = sorted([*owned, *received], key=int) if lists_both else owned

        assert audience_ids(emulator, SMALL) == expected
        assert audience_ids(emulator, SMALL, page_size="3") == expected
        assert audience_ids(emulator, SMALL, order="DESCENDING", page_size="3") == expected[::-1]


def test_received_rows_of_a_list_without_ownership_type_name_their_owner() -> None:
    with Emulator(default_ownership="both", access="unlimited") as emulator:
        received = audience_ids(emulator, SMALL, ownership_type="RECEIVED")
        items = call(emulator, "GET", f"{SMALL}/audiences?page_size=250").json()["items"]

    owners = {item["id"]: item["ad_account_id"] for item in items}
    assert {audience for audience, owner in owners.items() if owner != SMALL} == set(received)


def test_bookmark_of_a_list_of_both_kinds_fits_no_other_list() -> None:
    with Emulator(default_ownership="both", access="unlimited") as emulator:
        path = f"{SMALL}/audiences"
        bookmark = call(emulator, "GET", path, params={"page_size": 1}).json()["bookmark"]
        query = {"bookmark": bookmark, "ownership_type": "OWNED"}

        assert call(emulator, "GET", path, params=query).status_code == 400


def test_ownership_type_both_is_refused_in_a_query() -> None:
    with Emulator(default_ownership="both", access="unlimited") as emulator:
        answer = call(emulator, "GET", f"{SMALL}/audiences", params={"ownership_type": "BOTH"})

    assert answer.status_code == 400


@pytest.mark.parametrize("status", [413, 400])
def test_body_of_members_over_the_limit_is_refused_and_changes_nothing(
    status: TooLargeStatus,
) -> None:
    most = 200
    with Emulator(access="unlimited", most_body_bytes=most, too_large_status=status) as emulator:
        path = f"{EMPTY}/customer_lists"
        made = call(emulator, "POST", path, json={"name": "N", "records": "a@example.com"}).json()
        path_of_list = f"{path}/{made['id']}"
        large = ",".join(f"{number}@example.com" for number in range(20))
        bodies = {
            ("POST", path): {"name": "Large", "records": large},
            ("PATCH", path_of_list): {"operation_type": "ADD", "records": large},
        }
        for (method, target), body in bodies.items():
            answer = call(emulator, method, target, json=body)
            assert answer.status_code == status
            assert answer.json()["code"] == 1
            assert "too large" in answer.json()["message"]

        lists = call(emulator, "GET", path).json()["items"]
        assert [item["num_batches"] for item in lists] == [1]


def test_body_of_exactly_the_limit_is_accepted() -> None:
    body = b'{"name": "N", "records": "a@example.com"}'
    with Emulator(access="unlimited", most_body_bytes=len(body)) as emulator:
        path = f"{EMPTY}/customer_lists"

        assert call(emulator, "POST", path, data=body).status_code == 200
        assert call(emulator, "POST", path, data=body + b" ").status_code == 413


def test_body_limit_applies_to_members_only() -> None:
    audience = {
        "name": "V",
        "audience_type": "VISITOR",
        "rule": {"visitor_source_id": "1"},
        "description": "d" * 300,
    }
    with Emulator(access="unlimited", most_body_bytes=200) as emulator:
        answer = call(emulator, "POST", f"{EMPTY}/audiences", json=audience)

    assert answer.status_code == 200
