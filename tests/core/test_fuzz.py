"""Arbitrary input from outside is used, or causes a project error in one line."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import io
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from odd import A_FEW, DEEP, JSON, NUMBERS, ODD, ODD_JSON, OFTEN, SOMETIMES, TEXT, is_told, shaped
from programs import record, schema
from requests.adapters import BaseAdapter
from typing_extensions import override

from pinterest_audiences.api.client import PinterestAPI
from pinterest_audiences.api.operations import LIST_AD_ACCOUNTS, LIST_AUDIENCES
from pinterest_audiences.api.rate_limit import (
    Policy,
    asked_wait,
    http_date,
    policies,
    remaining,
)
from pinterest_audiences.api.responses import error_code, id_of, read_response
from pinterest_audiences.api.token_store import StoredToken, TokenStore
from pinterest_audiences.errors import PinterestError
from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.input.reader import InputError, StrictReader
from target_pinterest_audiences.run.dead_letters import CODE, DeadLetters

NOW = dt.datetime(2026, 7, 9, 12, tzinfo=dt.UTC)


def test_generated_values_cover_unusual_cases() -> None:
    with pytest.raises(UnicodeEncodeError):
        "\ud800".encode()
    with pytest.raises(RecursionError):
        json.loads(DEEP)


# --- headers -------------------------------------------------------------------------------------

HEADER = st.one_of(
    TEXT,
    NUMBERS.map(lambda number: repr(number) if abs(number) < 1e300 else "1e300"),
    st.sampled_from(["inf", "nan", "-1", "1e308", "٣", "²", "9" * 5000, "0x10", "1_0", " 5 "]),
    st.from_regex(
        r"\A(Mon|Fun), [0-9]{1,12} (Jan|Foo) [0-9]{1,12} [0-9]{1,4}:[0-9]{2}:[0-9]{2} "
        r"(GMT|[+-][0-9]{4,40}|EST|)\Z"
    ),
    st.from_regex(r'\A[0-9]{0,25}, ([0-9]{1,25};w=[0-9]{1,25};name="[a-z]*", ?){0,3}\Z'),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "retry-after",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "date",
            "x-pinterest-rid",
        ]
    ),
    HEADER,
)


@OFTEN
@given(HEADER)
@example("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
@example("Mon, 01 Jan 2026 00:00:00 +99999999999999999999")
def test_any_date_is_a_time_or_none(text: str) -> None:
    moment = http_date(text)
    assert moment is None or moment.tzinfo is not None


@OFTEN
@given(HEADERS)
def test_any_limits_are_sensible_numbers_or_none(headers: dict[str, str]) -> None:
    wait, left = asked_wait(headers, NOW), remaining(headers, NOW)
    assert wait is None or 0 <= wait < float("inf")
    assert left is None or (left.requests >= 0 and 0 <= left.reset_seconds < float("inf"))
    assert all(policy.quota > 0 and policy.seconds > 0 for policy in policies(headers))
    assert all(isinstance(policy, Policy) for policy in policies(headers))


# --- responses -----------------------------------------------------------------------------------

STATUS = st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 409, 429, 500, 503]) | (
    st.integers(100, 599)
)
ERRORS = shaped(
    code=st.integers(0, 30), message=st.just("Blocked as spam"), message_detail=TEXT, status=TEXT
)
PAGES = shaped(
    items=st.lists(shaped(id=st.just("1"), updated_timestamp=st.integers(0, 2**31)), max_size=3),
    bookmark=TEXT | st.just("next"),
)
BODIES = st.one_of(
    st.binary(max_size=60),
    TEXT.map(lambda text: text.encode(errors="surrogatepass")),
    ODD.map(str.encode),
    st.sampled_from([b'{"code": 1e99999999999999999999}', b'{"items": [-1E+9999999999999999999]}']),
    (JSON | ERRORS | PAGES).map(lambda value: json.dumps(value).encode()),
)


@dataclass
class Reply:
    """A prepared response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self, request: requests.PreparedRequest | None = None) -> requests.Response:
        response = requests.Response()
        response.status_code = self.status
        response.headers.update(self.headers)
        response.raw = io.BytesIO(self.body)
        if request is not None:
            response.request = request
            response.url = str(request.url)
        return response


REPLIES = st.builds(Reply, STATUS, HEADERS, BODIES)


@OFTEN
@given(REPLIES)
def test_any_response_is_an_object_or_a_project_error(reply: Reply) -> None:
    try:
        answer = read_response(LIST_AD_ACCOUNTS, reply.response())
    except PinterestError as error:
        is_told(error)
    else:
        assert isinstance(answer.data, dict)
        assert 200 <= reply.status < 300
    code = error_code(reply.response())
    assert code is None or isinstance(code, int)


