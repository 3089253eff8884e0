"""Jobs in both directions: Pinterest to a warehouse, and the warehouse to Pinterest."""

from __future__ import annotations

import re
import signal
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString

from demo.parts import Emulator, Meltano, PartError, Postgres, running_emulator, running_postgres

if TYPE_CHECKING:
    from types import FrameType

    from psycopg import Connection

PROJECT = Path(__file__).parent.parent
TOKEN = "pina_demo"  # noqa: S105 (of the emulator's demo seed)
AD_ACCOUNT = "549755800003"
"""Ad account in the emulator's demo seed that gets the customers."""

INTERRUPTED = 130
"""Exit code of a shell for a program that Ctrl-C ended."""

WANTED_TABLE = """
    CREATE SCHEMA activation;
    CREATE TABLE activation.audiences AS
        SELECT id, ad_account_id, name, audience_type, description, rule FROM pinterest.audiences;
"""
CHANGES: dict[str, LiteralString] = {
    "a new audience": """
        INSERT INTO activation.audiences (ad_account_id, name, audience_type, description, rule)
        SELECT ad_account_id, 'Visitors of the last 30 days', 'VISITOR', 'Made by the demo',
               '{"visitor_source_id": "2612511566392", "retention_days": 30}'
        FROM activation.audiences ORDER BY id LIMIT 1
    """,
    "another name": """
        UPDATE activation.audiences SET name = name || ' (renamed)'
        WHERE id = (SELECT min(id) FROM activation.audiences)
    """,
    "another description": """
        UPDATE activation.audiences SET description = 'Described by the demo'
        WHERE id = (SELECT max(id) FROM activation.audiences)
    """,
}


CUSTOMERS_TABLE = """
    CREATE TABLE activation.customers AS
        SELECT 'customer' || number || '@shop.example' AS email, 'ADD' AS operation
        FROM generate_series(1, 250) AS number;
"""
ONE_GONE_ONE_NEW = """
    UPDATE activation.customers SET operation = 'REMOVE' WHERE email = 'customer1@shop.example';
    INSERT INTO activation.customers VALUES ('customer251@shop.example', 'ADD');
"""


@dataclass(frozen=True)
class Outcome:
    """The result of one run of a job.

    Attributes:
        rows: Rows of ``pinterest.audiences`` that it wrote.
        counts: Counts in the log of the target.
        reads: Number of read requests.
        writes: Number of write requests.
    """

    rows: int
    counts: str
    reads: int
    writes: int


class Demo:
    """An emulator, a warehouse, and Meltano between them."""

    def __init__(self, emulator: Emulator, postgres: Postgres) -> None:
        """Connect the parts."""
        self.emulator = emulator
        self.warehouse: Connection = postgres.connect()
        pinterest = {
            f"{plugin}_PINTEREST_AUDIENCES_{setting}": value
            for plugin in ("TAP", "TARGET")
            for setting, value in (("API_URL", emulator.url), ("ACCESS_TOKEN", TOKEN))
        }
        # The demo does not use the user's own ledger.
        self._folder = tempfile.TemporaryDirectory(prefix="demo-ledger-")
        ledger = f"sqlite:///{self._folder.name}/ledger.db"
        self.meltano = Meltano(
            PROJECT,
            {
                **postgres.environment(),
                **pinterest,
                "TARGET_PINTEREST_AUDIENCES_AD_ACCOUNT_ID": AD_ACCOUNT,
                "TARGET_PINTEREST_AUDIENCES_LEDGER_URL": ledger,
            },
        )

    def run(self, job: str) -> Outcome:
        """Run a job with ``meltano run`` and return its result at both ends."""
        self.emulator.clear()
        began = time.time()
        log = self.meltano.run(job).stdout
        said = re.search(r"Done: (.*?); \d+ requests", log)
        counts = said[1].split(", ") if said else []
        methods = [request["method"] for request in self.emulator.requests()]
        return Outcome(
            rows=self.count(
                "SELECT count(*) FROM pinterest.audiences "
                "WHERE extract(epoch FROM _sdc_received_at) >= %s",
                began,
            ),
            counts=", ".join(count for count in counts if not count.startswith("0 ")),
            reads=methods.count("GET"),
            writes=len(methods) - methods.count("GET"),
        )

    def count(self, query: LiteralString, *values: float) -> int:
        """Ask the warehouse for a number."""
        row = self.warehouse.execute(query, values).fetchone()
        return int(row[0]) if row else 0

    def to_warehouse(self, title: str) -> Outcome:
        """Run the job from Pinterest and print its result."""
        done = self.run("pinterest-to-warehouse")
        print_step(title, f"{done.rows} audiences loaded", done)
        return done

    def to_pinterest(self, title: str) -> Outcome:
        """Run the job to Pinterest and print its result."""
        done = self.run("warehouse-to-pinterest")
        print_step(title, done.counts, done)
        return done

    def customers(self, title: str) -> Outcome:
        """Run the job that fills an audience and print its result."""
        done = self.run("customers-to-pinterest")
        print_step(title, done.counts, done)
        return done


