"""Tells a person how far a stream is: a bar on a terminal, log lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from pinterest_audiences.console import shown_below_log

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator


class Progress:
    """Counts the partitions, pages and records of one stream."""

    def __init__(self, stream: str, total: int, logger: logging.Logger) -> None:
        """Begin with none of ``total`` partitions read; on a terminal a bar appears."""
        self._total = total
        self._logger = logger
        self._done = self._pages = self._records = 0
        self._bar = contextlib.ExitStack()
        self._show: Callable[[int, int, int], None] | None = None
        if sys.stderr.isatty():
            self._show = self._bar.enter_context(_bar(stream, total))

    def page(self, records: int) -> None:
        """Note a page with so many records."""
        self._pages += 1
        self._records += records
        if self._show:
            self._show(self._done, self._pages, self._records)

    def partition(self, place: str) -> None:
        """Note that the partition called ``place`` has been read to its end."""
        self._done += 1
        if self._show:
            self._show(self._done, self._pages, self._records)
        else:
            self._logger.info(
                "Read %s: %d of %d, %d pages and %d records so far",
                place,
                self._done,
                self._total,
                self._pages,
                self._records,
            )
        if self._done == self._total:
            self._bar.close()


@contextlib.contextmanager
def _bar(stream: str, total: int) -> Iterator[Callable[[int, int, int], None]]:
    """Show a bar on standard error, and log lines above it.

    Yields:
        A function that takes the numbers of partitions, pages and records so far.
    """
    # Most runs have no terminal, and it takes long to import.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    numbers = "{task.completed}/{task.total} lists, {task.fields[pages]} pages"
    bar = Progress(
        TextColumn("{task.description}: {task.percentage:.0f}%"),
        BarColumn(),
        TextColumn(f"{numbers}, {{task.fields[records]}} records"),
        console=Console(stderr=True),
        redirect_stdout=False,
    )
    task = bar.add_task(stream, total=total, pages=0, records=0)

    def show(done: int, pages: int, records: int) -> None:
        bar.update(task, completed=done, pages=pages, records=records)

    with shown_below_log(bar):
        yield show
