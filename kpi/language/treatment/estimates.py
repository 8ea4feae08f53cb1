"""Estimates of missing values from other indicators of the same entity and of its peers: nearest neighbours.

Regression is `kpi.values.linear.regressed`. The rows of a group may come in any order: sums are rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from kpi.values import linear
from kpi.values.rounding import HAIR


def from_neighbours(target: pl.Series, predictors: Sequence[pl.Series], number: int) -> pl.Series:
    """Return the mean of the nearest entities for each entity without a value, null where there are too few.

    The distance of two entities is `√(m/m' Σ (z_j - z'_j)²)` over the m' of m predictors that both have, z in standard
    deviations of the group. Entities as near as the last of the `number` nearest count, too, so that no order decides.
    Null where fewer than `number` entities with a value have a distance.

    Source: Troyanskaya et al. (2001); the distance over what both have: Dixon (1979).

    >>> target, predictor = pl.Series([10.0, 20.0, None, 90.0]), pl.Series([1.0, 2.0, 1.4, 9.0])
    >>> from_neighbours(target, [predictor], 2).to_list()
    [None, None, 15.0, None]
    """
    import numpy as np

    scaled = [column for predictor in predictors if (column := _scaled(predictor)) is not None]
    estimates: list[float | None] = [None] * len(target)
    known = np.flatnonzero(target.is_not_null().to_numpy())
    if not scaled or len(known) < number:
        return pl.Series(estimates, dtype=pl.Float64)
    table = np.column_stack(scaled)
    values = target.to_list()
    for place in np.flatnonzero(target.is_null().to_numpy()):
        gaps = (table[known] - table[place]) ** 2
        both = (~np.isnan(gaps)).sum(axis=1)
        squares = np.array([math.fsum(row[~np.isnan(row)]) for row in gaps])
        near = both > 0
        if near.sum() < number:
            continue
        distances = np.sqrt(squares[near] / both[near] * table.shape[1])
        furthest = np.partition(distances, number - 1)[number - 1]
        chosen = known[near][distances <= furthest * (1 + HAIR) + HAIR]
        estimates[place] = math.fsum(values[neighbour] for neighbour in chosen) / len(chosen)
    return pl.Series(estimates, dtype=pl.Float64)


def _scaled(column: pl.Series) -> list[float] | None:
    """Return a column in standard deviations, NaN where it is null; None for one that distinguishes no entities."""
    known = column.drop_nulls().to_list()
    if len(known) < 2 or (unit := linear.standardised(known)) is None:
        return None
    mean, size, _ = unit
    deviation = size / math.sqrt(len(known) - 1)
    return [math.nan if value is None else (value - mean) / deviation for value in column.to_list()]
