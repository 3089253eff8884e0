"""An emulator inside the process of a test or a demo."""

from __future__ import annotations

import asyncio
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, cast

import requests

from pinterest_emulator.persistence import save
from pinterest_emulator.server import EmulatorServer, listen, root_url
from pinterest_emulator.settings import Settings
from pinterest_emulator.start import new_state

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from pinterest_emulator.settings import (
        Access,
        DefaultOwnership,
        Seed,
        Spec,
        TooLargeStatus,
    )

_START_SECONDS = 10.0
_CALL_SECONDS = 60.0


class EmulatorError(Exception):
    """A control endpoint refused a request; the message is its response."""


class Emulator:
    """An emulator in a thread on a free port, for the duration of a `with` block.

    Its methods use the control endpoints, so they show what any other client would see.

    Attributes:
        base: The root URL.
        url: The URL of the API, ending in `/v5`.
    """

    def __init__(  # noqa: PLR0913  (the settings of the command)
        self,
        *,
        seed: Seed = "demo",
        access: Access = "standard",
        spec: Spec = "5.23",
        latency_ms: int = 0,
        processing_seconds: int = 3600,
        revoke_old_refresh_token: bool = True,
        default_ownership: DefaultOwnership = "spec",
        most_body_bytes: int | None = None,
        too_large_status: TooLargeStatus = 413,
        strict: bool = False,
        data: Path | None = None,
    ) -> None:
        """Accepts the settings of the command, see `Settings`. Starts nothing yet."""
        settings = Settings(
            seed=seed,
            access=access,
            spec=spec,
            latency_ms=latency_ms,
            processing_seconds=processing_seconds,
            revoke_old_refresh_token=revoke_old_refresh_token,
            default_ownership=default_ownership,
            most_body_bytes=most_body_bytes,
            too_large_status=too_large_status,
            strict=strict,
        )
        self._data = data
        self._state = new_state(settings, data)
        self._ready = Event()
        self._server = EmulatorServer(self._state, self._ready.set)
        self._session = requests.Session()
        # Ignore a proxy from the environment: the emulator is on this machine.
        self._session.trust_env = False
        self.base = ""
        self.url = ""

    def __enter__(self) -> Self:
        """Starts it; returns once it accepts requests."""
        self._listener = listen("127.0.0.1", 0)
        self.base = root_url(self._listener)
        self.url = f"{self.base}/v5"
        self._thread = Thread(target=self._serve, name="pinterest-emulator", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            message = f"the emulator did not start within {_START_SECONDS} s"
            raise TimeoutError(message)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends it, saving its data if it has a file."""
        self._session.close()
        self._server.stop()
        self._thread.join()
        self._listener.close()
        if self._data is not None:
            save(self._state, self._data)

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The requests that arrived, oldest first; only those of `operation` if it is given."""
        found = self._call("GET", "requests")["requests"]
        return [entry for entry in found if operation in (None, entry["operation"])]

    def clear(self) -> None:
        """Forgets the requests and the faults."""
        self._call("DELETE", "requests")
        self._call("DELETE", "faults")

    def fault(self, **fields: Any) -> None:  # noqa: ANN401  (see `faults`)
        """Stages one fault; the fields are those of `POST /_emulator/faults`."""
        self._call("POST", "faults", fields)

    def faults(self) -> list[dict[str, Any]]:
        """The staged faults and how often each fired."""
        return cast("list[dict[str, Any]]", self._call("GET", "faults")["faults"])

    def advance(self, seconds: float) -> float:
        """Moves the clock forward and returns the new time in Unix seconds."""
        return float(self._call("POST", "clock", {"advance": seconds})["now"])

    def state(self) -> dict[str, Any]:
        """All data of the emulator; see `GET /_emulator/state`.

        `ad_accounts` and `foreign_ad_accounts`; by ad account `audiences`, `customer_lists`,
        `received` and `removed`; by audience `shared_accounts`; by business `businesses`.
        """
        return self._call("GET", "state")

    def members(self, customer_list_id: str) -> set[str]:
        """The members of a customer list; see `GET /_emulator/members`.

        Raises:
            EmulatorError: There is no such list.
        """
        answer = self._call("GET", f"members?customer_list_id={customer_list_id}")
        return set(answer["members"])

    def seed(self, **fields: int) -> list[str]:
        """Adds `ad_accounts` and distributes `audiences` and `customer_lists` among them.

        All audiences and lists get `updated_timestamp`.

        Returns:
            The ids of the new ad accounts.
        """
        return cast("list[str]", self._call("POST", "seed", fields)["ad_accounts"])

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = self._session.request(
            method, f"{self.base}/_emulator/{path}", json=body, timeout=_CALL_SECONDS
        )
        if not answer.ok:
            raise EmulatorError(answer.text)
        return cast("dict[str, Any]", answer.json())
