"""Sharing of audiences, and the permissions for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE, SMALL, EMPTY, SHARED, FOREIGN = (str(549_755_800_001 + number) for number in range(5))
BUSINESS, FOREIGN_BUSINESS = "729090764500000001", "729090764500000002"
OWN, TWICE_SHARED = "2542620000002", "2542620000004"
# RECEIVED is of SHARED, and BUSINESS received it; STRANGE is of FOREIGN.
RECEIVED, STRANGE = "2542620000667", "2542620000672"
READER = "RESOURCE_PINNER_LIST_READER"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited") as running:
        yield running


def ask(emulator: Emulator, path: str, bearer: str = "pina_demo", **query: str) -> Any:
    answer = requests.get(
        f"{emulator.url}/{path}",
        headers={"Authorization": f"Bearer {bearer}"},
        params=query,
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(
    emulator: Emulator, owner: str, to: str, body: object, bearer: str = "pina_demo"
) -> requests.Response:
    return requests.patch(
        f"{emulator.url}/{owner}/audiences/{to}/shared",
        headers={"Authorization": f"Bearer {bearer}"},
        json=body,
        timeout=10,
    )


def wish(audience: str, *recipients: str, operation: str = "SHARE") -> dict[str, Any]:
    """A body; the length of an id decides the type of the recipient."""
    business = len(recipients[0]) > 12
    field = "recipient_business_ids" if business else "recipient_account_ids"
    return {"audience_id": audience, field: list(recipients), "operation_type": operation}


def recipients_of(emulator: Emulator, audience: str) -> list[str]:
    shares = emulator.state()["shared_accounts"].get(audience, [])
    return [share["account_id"] for share in shares]


OWNERS = [f"ad_accounts/{LARGE}", f"businesses/{BUSINESS}"]
RECIPIENTS = [
    ("ad_accounts", [SMALL, FOREIGN], "AD_ACCOUNT"),
    ("businesses", [BUSINESS, FOREIGN_BUSINESS], "BUSINESS_ACCOUNT"),
]


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize(("to", "recipients", "account_type"), RECIPIENTS)
def test_owner_shares_and_revokes(
    emulator: Emulator, owner: str, to: str, recipients: list[str], account_type: str
) -> None:
    field = "recipient_account_ids" if to == "ad_accounts" else "recipient_business_ids"
    now = emulator.advance(0)

    given = send(emulator, owner, to, wish(OWN, *recipients))
    listed = ask(
        emulator, f"{owner}/audiences/shared/accounts", audience_id=OWN, account_type=account_type
    )["items"]
    state = emulator.state()
    taken = send(emulator, owner, to, wish(OWN, recipients[0], operation="REVOKE"))

    assert given.json() == {"audience_id": OWN, "permissions": [READER], field: recipients}
    assert [item["account_id"] for item in listed] == recipients
    assert {item["account_type"] for item in listed} == {account_type}
    assert all(0 <= item["shared_on_timestamp"] - int(now) <= 5 for item in listed)
    assert state["shared_accounts"][OWN] == listed
    received = state["received" if to == "ad_accounts" else "businesses"]
    for recipient in recipients:
        assert OWN in [item["id"] for item in received[recipient]]
    assert taken.json() == {"audience_id": OWN, "permissions": [], field: recipients[:1]}
    assert recipients_of(emulator, OWN) == recipients[1:]


def test_a_recipient_reads_what_it_received(emulator: Emulator) -> None:
    send(emulator, f"ad_accounts/{LARGE}", "ad_accounts", wish(OWN, EMPTY))
    path = f"ad_accounts/{EMPTY}/audiences"

    (item,) = ask(emulator, path, ownership_type="RECEIVED")["items"]

    assert (item["id"], item["ad_account_id"]) == (OWN, LARGE)
    send(emulator, f"ad_accounts/{LARGE}", "ad_accounts", wish(OWN, EMPTY, operation="REVOKE"))
    assert ask(emulator, path, ownership_type="RECEIVED")["items"] == []


@pytest.mark.parametrize(("to", "recipients", "_"), RECIPIENTS)
def test_repeated_share_or_revoke_changes_nothing(
    emulator: Emulator, to: str, recipients: list[str], _: str
) -> None:
    owner = f"ad_accounts/{LARGE}"
    share = wish(OWN, *recipients)
    revoke = {**share, "operation_type": "REVOKE"}
    first = send(emulator, owner, to, share).json()
    before = emulator.state()["shared_accounts"][OWN]
    emulator.advance(60)

    assert send(emulator, owner, to, share).json() == first
    assert emulator.state()["shared_accounts"][OWN] == before
    once, twice = (send(emulator, owner, to, revoke) for _ in range(2))
    assert once.status_code == twice.status_code == 200
    assert once.json() == twice.json()
    assert recipients_of(emulator, OWN) == []


def test_recipient_named_twice_counts_once(emulator: Emulator) -> None:
    answer = send(emulator, f"ad_accounts/{LARGE}", "ad_accounts", wish(OWN, SMALL, SMALL))

    assert answer.json()["recipient_account_ids"] == [SMALL]
    assert recipients_of(emulator, OWN) == [SMALL]


def test_share_changes_no_other_share(emulator: Emulator) -> None:
    owner = f"ad_accounts/{LARGE}"
    before = emulator.state()["shared_accounts"]

    send(emulator, owner, "ad_accounts", wish(TWICE_SHARED, SMALL, operation="REVOKE"))

    after = emulator.state()["shared_accounts"]
    gone = [share for share in before[TWICE_SHARED] if share["account_id"] == SMALL]
    assert len(gone) == 1
    assert after.pop(TWICE_SHARED) == [
        share for share in before.pop(TWICE_SHARED) if share not in gone
    ]
    assert after == before


def test_business_shares_received_audiences_with_its_ad_accounts(emulator: Emulator) -> None:
    owner = f"businesses/{BUSINESS}"
    path = f"{owner}/audiences/shared/accounts"
    assert ask(emulator, path, audience_id=RECEIVED)["items"] == []

    answer = send(emulator, owner, "ad_accounts", wish(RECEIVED, SMALL, EMPTY))

    assert answer.status_code == 200
    assert sorted(recipients_of(emulator, RECEIVED)) == [SMALL, EMPTY, BUSINESS]
    (item,) = ask(emulator, f"ad_accounts/{EMPTY}/audiences", ownership_type="RECEIVED")["items"]
    assert (item["id"], item["ad_account_id"]) == (RECEIVED, SHARED)
    send(emulator, f"ad_accounts/{SHARED}", "ad_accounts", wish(RECEIVED, FOREIGN))
    seen = ask(emulator, path, audience_id=RECEIVED)["items"]
    assert [seen_item["account_id"] for seen_item in seen] == [SMALL, EMPTY]
    query = {"audience_id": RECEIVED, "account_type": "BUSINESS_ACCOUNT"}
    assert ask(emulator, path, **query)["items"] == []


def test_business_that_owns_an_audience_sees_all_recipients(shared: Emulator) -> None:
    for owner in OWNERS:
        path = f"{owner}/audiences/shared/accounts"
        pages = [
            ask(shared, path, audience_id=TWICE_SHARED, account_type=kind)["items"]
            for kind in ("AD_ACCOUNT", "BUSINESS_ACCOUNT")
        ]
        assert [*pages[0], *pages[1]] == shared.state()["shared_accounts"][TWICE_SHARED]
        first = ask(shared, path, audience_id=TWICE_SHARED, page_size="1")
        rest = ask(shared, path, audience_id=TWICE_SHARED, bookmark=first["bookmark"])
        assert first["items"] + rest["items"] == pages[0]


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        (f"{BUSINESS}/audiences/shared/accounts", 400, 1, "'audience_id' is a required"),
        (
            f"{BUSINESS}/audiences/shared/accounts?audience_id={OWN}&account_type=ALL",
            400,
            1,
            "'account_type'",
        ),
        (
            f"{BUSINESS}/audiences/shared/accounts?audience_id={STRANGE}",
            404,
            404,
            "Shared accounts not found.",
        ),
        (
            f"{BUSINESS}/audiences/shared/accounts?audience_id=1",
            404,
            404,
            "Shared accounts not found.",
        ),
        (f"{FOREIGN_BUSINESS}/audiences/shared/accounts?audience_id={OWN}", 403, 29, "permitted"),
        (f"1/audiences/shared/accounts?audience_id={OWN}", 404, 404, "Business not found."),
    ],
)
def test_invalid_or_forbidden_read_of_a_business_is_refused(
    shared: Emulator, path: str, status: int, code: int, message: str
) -> None:
    headers = {"Authorization": "Bearer pina_demo"}

    answer = requests.get(f"{shared.url}/businesses/{path}", headers=headers, timeout=10)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert message in answer.json()["message"]


ACCOUNT, GROUP = f"ad_accounts/{LARGE}", f"businesses/{BUSINESS}"


@pytest.mark.parametrize(
    ("owner", "to", "body", "status", "code", "message"),
    [
        (ACCOUNT, "ad_accounts", wish(OWN, "1"), 400, 400, "Invalid ad account id"),
        (ACCOUNT, "ad_accounts", wish(OWN, SMALL, "1"), 400, 400, "Invalid ad account id"),
        (ACCOUNT, "ad_accounts", wish(OWN, LARGE), 400, 400, "Invalid ad account id"),
        (ACCOUNT, "businesses", wish(OWN, "9" * 20), 400, 400, "Invalid business id"),
        (GROUP, "ad_accounts", wish(OWN, "1"), 400, 400, "Invalid ad account id"),
        (GROUP, "businesses", wish(OWN, "9" * 20), 400, 400, "Invalid business id"),
        (ACCOUNT, "ad_accounts", wish("1", SMALL), 404, 404, "Audience not found."),
        (GROUP, "ad_accounts", wish("1", SMALL), 404, 404, "Audience not found."),
        (GROUP, "ad_accounts", wish(STRANGE, SMALL), 404, 404, "Audience not found."),
        (GROUP, "businesses", wish(STRANGE, BUSINESS), 404, 404, "Audience not found."),
        (f"ad_accounts/{EMPTY}", "ad_accounts", wish(OWN, SMALL), 404, 404, "Audience not"),
        (f"ad_accounts/{SMALL}", "ad_accounts", wish(TWICE_SHARED, EMPTY), 403, 29, "permitted"),
        (f"ad_accounts/{SMALL}", "businesses", wish(TWICE_SHARED, BUSINESS), 403, 29, "permitted"),
        (GROUP, "ad_accounts", wish(RECEIVED, SMALL, FOREIGN), 403, 29, "permitted"),
        (GROUP, "businesses", wish(RECEIVED, FOREIGN_BUSINESS), 403, 29, "permitted"),
        (f"ad_accounts/{FOREIGN}", "ad_accounts", wish(STRANGE, SMALL), 403, 29, "permitted"),
        (f"businesses/{FOREIGN_BUSINESS}", "ad_accounts", wish(OWN, SMALL), 403, 29, "permitted"),
        ("businesses/1", "ad_accounts", wish(OWN, SMALL), 404, 404, "Business not found."),
        (ACCOUNT, "ad_accounts", wish(OWN, BUSINESS), 400, 1, "'recipient_account_ids'"),
        (ACCOUNT, "businesses", wish(OWN, SMALL), 400, 1, "'recipient_business_ids'"),
        (ACCOUNT, "ad_accounts", {**wish(OWN, SMALL), "audience_id": None}, 400, 1, "'audience"),
        (ACCOUNT, "ad_accounts", {**wish(OWN, SMALL), "audience_id": 1}, 400, 1, "'audience_id'"),
        (ACCOUNT, "ad_accounts", wish(OWN, "x"), 400, 1, "'recipient_account_ids'"),
        (ACCOUNT, "ad_accounts", {}, 400, 1, "'audience_id'"),
        (ACCOUNT, "ad_accounts", wish(OWN, SMALL, operation="share"), 400, 1, "'operation_type'"),
        (
            ACCOUNT,
            "ad_accounts",
            {**wish(OWN, SMALL), "recipient_account_ids": []},
            400,
            1,
            "at least one id",
        ),
        (
            ACCOUNT,
            "ad_accounts",
            {**wish(OWN, SMALL), "recipient_account_ids": SMALL},
            400,
            1,
            "must be an array",
        ),
        (
            ACCOUNT,
            "ad_accounts",
            {**wish(OWN, SMALL), "recipient_account_ids": [int(SMALL)]},
            400,
            1,
            "must match the pattern",
        ),
    ],
)
def test_refused_request_changes_nothing(
    shared: Emulator, owner: str, to: str, body: object, status: int, code: int, message: str
) -> None:
    before = shared.state()["shared_accounts"]

    answer = send(shared, owner, to, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert message in answer.json()["message"]
    assert shared.state()["shared_accounts"] == before


@pytest.mark.parametrize(
    ("form", "allowed"),
    [
        ({"grant_type": "refresh_token", "scope": "ads:write"}, [ACCOUNT]),
        ({"grant_type": "refresh_token", "scope": "biz_access:write"}, [GROUP]),
        ({"grant_type": "client_credentials", "scope": "ads:write,biz_access:write"}, []),
    ],
)
def test_share_needs_a_user_and_its_scope(
    emulator: Emulator, form: dict[str, str], allowed: list[str]
) -> None:
    url, auth = f"{emulator.url}/oauth/token", ("demo-app", "demo-secret")
    form = {**form, "refresh_token": "pinr.demo"}
    token = requests.post(url, data=form, auth=auth, timeout=10).json()["access_token"]

    for owner in (ACCOUNT, GROUP):
        for to, recipient in (("ad_accounts", SMALL), ("businesses", BUSINESS)):
            answer = send(emulator, owner, to, wish(OWN, recipient), token)
            assert (answer.status_code == 200) == (owner in allowed)
            assert answer.ok or answer.json()["code"] == 3


def test_reads_of_businesses_need_their_own_scope_and_a_user(emulator: Emulator) -> None:
    url, auth = f"{emulator.url}/oauth/token", ("demo-app", "demo-secret")
    path = f"{emulator.url}/{GROUP}/audiences/shared/accounts?audience_id={OWN}"
    for form in (
        {"grant_type": "client_credentials", "scope": "biz_access:read"},
        {"grant_type": "refresh_token", "refresh_token": "pinr.demo", "scope": "ads:read"},
    ):
        token = requests.post(url, data=form, auth=auth, timeout=10).json()["access_token"]
        answer = requests.get(path, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (401, 3)


def test_share_is_logged_with_its_operation_and_counts_as_a_write(
    emulator: Emulator,
) -> None:
    for owner in (ACCOUNT, GROUP):
        for to, recipient in (("ad_accounts", SMALL), ("businesses", BUSINESS)):
            answer = send(emulator, owner, to, wish(OWN, recipient))
            assert 'name="ads_write_app_id_user_id"' in answer.headers["x-ratelimit-limit"]
    ask(emulator, f"{GROUP}/audiences/shared/accounts", audience_id=OWN)

    assert [entry["operation"] for entry in emulator.requests()] == [
        "update_ad_account_to_ad_account_shared_audience",
        "update_ad_account_to_business_shared_audience",
        "update_business_to_ad_account_shared_audience",
        "update_business_to_business_shared_audience",
        "business_account_audiences_shared_accounts/list",
    ]
    assert emulator.requests()[0]["body"] == wish(OWN, SMALL)
