"""Lookback of definitions: the earlier periods on which the result of a period depends.

Every definition declares it, as lags in periods: 0 is the period itself, 4 the previous year if periods are quarters.
`HISTORY` is everything up to the period, `WHOLE` later periods too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from kpi.language.model import Among, Path

#: Lags that stand for all periods up to the one in question, and for all periods.
HISTORY, WHOLE = -1, -2

Lags = frozenset[int]

#: The period itself.
NOW: Lags = frozenset({0})

#: Columns of the panel, or names of figures, each with the lags at which it enters.
Reach = Mapping[str, Lags]


class Comparison(Struct, frozen=True):
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
    """Return the lags of a comparison with an earlier period, or with one of several."""
    return frozenset({0, *periods})


def among(peers: Among) -> Lags:
    """Return the lags of a comparison with peers: peers of all periods together include all of them."""
    return frozenset({WHOLE}) if peers == "panel" else NOW


def furthest(lags: Collection[int]) -> int:
    """Return the largest of some lags, or HISTORY, or WHOLE.

    >>> furthest({0, 4}), furthest({0, HISTORY}), furthest({WHOLE, HISTORY}), furthest(())
    (4, -1, -2, 0)
    """
    return min(lags, default=0) if min(lags, default=0) < 0 else max(lags, default=0)


def composed(outer: Lags, inner: Lags) -> Lags:
    """Return the lags of a computation on results that look back themselves.

    >>> sorted(composed(frozenset({0, 1}), frozenset({0, 4})))
    [0, 1, 4, 5]
    """
    return frozenset(min(a, b) if min(a, b) < 0 else a + b for a in outer for b in inner)


def seen(lags: Lags, reach: Reach) -> dict[str, Lags]:
    """Return the dependencies of a computation that looks back by some lags at a result."""
    return {name: composed(lags, inner) for name, inner in reach.items()}


def joined(*reaches: Reach) -> dict[str, Lags]:
    """Return the union of the dependencies of several results."""
    results: dict[str, Lags] = {}
    for reach in reaches:
        for name, lags in reach.items():
            results[name] = results.get(name, frozenset()) | lags
    return results
