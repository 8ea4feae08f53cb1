"""How far definitions look back: the earlier periods that a result of one period depends on.

Every definition declares it, as lags in periods: 0 is the period itself, 4 the year before where periods are quarters.
`HISTORY` stands for everything up to the period, `WHOLE` for later periods too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kpi.language.model import Among, Path

#: Lags that stand for all periods up to the one in question, and for all periods.
HISTORY, WHOLE = -1, -2

Lags = frozenset[int]

#: The period itself.
NOW: Lags = frozenset({0})

#: Columns of the panel, or names of figures, each with the lags at which it enters.
Reach = Mapping[str, Lags]


@dataclass(frozen=True)
class Comparison:
    """A figure that a definition compares with its own value in an earlier period.

    Attributes:
        name: the measure or indicator.
        place: where the definition names it, or the window.
        over: the window, such as `1y`; None for a fixed period.
    """

    name: str
    place: Path
    over: str | None = None


def back(*periods: int) -> Lags:
    """Return the lags of what compares a period with an earlier one, or with one of several."""
    return frozenset({0, *periods})


def among(peers: Among) -> Lags:
    """Return the lags of what compares an entity with its peers: those of all periods together are in all of them."""
    return frozenset({WHOLE}) if peers == "panel" else NOW


def furthest(lags: Collection[int]) -> int:
    """Return how many periods back the furthest of some lags is, or HISTORY, or WHOLE.

    >>> furthest({0, 4}), furthest({0, HISTORY}), furthest({WHOLE, HISTORY}), furthest(())
    (4, -1, -2, 0)
    """
    return min(lags, default=0) if min(lags, default=0) < 0 else max(lags, default=0)


def composed(outer: Lags, inner: Lags) -> Lags:
    """Return the lags of what looks back from results that look back themselves.

    >>> sorted(composed(frozenset({0, 1}), frozenset({0, 4})))
    [0, 1, 4, 5]
    """
    return frozenset(min(a, b) if min(a, b) < 0 else a + b for a in outer for b in inner)


def seen(lags: Lags, reach: Reach) -> dict[str, Lags]:
    """Return what something that looks back so far at a result sees of what that depends on."""
    return {name: composed(lags, inner) for name, inner in reach.items()}


def joined(*reaches: Reach) -> dict[str, Lags]:
    """Return what several results depend on together."""
    found: dict[str, Lags] = {}
    for reach in reaches:
        for name, lags in reach.items():
            found[name] = found.get(name, frozenset()) | lags
    return found
