"""The real parts that the demo runs on: PostgreSQL, the Pinterest emulator and Meltano."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

from requests import Response, Session

from demo.postgres import LOOPBACK, Postgres, running_postgres
from demo.processes import Part, PartError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Emulator",
    "Meltano",
    "PartError",
    "Postgres",
    "running_emulator",
    "running_postgres",
]

BIN = Path(sys.executable).parent
REQUEST_SECONDS = 10.0


@dataclass(frozen=True)
class Emulator:
    """A running Pinterest emulator."""

    url: str

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests since the last `clear`."""
        answered: list[dict[str, Any]] = self._call("GET").json()["requests"]
        return answered

    def clear(self) -> None:
        """Forget the requests so far."""
        self._call("DELETE")

    def _call(self, method: str) -> Response:
        log_url = self.url.removesuffix("/v5") + "/_emulator/requests"
        with Session() as session:
            session.trust_env = False  # no proxy to this machine
            response = session.request(method, log_url, timeout=REQUEST_SECONDS)
        response.raise_for_status()
        return response


@contextmanager
def running_emulator() -> Iterator[Emulator]:
    """Run the Pinterest emulator with its demo seed on a free port.

    Yields:
        The emulator.

    Raises:
        PartError: If it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="demo-emulator-") as folder:
        command = [str(BIN / "pinterest-emulator"), "--port", "0", "--seed", "demo"]
        part = Part.start(command, Path(folder) / "emulator.log")
        try:
            yield Emulator(part.wait_for(lambda: _announced_url(part.log())))
        finally:
            part.stop()


def _announced_url(log: str) -> str | None:
    announcement = "pinterest-emulator listening on "
    for line in log.splitlines(keepends=True):
        if line.startswith(announcement) and line.endswith("\n"):
            return line.removeprefix(announcement).strip()
    return None


class Meltano:
    """A Meltano project that runs with only the given environment and its own state."""

    def __init__(self, project: Path, environment: Mapping[str, str]) -> None:
        """Prepare to run a project.

        Args:
            project: The folder of `meltano.yml`.
            environment: What to add to the environment, such as the settings of the plugins.
        """
        self._project = project
        self._folder = Path(tempfile.mkdtemp(prefix="demo-meltano-"))
        system = _own_system_folder(project, self._folder)
        self._environment = {
            **_own_environment(),
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
            "MELTANO_CLI_LOG_FORMAT": "uncolored",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "MELTANO_SYS_DIR_ROOT": str(system),
            "NO_COLOR": "1",
            "NO_PROXY": LOOPBACK,
            "no_proxy": LOOPBACK,
            **environment,
        }
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def run(self, *arguments: str) -> CompletedProcess[str]:
        """Call `meltano run`, and wait for it.

        Args:
            *arguments: Its arguments, such as the name of a job.

        Returns:
            The ended process, whose `stdout` is the whole log.

        Raises:
            PartError: If it fails.
        """
        # No .env, because its values for the real warehouse would override `environment`.
        command = [str(BIN / "meltano"), f"--env-file={os.devnull}", "run", *arguments]
        part = Part.start(
            command, self._folder / "meltano.log", cwd=self._project, env=self._environment
        )
        try:
            code = part.wait()
        finally:
            part.stop()
        if code:
            raise PartError(part, f"run {' '.join(arguments)} failed with exit code {code}")
        return CompletedProcess(command, code, part.log())


def _own_system_folder(project: Path, folder: Path) -> Path:
    """Make a system folder with the project's plugins, and its own state and catalogs.

    Two runs in one system folder delete each other's catalogs.
    """
    system = folder / "system"
    system.mkdir()
    for plugins in ("extractors", "loaders"):
        (system / plugins).symlink_to(project / ".meltano" / plugins)
    return system


def _own_environment() -> dict[str, str]:
    """Remove variables that would configure Meltano, the plugins or libpq."""
    strays = ("MELTANO_", "PG", "TAP_", "TARGET_")
    return {name: value for name, value in os.environ.items() if not name.startswith(strays)}
