"""Which audience of another ad account became which one here, in this run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.audiences.plan import is_as_wanted
from target_pinterest_audiences.input.names import name_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_pinterest_audiences.audiences.desired import Desired, Source


class AccountCopy:
    """Pairs of an audience elsewhere and its copy.

    Names are not unique, so an audience that became the copy of one record cannot become that
    of another record of the same name.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._copies: dict[Source, str] = {}
        self._sources: dict[str, Source] = {}
        self._names: dict[Source, str | None] = {}
        self.waiting: dict[Source, str] = {}
        """Audiences of other accounts whose records wait, and the names that they want to have."""
        self.put_off: dict[Source, str] = {}
        """Audiences of other accounts whose records were deferred, and their names."""

    def candidates(
        self, desired: Desired, matching: Sequence[Mapping[str, Any]]
    ) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """Find the audiences that a record may mean.

        Args:
            desired: What the record wants.
            matching: All that have its name.

        Returns:
            Those that no other record became, or the one among them that is this record's; and
            whether that is final. Else a later record of the same name may have a better claim.
        """
        if desired.source is None:
            return matching, True
        mine = self._copies.get(desired.source)
        free = []
        for audience in matching:
            key = str(audience["id"])
            if key == mine:
                return [audience], True
            if key not in self._sources:
                free.append(audience)
        if desired.remove and free:
            return matching, False  # of several, it is unknown which one is to go
        same = next((audience for audience in free if is_as_wanted(desired, audience)), None)
        return ([same], True) if same else (free, not free)

    def note_waiting(self, desired: Desired, source: Source, *, waits: bool) -> None:
        """Note whether the record of an audience of another account waits."""
        self.waiting.pop(source, None)
        if waits:
            self.waiting[source] = "" if desired.remove else name_key(str(desired.name))

    def may_be_claimed(self, desired: Desired) -> bool:
        """Return whether what is to be removed may still become the copy of another audience."""
        return desired.remove and name_key(str(desired.name)) in self.waiting.values()

    def note(self, source: Source, audience_id: str) -> None:
        """Note what an audience of another account became."""
        self._copies[source] = audience_id
        self._sources[audience_id] = source

    def became(self, source: Source) -> str | None:
        """Return what an audience of another account became, if a record said so."""
        return self._copies.get(source)

    def name(self, source: Source, ask: Callable[[], str | None]) -> str | None:
        """Return the name of an audience of another account, which is asked for once."""
        if source not in self._names:
            self._names[source] = ask()
        return self._names[source]
