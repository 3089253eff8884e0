"""The whole emulator as one ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount

from pinterest_emulator.control import Control
from pinterest_emulator.gateway import BASE_PATH, Gateway

if TYPE_CHECKING:
    from pinterest_emulator.state import EmulatorState


def make_app(state: EmulatorState) -> Starlette:
    """The API under `/v5` and the control endpoints under `/_emulator`."""
    return Starlette(
        routes=[
            Mount(BASE_PATH, app=Gateway(state)),
            Mount("/_emulator", routes=Control(state).routes()),
        ]
    )
