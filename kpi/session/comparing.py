"""The difference of two scorecards, for programs that hold both."""

from __future__ import annotations

from collections.abc import Mapping

from kpi.analysis.diff import Difference, diff, side
from kpi.engine.scorecard import Scorecard, as_scorecard


def difference(
    before: Scorecard, after: Scorecard, *, periods: Mapping[str, str] | None = None,
    names: tuple[str, str] = ("before", "after"),
) -> Difference:  # fmt: skip
    """Return what changed between two scorecards: totals, indicators, figures and definitions.

    Args:
        before: the old result.
        after: the new one.
        periods: which period of the new one is compared with which of the old one (new label to old label); left out:
            every period that both have with itself.
        names: what the two are called.

    Returns:
        The difference, whose frames `totals`, `indicators`, `figures` and `definitions` are Polars frames; `kpi.write`
        writes it.

    Raises:
        DataError: K551, when there is no period to compare; K556, for what is no scorecard, such as a path.
    """
    return diff(side(as_scorecard(before), names[0]), side(as_scorecard(after), names[1]), periods=periods)
