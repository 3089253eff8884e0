"""The shared API client, against the emulator over HTTP."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pinterest_audiences.api.client import PinterestAPI
from pinterest_audiences.api.operations import (
    CREATE_AUDIENCE,
    GET_AUDIENCE,
    LIST_AD_ACCOUNTS,
    LIST_AUDIENCES,
    UPDATE_AUDIENCE,
)
from pinterest_audiences.errors import (
    InvalidResponseError,
    NoResponseError,
    PinterestError,
    RateLimitedError,
    RequestFailedError,
    SettingsError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinterest_emulator.testing import Emulator

BODY = {
    "name": "Loyal",
    "audience_type": "VISITOR",
    "rule": {"visitor_source_id": "2612511566392"},
}
LOST = ["drop_before", "drop_after", "truncate", "html", "empty", "error_after"]


def ids(account: str, audience: Mapping[str, Any] | None = None) -> dict[str, str]:
    return {"ad_account_id": account} | ({"audience_id": str(audience["id"])} if audience else {})


def everything(api: PinterestAPI, account: str) -> list[str]:
    pages = api.pages(LIST_AUDIENCES, ids(account), {"page_size": 10, "order": "ASCENDING"})
    return [item["id"] for page in pages for item in page.items]


@pytest.mark.parametrize("kind", LOST)
def test_reads_are_retried_until_a_response_arrives(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float], kind: str
) -> None:
    emulator.fault(operation="audiences/list", kind=kind, times=2)
    assert everything(api, account) == []
    assert naps == [1, 2]
    assert len(emulator.requests("audiences/list")) == 3


@pytest.mark.parametrize("status", [500, 502, 503])
def test_reads_are_retried_on_server_errors(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float], status: int
) -> None:
    emulator.fault(operation="audiences/list", kind="status", status=status, code=12, message="")
    assert everything(api, account) == []
    assert naps == [1]


def test_reads_stop_retrying_and_name_the_last_failure(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float]
) -> None:
    emulator.fault(operation="audiences/list", kind="html", times=None)
    with pytest.raises(NoResponseError, match="audiences/list: HTTP 200, but the body is no JSON"):
        everything(api, account)
    assert len(naps) == 4


def test_late_response_counts_as_lost(emulator: Emulator, account: str) -> None:
    api = PinterestAPI({"access_token": "pina_demo", "api_url": emulator.url, "request_timeout": 2})
    emulator.fault(operation="audiences/list", kind="delay", seconds=3600)
    assert everything(api, account) == []
    assert len(emulator.requests("audiences/list")) == 2


@pytest.mark.parametrize("kind", LOST)
def test_create_that_may_have_worked_is_not_retried(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float], kind: str
) -> None:
    emulator.fault(operation="audiences/create", kind=kind)
    with pytest.raises(NoResponseError) as caught:
        api.request(CREATE_AUDIENCE, ids(account), body=BODY)
    assert not caught.value.request_not_sent
    assert naps == []
    assert len(emulator.requests("audiences/create")) == 1


def test_create_is_retried_after_a_rate_limit(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float]
) -> None:
    emulator.fault(operation="audiences/create", kind="rate_limit", reset=7)
    api.request(CREATE_AUDIENCE, ids(account), body=BODY)
    assert naps == [7]
    assert len(emulator.state()["audiences"][account]) == 1


def test_create_is_retried_after_a_refused_connection(
    account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    api = PinterestAPI({"access_token": "pina_demo", "api_url": "http://127.0.0.1:9/v5"})
    with pytest.raises(NoResponseError) as caught:
        api.request(CREATE_AUDIENCE, ids(account), body=BODY)
    assert caught.value.request_not_sent
    assert naps == [1, 2, 4, 8]


def test_update_is_retried_after_a_lost_response(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float]
) -> None:
    audience = api.request(CREATE_AUDIENCE, ids(account), body=BODY).data
    emulator.fault(operation="audiences/update", kind="drop_after")
    api.request(UPDATE_AUDIENCE, ids(account, audience), body={"name": "Faithful"})
    assert naps == [1]
    assert api.request(GET_AUDIENCE, ids(account, audience)).data["name"] == "Faithful"


@pytest.mark.parametrize(
    ("fault", "nap"),
    [
        ({"kind": "rate_limit", "reset": 22}, 22),
        ({"kind": "rate_limit", "reset": 58, "retry_after": 3}, 3),
        ({"kind": "rate_limit", "reset": None}, 1),
        ({"kind": "body_code_rate_limit"}, 1),
    ],
)
def test_client_waits_out_rate_limits(
    emulator: Emulator,
    account: str,
    api: PinterestAPI,
    naps: list[float],
    fault: dict[str, Any],
    nap: float,
) -> None:
    emulator.fault(operation="audiences/list", **fault)
    assert everything(api, account) == []
    assert naps == [pytest.approx(nap, abs=1)]
    assert api.seconds_waited == naps[0]


def test_rate_limit_longer_than_max_wait_ends_the_run(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float]
) -> None:
    emulator.fault(operation="audiences/list", kind="rate_limit", reset=67150)
    with pytest.raises(RateLimitedError, match="run again in 67150 s") as caught:
        everything(api, account)
    assert caught.value.exit_code == 75
    assert naps == []


def test_redirects_are_not_followed(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float]
) -> None:
    headers = {"location": f"{emulator.url}/ad_accounts"}
    emulator.fault(operation="audiences/list", kind="status", status=302, headers=headers)
    with pytest.raises(RequestFailedError, match="HTTP 302"):
        everything(api, account)
    assert emulator.requests("ad_accounts/list") == []
    assert naps == []


def test_rate_limit_code_in_a_success_response_is_a_rate_limit(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float]
) -> None:
    emulator.fault(operation="audiences/list", kind="status", status=200, code=8, message="")
    assert everything(api, account) == []
    assert naps == [1]


def test_spam_block_is_not_a_rate_limit(
    emulator: Emulator, account: str, api: PinterestAPI, naps: list[float]
) -> None:
    emulator.fault(operation="audiences/list", kind="rate_limit", reset=1, spam=True)
    with pytest.raises(RequestFailedError) as caught:
        everything(api, account)
    assert caught.value.status == 429
    assert naps == []


@pytest.mark.parametrize("emulator", ["standard"], indirect=True)
def test_client_keeps_to_standard_limits_before_any_response(
    emulator: Emulator, api: PinterestAPI, naps: list[float]
) -> None:
    minute_seconds = 60
    emulator.advance(-emulator.advance(0) % minute_seconds)
    for _ in range(1010):
        api.request(LIST_AD_ACCOUNTS)
    statuses = [entry["status"] for entry in emulator.requests()]
    assert statuses == [200] * 1010
    assert sum(naps) > 1
    assert api.seconds_waited == sum(naps)


@pytest.mark.parametrize("emulator", ["trial"], indirect=True)
def test_the_daily_limit_of_trial_access_ends_a_run(
    emulator: Emulator, api: PinterestAPI, naps: list[float]
) -> None:
    day_seconds = 86_400
    emulator.advance(-emulator.advance(0) % day_seconds)
    for _ in range(1000):
        api.request(LIST_AD_ACCOUNTS)
    with pytest.raises(RateLimitedError) as caught:
        api.request(LIST_AD_ACCOUNTS)
    assert (caught.value.wait_seconds or 0) > 900
    assert len(emulator.requests()) == 1000
    assert naps == []


@pytest.mark.parametrize("kind", ["empty_page", "short_page", "no_bookmark_key"])
def test_only_a_missing_bookmark_ends_a_list(
    emulator: Emulator, api: PinterestAPI, kind: str
) -> None:
    account = emulator.seed(ad_accounts=1, audiences=45)[0]
    expected = everything(api, account)
    assert len(expected) == 45
    emulator.fault(operation="audiences/list", kind=kind, skip=1, times=2)
    assert everything(api, account) == expected


def test_repeated_bookmark_is_an_error_instead_of_a_loop(
    emulator: Emulator, api: PinterestAPI
) -> None:
    account = emulator.seed(ad_accounts=1, audiences=45)[0]
    emulator.fault(operation="audiences/list", kind="repeat_bookmark", skip=1)
    with pytest.raises(InvalidResponseError, match="repeats a bookmark"):
        everything(api, account)


def test_errors_name_operation_status_code_and_request_id(
    emulator: Emulator, account: str, api: PinterestAPI
) -> None:
    with pytest.raises(RequestFailedError) as caught:
        api.request(GET_AUDIENCE, {**ids(account), "audience_id": "1"})
    assert caught.value.operation == "audiences/get"
    assert caught.value.status == 404
    assert "request id " in str(caught.value)
    with pytest.raises(RequestFailedError) as caught:
        api.request(CREATE_AUDIENCE, ids(account), body={**BODY, "audience_type": "NONE"})
    assert caught.value.status == 400
    assert emulator.state()["audiences"][account] == []


def test_many_threads_share_one_session(emulator: Emulator, api: PinterestAPI) -> None:
    accounts = emulator.seed(ad_accounts=8, audiences=400)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda account: everything(api, account), accounts))
    assert [len(audiences) for audiences in found] == [50] * 8
    assert api.requests.total() == len(emulator.requests())


@pytest.mark.parametrize(
    "url", ["http://api.pinterest.com/v5", "ftp://127.0.0.1/v5", "api.pinterest.com", "https://"]
)
def test_token_is_never_sent_over_plain_http(url: str) -> None:
    with pytest.raises(SettingsError, match="api_url"):
        PinterestAPI({"access_token": "pina_demo", "api_url": url})


class TestRefreshToken:
    """Refresh tokens rotate, and the newest one must never be lost."""

    @pytest.fixture
    def settings(self, emulator: Emulator, tmp_path: Path) -> dict[str, Any]:
        return {
            "client_id": "demo-app",
            "client_secret": "demo-secret",
            "refresh_token": "pinr.demo",
            "token_path": str(tmp_path / "folder" / "token.json"),
            "api_url": emulator.url,
        }

    @staticmethod
    def expire(emulator: Emulator) -> None:
        """Expire every access token by Pinterest's clock."""
        emulator.advance(31 * 86_400)

    def test_newest_refresh_token_is_stored_for_the_next_run(
        self, emulator: Emulator, settings: dict[str, Any]
    ) -> None:
        for _ in range(3):
            PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
        assert len(emulator.requests("oauth/token")) == 1
        self.expire(emulator)
        PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
        tokens = emulator.requests("oauth/token")
        assert [entry["status"] for entry in tokens] == [200, 200]

    def test_token_file_is_private(self, emulator: Emulator, settings: dict[str, Any]) -> None:
        PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
        path = Path(settings["token_path"])
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert {file.name for file in path.parent.iterdir()} <= {"token.json", "token.json.lock"}
        assert emulator.requests("ad_accounts/list")[-1]["status"] == 200

    def test_newly_configured_refresh_token_wins_over_the_file(
        self, emulator: Emulator, settings: dict[str, Any]
    ) -> None:
        PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
        with pytest.raises(PinterestError, match="refresh token of the settings"):
            PinterestAPI({**settings, "refresh_token": "pinr.other"}).request(LIST_AD_ACCOUNTS)
        PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
        assert emulator.requests("ad_accounts/list")[-1]["status"] == 200

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}', '{"key": "x", "a": 1}', "\0"])
    def test_unreadable_token_file_is_not_used(
        self, emulator: Emulator, settings: dict[str, Any], content: str
    ) -> None:
        path = Path(settings["token_path"])
        path.parent.mkdir()
        path.write_text(content)
        PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
        assert emulator.requests("ad_accounts/list")[-1]["status"] == 200

    def test_response_401_renews_the_token_once_and_retries(
        self, emulator: Emulator, settings: dict[str, Any]
    ) -> None:
        api = PinterestAPI(settings)
        api.request(LIST_AD_ACCOUNTS)
        self.expire(emulator)
        api.request(LIST_AD_ACCOUNTS)
        assert len(emulator.requests("oauth/token")) == 2

    def test_second_401_ends_the_run(self, emulator: Emulator, settings: dict[str, Any]) -> None:
        emulator.fault(
            operation="ad_accounts/list", kind="status", status=401, code=2, message="", times=None
        )
        with pytest.raises(RequestFailedError, match="authorise the app again"):
            PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
        assert len(emulator.requests("ad_accounts/list")) == 2

    def test_missing_scope_does_not_renew_the_token(
        self, emulator: Emulator, settings: dict[str, Any]
    ) -> None:
        emulator.fault(operation="ad_accounts/list", kind="status", status=401, code=3, message="")
        with pytest.raises(RequestFailedError, match="lacks a scope"):
            PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
        assert len(emulator.requests("oauth/token")) == 1

    def test_threads_renew_once_for_one_expiry(
        self, emulator: Emulator, settings: dict[str, Any]
    ) -> None:
        api = PinterestAPI(settings)
        api.request(LIST_AD_ACCOUNTS)
        self.expire(emulator)
        together = threading.Barrier(8)

        def request(_: int) -> None:
            together.wait()
            api.request(LIST_AD_ACCOUNTS)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(request, range(8)))
        assert len(emulator.requests("oauth/token")) == 2

    def test_two_processes_share_the_token_file(
        self, emulator: Emulator, settings: dict[str, Any]
    ) -> None:
        one, other = PinterestAPI(settings), PinterestAPI(settings)
        one.request(LIST_AD_ACCOUNTS)
        other.request(LIST_AD_ACCOUNTS)
        assert len(emulator.requests("oauth/token")) == 1
        self.expire(emulator)
        one.request(LIST_AD_ACCOUNTS)
        other.request(LIST_AD_ACCOUNTS)
        assert len(emulator.requests("oauth/token")) == 2

    def test_unwritable_folder_is_reported_before_the_refresh_token_is_used(
        self, emulator: Emulator, settings: dict[str, Any], tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        api = PinterestAPI({**settings, "token_path": str(tmp_path / "file" / "token.json")})
        with pytest.raises(SettingsError, match="token_path"):
            api.request(LIST_AD_ACCOUNTS)
        assert emulator.requests("oauth/token") == []

    def test_renewal_is_retried_after_a_lost_response(
        self, emulator: Emulator, settings: dict[str, Any], naps: list[float]
    ) -> None:
        emulator.fault(operation="oauth/token", kind="drop_before")
        PinterestAPI(settings).request(LIST_AD_ACCOUNTS)
        assert naps == [1]


def test_client_credentials_can_read(emulator: Emulator) -> None:
    api = PinterestAPI(
        {"client_id": "demo-app", "client_secret": "demo-secret", "api_url": emulator.url}
    )
    api.request(LIST_AD_ACCOUNTS)
    assert not api.can_write


def test_wrong_client_credentials_say_what_to_fix(emulator: Emulator) -> None:
    api = PinterestAPI({"client_id": "demo-app", "client_secret": "no", "api_url": emulator.url})
    with pytest.raises(PinterestError, match="refused client_id and client_secret"):
        api.request(LIST_AD_ACCOUNTS)
