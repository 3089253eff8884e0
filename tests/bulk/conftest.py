"""What the tests of bulk members share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bulk_runs import Bulk

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator


@pytest.fixture
def bulk(emulator: Emulator, account: str, tmp_path: Path) -> Bulk:
    """The command, with a ledger of its own."""
    return Bulk(tmp_path, emulator, account)
