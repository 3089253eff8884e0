from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pinterest_emulator.settings import Spec

LIST_KEYS = [
    "type",
    "id",
    "name",
    "ad_account_id",
    "audience_type",
    "description",
    "status",
    "size",
    "updated_timestamp",
    "created_timestamp",
    "rule",
    "created_by_company_name",
    "is_nca",
    "is_ctv_enabled",
]
CREATE_KEYS = [
    "ad_account_id",
    "id",
    "name",
    "audience_type",
    "description",
    "rule",
    "size",
    "status",
    "type",
    "created_timestamp",
    "updated_timestamp",
    "created_by_company_name",
    "is_nca",
]
VISITORS = {
    "name": "Visitors",
    "audience_type": "VISITOR",
    "description": "Everybody who came",
    "rule": {"visitor_source_id": "2612511566392", "retention_days": 180},
}
LARGE, SMALL, EMPTY, SHARED, FOREIGN = (str(549_755_800_001 + number) for number in range(5))
LARGE_READY, LARGE_TOO_SMALL, LARGE_INITIALIZING = "2542620000002", "2542620000001", "2542620000005"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited") as running:
        yield running


def call(
    emulator: Emulator,
    method: str,
    path: str,
    *,
    json: object = None,
    data: bytes | None = None,
    params: Mapping[str, str | int] | None = None,
) -> requests.Response:
    return requests.request(
        method,
        f"{emulator.url}/ad_accounts{path}",
        headers={"Authorization": "Bearer pina_demo"},
        json=json,
        data=data,
        params=params,
        timeout=10,
    )