@dataclass
class Replies(BaseAdapter):
    """Returns responses from a list and repeats the last one."""

    replies: list[Reply]
    sent: list[requests.PreparedRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    @override
    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.sent.append(request)
        return self.replies[min(len(self.sent), len(self.replies)) - 1].response(request)

    @override
    def close(self) -> None:
        pass


def answering(replies: list[Reply], **credentials: str) -> PinterestAPI:
    """A client whose server is a list of responses, and which never waits."""
    api = PinterestAPI({"api_url": "https://pinterest.example", "max_wait": 0, **credentials})
    api._session.mount("https://", Replies(replies))  # noqa: SLF001  (its only wire)
    return api


@pytest.fixture
def no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


@pytest.mark.usefixtures("no_naps")
@settings(A_FEW, max_examples=100)
@given(st.lists(REPLIES | st.builds(Reply, st.just(200), HEADERS, BODIES), min_size=1, max_size=4))
@example([Reply(200, {}, b'{"items": [], "bookmark": "\\ud800"}')])
@example([Reply(429, {"retry-after": "1e300"}, b"")])
def test_any_list_is_read_to_its_end_or_a_project_error(replies: list[Reply]) -> None:
    api = answering(replies, access_token="pina_made_up")
    try:
        for page in api.pages(LIST_AUDIENCES, {"ad_account_id": "1"}):
            assert all(isinstance(item, dict) for item in page.items)
            for item in page.items:
                with contextlib.suppress(PinterestError):
                    id_of(item, LIST_AUDIENCES)
    except PinterestError as error:
        is_told(error)


TOKENS = shaped(
    access_token=st.sampled_from(["pina_new", "pina_\nX: y", "pina_\u20ac", ""]),
    refresh_token=st.sampled_from(["pinr.new", "\ud800", ""]),
    expires_in=NUMBERS,
)


@pytest.mark.usefixtures("no_naps")
@settings(A_FEW, max_examples=60)
@given(TOKENS)
@example({"access_token": "pina_new", "expires_in": 10**400})
@example({"access_token": "pina_new", "expires_in": float("nan")})
@example({"access_token": "pina_\nX: y"})
@example({"access_token": "pina_new", "refresh_token": "\ud800"})
def test_any_token_is_used_and_stored_or_refused(answer: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        replies = [Reply(200, {}, json.dumps(answer).encode()), Reply(200, {}, b'{"items": []}')]
        path = str(Path(folder, "token.json"))
        keys = {"client_id": "i", "client_secret": "s", "refresh_token": "r", "token_path": path}
        try:
            answering(replies, **keys).request(LIST_AD_ACCOUNTS)
        except PinterestError as error:
            is_told(error)
        else:
            assert TokenStore(path, "i", "r").read() is not None


# --- project files that another program may have written -----------------------------------------

KEY = hashlib.sha256(b"i:r").hexdigest()
CONTENTS = st.one_of(
    st.binary(max_size=80),
    TEXT.map(lambda text: text.encode(errors="surrogatepass")),
    ODD.map(str.encode),
    JSON.map(lambda value: json.dumps(value).encode()),
)


@SOMETIMES
@given(
    CONTENTS
    | shaped(
        key=st.just(KEY),
        refresh_token=TEXT,
        access_token=TEXT,
        renew_at=NUMBERS,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_token_file_is_read_or_ignored(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "token.json")
        path.write_bytes(content)
        store = TokenStore(str(path), "i", "r")
        kept = store.read()
        assert kept is None or {kept.refresh_token.isascii(), kept.access_token.isascii()} == {True}
        store.write(StoredToken("pinr.new", "pina_new", 1))
        assert store.read() == StoredToken("pinr.new", "pina_new", 1)


MESSAGES = st.one_of(
    shaped(
        type=st.sampled_from(["RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH"]),
        stream=st.just("audiences"),
        record=shaped(name=TEXT, _reject_code=st.just("broken")) | st.just([CODE]) | st.just(CODE),
        schema=shaped(properties=shaped(_reject_code=JSON, name=JSON)),
        version=st.integers(),
        value=JSON,
        encoding=JSON,
        manifest=JSON,
        time_extracted=JSON,
        key_properties=JSON,
    ),
    JSON,
)
LINES = st.one_of(
    TEXT,
    ODD,
    st.sampled_from(
        [
            f'{{"type": "{kind}", "value": {text}}}'
            for kind in ("STATE", "RECORD")
            for text in ODD_JSON
        ]
    ),
    MESSAGES.map(json.dumps),
)


@OFTEN
@given(st.lists(LINES, max_size=4))
def test_any_line_is_a_message_or_an_error_with_its_number(lines: list[str]) -> None:
    reader = StrictReader()
    for number, line in enumerate(lines, 1):
        try:
            message = reader.deserialize_json(line)
        except InputError as error:
            is_told(error)
            told = f"line {number} " in str(error)
            if not told:
                raise
        else:
            assert message["type"] in {"ACTIVATE_VERSION", "BATCH", "RECORD", "SCHEMA", "STATE"}


@SOMETIMES
@given(
    CONTENTS | st.lists(MESSAGES.map(json.dumps), max_size=3).map(lambda it: "\n".join(it).encode())
)
@example(b'{"type": "RECORD", "stream": "audiences", "record": ["_reject_code"]}')
@example(b'{"type": "SCHEMA", "stream": "audiences", "schema": []}')
@example(b'{"type": "STATE", "stream": "audiences", "record": {"_reject_code": 1}}')
@example(b'{"type": "RECORD", "stream": "a", "record": {"_reject_code": 1e99999999999999999999}}')
def test_any_file_of_rejected_records_is_kept_or_refused_unchanged(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rejected.singer")
        path.write_bytes(content)
        new = record(name="new")
        refused = False
        try:
            rejects = DeadLetters(path)
            before = rejects.kept_or_outstanding
            rejects.keep_schema(schema(name={}))
            rejects.keep(new, Reject("broken", "It is broken"), NOW)
            rejects.commit()
        except PinterestError as error:
            is_told(error)
            refused = True
        if refused:
            assert path.read_bytes() == content
        else:
            written = [json.loads(line) for line in path.read_text().splitlines()]
            names = [each["record"].get("name") for each in written if each["type"] == "RECORD"]
            assert "new" in names
            lines = [line for line in content.decode().split("\n") if line]
            kept = {json.dumps(json.loads(line).get("record")) for line in lines}
            assert before == bool(kept - {"null"})
            assert len(names) >= len(kept - {"null"})
