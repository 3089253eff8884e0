"""The whole emulator as one ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount

from pinterest_emulator.consent import ConsentRoutes
from pinterest_emulator.control import Control
from pinterest_emulator.endpoints import operations, s3
from pinterest_emulator.http.gateway import Gateway

if TYPE_CHECKING:
    from pinterest_emulator.http.state import EmulatorState

_API = "/v5"


def make_app(state: EmulatorState) -> Starlette:
    """The API under `/v5`, its files under `/_uploads`, the consent page under `/oauth`.

    The control endpoints are under `/_emulator`.
    """
    return Starlette(
        routes=[
            Mount(_API, app=Gateway(state, _API, operations(state.settings))),
            Mount(s3.BASE_PATH, app=Gateway(state, s3.BASE_PATH, s3.OPERATIONS)),
            Mount("/oauth", routes=ConsentRoutes(state).routes()),
            Mount("/_emulator", routes=Control(state).routes()),
        ]
    )
