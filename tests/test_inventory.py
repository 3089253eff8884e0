"""What the target knows of an ad account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pinterest_audiences.operations import CREATE_AUDIENCE
from target_pinterest_audiences.inventory import Inventory
from target_pinterest_audiences.wanted import Wanted

if TYPE_CHECKING:
    from pinterest_emulator.testing import Emulator
    from tap_pinterest_audiences.client import PinterestAPI


def test_an_audience_made_since_the_list_was_read_is_found_by_its_id(
    emulator: Emulator, api: PinterestAPI, account: str
) -> None:
    inventory = Inventory(api, account)
    body = {"name": "New", "audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
    made = api.request(CREATE_AUDIENCE, {"ad_account_id": account}, body=body).data
    for _ in range(2):
        (found,) = inventory.matching(Wanted(account, audience_id=made["id"]))
        assert found["name"] == "New"
    assert len(emulator.requests("audiences/get")) == 1


def test_an_audience_that_does_not_exist_is_not_found(api: PinterestAPI, account: str) -> None:
    assert Inventory(api, account).matching(Wanted(account, audience_id="1")) == []
