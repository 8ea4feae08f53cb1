"""Cut points from the scores themselves: quantiles, and the clusters that hold together best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from statistics import NormalDist
from typing import Literal

import polars as pl

Interpolation = Literal["linear", "lower", "higher", "midpoint", "nearest"]


def quantiles(scores: pl.Series, percents: Sequence[float], interpolation: Interpolation = "linear") -> list[float]:
    """Return the quantiles of scores at some percents, in their order (linear: Hyndman and Fan type 7).

    >>> quantiles(pl.Series([1.0, 2.0, 3.0, 4.0, 5.0]), [25, 50])
    [2.0, 3.0]
    """
    cuts = (scores.quantile(percent / 100, interpolation) for percent in percents)
    return [cut for cut in cuts if cut is not None]


def breaks(scores: pl.Series, number: int) -> list[float]:
    """Return the least score of each cluster but the lowest, for the clusters with the least squares within them.

    An exact optimum (Fisher 1958, the natural breaks of Jenks), by dynamic programming with divide and conquer over
    the distinct scores. With fewer distinct scores than clusters each is a cluster of its own.

    >>> breaks(pl.Series([1.0, 2.0, 10.0, 11.0, 50.0]), 3)
    [10.0, 50.0]
    """
    counted = scores.value_counts(sort=False, name="times").sort(scores.name)
    values: list[float] = counted[scores.name].to_list()
    times: list[int] = counted["times"].to_list()
    number = min(number, len(values))
    if number < 2:
        return []
    middle = values[len(values) // 2]
    counts = [0, *accumulate(times)]
    sums = [0.0, *accumulate(t * (v - middle) for v, t in zip(values, times, strict=True))]
    squares = [0.0, *accumulate(t * (v - middle) ** 2 for v, t in zip(values, times, strict=True))]

    def within(start: int, end: int) -> float:
        """Return the sum of squares of the distinct scores start ... end - 1 around their mean."""
        total = sums[end] - sums[start]
        return max(squares[end] - squares[start] - total * total / (counts[end] - counts[start]), 0.0)

    best = [0.0] + [within(0, end) for end in range(1, len(values) + 1)]
    splits: list[list[int]] = []
    for clusters in range(2, number + 1):
        best, split = _next(best, within, clusters, len(values))
        splits.append(split)
    starts, end = [], len(values)
    for split in reversed(splits):
        end = split[end]
        starts.append(end)
    return [values[start] for start in reversed(starts)]


def _next(
    best: list[float], within: Callable[[int, int], float], clusters: int, size: int
) -> tuple[list[float], list[int]]:
    """Return the least sum of squares of the first `end` scores in one cluster more, and where its last cluster starts.

    Where the last cluster starts never falls as `end` rises, so the middle one halves the search of the others.
    """
    result, split = [float("inf")] * (size + 1), [0] * (size + 1)
    waiting = [(clusters, size, clusters - 1, size - 1)]
    while waiting:
        low, high, first, last = waiting.pop()
        if low > high:
            continue
        end = (low + high) // 2
        result[end], split[end] = min((best[s] + within(s, end), s) for s in range(first, min(last, end - 1) + 1))
        waiting += [(low, end - 1, first, split[end]), (end + 1, high, split[end], last)]
    return result, split


def probits(scores: pl.Series) -> list[tuple[float, float]]:
    """Return the distinct scores, rising, each with its probit.

    Of n scores those of cumulative rank R (ties having their mean) have the cumulative frequency R/n, the greatest
    1 - 1/(4n); the probit is 5 and the standard normal deviate of that.

    >>> [(score, round(probit, 3)) for score, probit in probits(pl.Series([1.0, 1.0, 2.0, 9.0]))]
    [(1.0, 4.681), (2.0, 5.674), (9.0, 6.534)]
    """
    number, below, rows = len(scores), 0, []
    for score, times in scores.value_counts(sort=False, name="times").sort(scores.name).rows():
        rank = below + (times + 1) / 2
        below += times
        part = rank / number if below < number else 1 - 1 / (4 * number)
        rows.append((float(score), 5 + NormalDist().inv_cdf(part)))
    return rows


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return intercept and slope of the least-squares line of the first coordinates on the second, which differ.

    >>> line([(1.0, 4.0), (3.0, 5.0), (5.0, 6.0)])
    (-7.0, 2.0)
    """
    across = math.fsum(x for _, x in points) / len(points)
    up = math.fsum(y for y, _ in points) / len(points)
    slope = math.fsum((x - across) * (y - up) for y, x in points) / math.fsum((x - across) ** 2 for _, x in points)
    return up - slope * across, slope


def guarded(cuts: Sequence[float], before: Sequence[float] | None, guardrail: float | None) -> list[float]:
    """Return cut points that moved at most `guardrail` points since the ones before.

    >>> guarded([70, 95], [80, 90], 5)
    [75, 95]
    """
    if guardrail is None or before is None or len(before) != len(cuts):
        return list(cuts)
    return [min(max(cut, old - guardrail), old + guardrail) for cut, old in zip(cuts, before, strict=True)]
