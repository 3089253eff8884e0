"""The target's inventory of an ad account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from programs import record, schema

from pinterest_audiences.api.operations import CREATE_AUDIENCE
from target_pinterest_audiences.audiences.desired import Desired
from target_pinterest_audiences.audiences.existing import Inventory

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_emulator.testing import Emulator


def test_audience_created_after_the_read_is_found_by_its_id(
    emulator: Emulator, api: PinterestAPI, account: str
) -> None:
    inventory = Inventory(api, account)
    body = {"name": "New", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
    made = api.request(CREATE_AUDIENCE, {"ad_account_id": account}, body=body).data
    for _ in range(2):
        (found,) = inventory.matching(Desired(account, audience_id=made["id"]))
        assert found["name"] == "New"
    assert len(emulator.requests("audiences/get")) == 1


def test_an_audience_that_does_not_exist_is_not_found(api: PinterestAPI, account: str) -> None:
    assert Inventory(api, account).matching(Desired(account, audience_id="1")) == []


@pytest.fixture
def two_accounts(emulator: Emulator) -> tuple[str, str]:
    """An account, and another one whose audience and list appear in the lists of both."""
    own, other = emulator.seed(ad_accounts=2, audiences=0, customer_lists=2)
    body = {"name": "Foreign", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
    store = emulator._state.store  # noqa: SLF001  (Pinterest mixes these, the emulator does not)
    fields = {**body, "description": "Theirs"}
    foreign = store.create_audience(int(other), fields, now=1, ready_at=1)
    store.audiences(int(own)).put(foreign.id, foreign)
    (customer_list,) = store.customer_lists(int(other))
    customer_list = msgspec.structs.replace(customer_list, name="Foreign list")
    store.put_customer_list(customer_list)
    store.customer_lists(int(own)).put(customer_list.id, customer_list)
    return own, other


def test_owned_audiences_are_requested_in_ascending_order(
    emulator: Emulator, api: PinterestAPI, account: str
) -> None:
    Inventory(api, account).reload()
    for entry in emulator.requests("audiences/list"):
        query = {"ownership_type": "OWNED", "order": "ASCENDING", "page_size": "250"}
        assert query.items() <= entry["query"].items()


@pytest.mark.parametrize(
    "wish",
    [
        {"name": "Foreign", "description": "Ours"},
        {"name": "Foreign", "operation_type": "REMOVE"},
        {"id": "FOREIGN", "description": "Ours"},
        {"id": "FOREIGN", "operation_type": "REMOVE"},
    ],
)
def test_audience_of_another_account_is_never_written(
    emulator: Emulator,
    programs: Programs,
    two_accounts: tuple[str, str],
    wish: dict[str, Any],
) -> None:
    own, other = two_accounts
    foreign = emulator.state()["audiences"][other][0]["id"]
    fields = {key: foreign if value == "FOREIGN" else value for key, value in wish.items()}
    run = programs.target([schema(), record(**fields)], ad_account_id=own)
    assert run.code == (0 if "operation_type" in wish else 1)
    assert [entry for entry in emulator.requests() if entry["method"] != "GET"] == []
    assert emulator.state()["audiences"][other][0]["description"] == "Theirs"


def test_audience_of_another_account_is_not_found_by_its_id(
    api: PinterestAPI, two_accounts: tuple[str, str], emulator: Emulator
) -> None:
    own, other = two_accounts
    foreign = emulator.state()["audiences"][other][0]["id"]
    inventory = Inventory(api, own)
    assert inventory.matching(Desired(own, audience_id=foreign)) == []
    assert len(emulator.requests("audiences/get")) == 1


def test_customer_list_of_another_account_is_not_found(
    emulator: Emulator, api: PinterestAPI, two_accounts: tuple[str, str]
) -> None:
    own, other = two_accounts
    foreign = emulator.state()["customer_lists"][other][0]["id"]
    inventory = Inventory(api, own)
    assert foreign not in inventory.customer_lists.by_id
    assert inventory.named_list("Foreign list") == []
    assert inventory.reload_lists() == []
