"""Uploads of customer lists as files (a closed beta of Pinterest)."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pinterest_emulator.settings import Spec

SMALL, EMPTY = "549755800002", "549755800003"
SEEDED = "4189033"
ANNA, BERT, CARL = "anna@example.com", "bert@example.com", "carl@example.com"
KEYS = [
    "id",
    "customer_list_id",
    "ad_account_id",
    "operation",
    "state",
    "creation_time",
    "updated_time",
    "record_counts",
    "error_counts",
]
HOUR = 3600
FIVE_MIB = 5 * 1024 * 1024


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One that processes at once."""
    with Emulator(access="unlimited", processing_seconds=0) as running:
        yield running


@pytest.fixture
def slow() -> Iterator[Emulator]:
    """One that takes an hour."""
    with Emulator(access="unlimited", processing_seconds=HOUR) as running:
        yield running


def digests(*addresses: str) -> set[str]:
    return {sha256(address.encode()).hexdigest() for address in addresses}


def call(
    emulator: Emulator, method: str, path: str, json: object = None, account: str = EMPTY
) -> requests.Response:
    return requests.request(
        method,
        f"{emulator.url}/ad_accounts/{account}/customer_lists{path}",
        headers={"Authorization": "Bearer pina_demo"},
        json=json,
        timeout=10,
    )


def new_list(emulator: Emulator, *records: str, list_type: str = "EMAIL") -> str:
    body = {"name": "Newsletter", "records": ",".join(records), "list_type": list_type}
    return str(call(emulator, "POST", "", body).json()["id"])


def begin(
    emulator: Emulator, list_id: str, operation: str = "ADD", total_parts: int = 1
) -> tuple[str, list[str]]:
    """The path of a new upload and the URLs of its parts."""
    body = {"operation": operation, "total_parts": total_parts}
    answer = call(emulator, "POST", f"/{list_id}/uploads", body)
    assert answer.status_code == 200, answer.text
    parts = answer.json()["s3_multipart_upload_data"]["file_parts"]
    path = f"/{list_id}/uploads/{answer.json()['customer_list_upload']['id']}"
    return path, [part["presigned_url"] for part in parts]


def put(url: str, content: bytes, **headers: str) -> requests.Response:
    return requests.put(url, data=content, headers=headers, timeout=30)


def run(emulator: Emulator, path: str) -> dict[str, Any]:
    answer = call(emulator, "POST", f"{path}/run")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def upload(
    emulator: Emulator, list_id: str, *parts: bytes, operation: str = "ADD"
) -> dict[str, Any]:
    path, urls = begin(emulator, list_id, operation, len(parts))
    for url, part in zip(urls, parts, strict=True):
        assert put(url, part).status_code == 200
    return run(emulator, path)


def test_new_upload_looks_as_described(slow: Emulator) -> None:
    list_id = new_list(slow, ANNA)

    body = {"operation": "REMOVE", "total_parts": 3}
    answer = call(slow, "POST", f"/{list_id}/uploads", body).json()

    begun, files = answer["customer_list_upload"], answer["s3_multipart_upload_data"]
    assert list(answer) == ["customer_list_upload", "s3_multipart_upload_data"]
    assert list(begun) == KEYS
    assert (begun["state"], begun["operation"]) == ("NOT_STARTED", "REMOVE")
    assert (begun["customer_list_id"], begun["ad_account_id"]) == (list_id, EMPTY)
    assert begun["record_counts"] is begun["error_counts"] is None
    assert begun["creation_time"] == begun["updated_time"]
    assert [part["part_number"] for part in files["file_parts"]] == [1, 2, 3]
    urls = [part["presigned_url"] for part in files["file_parts"]]
    for number, url in enumerate(urls, 1):
        assert url.startswith(f"{slow.base}/_uploads/{begun['id']}/{number}?signature=")
    assert len({url.partition("=")[2] for url in urls}) == 3
    assert call(slow, "GET", f"/{list_id}/uploads/{begun['id']}").json() == begun
    assert re.fullmatch(r"\d+", begun["id"])


