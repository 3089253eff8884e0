"""What `--spec 5.28` changes, what every version accepts, and what `--strict` refuses."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pinterest_emulator.settings import Spec

LARGE, SMALL, EMPTY = "549755800001", "549755800002", "549755800003"
READY_SEED = "2542620000641"
ANNA = "anna@example.com"
SHA256 = sha256(b"x").hexdigest()
AUTH = ("demo-app", "demo-secret")
OBJECTIVES = [
    "AWARENESS",
    "CONSIDERATION",
    "WEB_CONVERSION",
    "CATALOG_SALES",
    "VIDEO_COMPLETION",
    "SALES",
    "VIDEO_VIEW",
    "WEB_SESSIONS",
    "APP_INSTALL",
    "CTV_CONSIDERATION",
]
SEEDED = {"country": "US", "percentage": 3}
PLAIN: dict[str, dict[str, Any]] = {
    "ACTALIKE": {**SEEDED, "seed_id": [READY_SEED]},
    "ENGAGEMENT": {"engager_type": 1},
    "VISITOR": {"visitor_source_id": "1"},
}
# By audience type, rules that Pinterest has returned or says that it may return.
GIVEN_OUT: list[tuple[str, dict[str, Any]]] = [
    *[("ENGAGEMENT", {"objective_type": [value]}) for value in OBJECTIVES],
    ("ENGAGEMENT", {"pin_id": ["pin-1"], "ad_id": ["1" * 25], "campaign_id": ["c"]}),
    ("ENGAGEMENT", {"engagement_type": "video_watch", "engager_type": "1"}),
    ("VISITOR", {"visitor_source_id": ["2612511566001", "2612511566002"]}),
    ("VISITOR", {"visitor_source_id": "1" * 25}),
    ("VISITOR", {"visitor_source_id": "tag-1", "event_source": {"=": ["app"]}}),
    ("ACTALIKE", {**SEEDED, "seed_id": READY_SEED}),
    ("ACTALIKE", {**SEEDED, "seed_id": [READY_SEED], "percentage": "10"}),
]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited", spec="5.28") as running:
        yield running


def call(emulator: Emulator, method: str, path: str, **sent: Any) -> requests.Response:
    return requests.request(
        method,
        f"{emulator.url}/ad_accounts/{path}",
        headers={"Authorization": "Bearer pina_demo"},
        timeout=10,
        **sent,
    )


def create(
    emulator: Emulator, audience_type: str, rule: dict[str, Any], account: str = SMALL
) -> requests.Response:
    body = {"name": "New", "audience_type": audience_type, "rule": rule}
    return call(emulator, "POST", f"{account}/audiences", json=body)


def new_list(emulator: Emulator, **fields: Any) -> requests.Response:
    return call(emulator, "POST", f"{EMPTY}/customer_lists", json={"name": "List", **fields})


@pytest.mark.parametrize("spec", ["5.18", "5.23", "5.28"])
def test_rules_that_pinterest_returned_are_accepted_by_every_version(spec: Spec) -> None:
    with Emulator(access="unlimited", spec=spec) as emulator:
        ready = call(emulator, "GET", f"{SMALL}/audiences/{READY_SEED}").json()
        assert ready["status"] == "READY"
        for audience_type, rule in GIVEN_OUT:
            made = create(emulator, audience_type, rule)
            assert made.ok, made.text
            path = f"{SMALL}/audiences/{made.json()['id']}"
            changed = call(emulator, "PATCH", path, json={"rule": rule})
            assert changed.status_code == 200, changed.text


def refusals(spec: Spec, cases: list[tuple[str, dict[str, Any]]]) -> list[bool]:
    """Whether a strict emulator refuses each rule, both in a create and in an update."""
    found = []
    with Emulator(access="unlimited", spec=spec, strict=True) as emulator:
        for audience_type, rule in cases:
            made = create(emulator, audience_type, rule)
            other = create(emulator, audience_type, PLAIN[audience_type]).json()["id"]
            path = f"{SMALL}/audiences/{other}"
            changed = call(emulator, "PATCH", path, json={"rule": rule})
            assert made.ok == changed.ok
            if not made.ok:
                assert (made.status_code, changed.status_code) == (400, 400)
                assert made.json()["message"].startswith("Invalid request: 'rule.")
            found.append(not made.ok)
    return found


@pytest.mark.parametrize(
    ("spec", "listed"),
    [("5.18", OBJECTIVES[:5]), ("5.23", OBJECTIVES[:5]), ("5.28", OBJECTIVES[:6])],
)
def test_strict_emulator_accepts_only_objectives_of_its_version(
    spec: Spec, listed: list[str]
) -> None:
    cases = [("ENGAGEMENT", {"objective_type": [value]}) for value in OBJECTIVES]

    assert refusals(spec, cases) == [value not in listed for value in OBJECTIVES]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("engagement_type", "video_watch"),
        ("engagement_type", "CLICK"),
        ("event_source", {"=": ["app"]}),
        ("event_source", {"!=": ["web"]}),
        ("event_source", {"=": "web"}),
        ("event_source", ["web"]),
        ("ingestion_source", {"=": ["tag", "sdk"]}),
        ("objective_type", "AWARENESS"),
        ("objective_type", ["awareness"]),
        ("url", {"like": "/shoe"}),
        ("event_data", {"currency": "Euro"}),
    ],
)
@pytest.mark.parametrize("spec", ["5.23", "5.28"])
def test_strict_emulator_refuses_what_the_description_does_not_list(
    spec: Spec, name: str, value: object
) -> None:
    assert refusals(spec, [("ENGAGEMENT", {name: value})]) == [True]


def test_strict_emulator_accepts_the_examples_of_the_description() -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        (
            "VISITOR",
            {
                "visitor_source_id": ["1"],
                "retention_days": "180",
                "event": "a partner's own",
                "event_data": {"currency": "EUR", "own": "field"},
                "event_source": {"=": ["web", "mobile"]},
                "ingestion_source": {"=": ["tag"]},
                "url": {"contains": "/view_item/shoe"},
            },
        ),
        ("VISITOR", {"visitor_source_id": "1", "url": "http://shop.example/shoe"}),
        ("ENGAGEMENT", {"engagement_type": "click", "url": ["https://shop.example"]}),
        ("ENGAGEMENT", {"pin_id": ["34567"], "engagement_type": None, "objective_type": None}),
    ]

    assert refusals("5.23", cases) == [False] * 4
    assert refusals("5.28", cases) == [False] * 4


def test_strict_emulator_follows_the_id_forms_of_its_version() -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        ("VISITOR", {"visitor_source_id": "tag-1"}),
        ("VISITOR", {"visitor_source_id": ["1", "tag-1"]}),
        ("ENGAGEMENT", {"pin_id": ["pin-1"]}),
        ("ENGAGEMENT", {"ad_id": ["ad-1"]}),
        ("ENGAGEMENT", {"campaign_id": ["campaign-1"]}),
        ("ACTALIKE", {**SEEDED, "seed_id": READY_SEED}),
    ]

    assert refusals("5.23", cases) == [True] * 6
    assert refusals("5.28", cases) == [False] * 6


@pytest.mark.parametrize(("spec", "status"), [("5.23", 200), ("5.28", 400)])
def test_strict_emulator_checks_the_audience_type_of_an_update_since_5_28(
    spec: Spec, status: int
) -> None:
    with Emulator(access="unlimited", spec=spec, strict=True) as emulator:
        path = f"{SMALL}/audiences/{READY_SEED}"
        good = call(emulator, "PATCH", path, json={"audience_type": "ENGAGEMENT"})
        wrong = call(emulator, "PATCH", path, json={"audience_type": "LOOKALIKE"})

    assert good.status_code == 200
    assert wrong.status_code == status


def test_single_seed_id_is_text_in_responses_of_5_28(emulator: Emulator) -> None:
    listed = call(emulator, "GET", f"{SMALL}/audiences?ownership_type=OWNED").json()["items"]
    ready = [item["id"] for item in listed if item["status"] == "READY"]
    for sent in (READY_SEED, [READY_SEED]):
        made = create(emulator, "ACTALIKE", {**SEEDED, "seed_id": sent}).json()
        assert made["rule"]["seed_id"] == READY_SEED
        path = f"{SMALL}/audiences/{made['id']}"
        assert call(emulator, "GET", path).json()["rule"] == made["rule"]
        # A returned rule can be sent again.
        again = call(emulator, "PATCH", path, json={"rule": made["rule"]})
        assert again.json()["rule"] == made["rule"]
    two = create(emulator, "ACTALIKE", {**SEEDED, "seed_id": ready[:2]}).json()

    assert two["rule"]["seed_id"] == ready[:2]


def test_seed_id_is_a_list_in_responses_before_5_28() -> None:
    with Emulator(access="unlimited", spec="5.23") as older:
        for sent in (READY_SEED, [READY_SEED]):
            made = create(older, "ACTALIKE", {**SEEDED, "seed_id": sent}).json()
            assert made["rule"]["seed_id"] == [READY_SEED]


@pytest.mark.parametrize(("spec", "status"), [("5.18", 200), ("5.23", 200), ("5.28", 201)])
@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "refresh_token", "refresh_token": "pinr.demo"},
        {"grant_type": "authorization_code", "code": "demo-code", "redirect_uri": "https://x"},
        {"grant_type": "client_credentials", "scope": "ads:read"},
    ],
)
def test_token_response_has_the_status_of_the_version(
    spec: Spec, status: int, form: dict[str, str]
) -> None:
    with Emulator(spec=spec) as emulator:
        answer = requests.post(f"{emulator.url}/oauth/token", data=form, auth=AUTH, timeout=10)

    assert answer.status_code == status
    assert answer.json()["access_token"]


def test_is_nca_of_a_list_is_in_all_responses_and_in_its_audience(emulator: Emulator) -> None:
    plain = new_list(emulator, records=ANNA).json()
    made = new_list(emulator, records=ANNA, is_nca=True).json()
    assert (plain["is_nca"], made["is_nca"]) == (False, True)
    path = f"{EMPTY}/customer_lists/{made['id']}"
    assert call(emulator, "GET", path).json()["is_nca"] is True
    body = {"operation_type": "ADD", "records": "b@example.com", "is_nca": False}
    assert call(emulator, "PATCH", path, json=body).json()["is_nca"] is True

    rule = {"customer_list_id": made["id"]}
    audience = create(emulator, "CUSTOMER_LIST", rule, EMPTY).json()
    assert audience["is_nca"] is True
    where = f"{EMPTY}/audiences/{audience['id']}"
    moved = call(emulator, "PATCH", where, json={"rule": {"customer_list_id": plain["id"]}})
    assert moved.json()["is_nca"] is False


def test_is_nca_must_be_a_boolean(emulator: Emulator) -> None:
    answer = new_list(emulator, records=ANNA, is_nca="true")

    assert answer.status_code == 400
    assert "'is_nca'" in answer.json()["message"]


def test_exclude_nca_leaves_out_lists_and_audiences(emulator: Emulator) -> None:
    plain = new_list(emulator, records=ANNA).json()["id"]
    marked = new_list(emulator, records=ANNA, is_nca=True).json()["id"]
    audiences = [
        create(emulator, "CUSTOMER_LIST", {"customer_list_id": list_id}, EMPTY).json()["id"]
        for list_id in (plain, marked)
    ]
    share = {
        "audience_id": audiences[1],
        "recipient_account_ids": [SMALL],
        "operation_type": "SHARE",
    }
    path = f"{EMPTY}/audiences/ad_accounts/shared"
    assert call(emulator, "PATCH", path, json=share).status_code == 200

    def ids(where: str, **query: str) -> list[str]:
        params = {"page_size": "250", **query}
        return [item["id"] for item in call(emulator, "GET", where, params=params).json()["items"]]

    for value in ("true", "True"):
        assert ids(f"{EMPTY}/customer_lists", exclude_nca=value) == [plain]
        for query in ({}, {"ownership_type": "OWNED"}):
            assert ids(f"{EMPTY}/audiences", exclude_nca=value, **query) == audiences[:1]
        received = ids(f"{SMALL}/audiences", exclude_nca=value, ownership_type="RECEIVED")
        assert received
        assert audiences[1] not in received
    assert ids(f"{EMPTY}/customer_lists", exclude_nca="false") == [plain, marked]
    assert ids(f"{EMPTY}/audiences") == audiences
    assert audiences[1] in ids(f"{SMALL}/audiences", ownership_type="RECEIVED")
    wrong = call(emulator, "GET", f"{EMPTY}/audiences", params={"exclude_nca": "yes"})
    assert wrong.status_code == 400


def test_fields_of_5_28_have_no_effect_in_older_versions() -> None:
    with Emulator(access="unlimited", spec="5.23") as older:
        made = new_list(older, records=ANNA, is_nca=True)
        assert made.status_code == 200
        assert "is_nca" not in made.json()
        path = f"{EMPTY}/customer_lists"
        (listed,) = call(older, "GET", path, params={"exclude_nca": "true"}).json()["items"]
        assert listed["is_nca"] is False
        rows = new_list(older, records_v2=[{"email": ANNA}])
        assert rows.status_code == 400
        assert "'records'" in rows.json()["message"]


def test_rows_and_records_identify_the_same_members(emulator: Emulator) -> None:
    made = new_list(emulator, records_v2=[{"email": ANNA, "ip_address": "192.0.2.1"}]).json()
    anna = {sha256(ANNA.encode()).hexdigest()}
    assert emulator.members(made["id"]) == anna
    assert made["num_uploaded_user_records"] == 1
    path = f"{EMPTY}/customer_lists/{made['id']}"
    rows = [{"external_id": "42"}, {"hashed_phone_number": SHA256}]
    body = {"operation_type": "ADD", "records_v2": rows}
    assert call(emulator, "PATCH", path, json=body).json()["num_uploaded_user_records"] == 3
    assert len(emulator.members(made["id"])) == 3
    body = {"operation_type": "REMOVE", "records_v2": rows}
    assert call(emulator, "PATCH", path, json=body).json()["num_removed_user_records"] == 2
    assert emulator.members(made["id"]) == anna
    body = {"operation_type": "REMOVE", "records": ANNA}
    assert call(emulator, "PATCH", path, json=body).status_code == 200
    assert emulator.members(made["id"]) == set()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"records": ANNA, "records_v2": [{"email": ANNA}]},
        {"records_v2": []},
        {"records_v2": ANNA},
        {"records_v2": [ANNA]},
        {"records_v2": [{}]},
        {"records_v2": [{"email": ANNA}, {"unheard_of": "x"}]},
        {"records_v2": [{"email": ""}]},
        {"records_v2": [{"email": 1}]},
        {"records_v2": [{"email": "Anna@Example.com"}]},
        {"records_v2": [{"hashed_phone_number": "+15550100"}]},
    ],
)
def test_invalid_rows_are_refused_without_naming_a_person(
    emulator: Emulator, fields: dict[str, Any]
) -> None:
    answer = new_list(emulator, **fields)

    assert answer.status_code == 400
    assert "'records" in answer.json()["message"]
    assert "nna@" not in answer.text
    assert call(emulator, "GET", f"{EMPTY}/customer_lists").json()["items"] == []


def test_log_keeps_only_the_number_of_rows(emulator: Emulator) -> None:
    new_list(emulator, records_v2=[{"email": ANNA}, {"ip_address": "192.0.2.1"}], is_nca=True)

    (entry,) = emulator.requests("customer_lists/create")
    assert entry["body"] == {"name": "List", "records_v2": 2, "is_nca": True}
