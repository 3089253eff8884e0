"""Files that are for this user alone: tokens, and who was sent where."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from tap_pinterest_audiences.errors import SettingsError, redact

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
        close_to_others(folder)


def close_to_others(path: Path) -> None:
    """Take from other users what they may do with a file or a folder, and warn of it.

    Raises:
        OSError: If it is not there, or belongs to somebody else.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & _OTHERS_MAY:
        path.chmod(mode & ~_OTHERS_MAY)
        logger.warning("%s was open to other users (mode %o); now it is not", path, mode)


def temporary_of(path: Path) -> Path:
    """Return the file that `write_atomically` writes before it renames it to ``path``.

    Its name is always the same, so whoever holds the lock of ``path`` knows that a temporary file
    that is there is what a killed process left.
    """
    return path.parent / f".{path.name}.tmp"


def write_atomically(path: Path, lines: Iterable[str], mode: int = 0o600) -> None:
    """Replace a file: a reader finds the old one or the new one, never half of one.

    A process that is killed meanwhile leaves the temporary file. The next write removes it.

    Args:
        path: The file. If several processes write it, the caller holds its lock.
        lines: Its new content, line ends included.
        mode: What the user and others may do with it, apart from what the umask forbids.

    Raises:
        OSError: If that is not possible; then the old file is still there.
    """
    temporary = temporary_of(path)
    temporary.unlink(missing_ok=True)
    try:
        # O_EXCL: not into a file, and not through a link, that somebody else put there.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
