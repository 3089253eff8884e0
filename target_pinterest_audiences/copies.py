"""Which audience of another ad account became which one here, in this run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.plan import closest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_pinterest_audiences.wanted import Source, Wanted


class Copies:
    """Pairs of an audience elsewhere and its copy.

    Names are not unique, so an audience that became the copy of one record can not become that
    of another record of the same name.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._copies: dict[Source, str] = {}
        self._sources: dict[str, Source] = {}

    def candidates(
        self, wanted: Wanted, matching: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        """Return those of ``matching`` that may become what is wanted."""
        if wanted.source is None:
            return matching
        free = [
            audience
            for audience in matching
            if self._sources.get(str(audience["id"]), wanted.source) == wanted.source
        ]
        mine = [item for item in free if self._copies.get(wanted.source) == str(item["id"])]
        return mine or closest(wanted, free)

    def note(self, source: Source, audience_id: str) -> None:
        """Note what an audience of another account became."""
        self._copies[source] = audience_id
        self._sources[audience_id] = source

    def became(self, source: Source) -> str | None:
        """Return what an audience of another account became, if a record said so."""
        return self._copies.get(source)
