"""Hashes lines of text in a bare loop, and sends nothing."""

from __future__ import annotations

import hashlib
import sys


def main() -> None:
    """Hash all lines."""
    for line in sys.stdin:
        hashlib.sha256(line.strip().lower().encode()).hexdigest()


if __name__ == "__main__":
    main()
