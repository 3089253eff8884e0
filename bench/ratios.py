"""What part of the floor's speed this project reaches, and whether that part fell. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ALLOWED_FALL = 0.25
OWN = "this "
"""How the names of this project's contestants begin."""


def ratio(
    cells: Mapping[str, Any], name: str, other: str, measure: str = "cpu_seconds"
) -> float | None:
    """Return what ``other`` took, divided by what ``name`` took; None without both."""
    mine, theirs = (cells.get(each, {}).get(measure) for each in (name, other))
    return theirs / mine if mine and theirs else None


def own_ratios(
    measured: Mapping[str, Mapping[str, Any]], floors: Mapping[str, str]
) -> dict[str, float]:
    """Return the ratio of each of this project's contestants to the floor of its suite.

    Args:
        measured: The medians by suite and contestant.
        floors: The name of the floor by suite.
    """
    return {
        f"{suite}: {name}": found
        for suite, cells in measured.items()
        for name in cells
        if name.startswith(OWN) and (found := ratio(cells, name, floors[suite])) is not None
    }


def falls(before: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """Return a line for each ratio that fell by more than a quarter, or is not there any more."""
    lines = []
    for name, old in before.items():
        new = now.get(name)
        if new is None:
            lines.append(f"{name}: was {old:.2f} of the floor, and is not measured any more")
        elif new < old * (1 - ALLOWED_FALL):
            lines.append(f"{name}: fell from {old:.2f} to {new:.2f} of the floor")
    return lines
