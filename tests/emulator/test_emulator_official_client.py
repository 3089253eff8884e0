"""Pinterest's own generated client (of OpenAPI 5.14) against the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openapi_generated.pinterest_client import ApiClient, Configuration
from openapi_generated.pinterest_client.api.ad_accounts_api import AdAccountsApi
from openapi_generated.pinterest_client.api.audience_insights_api import AudienceInsightsApi
from openapi_generated.pinterest_client.api.audience_sharing_api import AudienceSharingApi
from openapi_generated.pinterest_client.api.audiences_api import AudiencesApi
from openapi_generated.pinterest_client.api.customer_lists_api import CustomerListsApi
from openapi_generated.pinterest_client.exceptions import (
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
)
from openapi_generated.pinterest_client.model.ad_account import AdAccount
from openapi_generated.pinterest_client.model.audience import Audience
from openapi_generated.pinterest_client.model.audience_account_type import AudienceAccountType
from openapi_generated.pinterest_client.model.audience_create_custom_request import (
    AudienceCreateCustomRequest,
)
from openapi_generated.pinterest_client.model.audience_create_request import AudienceCreateRequest
from openapi_generated.pinterest_client.model.audience_data_party import AudienceDataParty
from openapi_generated.pinterest_client.model.audience_definition_scope import (
    AudienceDefinitionScope,
)
from openapi_generated.pinterest_client.model.audience_definition_type import (
    AudienceDefinitionType,
)
from openapi_generated.pinterest_client.model.audience_insight_type import AudienceInsightType
from openapi_generated.pinterest_client.model.audience_insights_response import (
    AudienceInsightsResponse,
)
from openapi_generated.pinterest_client.model.audience_rule import AudienceRule
from openapi_generated.pinterest_client.model.audience_sharing_type import AudienceSharingType
from openapi_generated.pinterest_client.model.audience_update_operation_type import (
    AudienceUpdateOperationType,
)
from openapi_generated.pinterest_client.model.audience_update_request import AudienceUpdateRequest
from openapi_generated.pinterest_client.model.customer_list import CustomerList
from openapi_generated.pinterest_client.model.shared_audience_account import SharedAudienceAccount

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE, SMALL, EMPTY, FOREIGN = "549755800001", "549755800002", "549755800003", "549755800005"
BUSINESS, FOREIGN_BUSINESS = "729090764500000001", "729090764500000002"
TWICE_SHARED = "2542620000004"
TAG = "2612511566392"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited", spec="5.18") as running:
        yield running


def connect(emulator: Emulator, token: str) -> Iterator[AudiencesApi]:
    with ApiClient(Configuration(host=emulator.url, access_token=token)) as client:
        yield AudiencesApi(client)
        client.rest_client.pool_manager.clear()


@pytest.fixture
def api(emulator: Emulator) -> Iterator[AudiencesApi]:
    yield from connect(emulator, "pina_demo")


def create(api: AudiencesApi, name: str = "Visitors") -> Any:
    request = AudienceCreateRequest(
        name=name,
        audience_type="VISITOR",
        description="Everybody who came",
        rule=AudienceRule(visitor_source_id=TAG, retention_days=180),
    )
    return api.audiences_create(EMPTY, request)


def test_client_creates_an_audience(api: AudiencesApi) -> None:
    audience = create(api)

    assert isinstance(audience, Audience)
    assert audience.name == "Visitors"
    assert audience.audience_type == "VISITOR"
    assert audience.description == "Everybody who came"
    assert (audience.status, audience.size, audience.type) == ("INITIALIZING", 0, "audience")
    assert (audience.rule.visitor_source_id, audience.rule.retention_days) == (TAG, 180)
    assert audience.ad_account_id == EMPTY
    assert audience.created_timestamp == audience.updated_timestamp


def test_client_gets_an_audience(api: AudiencesApi) -> None:
    created = create(api)

    audience = api.audiences_get(EMPTY, created.id)

    assert isinstance(audience, Audience)
    assert audience.id == created.id
    assert audience.rule.visitor_source_id == TAG
    assert audience.to_dict()["created_by_company_name"] == "Wickwillow Trading"


def test_client_updates_an_audience(emulator: Emulator, api: AudiencesApi) -> None:
    created = create(api)
    emulator.advance(10)

    request = AudienceUpdateRequest(name="Renamed", rule=AudienceRule(visitor_source_id="1"))
    updated = api.audiences_update(EMPTY, created.id, audience_update_request=request)

    assert isinstance(updated, Audience)
    assert (updated.id, updated.name) == (created.id, "Renamed")
    assert updated.rule.to_dict() == {"visitor_source_id": "1"}
    assert updated.description == "Everybody who came"
    assert updated.updated_timestamp >= created.updated_timestamp + 10


def test_client_removes_an_audience_by_update(api: AudiencesApi) -> None:
    created = create(api)

    request = AudienceUpdateRequest(operation_type=AudienceUpdateOperationType("REMOVE"))
    removed = api.audiences_update(EMPTY, created.id, audience_update_request=request)

    assert removed.id == created.id
    with pytest.raises(NotFoundException, match="Audience not found"):
        api.audiences_get(EMPTY, created.id)


def test_client_creates_a_custom_audience(api: AudiencesApi) -> None:
    request = AudienceCreateCustomRequest(
        name="Custom",
        rule=AudienceRule(customer_list_id="4189033"),
        sharing_type=AudienceSharingType("SYNDICATED"),
        data_party=AudienceDataParty("3p"),
        category="DLX Demographics",
    )

    audience = api.audiences_create_custom(SMALL, request)

    assert isinstance(audience, Audience)
    assert (audience.name, audience.audience_type) == ("Custom", "CUSTOMER_LIST")
    assert audience.rule.customer_list_id == "4189033"
    assert api.audiences_get(SMALL, audience.id).name == "Custom"


def test_client_lists_every_page(emulator: Emulator, api: AudiencesApi) -> None:
    expected = emulator.state()["audiences"][LARGE]
    found: list[Any] = []
    query: dict[str, Any] = {"page_size": 250, "order": "DESCENDING", "ownership_type": "OWNED"}
    while True:
        page = api.audiences_list(LARGE, **query)
        found += page["items"]
        if not page["bookmark"]:
            break
        query["bookmark"] = page["bookmark"]

    assert len(emulator.requests("audiences/list")) == 3
    assert [item["id"] for item in found] == [item["id"] for item in expected][::-1]
    for item, wanted in zip(found, reversed(expected), strict=True):
        audience = Audience._from_openapi_data(**item, _check_type=False)  # noqa: SLF001  (its only reader)
        assert audience.name == wanted["name"]
        assert audience.size == wanted["size"]
        assert audience.rule == wanted["rule"]


def test_client_reads_errors(emulator: Emulator, api: AudiencesApi) -> None:
    with pytest.raises(ForbiddenException, match="not permitted"):
        api.audiences_list(FOREIGN)
    with pytest.raises(NotFoundException, match="AdAccount not found"):
        api.audiences_list("1")
    (stranger,) = connect(emulator, "pina_unknown")
    with pytest.raises(UnauthorizedException, match="Authentication failed"):
        stranger.audiences_list(LARGE)


def read_pages(read: Any, *where: Any, **query: Any) -> list[Any]:
    """All items of a list that the client leaves untyped."""
    found: list[Any] = []
    while True:
        page = read(*where, page_size=2, **query)
        found += page["items"]
        if not page["bookmark"]:
            return found
        query["bookmark"] = page["bookmark"]


def test_client_reads_customer_lists(emulator: Emulator, api: AudiencesApi) -> None:
    lists = CustomerListsApi(api.api_client)
    expected = emulator.state()["customer_lists"][SMALL]

    found = read_pages(lists.customer_lists_list, SMALL, order="DESCENDING")

    assert found == expected[::-1]
    for item in found:
        listed = CustomerList._from_openapi_data(**item, _check_type=False)  # noqa: SLF001  (its only reader)
        got = lists.customer_lists_get(SMALL, listed.id)
        assert isinstance(got, CustomerList)
        assert (got.id, got.name, got.status) == (listed.id, listed.name, listed.status)
        assert got.to_dict() == {key: item[key] for key in item if key != "is_nca"}
    with pytest.raises(NotFoundException, match="Customer list not found"):
        lists.customer_lists_get(SMALL, "1")


def test_client_reads_ad_accounts(emulator: Emulator, api: AudiencesApi) -> None:
    accounts = AdAccountsApi(api.api_client)

    found = read_pages(accounts.ad_accounts_list, include_shared_accounts=True)

    assert found == emulator.state()["ad_accounts"]
    for item in found:
        AdAccount._from_openapi_data(**item, _check_type=False)  # noqa: SLF001  (its only reader)
        got = accounts.ad_accounts_get(item["id"])
        assert isinstance(got, AdAccount)
        assert got.to_dict() == item
    with pytest.raises(ForbiddenException, match="not permitted"):
        accounts.ad_accounts_get(FOREIGN)


def test_client_reads_received_audiences(emulator: Emulator, api: AudiencesApi) -> None:
    found = read_pages(api.audiences_list, SMALL, ownership_type="RECEIVED")

    assert found == emulator.state()["received"][SMALL]
    assert len(found) == 5


@pytest.mark.parametrize("account_type", ["AD_ACCOUNT", "BUSINESS_ACCOUNT"])
def test_client_reads_shared_accounts(
    emulator: Emulator, api: AudiencesApi, account_type: str
) -> None:
    sharing = AudienceSharingApi(api.api_client)
    expected = [
        item
        for item in emulator.state()["shared_accounts"][TWICE_SHARED]
        if item["account_type"] == account_type
    ]

    kind = AudienceAccountType(account_type)
    found = read_pages(
        sharing.ad_accounts_audiences_shared_accounts_list, LARGE, TWICE_SHARED, kind
    )

    assert found == expected
    for item in found:
        account = SharedAudienceAccount._from_openapi_data(**item)  # noqa: SLF001  (its only reader)
        assert account.account_id.isdigit()
        assert account.account_name
        assert account.shared_on_timestamp > 1_700_000_000
    with pytest.raises(NotFoundException, match="Shared accounts not found"):
        sharing.ad_accounts_audiences_shared_accounts_list(LARGE, "1", kind)


def test_client_reads_audiences_of_a_business(emulator: Emulator, api: AudiencesApi) -> None:
    sharing = AudienceSharingApi(api.api_client)

    found = read_pages(sharing.shared_audiences_for_business_list, BUSINESS, order="ASCENDING")

    assert found == emulator.state()["businesses"][BUSINESS]
    for item in found:
        Audience._from_openapi_data(**item, _check_type=False)  # noqa: SLF001  (its only reader)
    with pytest.raises(ForbiddenException, match="not permitted"):
        sharing.shared_audiences_for_business_list(FOREIGN_BUSINESS)
    with pytest.raises(NotFoundException, match="Business not found"):
        sharing.shared_audiences_for_business_list("1")


@pytest.mark.parametrize("account", [LARGE, EMPTY])
@pytest.mark.parametrize(
    "insight_type", ["YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE"]
)
def test_client_reads_insights(api: AudiencesApi, account: str, insight_type: str) -> None:
    insights = AudienceInsightsApi(api.api_client)

    found = insights.audience_insights_get(account, AudienceInsightType(insight_type))

    assert isinstance(found, AudienceInsightsResponse)
    assert found.type.value == insight_type
    assert isinstance(found.size_is_upper_bound, bool)
    if account == EMPTY:
        assert (found.date, found.size, found.categories) == (None, 0, [])
        assert found.demographics.ages == []
    else:
        assert found.size > 0
        category = found.categories[0]
        assert (category.name, category.subcategories[0].name) == ("home decor", "home fragrance")
        assert found.demographics.countries[0].key == "us"
        assert 0 < found.demographics.genders[0].ratio < 1


def test_client_reads_insight_definitions(api: AudiencesApi) -> None:
    found = AudienceInsightsApi(api.api_client).audience_insights_scope_and_type_get(LARGE)

    assert len(found["items"]) == 3
    for item in found["items"]:
        AudienceDefinitionScope(scope=item.scope)
        AudienceDefinitionType(scope=item.type)
        assert item.date == "2025-03-01"
