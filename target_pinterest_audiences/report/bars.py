"""The bar of a customer list, as SVG inside a page, and as text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from target_pinterest_audiences.members.match_stats import SMALLEST_AUDIENCE

if TYPE_CHECKING:
    from target_pinterest_audiences.report.view import ListRow

_THINNEST = 0.75
"""Per cent of the bar: few people can be seen, too."""

_BLOCKS = 10

_SAMPLES = (
    ('<rect class="known" width="100%" height="100%"/>', "sent, now or before"),
    ('<rect class="matched" y="25%" width="100%" height="50%"/>', "matched by Pinterest"),
    ('<line class="gap" x2="100%" y1="50%" y2="50%"/>', "missing to 100"),
    ('<rect class="refused" width="100%" height="100%"/>', "rejected"),
    ('<line class="need" x1="50%" x2="50%" y2="100%"/>', "100, which Pinterest needs"),
)
LEGEND = "".join(
    (
        '<ul class="legend">',
        *(f'<li><svg aria-hidden="true">{shape}</svg>{name}</li>' for shape, name in _SAMPLES),
        "</ul>\n",
    )
)


def bar(each: ListRow) -> str:
    """Return the bar of a list; all that it shows is in its label, too."""
    size = each.size or 0
    whole = max(each.known + each.refused, size, SMALLEST_AUDIENCE)
    known, matched = _share(each.known, whole), _share(size, whole)
    refused, need = _share(each.refused, whole), 100 * SMALLEST_AUDIENCE / whole
    parts = [
        '<rect class="track" width="100%" height="100%"/>',
        _rect("known", 0, known),
        _rect("refused", min(known, 100 - refused), refused),
        _rect("matched", 0, matched, inner=True),
    ]
    if each.missing and matched < need:
        parts.append(f'<line class="gap" x1="{matched:.2f}%" x2="{need:.2f}%" y1="50%" y2="50%"/>')
    parts.append(f'<line class="need" x1="{need:.2f}%" x2="{need:.2f}%" y1="-10%" y2="110%"/>')
    label = f"{each.known:,} sent, now or before; matched: {each.match}; {each.refused:,} rejected"
    return f'<svg role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>\n'


def text_bar(each: ListRow) -> str:
    """Return how near a list is to the people that Pinterest needs."""
    full = _BLOCKS * (SMALLEST_AUDIENCE - each.missing) // SMALLEST_AUDIENCE
    return "█" * full + "░" * (_BLOCKS - full)


def _share(people: int, whole: int) -> float:
    return max(100 * people / whole, _THINNEST) if people else 0.0


def _rect(kind: str, left: float, width: float, *, inner: bool = False) -> str:
    if not width:
        return ""
    place = 'y="25%" height="50%"' if inner else 'height="100%"'
    return f'<rect class="{kind}" x="{left:.2f}%" width="{width:.2f}%" {place}/>'
