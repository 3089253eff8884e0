"""What is measured: for each kind of work the contestants, the sizes and the rounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bench import audience_writers, member_writers, readers, starts
from bench.contest import FEW, contest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.contest import Contestant, Place

TENTH, MAIN, LARGE = 10_000, 100_000, 1_000_000
QUICK_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Suite:
    """One kind of work.

    Attributes:
        name: Its key in ``results.json``.
        title: Its heading.
        text: What the contestants do.
        contestants: Returns them.
        sizes: The numbers of rows in rising order, and the rounds of each.
        floor: The contestant that does the least.
        main: The number of rows that ratios are of.
        template: The contestant that was made by the SDK's template, if there is one.
        latency_ms: How long the server holds back each answer.
        budget_seconds: The longest that a contestant may take for all rounds of one size.
        quick: The largest number of rows of a quick run.
    """

    name: str
    title: str
    text: str
    contestants: Callable[[], Sequence[Contestant]]
    sizes: Mapping[int, int]
    floor: str
    main: int = MAIN
    template: str | None = None
    latency_ms: int = 0
    budget_seconds: float = 90.0
    quick: int = TENTH

    @property
    def measure(self) -> str:
        """What ratios are of: at a latency the contestants mostly wait."""
        return "seconds" if self.latency_ms else "cpu_seconds"

    def only(self, text: str) -> Suite:
        """Return the same with only the contestants whose name contains ``text``."""
        return replace(
            self, contestants=lambda: [each for each in self.contestants() if text in each.name]
        )

    def up_to(self, most_rows: int, rounds: int) -> Suite:
        """Return the same without larger sizes, and with no more rounds than that."""
        sizes = {
            rows: min(wanted, rounds) for rows, wanted in self.sizes.items() if rows <= most_rows
        }
        return replace(self, sizes=sizes)

    def checked(self) -> Suite:
        """Return what is compared with the results of before: the floor and this project."""

        def contestants() -> list[Contestant]:
            return [
                each
                for each in self.contestants()
                if each.name == self.floor or each.name.startswith("this ")
            ]

        smallest = min(self.sizes)
        sizes = {smallest: self.sizes[smallest], self.main: self.sizes[self.main]}
        return replace(self, contestants=contestants, sizes=sizes)

    def run(self, place: Place) -> dict[str, Any]:
        """Measure."""
        return contest(self.contestants(), self.sizes, self.budget_seconds, place, self.latency_ms)


SUITES = (
    Suite(
        "start",
        "Start of a program",
        "Nothing is read or written. The floor here is the import of the SDK.",
        starts.starts,
        {0: 9},
        starts.FLOOR,
        main=0,
    ),
    Suite(
        "read",
        "Read audiences",
        "All audiences of 20 ad accounts, without latency. The floor asks for pages of 250 with "
        "`requests` and prints Singer lines with `msgspec`.",
        readers.readers,
        {FEW: 2, TENTH: 3, MAIN: 3, LARGE: 1},
        readers.FLOOR,
        template=readers.TEMPLATE,
    ),
    Suite(
        "read at 50 ms",
        "Read audiences from a server that takes 50 ms",
        "The same, but the server holds back each answer for 50 ms.",
        readers.readers,
        {FEW: 1, TENTH: 3, MAIN: 1},
        readers.FLOOR,
        template=readers.TEMPLATE,
        latency_ms=50,
    ),
    Suite(
        "members",
        "Fill a customer list",
        "Members from Singer records or BATCH files into one new customer list, without latency. "
        "The floor decodes records with `msgspec`, hashes them with `hashlib` and sends 10,000 "
        "in a request; it remembers nobody. With the ledger, a second run sends nobody, and a "
        "run with 1,000 changed members sends those.",
        member_writers.member_writers,
        {FEW: 2, TENTH: 3, MAIN: 3, LARGE: 1},
        member_writers.FLOOR,
        template=member_writers.TEMPLATE,
    ),
    Suite(
        "create",
        "Create audiences",
        "Audiences into one ad account that has none, one request each, without latency. Larger "
        "numbers would take Pinterest hours, at 400 writes a minute.",
        audience_writers.creators,
        {FEW: 2, 1000: 3, TENTH: 3},
        audience_writers.FLOOR,
        main=TENTH,
        template=member_writers.TEMPLATE,
        quick=1000,
    ),
    Suite(
        "create at 50 ms",
        "Create audiences on a server that takes 50 ms",
        "The same, but the server holds back each answer for 50 ms.",
        audience_writers.creators,
        {FEW: 1, 200: 1, 1000: 1},
        audience_writers.FLOOR,
        main=1000,
        template=member_writers.TEMPLATE,
        latency_ms=50,
        quick=200,
    ),
    Suite(
        "unchanged",
        "Send audiences that have not changed",
        "All audiences of 20 ad accounts as a warehouse holds them; nothing may be written. The "
        "floor reads the lists and compares the fields that a record has.",
        audience_writers.repeaters,
        {FEW: 2, TENTH: 3, MAIN: 3},
        audience_writers.FLOOR,
    ),
)
CHECKED = ("start", "read", "members", "create", "unchanged")
"""The suites of ``make bench-check``: those whose processor time depends on the project alone."""
