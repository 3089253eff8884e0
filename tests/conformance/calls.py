"""Calls every operation of an emulator, once for each kind of response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from pinterest_emulator.http.tokens import DEMO_ACCESS_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinterest_emulator.testing import Emulator

LARGE, SMALL, EMPTY, SHARED, FOREIGN = (str(549_755_800_001 + number) for number in range(5))
BUSINESS, FOREIGN_BUSINESS = "729090764500000001", "729090764500000002"
OWN, TWICE_SHARED, TAG = "2542620000002", "2542620000004", "2612511566392"
PEOPLE = ",".join(f"person.{number}@shop.example" for number in range(120))
INSIGHTS = ("YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE")
TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer.

    Attributes:
        operation: Pinterest's name of it, such as ``audiences/get``.
        answer: The response, with its request.
        well_formed: Whether the request should match the description.
    """

    operation: str
    answer: requests.Response
    well_formed: bool


class Caller:
    """Makes calls and keeps the exchanges."""

    def __init__(self, emulator: Emulator) -> None:
        """Call ``emulator``."""
        self.emulator = emulator
        self._session = requests.Session()
        self._session.trust_env = False
        self._made: list[tuple[requests.Response, bool]] = []

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        form: Mapping[str, str] | None = None,
        token: str = DEMO_ACCESS_TOKEN,
        well_formed: bool = True,
        **query: object,
    ) -> dict[str, Any]:
        """Send a request and return the JSON object of the answer."""
        answer = self._session.request(
            method,
            f"{self.emulator.url}/{path}",
            params={key: str(value) for key, value in query.items()},
            json=body,
            data=form,
            auth=("demo-app", "demo-secret") if form else None,
            headers={} if form else {"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
        )
        self._made.append((answer, well_formed))
        return dict(answer.json()) if answer.content else {}

    def exchanges(self) -> list[Exchange]:
        """The exchanges, with the operation that the emulator matched to each request."""
        entries = [entry for entry in self.emulator.requests() if entry["path"].startswith("/v5")]
        return [
            Exchange(str(entry["operation"]), answer, well_formed)
            for entry, (answer, well_formed) in zip(entries, self._made, strict=True)
        ]


def call_everything(emulator: Emulator, *, custom: bool, uploads: bool) -> list[Exchange]:
    """Call all operations.

    Args:
        emulator: One with the demo's content, that needs no time to process.
        custom: Whether it has ``audiences/create_custom``.
        uploads: Whether it has the uploads of customer lists.
    """
    call = Caller(emulator)
    _tokens(call)
    _reads(call)
    _audiences(call)
    if custom:
        _custom(call)
    list_id = _customer_lists(call)
    if uploads:
        _uploads(call, list_id)
    _sharing(call)
    _refusals(call)
    return call.exchanges()


def _tokens(call: Caller) -> None:
    form = {"grant_type": "client_credentials", "scope": "ads:read"}
    token = call("POST", "oauth/token", form=form)["access_token"]
    call("GET", "ad_accounts", token=token)
    call("GET", "user_account")
    form = {"grant_type": "refresh_token", "refresh_token": "pinr.demo"}
    renewed = call("POST", "oauth/token", form=form)
    code = {"code": "demo-code", "redirect_uri": "https://localhost/"}
    call("POST", "oauth/token", form={"grant_type": "authorization_code", **code})
    call("POST", "oauth/token/revoke", form={"token": renewed["access_token"]})


def _reads(call: Caller) -> None:
    for account in (LARGE, SMALL, EMPTY):
        here = f"ad_accounts/{account}"
        call("GET", here)
        for ownership in ("OWNED", "RECEIVED"):
            call("GET", f"{here}/audiences", ownership_type=ownership, page_size=250)
        found = call("GET", f"{here}/audiences", page_size=2, order="DESCENDING")
        if found["bookmark"]:
            call("GET", f"{here}/audiences", bookmark=found["bookmark"], order="DESCENDING")
        for item in found["items"]:
            call("GET", f"{here}/audiences/{item['id']}")
        for item in call("GET", f"{here}/customer_lists")["items"]:
            call("GET", f"{here}/customer_lists/{item['id']}")
        for kind in INSIGHTS:
            call("GET", f"{here}/audience_insights", audience_insight_type=kind)
        call("GET", f"{here}/insights/audiences")
    call("GET", "ad_accounts", include_shared_accounts="false")
    call("GET", f"businesses/{BUSINESS}/audiences", order="ASCENDING")
    for kind in ("AD_ACCOUNT", "BUSINESS_ACCOUNT"):
        for owner in (f"ad_accounts/{LARGE}", f"businesses/{BUSINESS}"):
            path = f"{owner}/audiences/shared/accounts"
            call("GET", path, audience_id=TWICE_SHARED, account_type=kind)


def _audiences(call: Caller) -> None:
    here = f"ad_accounts/{SMALL}/audiences"
    owned = call("GET", here, ownership_type="OWNED")["items"]
    (seed, *_) = [item for item in owned if item["status"] == "READY"]
    visitors = {
        "visitor_source_id": TAG,
        "retention_days": 30,
        "event": "checkout",
        "event_source": {"=": ["web"]},
        "prefill": False,
    }
    for kind, rule in (
        ("VISITOR", visitors),
        ("ENGAGEMENT", {"engager_type": 1, "engagement_domain": ["shop.example"]}),
        ("ACTALIKE", {"seed_id": [seed["id"]], "country": "US", "percentage": 3}),
        ("CUSTOMER_LIST", {"customer_list_id": "4189033"}),
    ):
        body = {"name": kind.title(), "audience_type": kind, "description": "New", "rule": rule}
        made = call("POST", here, body)
        call("GET", f"{here}/{made['id']}")
        call("PATCH", f"{here}/{made['id']}", {"name": "Renamed"})
        call("PATCH", f"{here}/{made['id']}", {"operation_type": "UPDATE", "rule": rule})
        call("PATCH", f"{here}/{made['id']}", {"operation_type": "REMOVE"})


def _custom(call: Caller) -> None:
    body = {
        "name": "Custom",
        "rule": {"customer_list_id": "4189033"},
        "sharing_type": "SYNDICATED",
        "data_party": "3p",
        "category": "DLX Demographics",
    }
    call("POST", f"ad_accounts/{SMALL}/audiences/custom", body)


def _customer_lists(call: Caller) -> str:
    here = f"ad_accounts/{EMPTY}/customer_lists"
    made = call("POST", here, {"name": "Few", "records": "a@shop.example", "list_type": "EMAIL"})
    call("GET", f"{here}/{made['id']}")
    made = call("POST", here, {"name": "Many", "records": PEOPLE})
    list_id = str(made["id"])
    call("PATCH", f"{here}/{list_id}", {"operation_type": "ADD", "records": "b@shop.example"})
    call("PATCH", f"{here}/{list_id}", {"operation_type": "REMOVE", "records": "b@shop.example"})
    call("GET", f"{here}/{list_id}")
    call("GET", here)
    return list_id


def _uploads(call: Caller, list_id: str) -> None:
    here = f"ad_accounts/{EMPTY}/customer_lists/{list_id}/uploads"
    for content in (b"c@shop.example\nno address\n", b""):
        begun = call("POST", here, {"operation": "ADD", "total_parts": 1})
        upload = f"{here}/{begun['customer_list_upload']['id']}"
        call("GET", upload)
        (part,) = begun["s3_multipart_upload_data"]["file_parts"]
        requests.put(part["presigned_url"], data=content, timeout=TIMEOUT_SECONDS)
        call("POST", f"{upload}/run")
        call("GET", upload)


def _sharing(call: Caller) -> None:
    for owner in (f"ad_accounts/{LARGE}", f"businesses/{BUSINESS}"):
        for kind, field, recipient in (
            ("ad_accounts", "recipient_account_ids", SMALL),
            ("businesses", "recipient_business_ids", FOREIGN_BUSINESS),
        ):
            for operation in ("SHARE", "REVOKE"):
                body = {"audience_id": OWN, field: [recipient], "operation_type": operation}
                call("PATCH", f"{owner}/audiences/{kind}/shared", body)


def _refusals(call: Caller) -> None:
    audiences = f"ad_accounts/{SMALL}/audiences"
    call("GET", audiences, page_size="many", well_formed=False)
    call("GET", audiences, token="pina_unknown")
    call("POST", audiences, {"name": "No rule"}, well_formed=False)
    call("PATCH", f"{audiences}/1", {"name": "Of nobody"})
    call("GET", f"ad_accounts/{FOREIGN}")
    call("GET", f"ad_accounts/{FOREIGN}/audiences")
    call("GET", "ad_accounts/1/audiences")
    call("GET", f"{audiences}/1")
    call("GET", f"ad_accounts/{SMALL}/customer_lists/1")
    call("GET", f"businesses/{FOREIGN_BUSINESS}/audiences")
    call("GET", "businesses/1/audiences")
    call("GET", f"{audiences}/shared/accounts", audience_id="1", account_type="AD_ACCOUNT")
    body = {"audience_id": OWN, "recipient_account_ids": ["1"], "operation_type": "SHARE"}
    call("PATCH", f"ad_accounts/{LARGE}/audiences/ad_accounts/shared", body)
    call("POST", "oauth/token", form={"grant_type": "client_credentials"}, well_formed=False)
    call.emulator.fault(operation="audiences/list", kind="rate_limit")
    call("GET", audiences)
    call.emulator.fault(operation="audiences/list", kind="error_after")
    call("GET", audiences)
