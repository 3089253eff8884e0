"""What a customer list needs of its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_pinterest_audiences.audiences.existing import Inventory
    from target_pinterest_audiences.audiences.plan import WriteMode
    from target_pinterest_audiences.audiences.references import OnAmbiguous
    from target_pinterest_audiences.audiences.writer import Writer
    from target_pinterest_audiences.ledger.member_ledger import MemberLedger
    from target_pinterest_audiences.members.list_batches import Queue
    from target_pinterest_audiences.members.writer import ListWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class ListContext:
    """What a list needs of its run.

    Attributes:
        inventory: Returns what the list's ad account has.
        writer: Makes the audience.
        list_writer: Makes and changes the list.
        queue: Where batches are on their way.
        note_undone: Called in the turn of a batch that Pinterest refused.
        ledger: Who was sent before; None to send everybody each time.
        on_ambiguous: What to do if several lists have the name.
        write_mode: ``create`` leaves a list that exists, ``update`` creates none.
        mirrors: Whether removals wait until it is known how many there are.
        most_members: In a request.
        most_bytes: Of identifiers, with the commas between them, in a request.
    """

    inventory: Callable[[], Inventory]
    writer: Writer
    list_writer: ListWriter
    queue: Queue
    note_undone: Callable[[], None]
    ledger: MemberLedger | None
    on_ambiguous: OnAmbiguous
    write_mode: WriteMode
    mirrors: bool
    most_members: int
    most_bytes: int
