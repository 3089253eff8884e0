"""Writes the page of the results: docs/benchmarks.md."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from bench.ratios import OWN, ratio
from bench.suites import SUITES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.suites import Suite

_WIDTH = 118
_HEAD = """\
# Benchmarks

`make bench` measures the tap and the target beside others and writes this page, its chart and
[`bench/results.json`](../bench/results.json). `make bench-check` measures this project and the
floors again and fails if a ratio fell by more than a quarter.

![Rows a second of processor time, of each contestant](benchmarks.svg)

Red is this project, grey the floor.

**The floor** is the least code that does the work: no settings, no state, no retries, no checks.
**The template** is what the SDK's template gives, with nothing tuned. "Of the floor" is the time
of the floor, divided by that of the contestant: 0.50 is half as fast. "Of the template" is the
same for the template: 2.00 is twice as fast. Times are processor time (user and system, with all
child processes), because other programs on the machine change it least. At 50 ms they are wall
time, because there the contestants mostly wait.
"""
_TAIL = """\
## How it is measured

- One server of this project ([`bench/server`](../bench/server/answers.py)) answers everybody from
  memory, in a process of its own. It took {server} ms of processor time a page.
- The contestants of a round run one after the other, each as a new process. Then the next round
  begins. The tables show medians. The largest sizes have one round.
- After each run the benchmark compares the ids that were printed, or the hashes and names that
  the server received, with what they must be. It ends if something is missing.
- Peak memory is that of the process and its children, as the kernel counts it.
- "—, about 190 s" is a contestant that was left out for its time. The straight line through its
  smaller sizes leads there.
- 20 rows are one for each ad account: hardly more than the start of the program.

Run `make bench` on a quiet machine; it takes about 20 minutes. `make bench ARGS=--quick` takes
about 4 minutes, has sizes up to 10,000 rows, and writes to `build/bench`. This measures one kind of
work and writes nothing:

```shell
.venv/bin/python -m bench --suite read --most-rows 100000 --only 'this tap'
```

## What the numbers do not say

- Pinterest allows 1,000 reads and 400 writes a minute. Against Pinterest, these limits and the
  latency decide how long most runs take, not the program.
- The contestants do not do the same. The floor and the template keep no state that finds changes,
  do not wait for rate limits as Pinterest asks, and lose or repeat work after a fault.
  [reliability.md](reliability.md) says what this project does then, and
  [airbyte.md](airbyte.md#compared-with-airbytes-pinterest-source) what Airbyte's source does.
- dlt also infers a schema and writes files that are ready to load. The others print lines.
- `pinterest-generated-client` prints the audiences as they are. It has no schema and no messages.
- All audiences have the same short fields. Longer rules cost everybody more.
"""


def page(results: Mapping[str, Any]) -> str:
    """Return the page."""
    parts = [_HEAD, _machine(results)]
    parts += [
        _section(suite, results["suites"][suite.name])
        for suite in SUITES
        if suite.name in results["suites"]
    ]
    parts += [_quiet(results["quiet_runs"]), _TAIL.format(server=results["server_milliseconds"])]
    return "\n".join(parts)


def _machine(results: Mapping[str, Any]) -> str:
    found = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    text = (
        f"Measured on {found['cores']} cores of {found['cpu']} with {found['memory_gibibytes']} "
        f"GiB of memory, {found['os']}, Python {found['python']}, {versions}."
    )
    return textwrap.fill(text, _WIDTH, break_on_hyphens=False) + "\n"


def _section(suite: Suite, table: Mapping[str, Any]) -> str:
    """Return the heading, the text and the table of a kind of work."""
    sizes = [int(rows) for rows in table]
    main = max(rows for rows in sizes if rows <= suite.main)
    others = {"of the floor": suite.floor}
    if suite.template:
        others["of the template"] = suite.template
    at = f" at {main:,}" if main else ""
    head = [
        "rows" if main else "",
        *[f"{rows:,}" if rows else "seconds" for rows in sizes],
        *[title + at for title in others],
        "peak MiB" + at,
    ]
    body = [
        [
            _shown_name(name),
            *[_time(table[str(rows)][name], suite.measure) for rows in sizes],
            *[_number(ratio(cells, name, other, suite.measure)) for other in others.values()],
            _number(cells[name].get("peak_mebibytes"), ".0f"),
        ]
        for cells in [table[str(main)]]
        for name in cells
    ]
    measure = "Seconds" if suite.latency_ms else "Seconds of processor time"
    text = textwrap.fill(suite.text, _WIDTH, break_on_hyphens=False)
    lines = [f"## {suite.title}", "", text, "", f"{measure}:", "", *markdown_table(head, body)]
    if len(sizes) > 1 and not suite.latency_ms:
        lines += ["", "Seconds, and peak memory in MiB:", "", *_memory_table(table, sizes)]
    return "\n".join([*lines, ""])


def _memory_table(table: Mapping[str, Any], sizes: Sequence[int]) -> list[str]:
    """Return the lines of a table of wall time and memory, to show how they grow."""
    head = ["rows", *[f"{rows:,}" for rows in sizes]]
    body = [
        [
            _shown_name(name),
            *[
                f"{cell['seconds']:.2f} s, {cell['peak_mebibytes']:.0f}"
                if "seconds" in cell
                else "—"
                for rows in sizes
                for cell in [table[str(rows)][name]]
            ],
        ]
        for name in table[str(sizes[0])]
    ]
    return markdown_table(head, body)


def _time_and_memory(cell: Mapping[str, float]) -> str:
    if "seconds" not in cell:
        return "—"
    return f"{cell['seconds']:.2f} s, {cell['peak_mebibytes']:.0f}"


def _shown_name(name: str) -> str:
    return f"**{name}**" if name.startswith(OWN) else name


def _time(cell: Mapping[str, float], measure: str) -> str:
    if measure in cell:
        return f"{cell[measure]:.2f}"
    return f"—, about {cell['predicted_seconds']:,.0f} s"


def _number(value: float | None, form: str = ".2f") -> str:
    return "—" if value is None else format(value, form)


def _quiet(runs: Iterable[Mapping[str, Any]]) -> str:
    head = ["ad accounts", "detect_removed", "bytes printed", "bytes of state", "printed, each"]
    body = [
        [
            str(run["accounts"]),
            str(run["detect_removed"]).lower(),
            f"{run['printed_bytes']:,}",
            f"{run['state_bytes']:,}",
            f"{run['printed_bytes'] / run['accounts']:,.0f}",
        ]
        for run in runs
    ]
    text = (
        "What the tap prints in a second run, when nothing has changed: all streams, 20 audiences "
        "and 5 customer lists in each ad account."
    )
    title, table = "## Runs with nothing changed", markdown_table(head, body)
    return "\n".join([title, "", textwrap.fill(text, _WIDTH), "", *table, ""])


def markdown_table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table, with all columns but the first to the right."""
    return [
        "| " + " | ".join(head) + " |",
        "| --- |" + " ---: |" * (len(head) - 1),
        *["| " + " | ".join(row) + " |" for row in body],
    ]
