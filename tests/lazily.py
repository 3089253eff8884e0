"""Imports of modules that take long and that few tests need."""

from __future__ import annotations

import importlib
from typing import Any


class ImportedAtFirstUse:
    """Stands for a module, which is imported when one of its public names is read.

    When pytest looks for tests, it reads private names, of which there are none.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self._name), name)
