"""Starts the programs quickly. Imports nothing large."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_OBJECTS_BETWEEN_SEARCHES = 10_000
_ONLY_CALLED = ("joblib", "upath")
"""What the SDK imports, but only calls: for batch files, and to empty several sinks at a time."""


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
        with _imported_when_called(_ONLY_CALLED):
            importlib.import_module("singer_sdk")
        yield
    finally:
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES)
        gc.enable()


class _Stub(ModuleType):
    """Stands for a module whose functions and classes are only called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return what imports the module when it is called, and calls what has that name there."""
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            return getattr(importlib.import_module(self.__name__), name)(*args, **kwargs)

        return call


@contextlib.contextmanager
def _imported_when_called(names: Iterable[str]) -> Iterator[None]:
    """Let what is imported meanwhile have stubs of some modules; anybody later gets the modules."""
    stubs = {name: _Stub(name) for name in names if name not in sys.modules}
    sys.modules.update(stubs)
    try:
        yield
    finally:
        for name in stubs:
            del sys.modules[name]
