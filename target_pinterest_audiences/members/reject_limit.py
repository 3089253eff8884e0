"""How many rows may be rejected before something must be wrong with all of them. No I/O in here."""

from __future__ import annotations

from fractions import Fraction

FEW_REJECTED = 100_000
"""So many rows may be rejected in any case."""

MOST_REJECTED = Fraction(1, 100)
"""The part of all rows that may be rejected where that is more."""


def are_too_many(rejected: int, rows: int) -> bool:
    """Return whether so many rejected rows, of so many, cannot be right."""
    return rejected > FEW_REJECTED and rejected > MOST_REJECTED * rows
