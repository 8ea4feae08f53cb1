"""Intervals of places as small pictures: all runs as a line, most of them as a bar, the place as a dot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kpi.report.language import tr

#: The size of a picture and its margin (pixels).
_WIDTH, _HEIGHT, _MARGIN = 220, 18, 6


def interval_bar(row: Mapping[str, Any], places: float) -> str:
    """Return the interval of a row of `Robustness.ranks` as SVG; empty without a place.

    Args:
        row: with rank, low, high, best and worst.
        places: the last place of the scale, which begins with the first.

    >>> row = {"rank": 2.0, "low": 1.0, "high": 3.0, "best": 1.0, "worst": 4.0}
    >>> "<circle" in interval_bar(row, 4)
    True
    """
    if row["rank"] is None or row["low"] is None:
        return ""

    def at(place: float) -> float:
        share = (place - 1) / (places - 1) if places > 1 else 0.0
        return round(_MARGIN + share * (_WIDTH - 2 * _MARGIN), 1)

    middle = _HEIGHT / 2
    low, high = at(row["low"]), at(row["high"])
    words = tr("place {rank:g}, {low:g} to {high:g}", rank=row["rank"], low=row["low"], high=row["high"])
    return (
        f'<svg class="interval" role="img" aria-label="{words}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f'<line x1="{at(row["best"])}" x2="{at(row["worst"])}" y1="{middle}" y2="{middle}" class="all"/>'
        f'<rect x="{low}" y="{middle - 4}" width="{max(high - low, 1):.1f}" height="8" rx="3" class="most"/>'
        f'<circle cx="{at(row["rank"])}" cy="{middle}" r="4" class="own"/></svg>'
    )
