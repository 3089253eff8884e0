"""The database below the ledger: a SQLite file for this user alone, or PostgreSQL."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from pinterest_audiences.errors import PinterestError, redact
from pinterest_audiences.files import make_folder, restrict_permissions, user_path
from target_pinterest_audiences.ledger.member_ledger import default_path

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_BUSY_SECONDS = 60
_LONGEST_LOCK_TIMEOUT_MS = 2**31 - 1
_LOCK_TIMEOUT_PASSED = "55P03"
"""The SQLSTATE ``lock_not_available``."""

_KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}
"""A wait for a lock must end when the server is lost, and a firewall must not drop it."""

_CACHE_KIB = 16 * 1024
_PAGE_BYTES = 16 * 1024
"""Of a new file: the members of a batch share fewer pages, and a page costs more than a member."""

_PAGES_BETWEEN_CHECKPOINTS = 2500

_HEADER = b"SQLite format 3\0"
_PRAGMAS = (
    f"page_size = {_PAGE_BYTES}",
    "journal_mode = WAL",
    "synchronous = FULL",
    f"cache_size = -{_CACHE_KIB}",
    f"wal_autocheckpoint = {_PAGES_BETWEEN_CHECKPOINTS}",
)
_BEGIN_READING = {"sqlite": "BEGIN", "postgresql": "SET TRANSACTION READ ONLY"}
_BEGIN = {
    # Not at the first write: if another process had written by then, SQLite would not wait.
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": (
        f"SET LOCAL lock_timeout = '{_BUSY_SECONDS}s'; SELECT pg_advisory_xact_lock(7467827833)"
    ),
}


_LOGGING_NAME = "ledger"


def _is_no_row(record: logging.LogRecord) -> bool:
    """Keep statements, whose parameters are hidden; drop rows, which SQLAlchemy always shows."""
    return record.levelno > logging.DEBUG


logging.getLogger(f"sqlalchemy.engine.Engine.{_LOGGING_NAME}").addFilter(_is_no_row)


class LedgerError(PinterestError):
    """The ledger cannot be used, or must not be used so. The text has no password, no member."""


class AdvisoryLock:
    """A lock in PostgreSQL that ends with its connection.

    It belongs to a transaction, not to a session: a pool of connections between here and the
    database may give every transaction another session.
    """

    def __init__(self, database: Database, key: int) -> None:
        """Name it; nothing is asked of the database yet."""
        self._database = database
        self._key = key
        self._connection: sa.Connection | None = None

    def acquire(self, seconds: float) -> bool:
        """Acquire it, and wait so long at most; return whether it is ours.

        Raises:
            LedgerError: If the database cannot be used.
        """
        # 0 would mean no limit. PostgreSQL starts its clock only if it has to wait.
        milliseconds = min(max(round(seconds * 1000), 1), _LONGEST_LOCK_TIMEOUT_MS)
        with self._database.one_line():
            self._connection = self._connection or self._database.engine.connect()
            try:
                self._connection.exec_driver_sql(
                    "SET LOCAL idle_in_transaction_session_timeout = 0;"
                    "SET LOCAL statement_timeout = 0;"
                    f"SET LOCAL lock_timeout = {milliseconds}"
                )
                self._connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (self._key,))
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCK_TIMEOUT_PASSED:
                    raise
                self._connection.rollback()
                return False
        return True

    def release(self) -> None:
        """Give it back."""
        if self._connection:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        self._database.close()


def default_url() -> str:
    """Return the URL of the SQLite file that is the ledger if no setting says so."""
    return sa.URL.create("sqlite", database=str(default_path())).render_as_string()


class Database:
    """Transactions that follow one another, also among processes.

    Attributes:
        where: What to call the database when talking to the user; never a password.
        engine: SQLAlchemy's.
    """

    def __init__(self, url: str | None, *, reads_only: bool = False) -> None:
        """Get ready to connect. A SQLite file is made with mode 0600, a folder for it with 0700.

        Args:
            url: SQLAlchemy's URL; None for an empty database in memory.
            reads_only: Whether nothing is written: no rows, no files, no modes of files.

        Raises:
            LedgerError: If that is not possible.
        """
        parsed = _parsed(url) if url else sa.URL.create("sqlite")
        self._is_there = True
        self._password = str(parsed.password or "")
        if url is None:
            self.where = "memory"
        elif path := sqlite_path(url):
            self.where = str(path)
            if reads_only:
                self._is_there = _has_content(path)
                parsed = parsed.set(database=_uri_to_read(path), query={"uri": "true"})
            else:
                _prepare(path)
                parsed = parsed.set(database=self.where)
        else:
            self.where = f"{parsed.database} at {parsed.host}"
        with self.one_line():
            self.engine = _engine(parsed, reads_only=reads_only)
        self._begin = (_BEGIN_READING if reads_only else _BEGIN)[self.engine.dialect.name]

    def has_table(self, name: str) -> bool:
        """Return whether there is a table; a file that is only read may be missing altogether.

        Raises:
            LedgerError: If the database cannot be used.
        """
        if not self._is_there:
            return False
        with self.transaction() as connection:
            return sa.inspect(connection).has_table(name)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Do all or nothing; wait up to a minute for other processes.

        Raises:
            LedgerError: If the database cannot be used.
        """
        with self.one_line(), self.engine.begin() as connection:
            connection.exec_driver_sql(self._begin)
            yield connection

    def moment(self, connection: sa.Connection) -> object:
        """Return what stays equal as long as nobody but ``connection`` writes.

        None if the database does not tell: PostgreSQL.
        """
        if self.engine.dialect.name != "sqlite":
            return None
        version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        return connection.connection.dbapi_connection, version

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """Return a statement that also knows what to do about rows that are there already."""
        if self.engine.dialect.name == "sqlite":
            return sqlite.insert(table)
        return postgresql.insert(table)

    @contextlib.contextmanager
    def one_line(self) -> Iterator[None]:
        """Report the database's error without the statement that caused it."""
        try:
            yield
        except (SQLAlchemyError, ImportError, OverflowError) as error:
            message = str(getattr(error, "orig", None) or error).partition("\n")[0]
            if self._password:
                message = message.replace(self._password, "[redacted]")
            msg = f"ledger_url: {self.where} cannot be used: {redact(message)}"
            raise LedgerError(msg) from None


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (SQLAlchemyError, ValueError):
        msg = "ledger_url is no URL of a database, such as postgresql+psycopg://user@host/database"
        raise LedgerError(msg) from None
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        msg = "ledger_url begins neither with sqlite:/// nor with postgresql+psycopg://"
        raise LedgerError(msg)
    return parsed


