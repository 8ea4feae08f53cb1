"""Clusters of scores by k-means from given starting points, in one dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import polars as pl


def group_medians(scores: pl.Series, number: int) -> list[float] | None:
    """Return the medians of `number` groups of equal size, the lowest first; None where ties leave a group empty.

    The group of a score of rank r among n, ties having their mean rank, is `⌊r k/(n + 1)⌋`.

    Source: the groups of PROC RANK, with which CMS finds the starting points of its hospital stars.

    >>> group_medians(pl.Series([1.0, 2.0, 3.0, 10.0, 11.0, 12.0]), 3)
    [1.5, 6.5, 11.5]
    """
    from statistics import median

    ranks, count = scores.rank("average").to_list(), len(scores)
    groups: list[list[float]] = [[] for _ in range(number)]
    for score, rank in zip(scores.to_list(), ranks, strict=True):
        groups[int(rank * number / (count + 1))].append(score)
    return [median(group) for group in groups] if all(groups) else None


def cuts(scores: pl.Series, starts: Sequence[float]) -> list[float] | None:
    """Return the least score of each cluster but the lowest, as k-means ends from some starting points.

    Every score goes to the nearest centre (from two as near, the lower), every centre to the mean of its scores, until
    nothing moves. None where there are fewer distinct scores than clusters, or a cluster loses all its scores.

    Source: Lloyd (1982); MacQueen (1967).

    >>> cuts(pl.Series([0.0, 40.0, 45.0, 100.0]), [0, 40]), cuts(pl.Series([0.0, 40.0, 45.0, 100.0]), [0, 100])
    ([40.0], [100.0])
    >>> cuts(pl.Series([1.0, 1.0]), [1, 2]) is None
    True
    """
    values = sorted(scores.to_list())
    if len(set(values)) < len(starts):
        return None
    centres, before = sorted(map(float, starts)), [-1]
    while True:
        middles = [(low + high) / 2 for low, high in pairwise(centres)]
        ends = [sum(value <= middle for value in values) for middle in middles]
        bounds = [0, *ends, len(values)]
        if any(high <= low for low, high in pairwise(bounds)):
            return None
        if ends == before:
            return [values[end] for end in ends]
        before = ends
        clusters = [values[low:high] for low, high in pairwise(bounds)]
        centres = [math.fsum(cluster) / len(cluster) for cluster in clusters]
