"""Why an identifier is rejected, by the code that reports have."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.members import identifiers
from target_pinterest_audiences.members.records import NO_IDENTIFIER

if TYPE_CHECKING:
    from collections.abc import Mapping

REJECTS: Mapping[str, Reject] = MappingProxyType(
    {
        reject.code: reject
        for reject in (NO_IDENTIFIER, *vars(identifiers).values())
        if isinstance(reject, Reject)
    }
)