def test_upload_changes_the_list_after_processing(slow: Emulator) -> None:
    list_id = new_list(slow, ANNA)
    path, (url,) = begin(slow, list_id)
    slow.advance(HOUR)
    put(url, f"{BERT}\n{CARL}\n{BERT}\n".encode())

    running = run(slow, path)
    before = call(slow, "GET", f"/{list_id}").json()
    members = slow.members(list_id)
    slow.advance(HOUR - 60)
    assert call(slow, "GET", path).json() == running
    slow.advance(60)
    done = call(slow, "GET", path).json()
    after = call(slow, "GET", f"/{list_id}").json()

    assert (running["state"], running["record_counts"]) == ("RUNNING", None)
    assert members == digests(ANNA)
    assert (before["num_batches"], before["num_uploaded_user_records"]) == (1, 1)
    assert done["state"] == "SUCCEEDED"
    assert done["record_counts"] == {"processed": 3, "valid": 3, "invalid": 0}
    assert done["error_counts"] == []
    assert done["updated_time"] == running["updated_time"] + HOUR
    assert (after["num_batches"], after["num_uploaded_user_records"]) == (2, 4)
    assert after["updated_time"] == done["updated_time"]
    assert after["status"] == "TOO_SMALL"
    assert slow.members(list_id) == digests(ANNA, BERT, CARL)


def test_upload_removes_members(emulator: Emulator) -> None:
    list_id = new_list(emulator, ANNA, BERT)

    done = upload(emulator, list_id, f"{BERT},{CARL}".encode(), operation="REMOVE")

    after = call(emulator, "GET", f"/{list_id}").json()
    assert done["state"] == "SUCCEEDED"
    assert (after["num_uploaded_user_records"], after["num_removed_user_records"]) == (2, 2)
    assert emulator.members(list_id) == digests(ANNA)


def test_uploaded_members_make_a_list_ready(emulator: Emulator) -> None:
    list_id = new_list(emulator, ANNA)

    upload(emulator, list_id, "\r\n".join(f"{n}@example.com" for n in range(99)).encode())

    assert call(emulator, "GET", f"/{list_id}").json()["status"] == "READY"


def test_parts_of_a_file_are_joined(emulator: Emulator) -> None:
    list_id = new_list(emulator, ANNA)
    first = b"," * (FIVE_MIB - 4) + BERT[:4].encode()

    done = upload(emulator, list_id, first, BERT[4:].encode())

    assert done["record_counts"] == {"processed": 1, "valid": 1, "invalid": 0}
    assert emulator.members(list_id) == digests(ANNA, BERT)


def test_invalid_records_of_a_file_are_counted_and_skipped(emulator: Emulator) -> None:
    mails, devices = new_list(emulator, ANNA), new_list(emulator, "0" * 32, list_type="MAID")

    done = upload(emulator, mails, f"{BERT}\nBert@example.com\nnobody\n".encode())
    other = upload(emulator, devices, f"{ANNA}\n{'f' * 40}".encode())

    assert done["state"] == other["state"] == "SUCCEEDED"
    assert done["record_counts"] == {"processed": 3, "valid": 1, "invalid": 2}
    assert done["error_counts"] == [{"error_code": 42, "message": "Invalid email", "count": 2}]
    assert other["error_counts"] == [{"error_code": 42, "message": "Invalid maid", "count": 1}]
    assert call(emulator, "GET", f"/{mails}").json()["num_uploaded_user_records"] == 2
    assert emulator.members(mails) == digests(ANNA, BERT)
    assert emulator.members(devices) == {"0" * 32, "f" * 40}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((b"a@example.com", None), "A part of the file is missing"),
        ((None, b"a@example.com"), "A part of the file is missing"),
        ((b"",), "A part of the file is missing"),
        ((b"," * (FIVE_MIB - 1), b"a@example.com"), "A part of the file is too small"),
        ((b"a@example.com\n\xff",), "The file is not UTF-8 text"),
        ((b" ,\n,",), "The file has no records"),
    ],
)
def test_upload_of_an_invalid_file_fails(
    emulator: Emulator, parts: tuple[bytes | None, ...], message: str
) -> None:
    list_id = new_list(emulator, ANNA)
    before = call(emulator, "GET", f"/{list_id}").json()
    path, urls = begin(emulator, list_id, total_parts=len(parts))
    for url, part in zip(urls, parts, strict=True):
        if part is not None:
            put(url, part)

    done = run(emulator, path)

    assert done["state"] == "FAILED"
    assert [(error["message"], error["count"]) for error in done["error_counts"]] == [(message, 1)]
    assert done["record_counts"] == {"processed": 0, "valid": 0, "invalid": 0}
    assert call(emulator, "GET", f"/{list_id}").json() == before
    assert emulator.members(list_id) == digests(ANNA)


