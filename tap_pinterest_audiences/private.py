"""Files that are for this user alone: tokens, and who was sent where."""

from __future__ import annotations

import logging
import os
import stat
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

_OTHERS_MAY = 0o077


def state_folder() -> Path:
    """Return the folder of this project's files in the user's state folder."""
    return platformdirs.user_state_path("pinterest-audiences")


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
