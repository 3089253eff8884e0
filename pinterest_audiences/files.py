"""Files that are for this user alone: tokens, and who was sent where."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from pinterest_audiences.errors import SettingsError, redact

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


def temporary_of(path: Path, own: str = "") -> Path:
    """Return the file that `write_atomically` writes before it renames it to ``path``.

    Without ``own`` its name is always the same, so whoever holds the lock of ``path`` knows that a
    temporary file that is there is what a killed process left.
    """
    return path.parent / f".{path.name}{own}.tmp"


def write_atomically(path: Path, lines: Iterable[str], *, public: bool = False) -> None:
    """Replace a file: a reader finds the old one or the new one, never half of one.

    A process that is killed meanwhile leaves the temporary file, which only this user may read.
    The next write removes that of a file with a lock.

    Args:
        path: The file. Unless it is public, the caller holds its lock if several processes write
            it.
        lines: Its new content, line ends included.
        public: Whether others may read the file, if the umask lets them, and no lock guards it: two
            processes that write it at the same time then have a temporary file each.

    Raises:
        OSError: If that is not possible; then the old file is still there.
    """
    temporary = temporary_of(path, f".{secrets.token_hex(8)}" if public else "")
    temporary.unlink(missing_ok=True)
    try:
        # O_EXCL: not into a file, and not through a link, that somebody else put there.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        if public:
            temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the umask, which can only be read by setting it."""
    mask = os.umask(_OTHERS_MAY)
    os.umask(mask)
    return mask