def test_part_is_put_without_a_token_and_can_be_replaced(emulator: Emulator) -> None:
    list_id = new_list(emulator, ANNA)
    path, (url,) = begin(emulator, list_id)

    first, second = put(url, BERT.encode()), put(url, CARL.encode())
    run(emulator, path)

    assert (first.status_code, first.content) == (200, b"")
    assert re.fullmatch(r'"[0-9a-f]{32}"', first.headers["etag"])
    assert first.headers["etag"] != second.headers["etag"]
    assert "x-ratelimit-limit" not in first.headers
    assert emulator.members(list_id) == digests(ANNA, CARL)


def test_s3_errors_are_xml(emulator: Emulator) -> None:
    list_id = new_list(emulator, ANNA)
    path, (url, second) = begin(emulator, list_id, total_parts=2)
    unsigned, signature = url.split("?")
    base = f"{emulator.base}/_uploads"
    attempts = [
        (put(url, b"x", Authorization="Bearer pina_demo"), 400, "InvalidArgument"),
        (put(unsigned, b"x"), 403, "SignatureDoesNotMatch"),
        (put(f"{unsigned}?{second.split('?')[1]}", b"x"), 403, "SignatureDoesNotMatch"),
        (put(f"{unsigned}?signature=\xff", b"x"), 403, "SignatureDoesNotMatch"),
        (put(f"{base}/1/1?{signature}", b"x"), 404, "NoSuchUpload"),
        (put(f"{base}/x/1?{signature}", b"x"), 404, "NoSuchUpload"),
    ]
    run(emulator, path)
    attempts.append((put(url, b"x"), 404, "NoSuchUpload"))

    for answer, status, code in attempts:
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/xml"
        assert f"<Code>{code}</Code>" in answer.text
    assert requests.get(url, timeout=10).status_code == 405


@pytest.mark.parametrize("processing_seconds", [0, HOUR])
def test_an_upload_runs_once(processing_seconds: int) -> None:
    with Emulator(access="unlimited", processing_seconds=processing_seconds) as emulator:
        list_id = new_list(emulator, ANNA)
        path, (url,) = begin(emulator, list_id)
        put(url, BERT.encode())
        state = run(emulator, path)["state"]

        again = call(emulator, "POST", f"{path}/run")

        assert (again.status_code, again.json()["code"]) == (400, 1)
        assert state in again.json()["message"]
        emulator.advance(HOUR)
        assert call(emulator, "GET", f"/{list_id}").json()["num_batches"] == 2


def test_uploads_end_in_the_order_of_their_runs(slow: Emulator) -> None:
    list_id = new_list(slow, ANNA)
    for operation in ("ADD", "REMOVE"):
        upload(slow, list_id, BERT.encode(), operation=operation)
    slow.advance(2 * HOUR)

    assert slow.state()["customer_lists"][EMPTY][0]["num_batches"] == 3
    assert slow.members(list_id) == digests(ANNA)


def test_upload_does_not_end_other_processing_of_its_list(slow: Emulator) -> None:
    list_id = new_list(slow, ANNA)
    path, (url,) = begin(slow, list_id)
    put(url, BERT.encode())
    run(slow, path)
    slow.advance(HOUR - 60)
    call(slow, "PATCH", f"/{list_id}", {"operation_type": "ADD", "records": CARL})
    slow.advance(120)

    after = call(slow, "GET", f"/{list_id}").json()

    assert (after["num_batches"], after["status"]) == (3, "PROCESSING")
    assert after["updated_time"] == call(slow, "GET", path).json()["updated_time"]
    slow.advance(HOUR)
    assert call(slow, "GET", f"/{list_id}").json()["status"] == "TOO_SMALL"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"total_parts": 1}, "'operation'"),
        ({"operation": "UPDATE", "total_parts": 1}, "'operation'"),
        ({"operation": "ADD"}, "'total_parts'"),
        ({"operation": "ADD", "total_parts": 0}, "'total_parts'"),
        ({"operation": "ADD", "total_parts": 11}, "'total_parts'"),
        ({"operation": "ADD", "total_parts": "1"}, "'total_parts'"),
        ({"operation": "ADD", "total_parts": True}, "'total_parts'"),
    ],
)
def test_invalid_upload_is_refused_with_the_name_of_the_field(
    emulator: Emulator, body: dict[str, Any], named: str
) -> None:
    answer = call(emulator, "POST", f"/{SEEDED}/uploads", body, SMALL)

    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert named in answer.json()["message"]


