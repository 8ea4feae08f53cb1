"""Confidence limits of proportions and counts, as expressions over columns.

`z` is the quantile of the standard normal distribution that belongs to a limit: ±1.96 for the two of 95 percent.
"""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

import polars as pl

#: From how many events on Byar's limits are taken in place of the exact ones.
_MANY = 10


def quantile(level: float) -> float:
    """Return the z of the upper limit of a level in percent.

    >>> round(quantile(95), 6), round(quantile(99.8), 6)
    (1.959964, 3.090232)
    """
    return NormalDist().inv_cdf(0.5 + level / 200)


def wilson(events: pl.Expr, cases: pl.Expr, z: float) -> pl.Expr:
    """Return Wilson's limit of a proportion at z; null unless 0 <= events <= cases and there are cases.

    `(p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n)`.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference.

    >>> frame = pl.DataFrame({"events": [81.0], "cases": [263.0]})
    >>> [round(frame.select(wilson(pl.col("events"), pl.col("cases"), z)).item(), 4) for z in (-1.96, 1.96)]
    [0.2553, 0.3662]
    """
    share, square = events / cases, z * z / cases
    root = (share * (1 - share) / cases + square / (4 * cases)).sqrt()
    limit = ((share + square / 2 + z * root) / (1 + square)).clip(0, 1)
    # None and all are exactly so, whatever the last bits of the root are.
    whole = (events == cases) if z > 0 else (events == 0)
    limit = pl.when(whole).then(1.0 if z > 0 else 0.0).otherwise(limit)
    return pl.when((events >= 0) & (events <= cases) & (cases > 0)).then(limit)


def byar(events: pl.Expr, z: float) -> pl.Expr:
    """Return the limit of a number of events at z: Byar's from ten events on, the exact one of a Poisson count below.

    `O (1 - 1/9O + z/3√O)³`, with O + 1 in place of O above. Fewer than ten events that are no whole number, such as
    weighted ones, have Byar's limit too; a negative number has none.

    Source: Breslow and Day (1987), Statistical Methods in Cancer Research, volume II; the exact limits of few events as
    in the methods of Public Health England.

    >>> frame = pl.DataFrame({"events": [65.0, 0.0]})
    >>> [frame.select(byar(pl.col("events"), z).round(2)).to_series().to_list() for z in (-1.959964, 1.959964)]
    [[50.16, 0.0], [82.85, 3.69]]
    """
    number = events + 1 if z > 0 else events
    limit = number * (1 - 1 / (9 * number) + z / (3 * number.sqrt())).clip(0) ** 3
    approximated = pl.when(number > 0).then(limit).when(events >= 0).then(0.0)
    few = [exact(place, z) for place in range(_MANY)]
    listed = events.replace_strict([float(place) for place in range(_MANY)], few, default=None, return_dtype=pl.Float64)
    return pl.when(events < _MANY).then(pl.coalesce(listed, approximated)).otherwise(approximated)


@functools.cache
def exact(events: int, z: float) -> float:
    """Return the exact limit at z of a Poisson count of few events.

    The mean under which so many events or more (fewer, for an upper limit) have the probability of the tail.

    >>> round(exact(1, -1.959964), 4), round(exact(1, 1.959964), 4)
    (0.0253, 5.5716)
    """
    if z <= 0 and events == 0:
        return 0.0
    tail = 1 - NormalDist().cdf(abs(z))
    low, high = 0.0, 10.0 * (events + 10)
    for _ in range(200):
        mean = (low + high) / 2
        up_to = events if z > 0 else events - 1
        below = math.exp(-mean) * math.fsum(mean**k / math.factorial(k) for k in range(up_to + 1))
        # The mean rises until as many events as there were are usual (below), or as few are rare (above).
        if (1 - below < tail) if z <= 0 else (below > tail):
            low = mean
        else:
            high = mean
    return (low + high) / 2
