"""What makes plans of one table of customers: DuckDB or Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from target_pinterest_audiences.bulk.ledger import Layers
    from target_pinterest_audiences.bulk.plan import Counts, Mode
    from target_pinterest_audiences.bulk.sent_duckdb import Machine


class PlanMaker(Protocol):
    """Makes plans of one table of customers. All makers make the same plan of the same rows."""

    @property
    def list_type(self) -> str:
        """Pinterest's ``list_type`` of the column that identifies a person."""

    def make(
        self, layers: Layers, customer_list_id: str | None, mode: Mode, machine: Machine
    ) -> Counts:
        """Write the files of a plan to ``FOLDERS`` and ``rejects``, in the folder of the machine.

        No identifier is written anywhere before it is hashed.

        Args:
            layers: Who is in the list.
            customer_list_id: The list; None if it is yet to be created.
            mode: Whether people who are absent from the table are removed.
            machine: What may be used of this machine.

        Raises:
            PinterestError: If the plan cannot be made.
        """

    def versions(self) -> dict[str, str]:
        """Return the versions of the programs that make a plan here."""
