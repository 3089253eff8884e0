"""Shows a person at a terminal how far a run is."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
import time
from typing import TYPE_CHECKING

from pinterest_audiences.console import shown_below_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_pinterest_audiences.run.context import RunContext


@contextlib.contextmanager
def progress_line(run: RunContext) -> Iterator[None]:
    """Show a line below the log until the end of the block, if standard error is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    # Most runs have no terminal, and it takes long to import.
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    begun = time.monotonic()

    def line() -> str:
        """Return the line; another thread asks for it four times a second."""
        requests = sum(list(run.api.requests.values()))
        seconds = dt.timedelta(seconds=int(time.monotonic() - begun))
        return f"{run.tracker.records:,} records read, {requests:,} requests sent, {seconds}"

    display = Live(
        get_renderable=line, console=Console(stderr=True), redirect_stdout=False, transient=True
    )
    with shown_below_log(display):
        yield
