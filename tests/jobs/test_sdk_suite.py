"""The SDK's own suite for taps, against the emulator.

Its checks of duplicate keys and of the final state cannot fail, so ``test_tap.py`` has real ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from programs import selecting
from singer_sdk.testing import get_tap_test_class

from pinterest_emulator.testing import Emulator
from tap_pinterest_audiences.tap import TapPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = [stream["tap_stream_id"] for stream in selecting([])["streams"]]
SETTINGS: dict[str, Any] = {"access_token": "pina_demo", "api_url": "http://127.0.0.1:1/v5"}


@pytest.fixture(scope="module", autouse=True)
def demo_pinterest() -> Iterator[None]:
    """Fill in the URL before the suite's own fixtures start the tap."""
    with Emulator(seed="demo", access="unlimited") as emulator:
        SETTINGS["api_url"] = emulator.url
        SETTINGS["business_ids"] = list(emulator.state()["businesses"])
        emulator.fault(kind="extra_field", times=None)  # so that other_fields has values
        yield


TestTap = get_tap_test_class(
    TapPinterestAudiences,
    config=SETTINGS,
    parse_env_config=False,
    catalog=selecting(NAMES),
)
