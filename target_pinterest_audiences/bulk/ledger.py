"""A ledger of Parquet files: which members were sent to which list, for tens of millions.

Each ad account has a folder of its own, which one process at a time changes:

- ``CURRENT`` says what counts: a base, and the runs that were sent after it. Whatever it does not
  name is left over, or under way.
- ``base/<n>/<customer_list_id>.parquet`` has the members of a list, in the columns of a plan, and
  ``base/<n>/<customer_list_id>.taken_out.parquet`` those who were taken out because a record said
  so.
- ``runs/<run>`` is a plan (see ``plan``), with ``outcomes/*.jsonl`` of its batches and, once it is
  done, ``done.json``. A run that is done is what it changed in the ledger: its members are not
  written a second time.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from target_pinterest_audiences.bulk.plan import FOLDERS, FORMAT, TAKEN_OUT, OperationType, Plan
from target_pinterest_audiences.bulk.store import REPAIR, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_pinterest_audiences.bulk.store import Store

S = TypeVar("S", bound=msgspec.Struct)

CURRENT, PLAN, DONE = "CURRENT", "plan.json", "done.json"

KeyRange = tuple[str, str]
"""The first and the last of some neighbouring keys, as hexadecimal digits."""


class LedgerList(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows of a list; see ``ledger.member_ledger.NotedList``.

    Attributes:
        mirrored: Whether a mirror filled it.
        in_base: How many members the base has; without any there is no file.
        any_taken_out: Whether the base has a file of people who were taken out.
    """

    customer_list_id: str
    ad_account_id: str
    name: str
    list_type: str
    created_at: int | None = None
    mirrored: bool = False
    in_base: int = 0
    any_taken_out: bool = False


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``done.json``: what became of a run.

    Attributes:
        run: The name of its folder.
        customer_list_id: Its list, which may not have been there when the plan was made.
        added: How many people were added.
        removed: How many were removed.
        refused: How many were neither, because Pinterest refused their batch.
        refused_keys: Which of them were to be added, or removed: the first and the last of
            neighbours.
    """

    run: str
    customer_list_id: str
    added: int
    removed: int
    refused: int = 0
    refused_keys: dict[OperationType, list[KeyRange]] = {}


class Current(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``CURRENT``.

    Attributes:
        format: ``plan.FORMAT``.
        base: The number of the base; 0 if there is none.
        runs: The runs that count on top of it, the oldest first.
        lists: All lists, by their id.
        leftovers: Folders that count no more, and are about to be removed.
    """

    format: int = FORMAT
    base: int = 0
    runs: tuple[Done, ...] = ()
    lists: dict[str, LedgerList] = {}
    leftovers: tuple[str, ...] = ()


class Delta(NamedTuple):
    """What one run changed in a list.

    Attributes:
        added: Files of people.
        removed: Files of people.
        refused_keys: Who of them counts neither as added nor as removed.
        taken_out: Files of those who were removed because a record said so.
    """

    added: list[str]
    removed: list[str]
    refused_keys: dict[OperationType, list[KeyRange]]
    taken_out: Sequence[str] = ()


class Layers(NamedTuple):
    """The files that together say who is in a list.

    Attributes:
        store: Has the files.
        base: Files of people.
        taken_out: Files of people who were taken out because a record said so, before ``deltas``.
        deltas: What runs changed since, the oldest first.
    """

    store: Store
    base: list[str]
    taken_out: list[str]
    deltas: list[Delta]


