"""Lets a forked program go on at once where it would wait before it tries again."""

from __future__ import annotations

import time

WITHOUT_WAITS = (__name__, "skip_waits", None)
"""What `Programs.prepare` takes."""


def skip_waits(_: object) -> None:
    time.sleep = lambda _seconds: None
