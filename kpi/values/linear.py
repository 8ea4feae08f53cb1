"""Small systems of linear equations on sums that are rounded once, so that no order of rows or threads changes a bit.

Columns are one series per indicator, with the entities of a group as elements. numpy is imported on use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from kpi.values.rounding import HAIR

#: The condition number from which on the equations count as having no single solution.
SINGULAR = 1e10


def added_to_one(weights: Sequence[float]) -> list[float]:
    """Return weights divided by their sum.

    >>> added_to_one([1, 3])
    [0.25, 0.75]
    """
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def dot(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the sum of products, which does not depend on their order.

    >>> dot([1e16, 1.0, -1e16], [1.0, 1.0, 1.0])
    1.0
    """
    return math.fsum(a * b for a, b in zip(first, second, strict=True))


def solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float] | None:
    """Return the solution of `matrix · x = right`; None where there is no single one.

    >>> solved([[2, 0], [1, 1]], [4, 5]), solved([[1, 1], [2, 2]], [1, 2])
    ([2.0, 3.0], None)
    """
    import numpy as np

    table = np.array(matrix, dtype=np.float64)
    if not np.isfinite(table).all() or not np.linalg.cond(table) < SINGULAR:
        return None
    return [float(value) for value in np.linalg.solve(table, np.array(right, dtype=np.float64))]


def complete(columns: Sequence[pl.Series]) -> list[list[float]]:
    """Return the columns over the rows in which all of them have a number.

    >>> complete([pl.Series([1.0, None, 3.0]), pl.Series([4.0, 5.0, 6.0])])
    [[1.0, 3.0], [4.0, 6.0]]
    """
    frame = pl.DataFrame({str(place): column for place, column in enumerate(columns)}).drop_nulls()
    return [column.to_list() for column in frame.get_columns()]


def standardised(values: Sequence[float]) -> tuple[float, float, list[float]] | None:
    """Return the mean, the root of the sum of squares around it, and the values in its units; None if all are equal.

    >>> standardised([1.0, 3.0])[:2]
    (2.0, 1.4142135623730951)
    """
    high, low = max(values), min(values)
    if high - low <= max(abs(high), abs(low)) * HAIR:
        return None
    mean = math.fsum(values) / len(values)
    centred = [value - mean for value in values]
    size = math.sqrt(dot(centred, centred))
    return mean, size, [value / size for value in centred]


def for_importance(columns: Sequence[pl.Series], importance: Sequence[float]) -> list[float] | None:
    """Return weights, adding up to 1, with which each column correlates with the weighted sum as it is meant to.

    `w = c S⁻¹ R⁻¹ t`, over the rows that have every column. None where columns depend on each other, or one is
    constant, or rows are not more than columns, or a weight would be negative.

    Source: Becker, Saisana, Paruolo and Vandecasteele (2017).

    >>> independent = [pl.Series([1.0, -1.0, 1.0, -1.0]), pl.Series([3.0, 3.0, -3.0, -3.0])]
    >>> for_importance(independent, [1, 1]), for_importance([independent[0]] * 2, [1, 1])
    ([0.75, 0.25], None)
    """
    rows = complete(columns)
    if len(importance) != len(columns) or not rows[0] or len(rows[0]) <= len(columns):
        return None
    units = [standardised(values) for values in rows]
    known = [unit for unit in units if unit is not None]
    if len(known) < len(units):
        return None
    correlations = [[dot(a, b) for *_, b in known] for *_, a in known]
    solution = solved(correlations, importance)
    if solution is None:
        return None
    weights = [value / size for value, (_, size, _) in zip(solution, known, strict=True)]
    return None if min(weights) < 0 else added_to_one(weights)


def game_shares(weights: Sequence[Sequence[float]]) -> list[float] | None:
    """Return how much each list of weights counts in the combination that is nearest to all of them.

    `Σ_l λ_l w_k·w_l = w_k·w_k` for every k. Lists that are all the same count the same; None where the equations have
    no single solution, or one that adds up to zero or less.

    Source: 博弈论组合赋权.

    >>> [round(share, 4) for share in game_shares([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])]
    [0.4955, 0.6847]
    """
    first = weights[0]
    if all(abs(a - b) <= HAIR for own in weights for a, b in zip(own, first, strict=True)):
        return [1.0] * len(weights)
    products = [[dot(a, b) for b in weights] for a in weights]
    shares = solved(products, [products[place][place] for place in range(len(weights))])
    return shares if shares is not None and math.fsum(shares) > 0 else None


def regressed(target: pl.Series, predictors: Sequence[pl.Series]) -> pl.Series | None:
    """Return what the predictors make of the target by least squares, null where one of them is.

    `ŷ = b₀ + Σ b_j x_j`, fitted to the rows that have all. None where these are not more than the coefficients, or the
    predictors are constant or depend on each other.

    Source: OECD/JRC Handbook (2008), 4, regression imputation; Legendre (1805).

    >>> regressed(pl.Series([2.0, 4.0, 6.0, None]), [pl.Series([1.0, 2.0, 3.0, 5.0])]).to_list()
    [2.0, 4.0, 6.0, 10.0]
    """
    wanted, *known = complete([target, *predictors])
    units = [standardised(values) if values else None for values in known]
    scaled = [unit for unit in units if unit is not None]
    if len(wanted) <= len(known) + 1 or len(scaled) < len(units):
        return None
    middle = math.fsum(wanted) / len(wanted)
    gaps = [value - middle for value in wanted]
    slopes = solved([[dot(a, b) for *_, b in scaled] for *_, a in scaled], [dot(a, gaps) for *_, a in scaled])
    if slopes is None:
        return None
    estimate = pl.Series([middle] * len(target))
    for column, slope, (mean, size, _) in zip(predictors, slopes, scaled, strict=True):
        estimate = estimate + (column - mean) / size * slope
    return estimate
