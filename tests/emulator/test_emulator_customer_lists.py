"""Creating and changing customer lists, and their members."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pinterest_emulator.testing import Emulator, EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pinterest_emulator.settings import Spec

SMALL, EMPTY, FOREIGN = "549755800002", "549755800003", "549755800005"
SEEDED = "4189033"
KEYS = [
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
    "status",
]
ANNA, BERT = "anna@example.com", "bert@example.com"
MD5 = "0cc175b9c0f1b6a831c399e269772661"
SHA1 = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"
HOUR = 3600


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited") as running:
        yield running


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def call(
    emulator: Emulator, method: str, path: str = "", *, bearer: str = "pina_demo", **sent: Any
) -> requests.Response:
    account = sent.pop("account", EMPTY)
    return requests.request(
        method,
        f"{emulator.url}/ad_accounts/{account}/customer_lists{path}",
        headers={"Authorization": f"Bearer {bearer}"},
        timeout=10,
        **sent,
    )


def create(emulator: Emulator, records: str, **fields: object) -> dict[str, Any]:
    body = {"name": "Newsletter", "records": records, **fields}
    answer = call(emulator, "POST", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def change(
    emulator: Emulator, list_id: str, operation: str, records: str, account: str = EMPTY
) -> dict[str, Any]:
    body = {"operation_type": operation, "records": records}
    answer = call(emulator, "PATCH", f"/{list_id}", json=body, account=account)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def people(count: int) -> str:
    return ",".join(digest(f"{number}@example.com") for number in range(count))


def test_created_list_looks_like_the_live_one(emulator: Emulator) -> None:
    made = create(emulator, f"{ANNA},{BERT}")

    assert list(made) == KEYS
    assert (made["status"], made["type"], made["exceptions"]) == ("PROCESSING", "customerlist", {})
    assert (made["num_batches"], made["num_uploaded_user_records"]) == (1, 2)
    assert made["num_removed_user_records"] == 0
    assert made["created_time"] == made["updated_time"]
    assert (made["name"], made["ad_account_id"]) == ("Newsletter", EMPTY)
    assert call(emulator, "GET", f"/{made['id']}").json() == made
    (listed,) = call(emulator, "GET").json()["items"]
    assert listed == {**made, "is_nca": False}


@pytest.mark.parametrize(("spec", "status"), [("5.18", 200), ("5.23", 200), ("5.28", 201)])
def test_create_returns_the_status_of_its_version(spec: Spec, status: int) -> None:
    with Emulator(spec=spec) as emulator:
        answer = call(emulator, "POST", json={"name": "Newsletter", "records": ANNA})

    assert answer.status_code == status


def test_batches_and_records_without_effect_are_counted(
    emulator: Emulator,
) -> None:
    made = create(emulator, f"{ANNA},{BERT}")
    emulator.advance(60)

    added = change(emulator, made["id"], "ADD", f"{ANNA},new@example.com,")
    removed = change(emulator, made["id"], "REMOVE", f"{BERT},nobody@example.com,{BERT}")

    assert list(added) == KEYS
    assert [added[key] for key in KEYS[4:7]] == [2, 0, 4]
    assert [removed[key] for key in KEYS[4:7]] == [3, 3, 4]
    assert added["created_time"] == made["created_time"]
    assert added["updated_time"] >= made["updated_time"] + 60
    assert emulator.members(made["id"]) == {digest(ANNA), digest("new@example.com")}


def test_a_plain_address_and_its_sha256_are_one_member(emulator: Emulator) -> None:
    made = create(emulator, f"{ANNA},{digest(ANNA)},{digest(BERT)}")
    change(emulator, made["id"], "REMOVE", BERT)

    assert emulator.members(made["id"]) == {digest(ANNA)}


def test_blanks_and_commas_around_records_are_ignored(emulator: Emulator) -> None:
    made = create(emulator, f" {ANNA} ,, {BERT},")

    assert made["num_uploaded_user_records"] == 2
    assert emulator.members(made["id"]) == {digest(ANNA), digest(BERT)}


@pytest.mark.parametrize("list_type", ["EMAIL", "MAID", "IDFA"])
def test_md5_sha1_and_sha256_are_different_members(emulator: Emulator, list_type: str) -> None:
    hashes = {MD5, SHA1, digest("38400000-8cf0-11bd-b23e-10b96e40000d")}

    made = create(emulator, ",".join(hashes), list_type=list_type)

    assert emulator.members(made["id"]) == hashes


@pytest.mark.parametrize("list_type", ["LR_ID", "DLX_ID", "HASHED_PINNER_ID"])
def test_identifiers_of_partners_stay_unchanged(emulator: Emulator, list_type: str) -> None:
    made = create(emulator, "Xi9 a,ÿ,Xi9 a,xi9 a", list_type=list_type)

    assert made["num_uploaded_user_records"] == 4
    assert emulator.members(made["id"]) == {"Xi9 a", "ÿ", "xi9 a"}


@pytest.mark.parametrize(
    ("list_type", "record"),
    [
        ("EMAIL", "Anna@example.com"),
        ("EMAIL", "anna @example.com"),
        ("EMAIL", "anna.example.com"),
        ("EMAIL", digest(ANNA).upper()),
        ("EMAIL", digest(ANNA)[:-1]),
        ("EMAIL", f"{digest(ANNA)[:-2]}zz"),
        ("EMAIL", f"{digest(ANNA)[:30]}    {digest(ANNA)[:30]}"),
        ("EMAIL", "\ud800@example.com"),
        ("MAID", ANNA),
        ("MAID", "38400000-8cf0-11bd-b23e-10b96e40000d"),
        ("IDFA", "ea7583cd-a667-48bc-b806-42ecb2b48606"),
        ("LR_ID", "\ud800"),
    ],
)
def test_one_invalid_record_refuses_the_request_and_is_not_shown(
    shared: Emulator, list_type: str, record: str
) -> None:
    body = {"name": "N", "records": f"{SHA1},{record}", "list_type": list_type}

    answer = call(shared, "POST", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    message = answer.json()["message"]
    assert f"number 2 of 2 is not a valid record of type {list_type}" in message
    assert record not in message
    assert shared.state()["customer_lists"][EMPTY] == []


def test_update_is_checked_by_the_type_of_its_list(emulator: Emulator) -> None:
    made = create(emulator, MD5, list_type="MAID")
    body = {"operation_type": "ADD", "records": ANNA}

    answer = call(emulator, "PATCH", f"/{made['id']}", json=body)

    assert answer.status_code == 400
    assert call(emulator, "GET", f"/{made['id']}").json()["num_batches"] == 1
    assert emulator.members(made["id"]) == {MD5}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"records": ANNA}, "'name'"),
        ({"name": None, "records": ANNA}, "'name'"),
        ({"name": "", "records": ANNA}, "'name'"),
        ({"name": 1, "records": ANNA}, "'name'"),
        ({"name": "N"}, "'records'"),
        ({"name": "N", "records": None}, "'records'"),
        ({"name": "N", "records": ""}, "'records'"),
        ({"name": "N", "records": " , ,"}, "'records'"),
        ({"name": "N", "records": [ANNA]}, "'records'"),
        ({"name": "N", "records": ANNA, "list_type": "email"}, "'list_type'"),
    ],
)
def test_invalid_create_is_refused_with_the_name_of_the_field(
    shared: Emulator, body: dict[str, Any], named: str
) -> None:
    answer = call(shared, "POST", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert answer.json()["message"].startswith("Invalid request: ")
    assert named in answer.json()["message"]
    assert ANNA not in answer.text
    assert shared.state()["customer_lists"][EMPTY] == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"records": ANNA}, "'operation_type'"),
        ({"operation_type": "UPDATE", "records": ANNA}, "'operation_type'"),
        ({"operation_type": "ADD"}, "'records'"),
        ({"operation_type": "REMOVE", "records": ","}, "'records'"),
    ],
)
def test_invalid_update_is_refused_with_the_name_of_the_field(
    shared: Emulator, body: dict[str, Any], named: str
) -> None:
    before = shared.state()["customer_lists"][SMALL]

    answer = call(shared, "PATCH", f"/{SEEDED}", json=body, account=SMALL)

    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert named in answer.json()["message"]
    assert shared.state()["customer_lists"][SMALL] == before


def test_exceptions_in_a_request_are_ignored(emulator: Emulator) -> None:
    made = create(emulator, ANNA, exceptions={"a": "b"}, list_type=None)

    assert made["exceptions"] == {}


@pytest.mark.parametrize(
    ("account", "path", "status", "code"),
    [
        (EMPTY, f"/{SEEDED}", 404, 404),
        (SMALL, "/1", 404, 404),
        (SMALL, "/x", 400, 1),
        (FOREIGN, f"/{SEEDED}", 403, 29),
        ("1", f"/{SEEDED}", 404, 2),
    ],
)
def test_missing_list_cannot_be_changed(
    shared: Emulator, account: str, path: str, status: int, code: int
) -> None:
    body = {"operation_type": "ADD", "records": ANNA}

    answer = call(shared, "PATCH", path, json=body, account=account)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("grant", "scope"),
    [("client_credentials", "ads:read,ads:write"), ("refresh_token", "ads:read")],
)
def test_writes_need_a_user_and_their_scope(grant: str, scope: str) -> None:
    with Emulator(access="unlimited") as emulator:
        form = {"grant_type": grant, "scope": scope, "refresh_token": "pinr.demo"}
        token = requests.post(
            f"{emulator.url}/oauth/token", data=form, auth=("demo-app", "demo-secret"), timeout=10
        ).json()["access_token"]
        body = {"name": "N", "operation_type": "ADD", "records": ANNA}
        for method, path in (("POST", ""), ("PATCH", f"/{SEEDED}")):
            answer = call(emulator, method, path, json=body, account=SMALL, bearer=token)
            assert (answer.status_code, answer.json()["code"]) == (401, 3)


def test_number_of_different_members_makes_a_list_ready() -> None:
    with Emulator(processing_seconds=HOUR, access="unlimited") as emulator:
        large, small = create(emulator, people(100)), create(emulator, f"{people(99)},{people(99)}")
        emulator.advance(HOUR - 60)
        early = [item["status"] for item in call(emulator, "GET").json()["items"]]
        emulator.advance(60)
        late = call(emulator, "GET").json()["items"]
        again = change(emulator, small["id"], "ADD", ANNA)
        emulator.advance(HOUR)
        change(emulator, large["id"], "REMOVE", digest("0@example.com"))
        emulator.advance(HOUR)
        last = call(emulator, "GET").json()["items"]

    assert early == ["PROCESSING", "PROCESSING"]
    assert [item["status"] for item in late] == ["READY", "TOO_SMALL"]
    assert [item["updated_time"] for item in late] == [
        item["created_time"] + HOUR for item in (large, small)
    ]
    assert again["status"] == "PROCESSING"
    assert [item["status"] for item in last] == ["TOO_SMALL", "READY"]


def test_without_a_delay_a_list_is_processed_at_once() -> None:
    with Emulator(processing_seconds=0, access="unlimited") as emulator:
        made = create(emulator, people(99))

        assert made["status"] == "TOO_SMALL"
        assert change(emulator, made["id"], "ADD", ANNA)["status"] == "READY"


def test_seeded_list_knows_only_members_that_were_sent() -> None:
    with Emulator(processing_seconds=0, access="unlimited") as emulator:
        before = call(emulator, "GET", f"/{SEEDED}", account=SMALL).json()
        after = change(emulator, SEEDED, "ADD", ANNA, account=SMALL)

        assert after["status"] == before["status"] == "READY"
        assert after["num_batches"] == before["num_batches"] + 1
        added = after["num_uploaded_user_records"] - before["num_uploaded_user_records"]
        assert added == 1
        assert emulator.members(SEEDED) == {digest(ANNA)}
        removed = before["num_uploaded_user_records"] - before["num_removed_user_records"] - 50
        assert change(emulator, SEEDED, "REMOVE", people(removed), SMALL)["status"] == "TOO_SMALL"


def test_names_are_not_unique_and_ids_rise(emulator: Emulator) -> None:
    first, second = create(emulator, ANNA), create(emulator, ANNA)

    assert first["name"] == second["name"]
    assert int(second["id"]) == int(first["id"]) + 1
    assert len(second["id"]) == 7


def test_members_are_shown_in_order_and_counted(emulator: Emulator) -> None:
    made = create(emulator, people(3))
    url = f"{emulator.base}/_emulator/members"

    body = requests.get(url, params={"customer_list_id": made["id"]}, timeout=10).json()

    assert body == {"count": 3, "members": sorted(people(3).split(","))}
    assert emulator.members("4189034") == set()
    for query in ("", "?customer_list_id=x", "?customer_list_id=1"):
        answer = requests.get(f"{url}{query}", timeout=10)
        assert answer.status_code == 400
        assert answer.json()["error"]
    with pytest.raises(EmulatorError, match="there is no customer list 1"):
        emulator.members("1")


def test_log_keeps_the_number_of_records_but_no_record(emulator: Emulator) -> None:
    made = create(emulator, f"{ANNA},{BERT},", list_type="EMAIL")
    change(emulator, made["id"], "ADD", ANNA)
    call(emulator, "POST", json={"name": "N", "records": [ANNA], "more": {"deep": ANNA}, "n": 1})
    call(emulator, "PATCH", data=f'{{"records": "{ANNA}"'.encode())
    call(emulator, "POST", json=[ANNA])
    requests.post(f"{emulator.url}/customers", json={"records": ANNA, "x": "y"}, timeout=10)

    bodies = [entry["body"] for entry in emulator.requests()]

    assert bodies == [
        {"name": "Newsletter", "records": 2, "list_type": "EMAIL"},
        {"operation_type": "ADD", "records": 1},
        {"name": "N", "records": 1, "more": 1, "n": None},
        {"bytes": 30},
        {"bytes": 20},
        {"records": 1, "x": "y"},
    ]
    assert "example.com" not in json.dumps(emulator.requests())


def test_members_survive_a_restart_and_no_address_is_saved(tmp_path: Path) -> None:
    data = tmp_path / "pinterest.json"
    with Emulator(data=data, access="unlimited") as emulator:
        mails = create(emulator, f"{ANNA},{MD5}")["id"]
        partners = create(emulator, "Xi9,ÿ", list_type="LR_ID")["id"]
        before = emulator.state()["customer_lists"]
    text = data.read_text()
    with Emulator(data=data, access="unlimited") as emulator:
        assert emulator.state()["customer_lists"] == before
        assert emulator.members(mails) == {digest(ANNA), MD5}
        assert emulator.members(partners) == {"Xi9", "ÿ"}
        change(emulator, mails, "REMOVE", ANNA)
        assert emulator.members(mails) == {MD5}

    assert ANNA not in text


def test_old_data_without_members_is_read(tmp_path: Path) -> None:
    data = tmp_path / "pinterest.json"
    with Emulator(data=data, access="unlimited") as emulator:
        made = create(emulator, ANNA)["id"]
    saved = json.loads(data.read_text())
    for name in ("members", "uploads", "runs"):
        del saved[name]
    for row in saved["customer_lists"]:
        del row["list_type"], row["num_members"]
    for row in saved["ad_accounts"]:
        del row["business_id"]
    data.write_text(json.dumps(saved))

    with Emulator(data=data, access="unlimited") as emulator:
        assert emulator.members(made) == set()
        assert change(emulator, made, "ADD", BERT)["num_uploaded_user_records"] == 2
        assert emulator.members(made) == {digest(BERT)}


def test_ten_thousand_records_are_one_batch(emulator: Emulator) -> None:
    made = create(emulator, people(10_000))

    assert made["num_uploaded_user_records"] == 10_000
    assert emulator.members(made["id"]) == set(people(10_000).split(","))
    assert len(json.dumps(emulator.requests())) < 1000
