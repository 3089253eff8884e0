"""Runs a program with a terminal as its standard error."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

from programs import BIN, environment

if TYPE_CHECKING:
    from programs import Programs


def on_terminal(programs: Programs, name: str, *options: str, **env: str) -> tuple[int, bytes]:
    """Return the exit code and what a terminal of 120 columns received.

    Standard output goes to the file ``out`` in the folder of ``programs``.
    """
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    with (programs.folder / "out").open("w") as stdout:
        process = subprocess.Popen(
            [BIN / name, *options],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={**environment(programs.folder), **env},
        )
        os.close(stderr)
        shown = b""
        try:
            while chunk := os.read(terminal, 65536):
                shown += chunk
        except OSError:  # the other end is closed
            pass
        os.close(terminal)
        return process.wait(30), shown
