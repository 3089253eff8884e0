"""What the tests on Spark share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An empty emulator without rate limits."""
    with Emulator(seed="empty", access="unlimited") as emulator:
        yield emulator


@pytest.fixture
def account(emulator: Emulator) -> str:
    """An ad account without audiences."""
    return emulator.seed(ad_accounts=1, audiences=0)[0]
