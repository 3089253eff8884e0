"""Injects failures into the requests of a program, inside its process.

The code under test is not changed. Patched are only the adapter of `requests`, through which every
request passes, the two clocks for waits, and the machine's clock.
"""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elsewhere import change, post
from requests.adapters import HTTPAdapter
from requests.compat import urlsplit

from pinterest_audiences.api import rate_limit
from pinterest_audiences.api import responses as answers
from pinterest_audiences.api.rate_limit import http_date

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest, Response

PATIENCE_SECONDS = 0.5
"""Duration of a request that must time out; the setting takes whole seconds only."""
DELAY_SECONDS = 1.0


class Interposer:
    """Counts the requests of this process from 1 and carries out its plan.

    The plan has `base`, the emulator's root URL, and any of

    - `at` and `fault`: the fault is staged just before that request; or the request goes to a port
      without a server, or has a short timeout
    - `changes` and `changes_at`: changes by another program before that request, once
    """

    def __init__(self, plan: Mapping[str, Any]) -> None:
        """Store `plan` without an effect yet."""
        self._plan = plan
        self._count = 0
        self._slept = 0.0
        self._clock = answers.utc_now()
        self._turn = threading.Lock()
        self._unheard = socket.socket()
        self._unheard.bind(("127.0.0.1", 0))
        self._send = HTTPAdapter.send
        self._monotonic = time.monotonic

    def install(self) -> None:
        """Install the patches.

        A wait advances the clock of this process and the emulator's clock by the same time instead
        of sleeping. Nothing else is faster. The machine's clock is the emulator's, so both move
        together when a scenario moves on to the next day.
        """
        interposer = self

        def send(adapter: HTTPAdapter, request: PreparedRequest, **options: Any) -> Response:
            return interposer.forward(adapter, request, options)

        HTTPAdapter.send = send  # type: ignore[method-assign, assignment]
        time.sleep = self._nap  # type: ignore[assignment]
        answers.__dict__["utc_now"] = lambda: self._clock
        rate_limit.__dict__["monotonic"] = lambda: self._monotonic() + self._slept

    def forward(
        self, adapter: HTTPAdapter, request: PreparedRequest, options: dict[str, Any]
    ) -> Response:
        """Send a request, or inject the planned failure."""
        with self._turn:
            self._count += 1
            number, plan = self._count, self._plan
            if number == plan.get("changes_at"):
                change(plan, Path())
            if number == plan.get("at"):
                request = self._trouble(request, options)
        response = self._send(adapter, request, **options)
        self._clock = http_date(response.headers.get("date")) or self._clock
        return response

    def _trouble(self, request: PreparedRequest, options: dict[str, Any]) -> PreparedRequest:
        fault = self._plan["fault"]
        if fault["kind"] == "refused":
            request = request.copy()
            parts = urlsplit(str(request.url))
            port = self._unheard.getsockname()[1]
            request.url = parts._replace(netloc=f"127.0.0.1:{port}").geturl()
            return request
        if fault["kind"] == "delay":
            options["timeout"] = PATIENCE_SECONDS
        # Filtered by method, so that requests of another program do not trigger the fault.
        post(self._plan["base"], "_emulator/faults", {**fault, "method": request.method})
        return request

    def _nap(self, seconds: float) -> None:
        self._slept += seconds
        post(self._plan["base"], "_emulator/clock", {"advance": seconds})