def create(emulator: Emulator, account: str = EMPTY, **fields: object) -> dict[str, Any]:
    answer = call(emulator, "POST", f"/{account}/audiences", json={**VISITORS, **fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def read_all(emulator: Emulator, path: str, **query: str | int) -> list[list[dict[str, Any]]]:
    pages = []
    while True:
        body = call(emulator, "GET", path, params=query).json()
        assert list(body) == ["items", "bookmark"]
        pages.append(body["items"])
        if body["bookmark"] is None:
            return pages
        query["bookmark"] = body["bookmark"]


def ids(pages: list[list[dict[str, Any]]]) -> list[int]:
    return [int(item["id"]) for page in pages for item in page]


def test_the_demo_shows_four_accounts_and_hides_a_fifth(shared: Emulator) -> None:
    body = call(shared, "GET", "").json()

    assert body["bookmark"] is None
    assert [item["id"] for item in body["items"]] == [LARGE, SMALL, EMPTY, SHARED]
    assert [*body["items"][0]] == [
        "id",
        "name",
        "owner",
        "country",
        "currency",
        "permissions",
        "created_time",
        "updated_time",
        "time_zone",
    ]
    assert "time_zone" not in body["items"][1]
    assert list(body["items"][0]["owner"]) == ["username", "id"]
    assert call(shared, "GET", f"/{SMALL}").json() == body["items"][1]
    owned = call(shared, "GET", "", params={"include_shared_accounts": "false"}).json()
    assert [item["id"] for item in owned["items"]] == [LARGE, SMALL, EMPTY]


def test_demo_data_is_realistic_and_constant(shared: Emulator) -> None:
    state = shared.state()
    items = state["audiences"][LARGE]

    assert len(items) > 600
    assert state["audiences"][EMPTY] == []
    assert {item["audience_type"] for item in items} == {
        "ACTALIKE",
        "CUSTOMER_LIST",
        "ENGAGEMENT",
        "PERSONA",
        "VISITOR",
    }
    assert {item["status"] for item in items} == {"INITIALIZING", "READY", "TOO_SMALL"}
    for key in ("description", "size", "created_by_company_name"):
        assert any(item[key] is None for item in items)
        assert any(item[key] is not None for item in items)
    assert len({item["name"] for item in items}) < len(items)
    assert max(item["updated_timestamp"] for item in items) < time.time() - 86_400
    assert all(len(item["id"]) == 13 for item in items)
    with Emulator() as again:
        assert again.state() == state


def test_an_empty_seed_is_empty() -> None:
    with Emulator(seed="empty") as emulator:
        assert call(emulator, "GET", "").json() == {"items": [], "bookmark": None}


def test_keys_are_in_the_live_order(emulator: Emulator) -> None:
    created = create(emulator)
    path = f"/{EMPTY}/audiences/{created['id']}"
    listed = call(emulator, "GET", f"/{EMPTY}/audiences").json()["items"][0]
    got = call(emulator, "GET", path).json()
    updated = call(emulator, "PATCH", path, json={"name": "Other"}).json()

    assert list(created) == CREATE_KEYS
    assert list(listed) == LIST_KEYS
    assert list(got) == LIST_KEYS[:-1]
    assert list(updated) == LIST_KEYS[:-1]
    assert listed == {**got, "is_ctv_enabled": False}
    assert created["created_by_company_name"] is None
    assert updated["created_by_company_name"] is None
    assert got["created_by_company_name"] == "Wickwillow Trading"
    assert updated["name"] == "Other"
    assert got["rule"] == VISITORS["rule"]
    assert list(got["rule"]) == ["retention_days", "visitor_source_id"]
    assert (created["status"], created["size"], created["is_nca"]) == ("INITIALIZING", 0, False)


def test_names_are_not_unique_and_ids_rise(emulator: Emulator) -> None:
    first, second = create(emulator), create(emulator)

    assert first["name"] == second["name"]
    assert int(second["id"]) > int(first["id"])


@pytest.mark.parametrize(("spec", "status"), [("5.18", 200), ("5.23", 200), ("5.28", 201)])
def test_create_returns_the_status_of_its_version(spec: Spec, status: int) -> None:
    with Emulator(spec=spec) as emulator:
        answer = call(emulator, "POST", f"/{EMPTY}/audiences", json=VISITORS)

    assert answer.status_code == status


def test_update_replaces_the_sent_fields_and_changes_the_time(emulator: Emulator) -> None:
    created = create(emulator)
    path = f"/{EMPTY}/audiences/{created['id']}"
    emulator.advance(60)

    rule = {"visitor_source_id": "1", "retention_days": "90"}
    body = {"operation_type": "UPDATE", "rule": rule, "description": None, "unheard_of": 1}
    updated = call(emulator, "PATCH", path, json=body).json()

    assert updated["rule"] == rule
    assert updated["description"] is None
    assert updated["name"] == created["name"]
    assert updated["created_timestamp"] == created["created_timestamp"]
    assert updated["updated_timestamp"] >= created["updated_timestamp"] + 60


def test_a_removed_audience_is_gone(emulator: Emulator) -> None:
    created = create(emulator)
    path = f"/{EMPTY}/audiences/{created['id']}"

    removed = call(emulator, "PATCH", path, json={"operation_type": "REMOVE"})

    assert removed.status_code == 200
    assert removed.json()["id"] == created["id"]
    for method, body in (("GET", None), ("PATCH", {"operation_type": "REMOVE"})):
        answer = call(emulator, method, path, json=body)
        assert answer.status_code == 404
        assert answer.json()["message"] == "Audience not found."
    assert call(emulator, "GET", f"/{EMPTY}/audiences").json()["items"] == []
    assert [item["id"] for item in emulator.state()["removed"][EMPTY]] == [created["id"]]
    assert int(create(emulator)["id"]) > int(created["id"])


def test_custom_audiences_exist_in_5_18_only() -> None:
    body = {
        "name": "Custom",
        "rule": {"customer_list_id": "4189033"},
        "sharing_type": "CUSTOM",
        "data_party": "1p",
    }
    with Emulator(spec="5.18") as emulator:
        answer = call(emulator, "POST", f"/{SMALL}/audiences/custom", json=body)
        assert answer.status_code == 200
        assert answer.json()["audience_type"] == "CUSTOMER_LIST"
        for key in body:
            short = {name: value for name, value in body.items() if name != key}
            answer = call(emulator, "POST", f"/{SMALL}/audiences/custom", json=short)
            assert answer.status_code == 400
            assert f"'{key}'" in answer.json()["message"]
        wrong = {**body, "data_party": "2p"}
        answer = call(emulator, "POST", f"/{SMALL}/audiences/custom", json=wrong)
        assert "'data_party'" in answer.json()["message"]
    with Emulator(spec="5.23") as emulator:
        answer = call(emulator, "POST", f"/{SMALL}/audiences/custom", json=body)
        assert (answer.status_code, answer.json()["code"]) == (405, 5)


def test_status_follows_the_clock() -> None:
    with Emulator(processing_seconds=600) as emulator:
        created = [create(emulator) for _ in range(24)]
        emulator.advance(590)
        early = call(emulator, "GET", f"/{EMPTY}/audiences").json()["items"]
        assert {item["status"] for item in early} == {"INITIALIZING"}
        emulator.advance(100)
        late = call(emulator, "GET", f"/{EMPTY}/audiences").json()["items"]

        assert {item["status"] for item in late} == {"READY", "TOO_SMALL"}
        for before, after in zip(created, late, strict=True):
            assert after["updated_timestamp"] == before["created_timestamp"] + 600
            assert (after["size"] >= 100) == (after["status"] == "READY")
        path = f"/{EMPTY}/audiences/{created[0]['id']}"
        assert call(emulator, "GET", path).json() == {
            key: late[0][key] for key in LIST_KEYS if key != "is_ctv_enabled"
        }
        updated = call(emulator, "PATCH", path, json={"name": "Later"}).json()
        assert updated["status"] == late[0]["status"]
        assert updated["size"] == late[0]["size"]
        assert updated["updated_timestamp"] >= late[0]["updated_timestamp"] + 85


def test_a_large_list_is_read_whole_in_both_orders(shared: Emulator) -> None:
    path = f"/{LARGE}/audiences"
    expected = [int(item["id"]) for item in shared.state()["audiences"][LARGE]]

    up = read_all(shared, path, page_size=250, order="ASCENDING")
    down = read_all(shared, path, page_size=250, order="DESCENDING")

    assert [len(page) for page in up] == [250, 250, 140]
    assert ids(up) == expected == sorted(expected)
    assert ids(down) == expected[::-1]
    assert len(call(shared, "GET", path).json()["items"]) == 25
    assert ids(read_all(shared, path, page_size=128)) == expected
    assert ids(read_all(shared, "", page_size=2)) == [
        int(account) for account in (LARGE, SMALL, EMPTY, SHARED)
    ]


def test_paging_does_not_shift_when_audiences_come_and_go(emulator: Emulator) -> None:
    path = f"/{LARGE}/audiences"
    before = [int(item["id"]) for item in emulator.state()["audiences"][LARGE]]
    first = call(emulator, "GET", path, params={"page_size": 250, "order": "DESCENDING"}).json()
    new = create(emulator, LARGE)
    for number in (before[-1], before[-250]):
        call(emulator, "PATCH", f"{path}/{number}", json={"operation_type": "REMOVE"})

    rest = read_all(emulator, path, page_size=250, order="DESCENDING", bookmark=first["bookmark"])

    assert ids([first["items"], *rest]) == before[::-1]
    assert int(new["id"]) == ids(read_all(emulator, path, page_size=250))[-1]


def test_bookmarks_need_url_encoding_and_fit_one_list_only(shared: Emulator) -> None:
    path = f"/{LARGE}/audiences"
    bookmark = call(shared, "GET", path).json()["bookmark"]

    assert {"+", "/", "="} <= set(bookmark)
    raw = call(shared, "GET", f"{path}?bookmark={bookmark}")
    assert (raw.status_code, raw.json()["code"]) == (400, 1)
    for other in (f"/{SMALL}/audiences", f"{path}?order=DESCENDING", ""):
        assert call(shared, "GET", other, params={"bookmark": bookmark}).status_code == 400
    assert call(shared, "GET", path, params={"bookmark": "nonsense"}).status_code == 400


def test_account_without_received_audiences_gets_an_empty_list(shared: Emulator) -> None:
    answer = call(shared, "GET", f"/{EMPTY}/audiences", params={"ownership_type": "RECEIVED"})

    assert answer.json() == {"items": [], "bookmark": None}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": None}, "'name'"),
        ({"name": ""}, "'name'"),
        ({"name": 1}, "'name'"),
        ({"description": 1}, "'description'"),
        ({"audience_type": None}, "'audience_type'"),
        ({"audience_type": "visitor"}, "'audience_type'"),
        ({"audience_type": "PERSONA"}, "PERSONA"),
        ({"ad_account_id": "12a"}, "'ad_account_id'"),
        ({"rule": None}, "'rule'"),
        ({"rule": []}, "'rule'"),
        ({"rule": {}}, "'rule.visitor_source_id'"),
        ({"rule": {"visitor_source_id": ""}}, "'rule.visitor_source_id'"),
        ({"rule": {"visitor_source_id": []}}, "'rule.visitor_source_id'"),
        ({"rule": {"visitor_source_id": 1}}, "'rule.visitor_source_id'"),
        ({"rule": {"visitor_source_id": "1", "retention_days": 541}}, "'rule.retention_days'"),
        ({"rule": {"visitor_source_id": "1", "retention_days": True}}, "'rule.retention_days'"),
        ({"audience_type": "CUSTOMER_LIST", "rule": {}}, "'rule.customer_list_id'"),
        (
            {
                "audience_type": "ACTALIKE",
                "rule": {"seed_id": ["1"], "country": "US", "percentage": 11},
            },
            "'rule.percentage'",
        ),
        (
            {
                "audience_type": "ACTALIKE",
                "rule": {"seed_id": "x", "country": "US", "percentage": 1},
            },
            "'rule.seed_id'",
        ),
    ],
)
def test_invalid_create_is_refused_with_the_name_of_the_field(
    shared: Emulator, change: dict[str, Any], named: str
) -> None:
    answer = call(shared, "POST", f"/{EMPTY}/audiences", json={**VISITORS, **change})

    assert answer.status_code == 400
    assert answer.json()["code"] == 1
    assert answer.json()["message"].startswith("Invalid request: ")
    assert named in answer.json()["message"]
    assert shared.state()["audiences"][EMPTY] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null"])
