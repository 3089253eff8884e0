"""Draws the chart of the results. It runs in the environment of matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "benchmarks", "font.size": 10})
GREY = "#7d8590"
"""Text, readable on white and on black."""
OWN, FLOOR, OTHER = "#e60023", "#9aa4af", "#4c8eda"
HASHES = "hashlib alone"
"""Not in the chart: it does so little that it would make all other bars short."""
PANELS = (
    ("read", 100_000, "Read audiences"),
    ("members", 100_000, "Fill a customer list"),
    ("create", 10_000, "Create audiences"),
    ("unchanged", 100_000, "Send unchanged audiences"),
)


def rates(results: dict[str, Any], suite: str, most_rows: int) -> dict[str, float]:
    """Return the rows a second of processor time by contestant, the fastest first."""
    table = results["suites"][suite]
    rows = max(size for size in map(int, table) if size <= most_rows)
    found = {
        name: rows / cell["cpu_seconds"]
        for name, cell in table[str(rows)].items()
        if "cpu_seconds" in cell and not name.startswith(HASHES)
    }
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def colour(name: str) -> str:
    """Return the colour of a contestant."""
    if name.startswith("this "):
        return OWN
    return FLOOR if name.startswith("floor") else OTHER


def main(results: Path, out: Path) -> None:
    """Draw."""
    panels = [
        (title, rates(json.loads(results.read_text()), suite, rows))
        for suite, rows, title in PANELS
    ]
    heights = [len(found) for _, found in panels]
    figure = Figure(figsize=(9, 0.26 * sum(heights) + 0.75 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, height_ratios=[height + 1 for height in heights])
    for axis, (title, found) in zip(axes, panels, strict=True):
        bars = axis.barh([*found], [*found.values()], color=[*map(colour, found)], height=0.7)
        axis.bar_label(bars, [f"{rate:,.0f}" for rate in found.values()], padding=4, color=GREY)
        axis.set_title(f"{title}: rows a second of processor time", loc="left", color=GREY)
        axis.invert_yaxis()
        axis.margins(x=0.12)
        axis.set_xticks([])
        axis.tick_params(colors=GREY, length=0)
        axis.spines[:].set_visible(False)
        axis.patch.set_alpha(0)
    figure.savefig(out, transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