def test_uploads_belong_to_one_list(emulator: Emulator) -> None:
    list_id, other = new_list(emulator, ANNA), new_list(emulator, ANNA)
    path, _ = begin(emulator, list_id)
    number = path.rpartition("/")[2]

    for wrong in (f"/{other}/uploads/{number}", f"/{list_id}/uploads/1"):
        for method, end in (("GET", ""), ("POST", "/run")):
            answer = call(emulator, method, wrong + end)
            assert (answer.status_code, answer.json()["code"]) == (404, 404)
            assert answer.json()["message"] == "Customer list upload not found."
    body = {"operation": "ADD", "total_parts": 1}
    answer = call(emulator, "POST", f"/{SEEDED}/uploads", body)
    assert answer.json()["message"] == "Customer list not found."
    assert call(emulator, "GET", f"/{list_id}/uploads/x").status_code == 400


def test_client_credentials_cannot_read_an_upload(emulator: Emulator) -> None:
    list_id = new_list(emulator, ANNA)
    path, _ = begin(emulator, list_id)
    form = {"grant_type": "client_credentials", "scope": "ads:read,ads:write"}
    token = requests.post(
        f"{emulator.url}/oauth/token", data=form, auth=("demo-app", "demo-secret"), timeout=10
    ).json()["access_token"]

    url = f"{emulator.url}/ad_accounts/{EMPTY}/customer_lists"
    for method, end in (("POST", f"/{list_id}/uploads"), ("GET", path), ("POST", f"{path}/run")):
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, url + end, headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (401, 3)


@pytest.mark.parametrize(("spec", "status"), [("5.18", 404), ("5.23", 200), ("5.28", 200)])
def test_uploads_exist_since_5_22(spec: Spec, status: int) -> None:
    body = {"operation": "ADD", "total_parts": 1}
    with Emulator(spec=spec) as emulator:
        answer = call(emulator, "POST", f"/{SEEDED}/uploads", body, SMALL)

    assert answer.status_code == status


def test_the_log_has_every_step_but_neither_records_nor_signatures(emulator: Emulator) -> None:
    list_id = new_list(emulator, ANNA)
    path, (url,) = begin(emulator, list_id)
    put(url, f"{BERT}\n".encode())
    run(emulator, path)
    call(emulator, "GET", path)

    _, created, part, ran, got = emulator.requests()

    assert [entry["operation"] for entry in (created, part, ran, got)] == [
        "customer_list_uploads/create",
        "s3/put_part",
        "customer_list_uploads/run",
        "customer_list_uploads/get",
    ]
    assert created["body"] == {"operation": "ADD", "total_parts": 1}
    assert part["path"] == url.removeprefix(emulator.base).partition("?")[0]
    assert (part["method"], part["query"], part["status"]) == ("PUT", {}, 200)
    assert part["body"] == {"bytes": len(BERT) + 1}


def test_uploads_survive_a_restart_without_their_files(tmp_path: Path) -> None:
    data = tmp_path / "pinterest.json"
    with Emulator(data=data, access="unlimited", processing_seconds=HOUR) as emulator:
        list_id = new_list(emulator, ANNA)
        running, (url,) = begin(emulator, list_id)
        put(url, BERT.encode())
        run(emulator, running)
        waiting, (url,) = begin(emulator, list_id)
        put(url, CARL.encode())
        port = emulator.base.rpartition(":")[2]
    text = data.read_text()
    with Emulator(data=data, access="unlimited", processing_seconds=HOUR) as emulator:
        third, _ = begin(emulator, list_id)
        put(url.replace(port, emulator.base.rpartition(":")[2]), ANNA.encode())
        emulator.advance(HOUR)
        assert call(emulator, "GET", running).json()["state"] == "SUCCEEDED"
        assert emulator.members(list_id) == digests(ANNA, BERT)
        assert run(emulator, waiting)["state"] == "RUNNING"
        emulator.advance(HOUR)
        assert call(emulator, "GET", waiting).json()["state"] == "SUCCEEDED"
        assert len({running, waiting, third}) == 3

    assert "example.com" not in text