def test_body_that_is_not_an_object_is_refused(emulator: Emulator, body: bytes) -> None:
    created = create(emulator)
    for method, path in (("POST", ""), ("PATCH", f"/{created['id']}")):
        answer = call(emulator, method, f"/{EMPTY}/audiences{path}", data=body)
        assert (answer.status_code, answer.json()["code"]) == (400, 1)


def test_lenient_rules_are_accepted(emulator: Emulator) -> None:
    create(emulator, audience_type="ENGAGEMENT", rule={"engager_type": 1})
    create(
        emulator,
        LARGE,
        audience_type="ACTALIKE",
        rule={"seed_id": [LARGE_READY], "country": "US", "percentage": "10", "from_the_future": {}},
    )


def over(audience_type: str, **rule: Any) -> dict[str, Any]:
    if audience_type == "ACTALIKE":
        rule = {"country": "US", "percentage": 1, **rule}
    return {"audience_type": audience_type, "rule": rule}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (over("CUSTOMER_LIST", customer_list_id="1"), "there is no customer list 1."),
        (over("CUSTOMER_LIST", customer_list_id="4189033"), "there is no customer list 4189033."),
        (over("ACTALIKE", seed_id=["1"]), "there is no audience 1."),
        (over("ACTALIKE", seed_id=[LARGE_READY, "2542620000641"]), "no audience 2542620000641."),
        (over("ACTALIKE", seed_id=[LARGE_TOO_SMALL]), "is TOO_SMALL, not READY."),
        (over("ACTALIKE", seed_id=[LARGE_INITIALIZING]), "is INITIALIZING, not READY."),
    ],
)
def test_audience_over_a_missing_list_or_seed_is_refused(
    shared: Emulator, fields: dict[str, Any], problem: str
) -> None:
    answer = call(shared, "POST", f"/{LARGE}/audiences", json={**VISITORS, **fields})

    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert problem in answer.json()["message"]
    assert len(shared.state()["audiences"][LARGE]) == 640


