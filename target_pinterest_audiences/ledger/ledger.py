"""Which members were ever sent to which customer list. Pinterest's lists cannot be read back."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from target_pinterest_audiences.ledger.batches import Batch, batches_of
from target_pinterest_audiences.ledger.database import Database, LedgerError
from target_pinterest_audiences.ledger.fresh_lists import FreshLists
from target_pinterest_audiences.ledger.member_ledger import NotedList
from target_pinterest_audiences.ledger.tables import (
    FORMAT,
    LISTS,
    MEMBERS,
    RECENT,
    bring_up_to_date,
    check_format,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_RECENT = 200_000
"""Rows of ``recent`` that are worth a pass over ``members``."""

# What ``members`` holds once it has taken over ``recent``, for whoever must not write.
_ALL_MEMBERS = (
    sa.select(MEMBERS)
    .where(
        ~sa.exists().where(
            RECENT.c.list_number == MEMBERS.c.list_number, RECENT.c.digest == MEMBERS.c.digest
        )
    )
    .union_all(sa.select(RECENT))
    .subquery("all_members")
)

# A batch is one parameter, all digests of one width joined: a parameter for each would cost more
# than the look-up.
_batch = sa.bindparam("batch", type_=sa.LargeBinary)
_width = sa.bindparam("width", type_=sa.Integer)
_places = sa.select(sa.literal(1).label("place")).cte("places", recursive=True)
_places = _places.union_all(
    sa.select(_places.c.place + _width).where(_places.c.place < sa.bindparam("last"))
)
_digest = sa.func.substr(_batch, _places.c.place, _width, type_=sa.LargeBinary)
_number = (
    sa.select(LISTS.c.number)
    .where(LISTS.c.customer_list_id == sa.bindparam("list_id"))
    .scalar_subquery()
)
_ABSENT = sa.select(  # in one row: rows cost more than a look-up, too
    sa.func.aggregate_strings(sa.cast(_places.c.place, sa.Text), ",")
).where(
    *(
        ~sa.exists().where(table.c.list_number == _number, table.c.digest == _digest)
        for table in (MEMBERS, RECENT)
    )
)
_HOLDS_ANY = sa.select(
    sa.or_(
        *(
            sa.select(sa.true()).where(table.c.list_number == _number).exists()
            for table in (MEMBERS, RECENT)
        )
    )
)
_REMOVALS = [
    sa.delete(table).where(table.c.list_number == _number, table.c.digest.in_(sa.select(_digest)))
    for table in (MEMBERS, RECENT)
]


_NOTED = [field.name for field in dataclasses.fields(NotedList)]


class Ledger:
    """Members of customer lists, in a SQLite file or in PostgreSQL.

    A member is the key that ``identifiers.to_key`` makes. Every call is one transaction, done or
    not done as a whole, and waits up to a minute for other processes.

    All methods raise ``LedgerError`` if the database cannot be used.
    """

    def __init__(self, url: str, *, reads_only: bool = False) -> None:
        """Open the ledger, and make it if there is none.

        Args:
            url: SQLAlchemy's URL of the database, such as ``sqlite:////home/me/ledger.db`` or
                ``postgresql+psycopg://user:password@host/database``.
            reads_only: Whether the ledger stays as it is, as in a dry run. If there is none, one in
                memory takes its place.
        """
        self._database = Database(url, reads_only=reads_only)
        if reads_only and not self._database.has_table(FORMAT.name):
            self._database.close()
            self._database, reads_only = Database(None), False
        self._reads_only = reads_only
        self._fresh = FreshLists()
        self._members: sa.FromClause = _ALL_MEMBERS if reads_only else MEMBERS
        self._put_recent = self._taking_over(
            RECENT,
            sa.select(_number, _digest, sa.bindparam("version", type_=sa.BigInteger)).where(
                _places.c.place > 0  # SQLite needs a WHERE to tell ON CONFLICT from a join
            ),
        )
        self._put_members = self._taking_over(
            MEMBERS, sa.select(RECENT).order_by(RECENT.c.list_number, RECENT.c.digest)
        )
        try:
            with self._database.transaction() as connection:
                prepare = check_format if reads_only else bring_up_to_date
                prepare(connection, self._database.where)
        except LedgerError:
            self.close()
            raise

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """Do all or nothing, and only while the tables have the format of this program.

        Another run may be of a newer version, and may have migrated the ledger meanwhile.
        """
        with self._database.transaction() as connection:
            check_format(connection, self._database.where)
            self._fresh.forget_unless(self._database.moment(connection))
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def note_list(self, noted: NotedList) -> None:
        """Keep what is known of a customer list, instead of what was known before.

        Raises:
            LedgerError: If it was noted with another type before. A list never changes its type,
                and its members are read by it.
        """
        insert = self._database.insert(LISTS)
        values: dict[str, Any] = {name: insert.excluded[name] for name in _NOTED}
        values["created_at"] = sa.func.coalesce(insert.excluded.created_at, LISTS.c.created_at)
        with self._transaction() as connection:
            known = connection.scalar(
                sa.select(LISTS.c.list_type).where(
                    LISTS.c.customer_list_id == noted.customer_list_id
                )
            )
            if known not in {None, noted.list_type}:
                msg = (
                    f"Customer list {noted.customer_list_id} holds {known} by the ledger, so it "
                    f"cannot take {noted.list_type}; send these members to a list of their own"
                )
                raise LedgerError(msg)
            put = insert.on_conflict_do_update(index_elements=["customer_list_id"], set_=values)
            connection.execute(put, dataclasses.asdict(noted))

    def noted_list(self, list_id: str) -> NotedList | None:
        """Return what was noted of a customer list, if anything was."""
        query = sa.select(*(LISTS.c[name] for name in _NOTED))
        query = query.where(LISTS.c.list_type.is_not(None), LISTS.c.customer_list_id == list_id)
        with self._transaction() as connection:
            row = connection.execute(query).one_or_none()
        return NotedList(*row) if row else None

    def list_type(self, list_id: str) -> str | None:
        """Return the ``UserListType`` of a customer list, if it was noted."""
        noted = self.noted_list(list_id)
        return noted.list_type if noted else None

    def unsent(self, list_id: str, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of ``digests`` that were never sent to the list, or were removed since."""
        with self._transaction() as connection:
            return self._absent(connection, list_id, set(digests))

    def add(self, list_id: str, digests: Iterable[bytes], version: int) -> None:
        """Note that Pinterest took these members; to note it twice is to note it once.

        Args:
            list_id: Pinterest's id of the customer list.
            digests: The keys of the members.
            version: The version of the mirrored table that has them; 0 if none is mirrored.
        """
        with self._transaction() as connection:
            self._put(connection, list_id, batches_of(digests), version)

    def seen(self, list_id: str, digests: Iterable[bytes], version: int) -> set[bytes]:
        """Note which members this version of the mirrored table has, and return the unsent ones.

        A member that the ledger has keeps the version that had it last. So a version that died
        half-way makes no difference to a later one, and one that is taken up again goes on. A
        member that it does not have is returned, as by ``unsent``, and is left to ``add``.

        Args:
            list_id: Pinterest's id of the customer list.
            digests: The keys of the members.
            version: The version of the mirrored table, another one for each whole read of it.
        """
        members = set(digests)
        with self._transaction() as connection:
            absent = self._absent(connection, list_id, members)
            self._put(connection, list_id, batches_of(members - absent), version)
        return absent

    def remove(self, list_id: str, digests: Iterable[bytes]) -> None:
        """Forget members that Pinterest removed."""
        with self._transaction() as connection:
            for batch in batches_of(digests):
                for removal in _REMOVALS:
                    connection.execute(removal, {"list_id": list_id, **batch.parameters})

    def count(self, list_id: str) -> int:
        """Return how many members were sent to the list and not removed since."""
        return self._count(list_id)

    def count_all(self, ad_account_id: str | None) -> int:
        """Return how many members were sent to the noted lists of an ad account, or of all."""
        lists = sa.select(LISTS.c.number).where(LISTS.c.list_type.is_not(None))
        if ad_account_id is not None:
            lists = lists.where(LISTS.c.ad_account_id == ad_account_id)
        query = sa.select(sa.func.count()).select_from(self._members)
        with self._transaction() as connection:
            self._settle(connection)
            return connection.scalar(query.where(self._members.c.list_number.in_(lists))) or 0

    def mirrored_lists(self, ad_account_id: str | None) -> list[tuple[NotedList, int]]:
        """Return the lists that a mirrored table filled, and how many members each holds.

        Args:
            ad_account_id: Their ad account; None for all.
        """
        query = (
            sa.select(*(LISTS.c[name] for name in _NOTED), sa.func.count())
            .join(self._members, self._members.c.list_number == LISTS.c.number)
            .where(LISTS.c.list_type.is_not(None), self._members.c.version != 0)
            .group_by(*(LISTS.c[name] for name in _NOTED))
            .order_by(LISTS.c.customer_list_id)
        )
        if ad_account_id is not None:
            query = query.where(LISTS.c.ad_account_id == ad_account_id)
        with self._transaction() as connection:
            self._settle(connection)
            return [(NotedList(*row[:-1]), row[-1]) for row in connection.execute(query)]

    def count_stale(self, list_id: str, version: int) -> int:
        """Return how many members ``stale`` would yield."""
        return self._count(list_id, self._members.c.version != version)

    def stale(self, list_id: str, version: int, chunk: int) -> Iterator[list[bytes]]:
        """Yield the members that this version of the mirrored table did not have.

        Between two chunks no transaction is open: what was yielded may be removed meanwhile.

        Args:
            list_id: Pinterest's id of the customer list.
            version: A version that was read to its end.
            chunk: The most members to yield at once.
        """
        query = (
            sa.select(self._members.c.digest)
            .where(
                self._members.c.list_number == _number,
                self._members.c.digest > sa.bindparam("last", type_=sa.LargeBinary),
                self._members.c.version != version,
            )
            .order_by(self._members.c.digest)
            .limit(chunk)
        )
        found = [b""]
        while True:
            with self._transaction() as connection:
                self._settle(connection)
                values = {"list_id": list_id, "last": found[-1]}
                found = list(connection.scalars(query, values))
            if not found:
                return
            yield found

    def _count(self, list_id: str, *conditions: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(self._members)
        query = query.where(self._members.c.list_number == _number, *conditions)
        with self._transaction() as connection:
            self._settle(connection)
            return connection.scalar(query, {"list_id": list_id}) or 0

    def _absent(self, connection: sa.Connection, list_id: str, members: set[bytes]) -> set[bytes]:
        self._ask_if_empty(connection, list_id)
        maybe = self._fresh.may_hold(list_id, members)
        absent = members - maybe
        for batch in batches_of(maybe):
            places = connection.scalar(_ABSENT, {"list_id": list_id, **batch.parameters})
            if places and places.count(",") == len(batch.members) - 1:
                absent.update(batch.members)  # no need to read all places
            elif places:
                width = batch.parameters["width"]
                absent.update(
                    batch.members[(int(place) - 1) // width] for place in places.split(",")
                )
        return absent

    def _ask_if_empty(self, connection: sa.Connection, list_id: str) -> None:
        if self._fresh.must_ask(list_id) and not connection.scalar(
            _HOLDS_ANY, {"list_id": list_id}
        ):
            self._fresh.note_empty(list_id)

    def _put(
        self, connection: sa.Connection, list_id: str, batches: Iterable[Batch], version: int
    ) -> None:
        known = self._database.insert(LISTS).on_conflict_do_nothing()
        connection.execute(known, {"customer_list_id": list_id})
        self._ask_if_empty(connection, list_id)
        for batch in batches:
            self._fresh.note_added(list_id, batch.members)
            values = {"list_id": list_id, "version": version, **batch.parameters}
            connection.execute(self._put_recent, values)
        held = connection.scalar(sa.select(sa.func.count()).select_from(RECENT)) or 0
        if held >= _MOST_RECENT:
            self._settle(connection)

    def _settle(self, connection: sa.Connection) -> None:
        if self._reads_only:
            return
        connection.execute(self._put_members)
        connection.execute(sa.delete(RECENT))

    def _taking_over(self, table: sa.Table, rows: sa.Select[Any]) -> sa.Insert:
        """Return the statement that puts rows into a table, over those that it has of them."""
        insert = self._database.insert(table).from_select(list(table.c.keys()), rows)
        return insert.on_conflict_do_update(
            index_elements=["list_number", "digest"], set_={"version": insert.excluded.version}
        )
