"""Pinterest's own generated client (of OpenAPI 5.14) against the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openapi_generated.pinterest_client import ApiClient, Configuration
from openapi_generated.pinterest_client.api.audiences_api import AudiencesApi
from openapi_generated.pinterest_client.exceptions import (
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
)
from openapi_generated.pinterest_client.model.audience import Audience
from openapi_generated.pinterest_client.model.audience_create_custom_request import (
    AudienceCreateCustomRequest,
)
from openapi_generated.pinterest_client.model.audience_create_request import AudienceCreateRequest
from openapi_generated.pinterest_client.model.audience_data_party import AudienceDataParty
from openapi_generated.pinterest_client.model.audience_rule import AudienceRule
from openapi_generated.pinterest_client.model.audience_sharing_type import AudienceSharingType
from openapi_generated.pinterest_client.model.audience_update_operation_type import (
    AudienceUpdateOperationType,
)
from openapi_generated.pinterest_client.model.audience_update_request import AudienceUpdateRequest

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE, EMPTY, FOREIGN = "549755800001", "549755800003", "549755800005"
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


def test_create(api: AudiencesApi) -> None:
    audience = create(api)

    assert isinstance(audience, Audience)
    assert audience.name == "Visitors"
    assert audience.audience_type == "VISITOR"
    assert audience.description == "Everybody who came"
    assert (audience.status, audience.size, audience.type) == ("INITIALIZING", 0, "audience")
    assert (audience.rule.visitor_source_id, audience.rule.retention_days) == (TAG, 180)
    assert audience.ad_account_id == EMPTY
    assert audience.created_timestamp == audience.updated_timestamp


def test_get(api: AudiencesApi) -> None:
    created = create(api)

    audience = api.audiences_get(EMPTY, created.id)

    assert isinstance(audience, Audience)
    assert audience.id == created.id
    assert audience.rule.visitor_source_id == TAG
    assert audience.to_dict()["created_by_company_name"] == "Wickwillow Trading"


def test_update(emulator: Emulator, api: AudiencesApi) -> None:
    created = create(api)
    emulator.advance(10)

    request = AudienceUpdateRequest(name="Renamed", rule=AudienceRule(visitor_source_id="1"))
    updated = api.audiences_update(EMPTY, created.id, audience_update_request=request)

    assert isinstance(updated, Audience)
    assert (updated.id, updated.name) == (created.id, "Renamed")
    assert updated.rule.to_dict() == {"visitor_source_id": "1"}
    assert updated.description == "Everybody who came"
    assert updated.updated_timestamp >= created.updated_timestamp + 10


def test_update_removes(api: AudiencesApi) -> None:
    created = create(api)

    request = AudienceUpdateRequest(operation_type=AudienceUpdateOperationType("REMOVE"))
    removed = api.audiences_update(EMPTY, created.id, audience_update_request=request)

    assert removed.id == created.id
    with pytest.raises(NotFoundException, match="Audience not found"):
        api.audiences_get(EMPTY, created.id)


def test_create_custom(api: AudiencesApi) -> None:
    request = AudienceCreateCustomRequest(
        name="Custom",
        rule=AudienceRule(customer_list_id="643"),
        sharing_type=AudienceSharingType("SYNDICATED"),
        data_party=AudienceDataParty("3p"),
        category="DLX Demographics",
    )

    audience = api.audiences_create_custom(EMPTY, request)

    assert isinstance(audience, Audience)
    assert (audience.name, audience.audience_type) == ("Custom", "CUSTOMER_LIST")
    assert audience.rule.customer_list_id == "643"
    assert api.audiences_get(EMPTY, audience.id).name == "Custom"


def test_list_reads_every_page(emulator: Emulator, api: AudiencesApi) -> None:
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


def test_errors(emulator: Emulator, api: AudiencesApi) -> None:
    with pytest.raises(ForbiddenException, match="not permitted"):
        api.audiences_list(FOREIGN)
    with pytest.raises(NotFoundException, match="AdAccount not found"):
        api.audiences_list("1")
    (stranger,) = connect(emulator, "pina_unknown")
    with pytest.raises(UnauthorizedException, match="Authentication failed"):
        stranger.audiences_list(LARGE)