def test_audience_over_an_existing_list_or_seed_is_created(emulator: Emulator) -> None:
    made = create(emulator, LARGE, **over("CUSTOMER_LIST", customer_list_id="4189001"))
    create(emulator, LARGE, **over("ACTALIKE", seed_id=[LARGE_READY]))
    path = f"/{LARGE}/audiences/{made['id']}"

    same = call(emulator, "PATCH", path, json={"rule": made["rule"]})
    other = call(emulator, "PATCH", path, json={"rule": {"customer_list_id": "643"}})

    assert same.status_code == 200
    assert other.status_code == 400
    assert "there is no customer list 643." in other.json()["message"]


def test_update_with_an_unchanged_rule_does_not_check_its_seed(emulator: Emulator) -> None:
    audiences = {item["id"]: item for item in emulator.state()["audiences"][LARGE]}
    tired = next(
        item
        for item in audiences.values()
        if item["audience_type"] == "ACTALIKE"
        and audiences[item["rule"]["seed_id"][0]]["status"] != "READY"
    )
    path = f"/{LARGE}/audiences/{tired['id']}"

    same = call(emulator, "PATCH", path, json={"name": "Other", "rule": tired["rule"]})
    other = call(emulator, "PATCH", path, json={"rule": {**tired["rule"], "percentage": 2}})

    assert same.status_code == 200
    assert other.status_code == 400


