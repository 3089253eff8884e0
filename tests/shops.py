"""Pinterest with the demo's shops."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def small_shops() -> Iterator[Emulator]:
    """The demo with a tenth of its audiences, and all that are shared.

    The stream of shared accounts takes two requests for each audience.
    """
    with Emulator(seed="demo", access="unlimited") as emulator:
        state = emulator.state()
        for account in state["ad_accounts"]:
            table = emulator._state.store.audiences(int(account["id"]))  # noqa: SLF001  (at once)
            for number, audience in enumerate(list(table)):
                if number % 10 and str(audience.id) not in state["shared_accounts"]:
                    table.remove(audience.id)
        yield emulator
