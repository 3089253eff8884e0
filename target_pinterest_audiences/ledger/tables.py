"""The tables of the ledger, their format, and the migration of older formats."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import sqlalchemy as sa

from target_pinterest_audiences.ledger.database import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

logger = logging.getLogger(__name__)

FORMAT_NUMBER = 1
"""The format of the tables below. Add 1 to it whenever you change them."""

MIGRATIONS: Mapping[int, Iterable[str]] = {}
"""By format: the statements that make the next format of it, for SQLite and PostgreSQL alike.

Each format but the newest needs some, and each format a stored ledger in ``tests/data``.
"""

TABLES = sa.MetaData()
FORMAT = sa.Table(
    "pinterest_ledger",
    TABLES,
    sa.Column("schema_version", sa.Integer, primary_key=True, autoincrement=False),
)
LISTS = sa.Table(
    "pinterest_ledger_lists",
    TABLES,
    sa.Column("number", sa.Integer, primary_key=True),  # repeated for each member, so short
    sa.Column("customer_list_id", sa.Text, nullable=False, unique=True),
    sa.Column("ad_account_id", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("list_type", sa.Text),
    sa.Column("created_at", sa.BigInteger),
)


def _member_table(name: str) -> sa.Table:
    return sa.Table(
        f"pinterest_ledger_{name}",
        TABLES,
        sa.Column("list_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


# Digests are in no order, so each batch of them touches most pages of a large table, and a page
# costs more than a member. Batches are written to a small table, and a large one takes that over,
# page by page, once it is worth it. Where a member is in both, the small one is right.
MEMBERS = _member_table("members")
RECENT = _member_table("recent")

_FORMAT_OF = sa.select(sa.func.max(FORMAT.c.schema_version))


def format_of(connection: sa.Connection) -> int | None:
    """Return the format of the tables, or None if there are none."""
    if not sa.inspect(connection).has_table(FORMAT.name):
        return None
    found: int | None = connection.scalar(_FORMAT_OF)
    return found


def bring_up_to_date(connection: sa.Connection, where: str) -> None:
    """Create the tables, or migrate those of an older format.

    Args:
        connection: A transaction that no other one overlaps. So a run that ends in the middle
            leaves the old format, and of two runs the second one finds the new format.
        where: What to call the database when talking to the user.

    Raises:
        LedgerError: If this version of the program does not know the format.
    """
    found = format_of(connection)
    if found is None:
        TABLES.create_all(connection)
        connection.execute(sa.insert(FORMAT), {"schema_version": FORMAT_NUMBER})
        return
    if found != FORMAT_NUMBER and found not in MIGRATIONS:
        msg = (
            f"ledger_url: {where} is of format {found}, and this version of the program reads only "
            f"format {FORMAT_NUMBER}; use the version that made it, or another ledger"
        )
        raise LedgerError(msg)
    for number in range(found, FORMAT_NUMBER):
        for statement in MIGRATIONS[number]:
            connection.exec_driver_sql(statement)
    if found != FORMAT_NUMBER:
        connection.execute(sa.update(FORMAT).values(schema_version=FORMAT_NUMBER))
        logger.info("%s was of format %d; now it is of format %d", where, found, FORMAT_NUMBER)


def check_format(connection: sa.Connection, where: str) -> None:
    """Check that the tables still have the format of this program.

    Raises:
        LedgerError: If they have another one, so that nothing is read or written by mistake.
    """
    found = connection.scalar(_FORMAT_OF)
    if found == FORMAT_NUMBER:
        return
    what_to_do = (
        "a run without dry_run migrates it"
        if found is None or found < FORMAT_NUMBER
        else "use the newer version of the program that migrated it"
    )
    msg = (
        f"ledger_url: {where} is of format {found}, and this run reads only format "
        f"{FORMAT_NUMBER}; {what_to_do}"
    )
    raise LedgerError(msg)
