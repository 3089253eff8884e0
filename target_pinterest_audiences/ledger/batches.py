"""Members as parameters of the ledger's statements. No I/O in here."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Digests of one width, in the order of the tables: neighbours share their pages."""

    members: list[bytes]
    parameters: dict[str, Any]


def batches_of(digests: Iterable[bytes]) -> list[Batch]:
    """Return members as batches, one for each width of their digests."""
    ordered = sorted(set(digests))
    ordered.sort(key=len)
    batches = []
    for width, same in itertools.groupby(ordered, key=len):
        members = list(same)
        last = 1 + width * (len(members) - 1)
        joined = b"".join(members)
        batches.append(Batch(members, {"batch": joined, "width": width, "last": last}))
    return batches
