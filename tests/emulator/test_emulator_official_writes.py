"""Pinterest's own generated client (of OpenAPI 5.14) changes lists and shares audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from openapi_generated.pinterest_client import ApiClient, Configuration
from openapi_generated.pinterest_client.api.audience_sharing_api import AudienceSharingApi
from openapi_generated.pinterest_client.api.audiences_api import AudiencesApi
from openapi_generated.pinterest_client.api.customer_lists_api import CustomerListsApi
from openapi_generated.pinterest_client.exceptions import ApiException, ForbiddenException
from openapi_generated.pinterest_client.model.audience_account_type import AudienceAccountType
from openapi_generated.pinterest_client.model.audience_create_request import AudienceCreateRequest
from openapi_generated.pinterest_client.model.audience_rule import AudienceRule
from openapi_generated.pinterest_client.model.business_shared_audience import BusinessSharedAudience
from openapi_generated.pinterest_client.model.business_shared_audience_response import (
    BusinessSharedAudienceResponse,
)
from openapi_generated.pinterest_client.model.customer_list import CustomerList
from openapi_generated.pinterest_client.model.customer_list_request import CustomerListRequest
from openapi_generated.pinterest_client.model.customer_list_update_request import (
    CustomerListUpdateRequest,
)
from openapi_generated.pinterest_client.model.operation_type import OperationType
from openapi_generated.pinterest_client.model.shared_audience import SharedAudience
from openapi_generated.pinterest_client.model.shared_audience_response import (
    SharedAudienceResponse,
)

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE, SMALL, EMPTY, SHARED = (str(549_755_800_001 + number) for number in range(4))
BUSINESS, FOREIGN_BUSINESS = "729090764500000001", "729090764500000002"
OWN, OF_SHARED = "2542620000002", "2542620000665"
HASH = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(access="unlimited", spec="5.18", processing_seconds=0) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[ApiClient]:
    with ApiClient(Configuration(host=emulator.url, access_token="pina_demo")) as client:
        yield client
        client.rest_client.pool_manager.clear()


def test_client_creates_and_updates_customer_lists(emulator: Emulator, client: ApiClient) -> None:
    api = CustomerListsApi(client)
    request = CustomerListRequest(
        name="Leads", records=f"test@example.com,{HASH},", list_type="EMAIL"
    )

    made = api.customer_lists_create(EMPTY, request)
    added, removed = (
        api.customer_lists_update(
            EMPTY,
            made.id,
            CustomerListUpdateRequest(operation_type=operation, records=records),
        )
        for operation, records in (("ADD", "b@example.com,c@example.com"), ("REMOVE", HASH))
    )

    for item in (made, added, removed):
        assert isinstance(item, CustomerList)
        assert (item.id, item.name, item.type) == (made.id, "Leads", "customerlist")
        assert (item.status, item.exceptions) == ("TOO_SMALL", {})
    assert [
        (item.num_batches, item.num_uploaded_user_records, item.num_removed_user_records)
        for item in (made, added, removed)
    ] == [(1, 2, 0), (2, 4, 0), (3, 4, 1)]
    assert api.customer_lists_get(EMPTY, made.id).to_dict() == removed.to_dict()
    # The hash is that of the plain address beside it.
    assert len(emulator.members(made.id)) == 2
    with pytest.raises(ApiException, match="number 1 of 1 is not a valid record"):
        api.customer_lists_create(EMPTY, CustomerListRequest(name="N", records="Leads"))


def test_client_creates_an_audience_over_a_created_list(
    emulator: Emulator, client: ApiClient
) -> None:
    made = CustomerListsApi(client).customer_lists_create(
        EMPTY, CustomerListRequest(name="Leads", records=HASH)
    )

    audience = AudiencesApi(client).audiences_create(
        EMPTY,
        AudienceCreateRequest(
            name="Leads",
            audience_type="CUSTOMER_LIST",
            rule=AudienceRule(customer_list_id=made.id),
        ),
    )

    assert audience.rule.customer_list_id == made.id
    assert emulator.state()["audiences"][EMPTY][0]["rule"] == {"customer_list_id": made.id}


@pytest.mark.parametrize("owner", ["ad_account", "business"])
def test_client_shares_with_ad_accounts(emulator: Emulator, client: ApiClient, owner: str) -> None:
    api = AudienceSharingApi(client)
    call = getattr(api, f"update_{owner}_to_ad_account_shared_audience")
    owner_id = LARGE if owner == "ad_account" else BUSINESS

    given, taken = (
        call(
            owner_id,
            SharedAudience(
                audience_id=OWN,
                recipient_account_ids=recipients,
                operation_type=OperationType(operation),
            ),
        )
        for operation, recipients in (("SHARE", [SMALL, EMPTY]), ("REVOKE", [SMALL]))
    )

    assert isinstance(given, SharedAudienceResponse)
    assert (given.audience_id, given.recipient_account_ids) == (OWN, [SMALL, EMPTY])
    assert [role.value for role in given.permissions] == ["RESOURCE_PINNER_LIST_READER"]
    assert (taken.recipient_account_ids, taken.permissions) == ([SMALL], [])
    (share,) = emulator.state()["shared_accounts"][OWN]
    assert share["account_id"] == EMPTY


@pytest.mark.parametrize("owner", ["ad_account", "business"])
def test_client_shares_with_businesses(emulator: Emulator, client: ApiClient, owner: str) -> None:
    api = AudienceSharingApi(client)
    call = getattr(api, f"update_{owner}_to_business_shared_audience")
    owner_id = LARGE if owner == "ad_account" else BUSINESS
    request = BusinessSharedAudience(
        audience_id=OWN,
        recipient_business_ids=[FOREIGN_BUSINESS],
        operation_type=OperationType("SHARE"),
    )

    given = call(owner_id, request)

    assert isinstance(given, BusinessSharedAudienceResponse)
    assert (given.audience_id, given.recipient_business_ids) == (OWN, [FOREIGN_BUSINESS])
    assert [role.value for role in given.permissions] == ["RESOURCE_PINNER_LIST_READER"]
    kind = AudienceAccountType("BUSINESS_ACCOUNT")
    found = api.business_account_audiences_shared_accounts_list(BUSINESS, OWN, kind)
    assert found["items"] == emulator.state()["shared_accounts"][OWN]
    assert found["items"][0]["account_id"] == FOREIGN_BUSINESS


def test_client_cannot_share_a_received_audience(client: ApiClient) -> None:
    request = SharedAudience(
        audience_id=OF_SHARED,
        recipient_account_ids=[EMPTY],
        operation_type=OperationType("SHARE"),
    )

    with pytest.raises(ForbiddenException, match="not permitted"):
        AudienceSharingApi(client).update_ad_account_to_ad_account_shared_audience(SMALL, request)
