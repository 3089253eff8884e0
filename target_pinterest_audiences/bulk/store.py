"""Files of a ledger, on this machine or in an object store: whatever ``pyarrow.fs`` reaches.

On this machine files have mode 0600 and folders 0700, and what is written survives a power cut. An
object store shows an object whole or not at all, so there nothing has to be renamed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import filelock
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from pinterest_audiences.errors import PinterestError, SettingsError, redact
from pinterest_audiences.files import make_folder, user_path, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

REPAIR = (
    ", so the ledger is damaged: restore its folder from a backup, or move it away and recover as "
    "from a lost ledger (docs/lost-ledger.md)"
)
"""What to do about a file that is missing or cut short."""


class StoreError(PinterestError):
    """A ledger of files cannot be used. The text has no password, and no member."""


class Store:
    """A folder of files, which are named by their path in it.

    All methods raise ``StoreError`` if the folder cannot be used.

    Attributes:
        where: What to call it when talking to the user; never a password.
        local: The folder on this machine; None if it is elsewhere.
    """

    def __init__(
        self, filesystem: fs.FileSystem, root: str, where: str, url: str | None = None
    ) -> None:
        """Use the folder ``root`` of a file system; nothing is made yet."""
        self.where = where
        self._url = root if url is None else url.rstrip("/")
        self.local = Path(root) if isinstance(filesystem, fs.LocalFileSystem) else None
        self._fs = filesystem
        self._root = root.rstrip("/")

    @classmethod
    def at(cls, url: str) -> Self:
        """Use a folder.

        Args:
            url: ``s3://``, ``gs://``, ``abfss://``, ``file://``, or a path of this machine.

        Raises:
            SettingsError: If it cannot be a path.
        """
        filesystem, root = filesystem_of(url)
        where = redact(url.partition("?")[0].rpartition("@")[2])
        remote = "://" in url and not isinstance(filesystem, fs.LocalFileSystem)
        return cls(filesystem, root, where, _without_password(url) if remote else None)

    def folder(self, name: str) -> Store:
        """Return a folder in here."""
        return Store(self._fs, self._path(name), f"{self.where}/{name}", self.url(name))

    @property
    def name(self) -> str:
        """The last part of the folder's path."""
        return self._root.rpartition("/")[2]

    def url(self, name: str) -> str:
        """Return what another program calls a file: a path, or a URL without a password."""
        return f"{self._url}/{name}"

    def names(self, folder: str) -> list[str]:
        """Return the names of what is directly in a folder, in order; none if it is not there."""
        selector = fs.FileSelector(self._path(folder), allow_not_found=True)
        with self.explained():
            found = self._fs.get_file_info(selector)
        return sorted(info.base_name for info in found if not info.base_name.startswith("."))

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if it is not there."""
        with self.explained():
            if self._fs.get_file_info(self._path(name)).type != fs.FileType.File:
                return None
            with self._fs.open_input_stream(self._path(name)) as file:
                return bytes(file.read())

    def write(self, name: str, content: bytes) -> None:
        """Replace a file: a reader finds the old content or the new one."""
        with self.explained():
            if self.local:
                path = self.local / name
                make_folders(path.parent)
                write_atomically(path, [content.decode()])
                _sync(path.parent)
                return
            with self._fs.open_output_stream(self._path(name)) as file:
                file.write(content)

    def append(self, name: str, line: bytes) -> None:
        """Add a line to a file, which is on the disk when this returns.

        An object store cannot add to an object, so there each line is one of its own.
        """
        if self.local is None:
            self.write(f"{name}.{uuid.uuid4().hex}", line + b"\n")
            return
        with self.explained():
            path = self.local / name
            make_folders(path.parent)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                before = os.fstat(handle).st_size
                if os.write(handle, line + b"\n") <= len(line):
                    os.ftruncate(handle, before)  # so that the next line is not part of this one
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(handle)
            finally:
                os.close(handle)

    def put(self, file: Path, name: str) -> None:
        """Move a file of this machine in here."""
        with self.explained():
            if self.local:
                path = self.local / name
                make_folders(path.parent)
                file.chmod(0o600)
                shutil.move(file, path)
                _sync(path)
                _sync(path.parent)
                return
            fs.copy_files(
                str(file),
                self._path(name),
                source_filesystem=fs.LocalFileSystem(),
                destination_filesystem=self._fs,
            )
            file.unlink()

    @contextlib.contextmanager
    def on_disk(self, names: list[str]) -> Iterator[list[str]]:
        """Copy files to this machine, where they are not there, until the end of the block."""
        if self.local:
            yield [self._path(name) for name in names]
            return
        with tempfile.TemporaryDirectory() as folder, self.explained():
            copies = [str(Path(folder, f"{number:06}")) for number in range(len(names))]
            for name, copy in zip(names, copies, strict=True):
                fs.copy_files(
                    self._path(name),
                    copy,
                    source_filesystem=self._fs,
                    destination_filesystem=fs.LocalFileSystem(),
                )
            yield copies

    @contextlib.contextmanager
    def parquet(self, name: str) -> Iterator[pq.ParquetFile]:
        """Open a file of the ledger, which is damaged if the file is not whole."""
        with self.explained():
            if self._fs.get_file_info(self._path(name)).type != fs.FileType.File:
                msg = f"ledger {self.where}: {name} is missing{REPAIR}"
                raise StoreError(msg)
            file = self._fs.open_input_file(self._path(name))
        with file:
            try:
                yield pq.ParquetFile(file)
            except pa.ArrowException:
                msg = f"ledger {self.where}: {name} cannot be read{REPAIR}"
                raise StoreError(msg) from None

    def count_rows(self, name: str) -> int:
        """Return how many rows a file of the ledger has."""
        with self.parquet(name) as file:
            return int(file.metadata.num_rows)

    def remove(self, name: str) -> None:
        """Remove a file or a folder with all that is in it; it need not be there."""
        with self.explained():
            kind = self._fs.get_file_info(self._path(name)).type
            if kind == fs.FileType.Directory:
                self._fs.delete_dir(self._path(name))
            elif kind == fs.FileType.File:
                self._fs.delete_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Say which ledger cannot be used if anything in the block fails.

        Raises:
            StoreError: If it does.
        """
        try:
            yield
        except filelock.Timeout:  # which is an OSError
            raise
        except (OSError, pa.ArrowException) as error:
            text = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            msg = f"ledger {self.where} cannot be used: {redact(text)}"
            raise StoreError(msg) from None


def filesystem_of(url: str) -> tuple[fs.FileSystem, str]:
    """Return the file system that a URL means, and the path in it.

    Raises:
        StoreError: If there is no such file system.
        SettingsError: If it cannot be a path.
    """
    if not url.strip():
        msg = "Settings: a path is empty: name a folder or a file"
        raise SettingsError(msg)
    if "://" not in url:
        return fs.LocalFileSystem(), str(user_path("path", url).absolute())
    try:
        found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(url)
    except (OSError, pa.ArrowException, ValueError) as error:
        # Behind a question mark are keys and signatures.
        text = redact(str(error).partition("?")[0])
        msg = f"{redact(url.partition('?')[0])} cannot be used: {text}"
        raise StoreError(msg) from None
    return found


def make_folders(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone."""
    if not folder.parent.exists():
        make_folders(folder.parent)
    make_folder(folder)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    # The user of abfss:// is a container.
    return f"{parts.scheme}://{host if ':' in user else parts.netloc}{parts.path}"


def _sync(path: Path) -> None:
    """Make sure that a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
