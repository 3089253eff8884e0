"""Tells a person how far a stream is: a bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

if TYPE_CHECKING:
    import logging


class Progress:
    """Counts the partitions, pages and records of one stream."""

    def __init__(self, stream: str, total: int, logger: logging.Logger) -> None:
        """Begin with none of ``total`` partitions read; on a terminal a bar appears."""
        self._stream = stream
        self._total = total
        self._logger = logger
        self._done = self._pages = self._records = 0
        self._ending = contextlib.ExitStack()
        self._bar: tqdm[Any] | None = None
        if sys.stderr.isatty():
            self._ending.enter_context(logging_redirect_tqdm())
            self._bar = self._ending.enter_context(
                tqdm(desc=stream, total=total, unit=" lists", file=sys.stderr, dynamic_ncols=True)
            )

    def page(self, records: int) -> None:
        """Note a page with so many records."""
        self._pages += 1
        self._records += records
        if self._bar is not None:
            self._bar.set_postfix(pages=self._pages, records=self._records)

    def partition(self, place: str) -> None:
        """Note that the partition called ``place`` has been read to its end."""
        self._done += 1
        if self._bar is not None:
            self._bar.update()
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
            self._ending.close()
