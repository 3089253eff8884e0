"""What a program around a plugin may replace in the plugin's connection with Pinterest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pinterest_audiences.api.token_store import AnyTokenStore


def _ignore(_seconds: float) -> None:
    """Do nothing about a wait."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Replacements for parts of a connection.

    Attributes:
        token_store: Keeps renewed tokens instead of the file of the setting ``token_path``.
        on_rate_limit: Is called before each wait for a rate limit, with its seconds, in any thread.
    """

    token_store: AnyTokenStore | None = None
    on_rate_limit: Callable[[float], None] = _ignore


NO_HOOKS = Hooks()
