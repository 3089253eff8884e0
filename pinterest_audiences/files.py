"""Files that are for this user alone: tokens, and who was sent where."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from pinterest_audiences.errors import SettingsError, redact

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)

_OTHERS_MAY = 0o077


def state_folder() -> Path:
    """Return the folder of this project's files in the user's state folder."""
    return platformdirs.user_state_path("pinterest-audiences")


def user_path(setting: str, text: str) -> Path:
    """Return the path that a setting names, with ``~`` expanded to the home folder of a user.

    Args:
        setting: The name of the setting.
        text: Its value.

    Raises:
        SettingsError: If the value cannot be a path.
    """
    if "\0" in text:
        msg = f"Settings: {setting} {redact(text)!r} holds a NUL character, so it is no path"
        raise SettingsError(msg)
    try:
        return Path(text).expanduser()
    except RuntimeError:
        msg = (
            f"Settings: {setting} {redact(text)!r} names the home folder of a user that this "
            "machine does not know: begin it with ~/ for your own home folder, or with /"
        )
        raise SettingsError(msg) from None


def make_folder(folder: Path) -> None:
    """Make a folder of mode 0700, or close the one in the user's state folder to others.

    Any other folder that is there already may have been shared on purpose.

    Raises:
        OSError: If that is not possible.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder == state_folder():
        restrict_permissions(folder)


def restrict_permissions(path: Path) -> None:
    """Take from other users what they may do with a file or a folder, and warn of it.

    Raises:
        OSError: If it is not there, or belongs to somebody else.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & _OTHERS_MAY:
        path.chmod(mode & ~_OTHERS_MAY)
        logger.warning("%s was open to other users (mode %o); now it is not", path, mode)


def temporary_of(path: Path) -> Path:
    """Return the file that `write_atomically` writes before it renames it to ``path``."""
    return path.parent / f".{path.name}.tmp"


def write_atomically(path: Path, lines: Iterable[str], *, public: bool = False) -> None:
    """Replace a file: a reader finds the old one or the new one, never half of one.

    Only this user may read the temporary file. Of two processes that write at the same time, one
    waits for the other. A process that is killed leaves the temporary file to the next write.

    Args:
        path: The file.
        lines: Its new content, line ends included.
        public: Whether others may read the complete file, if the umask lets them.

    Raises:
        OSError: If that is not possible; then the old file is still there.
    """
    temporary = temporary_of(path)
    try:
        with open(_open_locked(temporary), "w", encoding="utf-8") as file:
            file.truncate()
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
            if public:
                path.chmod(0o666 & ~_umask())
    except BaseException:
        # A signal may come anywhere, even between the creation of the file and its lock.
        _remove_unlocked(temporary)
        raise


def _open_locked(path: Path) -> int:
    """Open a file for this process alone, instead of a link or a file that somebody put there."""
    while True:
        if path.is_symlink():
            path.unlink()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        if sys.platform == "win32":
            return handle
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            found = os.fstat(handle)
            # While this process waited, the other one may have renamed the file or removed it.
            is_there = path.exists() and os.path.samestat(found, path.stat())
            if is_there and found.st_uid == os.geteuid() and found.st_nlink == 1:
                os.fchmod(handle, 0o600)
                return handle
            if is_there:
                path.unlink()
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _remove_unlocked(path: Path) -> None:
    """Remove a temporary file, unless another process writes it."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            path.unlink()
            return
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _umask() -> int:
    """Return the umask, which can only be read by setting it."""
    mask = os.umask(_OTHERS_MAY)
    os.umask(mask)
    return mask