class FileLedger:
    """The ledger of one ad account, in the folder that ``store`` is."""

    def __init__(self, store: Store) -> None:
        """Use a folder, which need not be there yet."""
        self.store = store

    def current(self) -> Current:
        """Return what counts.

        Raises:
            StoreError: If it cannot be read or is missing, or if a newer version of the program
                wrote it.
        """
        content = self.store.read(CURRENT)
        if content is None:
            if self.store.names("base"):  # what is not named there is removed as left over
                msg = f"ledger {self.store.where}: {CURRENT} is missing{REPAIR}"
                raise StoreError(msg)
            return Current()
        found = self._decoded(CURRENT, content, Current)
        self._check_format(found.format)
        for noted in found.lists.values():
            self._check_account(noted.ad_account_id)
        return found

    def write_current(self, current: Current) -> None:
        """Let something else count, all at once."""
        self.store.write(CURRENT, msgspec.json.encode(current))

    def layers(self, current: Current, customer_list_id: str) -> Layers:
        """Return the files that say who is in a list.

        Raises:
            StoreError: If not all of them are there.
        """
        noted = current.lists.get(customer_list_id)
        base = f"base/{current.base}/{customer_list_id}"
        layers = Layers(
            self.store,
            [f"{base}.parquet"] if noted and noted.in_base else [],
            [f"{base}.taken_out.parquet"] if noted and noted.any_taken_out else [],
            [
                Delta(
                    self.files(done.run, "ADD"),
                    self.files(done.run, "REMOVE"),
                    done.refused_keys,
                    self._files(done.run, TAKEN_OUT),
                )
                for done in current.runs
                if done.customer_list_id == customer_list_id
            ],
        )
        self._check_people(f"base/{current.base}", layers.base, noted.in_base if noted else 0)
        done_runs = (done for done in current.runs if done.customer_list_id == customer_list_id)
        for done, delta in zip(done_runs, layers.deltas, strict=True):
            people = done.added + done.removed + done.refused
            self._check_people(f"runs/{done.run}", [*delta.added, *delta.removed], people)
        return layers

    def _check_people(self, folder: str, names: Sequence[str], people: int) -> None:
        """Make sure that files are whole: without one of them, somebody would be forgotten."""
        found = sum(map(self.store.count_rows, names))
        if found != people:
            msg = (
                f"ledger {self.store.where}: {folder} has {found} of {people} people of a list"
                f"{REPAIR}"
            )
            raise StoreError(msg)

    def files(self, run: str, operation: OperationType) -> list[str]:
        """Return the files of a plan, in order."""
        return self._files(run, FOLDERS[operation])

    def _files(self, run: str, folder: str) -> list[str]:
        path = f"runs/{run}/{folder}"
        return [f"{path}/{name}" for name in self.store.names(path)]

    def plan(self, run: str) -> Plan:
        """Return a plan.

        Raises:
            StoreError: If it cannot be read, or if another version of the program made it.
        """
        name = f"runs/{run}/{PLAN}"
        plan = self._decoded(name, self.store.read(name) or b"", Plan)
        self._check_format(plan.format)
        self._check_account(plan.target.ad_account_id)
        return plan

    def done(self, run: str) -> Done | None:
        """Return what became of a run; None if it is not done."""
        name = f"runs/{run}/{DONE}"
        content = self.store.read(name)
        return None if content is None else self._decoded(name, content, Done)

    def unsettled(self, current: Current) -> list[str]:
        """Return the runs that do not count yet, the oldest first, with or without a plan."""
        counted = {f"runs/{done.run}" for done in current.runs} | {*current.leftovers}
        return [run for run in self.store.names("runs") if f"runs/{run}" not in counted]

    def has_plan(self, run: str) -> bool:
        """Return whether the plan of a run is whole.

        Raises:
            StoreError: If it is missing, and yet some of it was sent.
        """
        names = self.store.names(f"runs/{run}")
        if PLAN not in names and {DONE, "outcomes"} & {*names}:
            msg = f"ledger {self.store.where}: runs/{run}/{PLAN} is missing{REPAIR}"
            raise StoreError(msg)
        return PLAN in names

    def remove_leftovers(self) -> None:
        """Remove what counts no more, such as plans whose making was killed."""
        current = self.current()
        bases = [name for name in self.store.names("base") if name != str(current.base)]
        half_made = [run for run in self.unsettled(current) if not self.has_plan(run)]
        for name in bases:
            self.store.remove(f"base/{name}")
        for name in (*current.leftovers, *(f"runs/{run}" for run in half_made)):
            self.store.remove(name)
        if current.leftovers:
            self.write_current(msgspec.structs.replace(current, leftovers=()))

    def _decoded(self, name: str, content: bytes, kind: type[S]) -> S:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError:
            msg = f"ledger {self.store.where}: {name} is not what this version writes there{REPAIR}"
            raise StoreError(msg) from None

    def _check_format(self, found: int) -> None:
        if found != FORMAT:
            msg = (
                f"ledger {self.store.where} is of format {found}, and this version of the program "
                f"reads only format {FORMAT}: use the version that wrote it, or another ledger"
            )
            raise StoreError(msg)

    def _check_account(self, found: str) -> None:
        """Make sure that a plan, or a list, is of the ad account whose folder this is."""
        if found != self.store.name:
            msg = (
                f"ledger {self.store.where} has a list of ad account {found}, so its folder was "
                "copied or renamed: use another ledger for this ad account, or undo that"
            )
            raise StoreError(msg)


def new_run_name(now: dt.datetime) -> str:
    """Return the name of a run: later ones sort after it."""
    return f"{now.astimezone(dt.UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"


def layer_names(current: Current, customer_list_id: str | None) -> list[str]:
    """Return what a plan calls the state that it was planned against."""
    runs = [done.run for done in current.runs if done.customer_list_id == customer_list_id]
    return [f"base/{current.base}", *runs]
