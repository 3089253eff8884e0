"""What became of the people of a customer list."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """What became of the people of a list.

    ``removed_unknown`` counts removals of people who are not in the ledger, ``rejected`` counts
    by reason code, ``refused`` those among them whose whole list failed.
    """

    new: int = 0
    already_there: int = 0
    removed: int = 0
    removed_unknown: int = 0
    not_there: int = 0
    refused: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