def sqlite_path(url: str) -> Path | None:
    """Return the file of a ledger; None if it is in PostgreSQL.

    Raises:
        LedgerError: If the URL is neither.
        SettingsError: If it cannot be a path.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database.startswith((":", "file:")):
        msg = "ledger_url names no file; write sqlite:/// and its path"
        raise LedgerError(msg)
    return user_path("ledger_url", parsed.database)


def _prepare(path: Path) -> None:
    """Make the file, its folder too, and leave them to this user alone."""
    try:
        make_folder(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with path.open("rb") as file:
            is_ledger = file.read(len(_HEADER)) in {b"", _HEADER}
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                if is_ledger:
                    restrict_permissions(Path(f"{path}{suffix}"))
    except OSError as error:
        msg = f"ledger_url: {path} cannot be made or kept from other users ({error.strerror})"
        raise LedgerError(msg) from None


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        msg = f"ledger_url: {path} cannot be read ({error.strerror})"
        raise LedgerError(msg) from None


def _uri_to_read(path: Path) -> str:
    """Return the URI with which SQLite reads a file and creates nothing beside it.

    A write-ahead log beside the file belongs to a run that writes now or was killed: the file is
    only right together with it. Without one, SQLite would create it, unless it takes the file for
    one that nobody changes.
    """
    log = Path(f"{path}-wal")
    return f"{path.absolute().as_uri()}?" + ("mode=ro" if log.exists() else "immutable=1")


def _engine(url: sa.URL, *, reads_only: bool) -> sa.Engine:
    if not url.database:  # in memory, so there is one connection
        options: dict[str, Any] = {"poolclass": sa.StaticPool}
    elif url.get_backend_name() == "sqlite":
        options = {"connect_args": {"timeout": _BUSY_SECONDS}}
    else:
        # What a transaction reads after it waited for another one must be what that one wrote.
        options = {
            "isolation_level": "READ COMMITTED",
            "pool_pre_ping": True,
            "connect_args": _KEEPALIVES,
        }
    options |= {
        "hide_parameters": True,
        "logging_name": _LOGGING_NAME,
        "pool_logging_name": _LOGGING_NAME,
    }
    engine = sa.create_engine(url, **options)
    # A signal may come while a connection is closed. SQLAlchemy would log that with a traceback.
    pool = type(engine.pool)
    name = f"{pool.__module__}.{pool.__qualname__}.{_LOGGING_NAME}"
    logging.getLogger(name).setLevel(logging.CRITICAL)

    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def set_up(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # else the driver begins transactions of its own
            for pragma in () if reads_only else _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")

    return engine
