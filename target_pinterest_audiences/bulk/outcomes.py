"""What became of the batches of a plan: noted one by one, after Pinterest's response."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

from target_pinterest_audiences.bulk.plan import OperationType
from target_pinterest_audiences.bulk.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_pinterest_audiences.bulk.store import Store


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one batch.

    Attributes:
        operation: Of the batch.
        number: Of the batch.
        people: How many it is about.
        customer_list_id: The list, which an earlier batch may have made; None if there is none.
        refused: Why Pinterest did not take it, if so.
        keys: The first and the last key of a batch that was refused, as hexadecimal digits.
    """

    operation: OperationType
    number: int
    people: int
    customer_list_id: str | None
    refused: str | None = None
    keys: tuple[str, str] | None = None


class Outcomes:
    """The outcomes of one run. Threads may share it."""

    def __init__(self, store: Store, run: str) -> None:
        """Read what is noted; a line that is cut short was never noted."""
        self._store = store
        self._folder = f"runs/{run}/outcomes"
        names = store.names(self._folder)
        self._file = f"{self._folder}/{len(names):06}.jsonl"
        self._noted: dict[tuple[OperationType, int], Outcome] = {}
        self._lock = threading.Lock()
        for name in names:
            for line in (store.read(f"{self._folder}/{name}") or b"").splitlines(keepends=True):
                if line.endswith(b"\n"):
                    self._add(self._decoded(name, line))

    def _decoded(self, name: str, line: bytes) -> Outcome:
        try:
            return msgspec.json.decode(line, type=Outcome)
        except msgspec.MsgspecError:
            msg = (
                f"ledger {self._store.where}: {self._folder}/{name} has a line that no run wrote: "
                "remove this line, and its batch is sent again"
            )
            raise StoreError(msg) from None

    @property
    def noted(self) -> Mapping[tuple[OperationType, int], Outcome]:
        """All outcomes, by operation and number."""
        return self._noted

    @property
    def customer_list_id(self) -> str | None:
        """The list that a batch made, or was sent to."""
        found = (item.customer_list_id for item in self._noted.values() if item.customer_list_id)
        return next(found, None)

    def note(self, outcome: Outcome) -> None:
        """Note what Pinterest answered, on the disk, before anything else is done."""
        with self._lock:
            self._store.append(self._file, msgspec.json.encode(outcome))
            self._add(outcome)

    def _add(self, outcome: Outcome) -> None:
        self._noted[outcome.operation, outcome.number] = outcome