def print_step(title: str, what: str, done: Outcome | None = None) -> None:
    """Print a line for a person."""
    requests = f"{done.reads} reads, {done.writes} writes" if done else ""
    print(f"  {title:<24}{what:<40}{requests}".rstrip(), flush=True)


def main() -> int:
    """Run the demo.

    Returns:
        0 if the last round had nothing to do, 1 otherwise.
    """
    signal.signal(signal.SIGTERM, _terminate)
    print("Starting a Pinterest emulator and a PostgreSQL ...", flush=True)
    with running_emulator() as emulator, running_postgres() as postgres:
        print(f"Pinterest is {emulator.url}, the warehouse 127.0.0.1:{postgres.port}. Each step is")
        print(
            "a `meltano run` of a job in meltano.yml; Pinterest counts its requests.\n", flush=True
        )
        demo = Demo(emulator, postgres)
        demo.to_warehouse("Pinterest to warehouse")
        accounts = demo.count("SELECT count(*) FROM pinterest.ad_accounts")
        print_step("", f"(of {accounts} ad accounts, into the table pinterest.audiences)")
        demo.warehouse.execute(WANTED_TABLE)
        for change in CHANGES.values():
            demo.warehouse.execute(change)
        print_step("Three changes by SQL", f"{', '.join(CHANGES)}")
        print_step("", "(in the table activation.audiences)")
        demo.to_pinterest("Warehouse to Pinterest")
        demo.to_warehouse("Pinterest to warehouse")
        print_step("", "(only what changed; the rest is not loaded again)")
        print("\nAnd once more, with nothing changed:\n", flush=True)
        read = demo.to_warehouse("Pinterest to warehouse")
        written = demo.to_pinterest("Warehouse to Pinterest")
        print("\nCustomers, by their email, into an audience:\n", flush=True)
        demo.warehouse.execute(CUSTOMERS_TABLE)
        demo.customers("Customers to Pinterest")
        print_step("", "(as hashes; the table is activation.customers)")
        demo.warehouse.execute(ONE_GONE_ONE_NEW)
        print_step("Two changes by SQL", "one customer has gone, one is new")
        demo.customers("Customers to Pinterest")
        sent = demo.customers("Customers to Pinterest")
        demo.warehouse.close()
    if read.rows or written.writes or sent.writes:
        print("\nThe last round should have found nothing to do.", file=sys.stderr)
        return 1
    print("\nNothing was loaded or written twice. Everything that was started has stopped.")
    return 0


def _terminate(number: int, frame: FrameType | None) -> None:
    """Exit through the context managers that stop everything."""
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped. Everything that was started has stopped.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except PartError as error:
        print(f"\n{textwrap.indent(str(error), '  ')}", file=sys.stderr)
        sys.exit(1)
