"""Starts the programs quickly. Imports nothing large."""

from __future__ import annotations

import contextlib
import gc
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OBJECTS_BETWEEN_SEARCHES = 10_000


def only_prints_version(name: str) -> bool:
    """Print the version of a plugin, as the SDK does, if the command line asks for nothing else.

    Args:
        name: The plugin's name.

    Returns:
        True if it did; importing the plugin takes ten times as long.
    """
    if sys.argv[1:] != ["--version"]:
        return False
    own, sdk = version("pinterest-audiences"), version("singer-sdk")
    print(f"{name} v{own}, Meltano SDK v{sdk}")  # noqa: T201  (for a person)
    return True


@contextlib.contextmanager
def lasting_imports() -> Iterator[None]:
    """Import modules that stay until the program ends, so that nobody looks for garbage in them.

    A quarter of the start is the search for garbage, during the imports and at the end. Later, a
    page of records makes hundreds of objects and no garbage, so the search is less frequent.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES)
        gc.enable()