def test_removed_audience_is_not_a_valid_seed(emulator: Emulator) -> None:
    call(emulator, "PATCH", f"/{LARGE}/audiences/{LARGE_READY}", json={"operation_type": "REMOVE"})
    fields = {**VISITORS, **over("ACTALIKE", seed_id=[LARGE_READY])}

    answer = call(emulator, "POST", f"/{LARGE}/audiences", json=fields)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"operation_type": "DELETE"},
        {"name": None},
        {"rule": {"retention_days": 1}},
        {"description": []},
    ],
)
def test_invalid_update_is_refused(emulator: Emulator, body: dict[str, Any]) -> None:
    path = f"/{EMPTY}/audiences/{create(emulator)['id']}"

    assert call(emulator, "PATCH", path, json=body).status_code == 400


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"page_size": "3e"}, "Parameter 'page_size' was not numeric (was 3e)"),
        ({"page_size": "0"}, "between 1 and 250"),
        ({"page_size": "251"}, "between 1 and 250"),
        ({"order": "ascending"}, "'order'"),
        ({"ownership_type": "SHARED"}, "'ownership_type'"),
    ],
)
def test_invalid_query_is_refused(shared: Emulator, query: dict[str, str], message: str) -> None:
    answer = call(shared, "GET", f"/{LARGE}/audiences", params=query)

    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/{FOREIGN}", 403, 29),
        ("GET", f"/{FOREIGN}/audiences", 403, 29),
        ("POST", f"/{FOREIGN}/audiences", 403, 29),
        ("GET", "/123/audiences", 404, 2),
        ("GET", "/shop/audiences", 400, 1),
        ("GET", f"/{'1' * 19}/audiences", 400, 1),
        ("GET", f"/{LARGE}/audiences/1", 404, 404),
        ("GET", f"/{LARGE}/audiences/custom", 400, 1),
        ("DELETE", f"/{LARGE}/audiences/1", 405, 5),
        ("GET", f"/{LARGE}/nothing", 404, 3),
    ],
)
def test_missing_or_forbidden_resource_is_refused(
    shared: Emulator, method: str, path: str, status: int, code: int
) -> None:
    answer = call(shared, method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert list(answer.json()) == ["code", "message"]


def test_an_audience_of_another_account_is_not_found(emulator: Emulator) -> None:
    created = create(emulator)

    assert call(emulator, "GET", f"/{SMALL}/audiences/{created['id']}").status_code == 404


def test_request_log_shows_the_requests(emulator: Emulator) -> None:
    created = create(emulator)
    call(emulator, "GET", f"/{EMPTY}/audiences", params={"page_size": 5})
    call(emulator, "GET", "/1/nothing")

    first, second, third = emulator.requests()

    assert first["operation"] == "audiences/create"
    assert first["body"] == VISITORS
    assert (first["seq"], first["status"], first["in_flight"]) == (1, 200, 1)
    assert first["received_at"] == pytest.approx(created["created_timestamp"], abs=5)
    assert second["path"] == f"/v5/ad_accounts/{EMPTY}/audiences"
    assert second["query"] == {"page_size": "5"}
    assert (third["operation"], third["status"], third["fault"]) == (None, 404, None)
    assert emulator.requests("audiences/list") == [second]
    emulator.clear()
    assert emulator.requests() == []


def test_the_date_header_follows_the_clock(emulator: Emulator) -> None:
    before = time.time()
    now = emulator.advance(86_400)
    answer = call(emulator, "GET", "")
    date = parsedate_to_datetime(answer.headers["date"]).timestamp()

    assert before <= now - 86_400 <= time.time()
    assert int(now) <= date <= emulator.advance(0)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-pinterest-rid"].isdigit()
    assert len(answer.headers["x-pinterest-rid-128bit"]) == 32
    assert "server" not in answer.headers


def test_many_audiences_are_added_and_read_fast(emulator: Emulator) -> None:
    # The emulator is in this process, and its processor time does not depend on other processes.
    started = time.process_time()
    accounts = emulator.seed(ad_accounts=3, audiences=50_000, updated_timestamp=1_750_000_000)
    seeded = time.process_time() - started
    audiences = emulator.state()["audiences"]

    assert [len(audiences[account]) for account in accounts] == [16_667, 16_667, 16_666]
    assert {item["updated_timestamp"] for item in audiences[accounts[2]]} == {1_750_000_000}
    started = time.process_time()
    assert len(ids(read_all(emulator, f"/{accounts[0]}/audiences", page_size=250))) == 16_667
    assert time.process_time() - started < 5
    assert seeded < 3
    assert len(call(emulator, "GET", "").json()["items"]) == 7


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"advance": -1}),
        ("clock", "not an object"),
        ("seed", {"accounts": 1}),
        ("seed", {"ad_accounts": 0, "audiences": 1}),
        ("seed", {"ad_accounts": 0, "customer_lists": 1}),
        ("seed", {"customer_lists": -1}),
        ("faults", {"kind": "unheard_of"}),
        ("faults", {"kind": "html", "seconds": 1}),
        ("faults", {"kind": "delay", "seconds": "1"}),
        ("faults", "html"),
    ],
)
def test_control_endpoints_name_the_invalid_input(
    shared: Emulator, path: str, body: object
) -> None:
    answer = requests.post(f"{shared.base}/_emulator/{path}", json=body, timeout=10)

    assert answer.status_code == 400
    assert answer.json()["error"]
