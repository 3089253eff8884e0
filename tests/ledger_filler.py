"""Fills a ledger, as a process of its own."""

from __future__ import annotations

import sys

from target_pinterest_audiences.ledger import ledger as module

LIST = "2680068678965"


def batch(number: int, size: int) -> list[bytes]:
    return [b"%032d" % member for member in range(number * size, (number + 1) * size)]


def main() -> None:
    """Add the batches from one number to another, and print the number of each that is there."""
    url, *numbers = sys.argv[1:]
    start, stop, size = map(int, numbers)
    module._MOST_RECENT = 2 * size  # noqa: SLF001  (so that batches often go to the large table)
    ledger = module.Ledger(url)
    for number in range(start, stop):
        members = batch(number, size)
        ledger.seen(LIST, members, number)
        ledger.add(LIST, members, number)
        print(number, flush=True)  # noqa: T201
