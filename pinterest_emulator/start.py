"""The initial state of an emulator: empty, the demo, or saved data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator import persistence
from pinterest_emulator.demo_data import seed as demo_seed
from pinterest_emulator.http.state import EmulatorState

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.settings import Settings


def new_state(settings: Settings, data: Path | None = None) -> EmulatorState:
    """The state that an emulator starts with.

    Args:
        settings: Settings of the emulator.
        data: A file of saved data; if it exists, it replaces the seed.

    Raises:
        OSError: The file cannot be read.
        DataError: The file contains something else.
    """
    state = EmulatorState(settings)
    saved = data if data and data.exists() else None
    if saved:
        persistence.load(state, saved)
    elif settings.seed == "demo":
        demo_seed.fill(state.store)
    state.tokens.add_demo(state.clock.timestamp(), with_refresh=saved is None)
    return state
