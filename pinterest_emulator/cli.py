"""The command `pinterest-emulator`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pinterest_emulator.http import tokens
from pinterest_emulator.settings import (
    ACCESSES,
    DEFAULT_OWNERSHIPS,
    SEEDS,
    SPECS,
    TOO_LARGE_STATUSES,
    Settings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXTRA = frozenset({"h11", "starlette", "uvicorn"})
_LARGEST_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs an emulator until a signal ends it.

    Args:
        arguments: Command-line arguments; by default those of this process.

    Returns:
        The exit code: 0 after SIGTERM or SIGINT, 1 if it could not start or not save.
    """
    chosen = _parser().parse_args(arguments)
    try:
        return _run(chosen)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        return _failed("the emulator is an extra: pip install 'pinterest-audiences[emulator]'")


def _run(chosen: argparse.Namespace) -> int:
    # Imported here because these modules need the extra.
    from pinterest_emulator.persistence import DataError, save  # noqa: PLC0415
    from pinterest_emulator.server import (  # noqa: PLC0415
        EmulatorServer,
        HostError,
        listen,
        root_url,
    )
    from pinterest_emulator.start import new_state  # noqa: PLC0415

    settings = Settings(
        seed=chosen.seed,
        access=chosen.access,
        spec=chosen.spec,
        latency_ms=chosen.latency_ms,
        processing_seconds=chosen.processing_seconds,
        revoke_old_refresh_token=not chosen.keep_old_refresh_tokens,
        default_ownership=chosen.default_ownership,
        most_body_bytes=chosen.most_body_bytes,
        too_large_status=chosen.too_large_status,
        strict=chosen.strict,
    )
    try:
        if chosen.data and not chosen.data.absolute().parent.is_dir():
            return _failed(f"{chosen.data.absolute().parent} is not a folder")
        state = new_state(settings, chosen.data)
        listener = listen(chosen.host, chosen.port)
    except (DataError, HostError, OSError) as error:
        return _failed(str(error))

    def announce() -> None:
        print(f"pinterest-emulator listening on {root_url(listener)}/v5", flush=True)  # noqa: T201  (for people and scripts)
        if settings.seed == "demo":
            print(_credentials(), flush=True)  # noqa: T201  (the same)

    server = EmulatorServer(state, announce)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    with listener:
        asyncio.run(server.serve(sockets=[listener]))
    if chosen.data:
        try:
            save(state, chosen.data)
        except OSError as error:
            return _failed(f"the data could not be saved: {error}")
    return 0


def _credentials() -> str:
    return (
        f"credentials: client_id={tokens.CLIENT_ID} client_secret={tokens.CLIENT_SECRET}"
        f" access_token={tokens.DEMO_ACCESS_TOKEN} refresh_token={tokens.DEMO_REFRESH_TOKEN}"
    )


def _failed(problem: str) -> int:
    print(f"pinterest-emulator: {problem}", file=sys.stderr)  # noqa: T201  (for people)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pinterest-emulator",
        description="A local emulator of the audience endpoints of Pinterest's API v5.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=_port, default=4010, help="port to listen on; 0 takes any free one")
    add("--host", default="127.0.0.1", help="loopback address to listen on")
    add("--data", type=Path, metavar="FILE", help="JSON file to start from and to save to")
    add("--seed", choices=SEEDS, default="demo", help="what a new emulator contains")
    add(
        "--latency-ms",
        type=_natural,
        default=0,
        metavar="N",
        help="milliseconds to wait before each request",
    )
    add("--spec", choices=SPECS, default="5.23", help="version of the OpenAPI description")
    add("--access", choices=ACCESSES, default="standard", help="which rate limits apply")
    add(
        "--processing-seconds",
        type=_natural,
        default=3600,
        metavar="N",
        help="seconds until a new audience or a changed customer list is READY or TOO_SMALL",
    )
    add(
        "--keep-old-refresh-tokens",
        action="store_true",
        help="let a refresh token work more than once",
    )
    add(
        "--default-ownership",
        choices=DEFAULT_OWNERSHIPS,
        default="spec",
        help="audiences that a list without ownership_type shows: owned, or also received ones;"
        " spec: owned up to 5.23, both in 5.28",
    )
    add(
        "--most-body-bytes",
        type=_natural,
        metavar="N",
        help="largest body of a request that creates or updates a customer list",
    )
    add(
        "--too-large-status",
        type=int,
        choices=TOO_LARGE_STATUSES,
        default=413,
        help="HTTP status of the response to a larger body",
    )
    add(
        "--strict",
        action="store_true",
        help="refuse enum values and forms of ids that the description does not list",
    )
    add("--version", action="version", version=f"%(prog)s {version('pinterest-audiences')}")
    return parser


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        message = f"{number} is less than 0"
        raise argparse.ArgumentTypeError(message)
    return number


def _port(text: str) -> int:
    number = _natural(text)
    if number > _LARGEST_PORT:
        message = f"{number} is no port"
        raise argparse.ArgumentTypeError(message)
    return number
