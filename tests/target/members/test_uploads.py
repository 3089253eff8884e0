"""Uploads of members as files, against the emulator."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING, Any

import pytest
from people import (
    NAME,
    SCHEMA,
    changes,
    digests,
    lists,
    members,
    new_list,
    people,
    person,
    writes,
)
from programs import Programs, state

from pinterest_audiences.api.responses import Response, utc_now
from pinterest_audiences.errors import PinterestError, RequestFailedError, SettingsError
from pinterest_emulator.testing import Emulator
from target_pinterest_audiences.members import uploads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pinterest_audiences.api.client import PinterestAPI


@pytest.fixture
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """One that processes an upload at once, or within so many seconds."""
    seconds = getattr(request, "param", 0)
    with Emulator(seed="empty", access="unlimited", processing_seconds=seconds) as emulator:
        yield emulator


@pytest.fixture
def target(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    """The target, which uploads."""
    return Programs(
        tmp_path,
        {
            "access_token": "pina_demo",
            "api_url": emulator.url,
            "ad_account_id": account,
            "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
            "member_transport": "upload",
        },
    )


def uploaded(emulator: Emulator) -> list[Any]:
    """Operation and number of parts of each upload."""
    return [
        (body["operation"], body["total_parts"])
        for operation, body in writes(emulator)
        if operation == "customer_list_uploads/create"
    ]


@pytest.mark.parametrize("emulator", [0, 2], indirect=True)
def test_list_is_created_by_a_request_and_continued_with_files(
    emulator: Emulator, target: Programs, account: str
) -> None:
    run = target.target([SCHEMA, *people(range(25)), state(1)], member_batch_size=10)
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert changes(emulator) == [("ADD", 10)], "the request that makes the list"
    assert uploaded(emulator) == [("ADD", 1), ("ADD", 1)]
    assert members(emulator, account) == digests(range(25))
    emulator.clear()
    lines = [SCHEMA, *people(range(5), operation="REMOVE"), *people(range(25, 30)), state(2)]
    run = target.target(lines)
    assert run.code == 0, run.err
    assert uploaded(emulator) == [("ADD", 1), ("REMOVE", 1)]
    assert members(emulator, account) == digests(range(5, 30))
    emulator.clear()
    assert target.target(lines).code == 0
    assert writes(emulator) == []


def test_large_file_is_sent_in_complete_parts(
    emulator: Emulator, api: PinterestAPI, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_list(emulator, account, NAME)
    monkeypatch.setattr(uploads, "PART_BYTES", 5 * 1024 * 1024)
    texts = sorted(f"{number:064x}" for number in range(1, 170_000))
    assert [len(part) for part in uploads.file_of(texts)] == [5242880, 5242880, 564175]
    uploads.upload(api, account, made, texts, add=True)
    assert set(texts) < emulator.members(made)
    assert uploaded(emulator) == [("ADD", 3)]
    uploads.upload(api, account, made, texts, add=False)
    assert set(texts).isdisjoint(emulator.members(made))
    monkeypatch.setattr(uploads, "PART_BYTES", 1024)
    with pytest.raises(uploads.UploadError, match="lower member_batch_bytes"):
        uploads.file_of(texts)


@pytest.mark.parametrize(
    ("part", "told"), [(b"", "is FAILED after"), (b"\xff\n", "is FAILED after")]
)
def test_failed_upload_is_reported(
    emulator: Emulator,
    api: PinterestAPI,
    account: str,
    monkeypatch: pytest.MonkeyPatch,
    part: bytes,
    told: str,
) -> None:
    list_id = new_list(emulator, account, NAME)
    monkeypatch.setattr(uploads, "file_of", lambda _: [part])
    with pytest.raises(uploads.UploadError, match=told):
        uploads.upload(api, account, list_id, ["x"], add=True)


@pytest.mark.parametrize("emulator", [3600], indirect=True)
def test_upload_not_finished_in_time_is_not_in_the_ledger(
    emulator: Emulator, target: Programs, account: str
) -> None:
    lines = [SCHEMA, *people(range(9)), state(1)]
    assert target.target([SCHEMA, person(0)]).code == 0
    emulator.clear()
    run = target.target(lines, max_wait=2)
    assert run.code == 1
    assert run.state == {}
    assert "is RUNNING after" in run.err
    assert "max_wait" in run.err
    assert "Traceback" not in run.err
    assert uploaded(emulator) == [("ADD", 1)]
    again = target.target(lines, member_transport="records")
    assert again.code == 0, again.err
    assert ("ADD", 8) in changes(emulator), "all of them are sent again"
    assert members(emulator, account) == digests(range(9))


@pytest.mark.parametrize(
    "operation",
    [
        "customer_list_uploads/create",
        "customer_list_uploads/run",
        "customer_list_uploads/put_part",
    ],
)
def test_an_upload_that_is_refused_fails_its_list(
    emulator: Emulator, target: Programs, account: str, operation: str
) -> None:
    lines = [SCHEMA, *people(range(9)), state(1)]
    assert target.target([SCHEMA, person(0)]).code == 0
    path = "/_uploads" if "part" in operation else None
    options = {"path_contains": path} if path else {"operation": operation}
    emulator.fault(kind="status", status=403, code=29, **options)
    run = target.target(lines)
    assert run.code == 1
    assert run.state == {}
    assert emulator.faults()[0]["fired"] == 1
    assert members(emulator, account) == digests([0])
    assert target.target(lines).state == {"seen": 1}
    assert members(emulator, account) == digests(range(9))


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status"])
def test_part_is_retried_until_it_is_accepted(
    emulator: Emulator, target: Programs, account: str, kind: str
) -> None:
    assert target.target([SCHEMA, person(0)]).code == 0
    emulator.fault(kind=kind, path_contains="/_uploads")
    run = target.target([SCHEMA, *people(range(9))])
    assert run.code == 0, run.err
    assert emulator.faults()[0]["fired"] == 1
    assert members(emulator, account) == digests(range(9))


def test_upload_run_with_a_lost_response_is_looked_up(
    emulator: Emulator, target: Programs, account: str
) -> None:
    assert target.target([SCHEMA, person(0)]).code == 0
    emulator.fault(kind="drop_after", operation="customer_list_uploads/run")
    run = target.target([SCHEMA, *people(range(9)), state(1)])
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert members(emulator, account) == digests(range(9))


class Storage(http.server.BaseHTTPRequestHandler):
    """A storage server for parts: records requests and returns prepared responses."""

    answers: list[tuple[int, dict[str, str]]]
    came: list[tuple[str, dict[str, str], bytes]]

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.came.append((self.path, dict(self.headers), content))
        status, headers = self.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def storage() -> Iterator[str]:
    Storage.answers, Storage.came = [], []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Storage) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/part"
        server.shutdown()
        thread.join()


def test_part_is_sent_without_token_and_without_netrc_password(
    api: PinterestAPI, storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    Storage.answers = [(200, {})]
    uploads.put(api, f"{storage}?signature=abc", b"ab\ncd\n")
    ((path, headers, content),) = Storage.came
    assert path == "/part?signature=abc"
    assert content == b"ab\ncd\n"
    assert "Authorization" not in headers
    assert "pina_demo" not in str(headers)


@pytest.mark.parametrize("status", [301, 307, 308, 403])
def test_part_upload_does_not_follow_redirects(
    api: PinterestAPI, storage: str, status: int
) -> None:
    Storage.answers = [(status, {"Location": f"{storage}/elsewhere"}), (200, {})]
    with pytest.raises(RequestFailedError, match=f"HTTP {status}"):
        uploads.put(api, storage, b"ab\n")
    assert len(Storage.came) == 1


@pytest.mark.parametrize("url", ["http://storage.example/part", "ftp://127.0.0.1/", "", "part"])
def test_part_upload_needs_https_or_loopback(api: PinterestAPI, url: str) -> None:
    with pytest.raises(SettingsError, match="Pinterest's address for an upload must begin"):
        uploads.put(api, url, b"ab\n")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"customer_list_upload": {"id": "1"}, "s3_multipart_upload_data": {"file_parts": []}},
        {"customer_list_upload": {"id": "1"}, "s3_multipart_upload_data": None},
    ],
)
def test_response_without_urls_logs_one_line(
    api: PinterestAPI, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    monkeypatch.setattr(api, "request", lambda *_, **__: Response(answer, None, utc_now()))
    with pytest.raises(PinterestError, match="does not say where to put the parts"):
        uploads.upload(api, "1", "2", ["x"], add=True)


def test_a_dry_run_uploads_nothing(emulator: Emulator, target: Programs, account: str) -> None:
    assert target.target([SCHEMA, person(0)]).code == 0
    emulator.clear()
    run = target.target([SCHEMA, *people(range(9))], dry_run=True)
    assert run.code == 0, run.err
    assert "and 2 to write" in run.err
    assert writes(emulator) == []
    assert len(lists(emulator, account)) == 1
