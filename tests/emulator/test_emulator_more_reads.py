"""Reads of customer lists, sharing and insights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pinterest_emulator.testing import Emulator, EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE, SMALL, EMPTY, SHARED, FOREIGN = (str(549_755_800_001 + number) for number in range(5))
BUSINESS, FOREIGN_BUSINESS = "729090764500000001", "729090764500000002"
TWICE_SHARED, UNSHARED = "2542620000004", "2542620000001"
LIST_KEYS = [
    "ad_account_id",
    "created_time",
    "id",
    "name",
    "num_batches",
    "num_removed_user_records",
    "num_uploaded_user_records",
    "type",
    "updated_time",
    "exceptions",
    "is_nca",
    "status",
]
INSIGHT_KEYS = ["categories", "demographics", "type", "date", "size", "size_is_upper_bound"]
DEMOGRAPHICS = ["ages", "genders", "devices", "metros", "countries"]
INTEREST_KEYS = ["key", "name", "ratio", "index", "id"]
INSIGHT_TYPES = ["YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE"]
APP = ("demo-app", "demo-secret")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited") as running:
        yield running


def get(emulator: Emulator, path: str, **query: str | int) -> requests.Response:
    headers = {"Authorization": "Bearer pina_demo"}
    return requests.get(f"{emulator.url}/{path}", headers=headers, params=query, timeout=10)


def get_as(emulator: Emulator, token: str, path: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{emulator.url}/{path}", headers=headers, timeout=10)


def read_all(emulator: Emulator, path: str, **query: str | int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while True:
        body = get(emulator, path, **query).json()
        assert list(body) == ["items", "bookmark"]
        items += body["items"]
        if body["bookmark"] is None:
            return items
        query["bookmark"] = body["bookmark"]


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def remove(emulator: Emulator, account: str, audience: str) -> None:
    answer = requests.patch(
        f"{emulator.url}/ad_accounts/{account}/audiences/{audience}",
        headers={"Authorization": "Bearer pina_demo"},
        json={"operation_type": "REMOVE"},
        timeout=10,
    )
    assert answer.status_code == 200


def narrow_token(emulator: Emulator, **form: str) -> str:
    answer = requests.post(f"{emulator.url}/oauth/token", data=form, auth=APP, timeout=10)
    return str(answer.json()["access_token"])


def test_customer_lists_have_their_keys_in_the_live_order(shared: Emulator) -> None:
    listed = get(shared, f"ad_accounts/{LARGE}/customer_lists").json()["items"][0]
    got = get(shared, f"ad_accounts/{LARGE}/customer_lists/{listed['id']}").json()

    assert list(listed) == LIST_KEYS
    assert list(got) == [key for key in LIST_KEYS if key != "is_nca"]
    assert listed == {**got, "is_nca": False}
    assert (listed["type"], listed["exceptions"]) == ("customerlist", {})
    assert listed["ad_account_id"] == LARGE


def test_customer_lists_are_read_whole_in_both_orders(shared: Emulator) -> None:
    path = f"ad_accounts/{LARGE}/customer_lists"
    expected = shared.state()["customer_lists"][LARGE]

    assert len(get(shared, path).json()["items"]) == 25
    assert len(expected) == 32
    assert read_all(shared, path, page_size=10) == expected
    assert read_all(shared, path, page_size=7, order="DESCENDING") == expected[::-1]
    assert ids(expected) == sorted(ids(expected), key=int)
    assert all(len(item["id"]) == 7 for item in expected)
    assert all(item["updated_time"] >= item["created_time"] for item in expected)
    assert {item["status"] for item in expected} == {
        "PROCESSING",
        "READY",
        "TOO_SMALL",
        "UPLOADING",
    }
    assert read_all(shared, f"ad_accounts/{EMPTY}/customer_lists") == []


def test_audiences_of_customers_point_at_lists_of_their_account(shared: Emulator) -> None:
    state = shared.state()
    for account in (LARGE, SMALL, SHARED):
        known = {item["id"]: item for item in state["customer_lists"][account]}
        used = [
            audience
            for audience in state["audiences"][account]
            if audience["audience_type"] == "CUSTOMER_LIST"
        ]
        assert used
        for audience in used:
            customer_list = known[audience["rule"]["customer_list_id"]]
            assert customer_list["created_time"] <= audience["created_timestamp"]


def test_a_customer_list_follows_the_clock(tmp_path: Path) -> None:
    data = tmp_path / "pinterest.json"
    with Emulator(data=data, access="unlimited") as emulator:
        now = int(emulator.advance(0))
    saved = json.loads(data.read_text())
    ready, small = (row for row in saved["customer_lists"] if row["ad_account_id"] == int(SHARED))
    for row, records in ((ready, 103), (small, 102)):
        row |= {"status": "PROCESSING", "ready_at": now + 600, "num_removed_user_records": 3}
        row["num_uploaded_user_records"] = records
    data.write_text(json.dumps(saved))
    with Emulator(data=data, access="unlimited") as emulator:
        path = f"ad_accounts/{SHARED}/customer_lists"
        before = read_all(emulator, path)
        emulator.advance(600)
        after = read_all(emulator, path)
        got = get(emulator, f"{path}/{ready['id']}").json()

        assert emulator.state()["customer_lists"][SHARED] == after
    assert [item["status"] for item in before] == ["PROCESSING", "PROCESSING"]
    assert [item["updated_time"] for item in before] == [
        row["updated_time"] for row in (ready, small)
    ]
    assert [item["status"] for item in after] == ["READY", "TOO_SMALL"]
    assert [item["updated_time"] for item in after] == [now + 600, now + 600]
    assert {**got, "is_nca": False} == after[0]


def test_received_audiences_come_in_the_order_of_their_sharing(shared: Emulator) -> None:
    path = f"ad_accounts/{SMALL}/audiences"
    state = shared.state()
    expected = ["2542620000011", "2542620000031", TWICE_SHARED, "2542620000665", "2542620000666"]

    up = read_all(shared, path, ownership_type="RECEIVED", page_size=2)
    down = read_all(shared, path, ownership_type="RECEIVED", page_size=1, order="DESCENDING")

    assert ids(up) == expected != sorted(expected)
    assert down == up[::-1]
    assert up == state["received"][SMALL]
    by_id = {
        item["id"]: item for account in (LARGE, SHARED) for item in state["audiences"][account]
    }
    assert up == [by_id[audience] for audience in expected]
    shared_on = [
        account["shared_on_timestamp"]
        for audience in expected
        for account in state["shared_accounts"][audience]
        if account["account_id"] == SMALL
    ]
    assert shared_on == sorted(shared_on)
    assert shared_on[0] == shared_on[1]


def test_one_audience_is_received_by_several_accounts(shared: Emulator) -> None:
    first, second = (
        read_all(shared, f"ad_accounts/{account}/audiences", ownership_type="RECEIVED")
        for account in (LARGE, SMALL)
    )

    assert [item for item in first if item in second] == [
        item for item in second if item["id"] == "2542620000666"
    ]
    assert get(shared, f"ad_accounts/{LARGE}/audiences/2542620000666").status_code == 404


def test_bookmarks_of_received_audiences_fit_only_that_list(shared: Emulator) -> None:
    path = f"ad_accounts/{SMALL}/audiences"
    query: dict[str, str | int] = {"ownership_type": "RECEIVED", "page_size": 2}
    bookmark = get(shared, path, **query).json()["bookmark"]

    assert get(shared, path, bookmark=bookmark).status_code == 400
    assert get(shared, path, **query, order="DESCENDING", bookmark=bookmark).status_code == 400


@pytest.mark.parametrize(
    ("account_type", "names"),
    [
        ("AD_ACCOUNT", ["Juniperlane Outdoors", "Marrowstreet Kitchen"]),
        ("BUSINESS_ACCOUNT", ["Wickwillow Group", "Kettlecopper Holding"]),
    ],
)
def test_owner_sees_the_recipients(shared: Emulator, account_type: str, names: list[str]) -> None:
    path = f"ad_accounts/{LARGE}/audiences/shared/accounts"
    query = {"audience_id": TWICE_SHARED, "account_type": account_type}

    items = read_all(shared, path, **query, page_size=1)

    assert [item["account_name"] for item in items] == names
    assert items == get(shared, path, **query).json()["items"]
    for item in items:
        assert list(item) == ["account_id", "account_name", "account_type", "shared_on_timestamp"]
        assert item["account_type"] == account_type
        assert item["account_id"].isdigit()
        assert isinstance(item["shared_on_timestamp"], int)
        assert item in shared.state()["shared_accounts"][TWICE_SHARED]


def test_shared_accounts_are_ad_accounts_by_default_and_may_be_empty(shared: Emulator) -> None:
    path = f"ad_accounts/{LARGE}/audiences/shared/accounts"

    default = get(shared, path, audience_id=TWICE_SHARED).json()["items"]

    assert {item["account_type"] for item in default} == {"AD_ACCOUNT"}
    assert get(shared, path, audience_id=UNSHARED).json() == {"items": [], "bookmark": None}


def test_business_sees_its_received_audiences(shared: Emulator) -> None:
    path = f"businesses/{BUSINESS}/audiences"
    state = shared.state()

    up = read_all(shared, path, page_size=2)
    down = read_all(shared, path, page_size=3, order="DESCENDING")

    assert ids(up) == sorted(ids(up), key=int)
    assert len(up) == 5
    assert down == up[::-1]
    assert up == state["businesses"][BUSINESS]
    assert {item["ad_account_id"] for item in up} == {LARGE, SMALL, SHARED, FOREIGN}
    owned = [item for items in state["audiences"].values() for item in items]
    assert all(item in owned for item in up)


def test_a_removed_audience_is_gone_for_everybody(emulator: Emulator) -> None:
    remove(emulator, LARGE, TWICE_SHARED)

    for path in (f"ad_accounts/{SMALL}/audiences", f"businesses/{BUSINESS}/audiences"):
        items = read_all(emulator, path, ownership_type="RECEIVED")
        assert len(items) == 4
        assert TWICE_SHARED not in ids(items)
    assert TWICE_SHARED not in emulator.state()["shared_accounts"]
    path = f"ad_accounts/{LARGE}/audiences/shared/accounts"
    assert get(emulator, path, audience_id=TWICE_SHARED).status_code == 404


@pytest.mark.parametrize("insight_type", INSIGHT_TYPES)
def test_insights_have_every_field(shared: Emulator, insight_type: str) -> None:
    path = f"ad_accounts/{LARGE}/audience_insights"

    body = get(shared, path, audience_insight_type=insight_type).json()

    assert list(body) == INSIGHT_KEYS
    assert body["type"] == insight_type
    assert body["date"] == "2025-03-01"
    assert body["size"] > 0
    assert isinstance(body["size_is_upper_bound"], bool)
    assert any(category["subcategories"] for category in body["categories"])
    for category in body["categories"]:
        assert list(category) == [*INTEREST_KEYS, "subcategories"]
        for subcategory in category["subcategories"]:
            assert list(subcategory) == INTEREST_KEYS
    assert list(body["demographics"]) == DEMOGRAPHICS
    for values in body["demographics"].values():
        assert values
        for value in values:
            assert list(value) == ["key", "name", "ratio"]
            assert 0 < value["ratio"] < 1


def test_insights_differ_by_account_and_type_and_have_a_default(shared: Emulator) -> None:
    bodies = [
        get(shared, f"ad_accounts/{account}/audience_insights", audience_insight_type=kind).json()
        for account in (LARGE, SMALL, SHARED)
        for kind in INSIGHT_TYPES
    ]

    assert all(bodies.count(body) == 1 for body in bodies)
    assert get(shared, f"ad_accounts/{LARGE}/audience_insights").json() == bodies[0]


@pytest.mark.parametrize("insight_type", INSIGHT_TYPES)
def test_an_account_without_data_has_empty_insights(shared: Emulator, insight_type: str) -> None:
    path = f"ad_accounts/{EMPTY}/audience_insights"

    body = get(shared, path, audience_insight_type=insight_type).json()

    assert list(body) == INSIGHT_KEYS
    assert body == {
        "categories": [],
        "demographics": {name: [] for name in DEMOGRAPHICS},
        "type": insight_type,
        "date": None,
        "size": 0,
        "size_is_upper_bound": False,
    }


def test_definitions_have_no_bookmark(shared: Emulator) -> None:
    body = get(shared, f"ad_accounts/{LARGE}/insights/audiences").json()

    assert body == {
        "items": [
            {"type": "IMPRESSION_PLUS_ENGAGEMENT", "scope": "PARTNER", "date": "2025-03-01"},
            {"type": "ENGAGEMENT", "scope": "PARTNER", "date": "2025-03-01"},
            {"type": "IMPRESSION_PLUS_ENGAGEMENT", "scope": "PINTEREST", "date": "2025-03-01"},
        ]
    }
    assert get(shared, f"ad_accounts/{EMPTY}/insights/audiences").json() == {"items": []}


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        (f"ad_accounts/{LARGE}/customer_lists/1", 404, 404, "Customer list not found."),
        (f"ad_accounts/{LARGE}/customer_lists/4189033", 404, 404, "Customer list not found."),
        (f"ad_accounts/{LARGE}/customer_lists/x", 400, 1, "'customer_list_id'"),
        (f"ad_accounts/{LARGE}/customer_lists?order=UP", 400, 1, "'order'"),
        (f"ad_accounts/{FOREIGN}/customer_lists", 403, 29, "not permitted"),
        (f"ad_accounts/1/customer_lists/{4189001}", 404, 2, "AdAccount not found."),
        (f"ad_accounts/{LARGE}/audiences/shared/accounts", 400, 1, "'audience_id' is a required"),
        (f"ad_accounts/{LARGE}/audiences/shared/accounts?audience_id=x", 400, 1, "'audience_id'"),
        (
            f"ad_accounts/{LARGE}/audiences/shared/accounts?audience_id=1&account_type=ALL",
            400,
            1,
            "'account_type'",
        ),
        (
            f"ad_accounts/{LARGE}/audiences/shared/accounts?audience_id=1",
            404,
            404,
            "Shared accounts not found.",
        ),
        (
            f"ad_accounts/{SMALL}/audiences/shared/accounts?audience_id={TWICE_SHARED}",
            404,
            404,
            "Shared accounts not found.",
        ),
        (f"ad_accounts/{FOREIGN}/audience_insights", 403, 29, "not permitted"),
        (
            f"ad_accounts/{LARGE}/audience_insights?audience_insight_type=MY",
            400,
            1,
            "'audience_insight_type'",
        ),
        (f"ad_accounts/{FOREIGN}/insights/audiences", 403, 29, "not permitted"),
        (f"businesses/{FOREIGN_BUSINESS}/audiences", 403, 29, "not permitted"),
        ("businesses/1/audiences", 404, 404, "Business not found."),
        (f"businesses/{'9' * 20}/audiences", 404, 404, "Business not found."),
        (f"businesses/{'9' * 21}/audiences", 400, 1, "longer than 20 digits"),
        ("businesses/group/audiences", 400, 1, "'business_id'"),
        (f"businesses/{BUSINESS}/audiences?page_size=251", 400, 1, "'page_size'"),
    ],
)
def test_missing_or_forbidden_resource_is_refused(
    shared: Emulator, path: str, status: int, code: int, message: str
) -> None:
    answer = get(shared, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert message in answer.json()["message"]


def test_client_credentials_read_all_but_two(shared: Emulator) -> None:
    token = narrow_token(shared, grant_type="client_credentials", scope="ads:read,biz_access:read")
    allowed = (
        "audiences?ownership_type=RECEIVED",
        f"audiences/shared/accounts?audience_id={TWICE_SHARED}&account_type=AD_ACCOUNT",
        "audience_insights?audience_insight_type=YOUR_TOTAL_AUDIENCE",
        "insights/audiences",
        "customer_lists/4189001",
    )
    refused = (f"ad_accounts/{LARGE}/customer_lists", f"businesses/{BUSINESS}/audiences")

    for path in allowed:
        assert get_as(shared, token, f"ad_accounts/{LARGE}/{path}").status_code == 200
    for path in refused:
        answer = get_as(shared, token, path)
        assert (answer.status_code, answer.json()["code"]) == (401, 3)


def test_audiences_of_a_business_need_their_own_scope(emulator: Emulator) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "pinr.demo"}
    path = f"businesses/{BUSINESS}/audiences"
    token = narrow_token(emulator, **form, scope="ads:read")
    answer = get_as(emulator, token, path)
    customer_lists = get_as(emulator, token, f"ad_accounts/{LARGE}/customer_lists")

    assert (answer.status_code, answer.json()["code"]) == (401, 3)
    assert customer_lists.status_code == 200
    assert get(emulator, path).status_code == 200


def test_read_is_logged_with_its_operation(emulator: Emulator) -> None:
    paths = {
        f"ad_accounts/{LARGE}/customer_lists": "customer_lists/list",
        f"ad_accounts/{LARGE}/customer_lists/4189001": "customer_lists/get",
        f"ad_accounts/{LARGE}/audiences/shared/accounts": (
            "ad_accounts_audiences_shared_accounts/list"
        ),
        f"ad_accounts/{LARGE}/audience_insights": "audience_insights/get",
        f"ad_accounts/{LARGE}/insights/audiences": "audience_insights_scope_and_type/get",
        f"businesses/{BUSINESS}/audiences": "shared_audiences_for_business/list",
    }
    for path in paths:
        answer = get(emulator, path)
        assert 'name="ads_read_app_id_user_id"' in answer.headers["x-ratelimit-limit"]

    assert [entry["operation"] for entry in emulator.requests()] == list(paths.values())


def test_page_faults_apply_to_received_audiences(emulator: Emulator) -> None:
    path = f"ad_accounts/{SMALL}/audiences"
    expected = emulator.state()["received"][SMALL]
    emulator.fault(kind="short_page")
    emulator.fault(kind="empty_page")

    assert read_all(emulator, path, ownership_type="RECEIVED", page_size=4) == expected
    assert [entry["fault"] for entry in emulator.requests()] == ["short_page", "empty_page", None]


def test_customer_lists_are_added_evenly(emulator: Emulator) -> None:
    stamp = 1_750_000_000
    accounts = emulator.seed(ad_accounts=3, customer_lists=7, updated_timestamp=stamp)
    found = [read_all(emulator, f"ad_accounts/{account}/customer_lists") for account in accounts]

    assert [len(items) for items in found] == [3, 2, 2]
    assert {item["updated_time"] for items in found for item in items} == {stamp}
    assert {item["status"] for items in found for item in items} == {"READY"}
    assert len({item["id"] for items in found for item in items}) == 7
    assert emulator.state()["audiences"][accounts[0]] == []
    with pytest.raises(EmulatorError, match="need at least one ad account"):
        emulator.seed(ad_accounts=0, customer_lists=1)


def everything(emulator: Emulator) -> list[Any]:
    insights = [
        get(emulator, f"ad_accounts/{account}/{path}").json()
        for account in (LARGE, SMALL, EMPTY, SHARED)
        for path in ("audience_insights", "insights/audiences")
    ]
    return [emulator.state(), *insights]


def test_all_data_survives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "pinterest.json"
    with Emulator(data=data, access="unlimited") as emulator:
        remove(emulator, LARGE, TWICE_SHARED)
        before = everything(emulator)
    with Emulator(data=data, access="unlimited") as emulator:
        assert everything(emulator) == before
        assert get(emulator, f"businesses/{FOREIGN_BUSINESS}/audiences").status_code == 403
        (account,) = emulator.seed(customer_lists=1)
        (new,) = emulator.state()["customer_lists"][account]
        assert int(new["id"]) == 4_189_040


def test_old_data_without_customer_lists_is_read(tmp_path: Path) -> None:
    data = tmp_path / "pinterest.json"
    with Emulator(data=data, access="unlimited") as emulator:
        audiences = emulator.state()["audiences"]
    saved = json.loads(data.read_text())
    for name in ("customer_lists", "businesses", "shares", "insights"):
        assert saved.pop(name)
    data.write_text(json.dumps(saved))

    with Emulator(data=data, access="unlimited") as emulator:
        state = emulator.state()
        assert state["audiences"] == audiences
        assert state["customer_lists"][LARGE] == state["received"][LARGE] == []
        assert state["shared_accounts"] == state["businesses"] == {}
        assert get(emulator, f"ad_accounts/{LARGE}/audience_insights").json()["date"] is None
