"""Computations on a table of entities by indicators that column expressions cannot do: derived weights, and Copeland.

Each function takes one series per indicator, with the entities of one group as elements, null for missing values. numpy
is imported on use, since most programs do without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from kpi.values.rounding import HAIR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

#: The share of the sum of weights below which two entities are tied: decimal weights do not add up exactly.
TIE = 1e-9


def _matrix(columns: Sequence[pl.Series]) -> Matrix:
    import numpy as np

    # Equal numbers must give equal columns whatever their memory layout, so copy into one.
    return np.column_stack([column.cast(pl.Float64).to_numpy() for column in columns])


def _shared_out(parts: Sequence[float]) -> list[float]:
    """Return fractions that add up to 1, all equal if no indicator distinguishes entities."""
    total = sum(parts)
    return [part / total for part in parts] if total > 0 else [1 / len(parts)] * len(parts)


def entropy(columns: Sequence[pl.Series]) -> list[float] | None:
    """Return entropy weights (熵权): `w = (1 - e)/sum(1 - e)`, `e = -1/ln(n) sum(p ln p)`, `p = x/sum(x)`.

    A constant indicator distinguishes no entities and has weight 0; where all are constant, or there is one entity, all
    have the same weight. None where a value is negative: shares of a sum need values of zero or more.

    Source: Shannon (1948); golden numbers of the method's textbook example.

    >>> rows = [(10.0, 20.0, 30.0), (12.0, 22.0, 28.0), (8.0, 18.0, 32.0)]
    >>> [round(w, 4) for w in entropy([pl.Series(column) for column in zip(*rows)])]
    [0.7357, 0.183, 0.0813]
    """
    import numpy as np

    information = []
    for column in _matrix(columns).T:
        values = column[~np.isnan(column)]
        if (values < 0).any():
            return None
        if len(values) < 2 or not _varied(values[:, None])[0]:
            information.append(0.0)
            continue
        share = values[values > 0] / values.sum()
        information.append(float(1 + (share * np.log(share)).sum() / np.log(len(values))))
    return _shared_out(information)


def variation(columns: Sequence[pl.Series]) -> list[float] | None:
    """Return weights by the coefficient of variation (变异系数): `v/sum(v)`, `v = s/mean`.

    Constant indicators have weight 0; where all are constant all weigh the same. None where a mean is not positive.

    Source: 变异系数法 of 综合评价 textbooks.

    >>> variation([pl.Series([1.0, 3.0]), pl.Series([9.0, 11.0]), pl.Series([5.0, 5.0])])
    [0.8333333333333333, 0.16666666666666666, 0.0]
    """
    import numpy as np

    spreads = []
    for column in _matrix(columns).T:
        values = column[~np.isnan(column)]
        if len(values) < 2 or not _varied(values[:, None])[0]:
            spreads.append(0.0)
        elif values.mean() <= 0:
            return None
        else:
            spreads.append(float(values.std(ddof=1) / values.mean()))
    return _shared_out(spreads)


def correlations(matrix: Matrix) -> Matrix:
    """Return Pearson correlations of the columns over the rows that both have; NaN where one is constant."""
    import numpy as np

    present = (~np.isnan(matrix)).astype(np.float64)
    # Centred by the column first: sums of squares of large numbers lose the digits that matter.
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(matrix, axis=0) / present.sum(axis=0)
        centred = np.where(present > 0, matrix - mean, 0.0)
        number = present.T @ present
        sums = centred.T @ present
        squares = (centred**2).T @ present
        covariance = centred.T @ centred - sums * sums.T / number
        variance = squares - sums**2 / number
        constant = variance <= 1e-24 * np.maximum(squares, 1e-300)
        coefficients: Matrix = np.clip(covariance / np.sqrt(variance * variance.T), -1, 1)
    coefficients[constant | constant.T] = np.nan
    return coefficients


def correlated(columns: Sequence[pl.Series]) -> list[list[float | None]]:
    """Return the correlations of columns as rows of numbers, null where one is constant.

    >>> correlated([pl.Series([1.0, 2.0, 3.0]), pl.Series([3.0, 2.0, None])])[0][1]
    -1.0
    """
    if not columns:
        return []
    table = correlations(_matrix(columns))
    return [[None if value != value else float(value) for value in row] for row in table]  # noqa: PLR0124


def _varied(matrix: Matrix) -> Matrix:
    """Return which columns have at least two numbers that differ by more than floating-point error."""
    import numpy as np

    filled = np.where(np.isnan(matrix), -np.inf, matrix).max(axis=0)
    least = np.where(np.isnan(matrix), np.inf, matrix).min(axis=0)
    varied: Matrix = filled - least > np.maximum(abs(filled), abs(least)) * HAIR
    return varied


def critic(columns: Sequence[pl.Series]) -> list[float] | None:
    """Return CRITIC weights: `c/sum(c)`, `c_j = s_j sum_k (1 - r_jk)` on columns brought to 0..1.

    Correlations use the entities that have both. Constant indicators have weight 0 and conflict with none; where all
    are constant all weigh the same.

    Source: Diakoulaki, Mavrotas and Papayannakis (1995).

    >>> columns = [pl.Series([1.0, 2.0, 3.0]), pl.Series([2.0, 4.0, 6.0]), pl.Series([3.0, 1.0, 2.0])]
    >>> [round(w, 3) for w in critic(columns)]
    [0.25, 0.25, 0.5]
    """
    import numpy as np

    matrix = _matrix(columns)
    varied = _varied(matrix)
    contrast = np.zeros(matrix.shape[1])
    if varied.any():
        varying = matrix[:, varied]
        low, high = np.nanmin(varying, axis=0), np.nanmax(varying, axis=0)
        conflict = (1 - np.nan_to_num(correlations(varying), nan=0.0)).sum(axis=1)
        spread = np.nanstd((varying - low) / (high - low), axis=0, ddof=1)
        contrast[varied] = spread * (conflict if varied.sum() > 1 else 1.0)
    return _shared_out([float(value) for value in contrast])


def principal(columns: Sequence[pl.Series], components: int = 1) -> list[float] | None:
    """Return weights by principal components of the correlation matrix: `sum_k λ_k l_jk² / sum_k λ_k`.

    With one component these are its squared loadings, which add up to 1 and have no sign. Over the entities that have
    every indicator. Constant indicators have weight 0; where all are constant all weigh the same. None where fewer than
    three entities are complete.

    Source: OECD/JRC Handbook on Constructing Composite Indicators (2008), 6.1 (squared loadings, before rotation).

    >>> principal([pl.Series([1.0, 2.0, 3.0]), pl.Series([2.0, 4.0, 6.0]), pl.Series([7.0, 7.0, 7.0])])
    [0.5, 0.5, 0.0]
    """
    import numpy as np

    matrix = _matrix(columns)
    complete = matrix[~np.isnan(matrix).any(axis=1)]
    if len(complete) < 3:
        return None
    varied = _varied(complete)
    weights = np.zeros(matrix.shape[1])
    if varied.any():
        values, vectors = np.linalg.eigh(np.atleast_2d(correlations(complete[:, varied])))
        largest = np.maximum(values[::-1][:components], 0.0)
        weights[varied] = (vectors[:, ::-1][:, :components] ** 2 * largest).sum(axis=1)
    return [round(value, 15) for value in _shared_out([float(value) for value in weights])]


def copeland(columns: Sequence[pl.Series], weights: Sequence[float]) -> list[float | None]:
    """Return for each entity how many others it beats less how many beat it, by weighted majority of the indicators.

    Two entities are compared on the indicators that both have; a tie counts for neither. Null for an entity that has no
    indicator at all.

    Only blocks of pairs of entities are ever held, never entity x entity x indicator.

    Source: Copeland (1951); OECD/JRC Handbook (2008), 6, non-compensatory multi-criteria approach.

    >>> copeland([pl.Series([1.0, 2.0, 3.0]), pl.Series([1.0, 3.0, 2.0])], [2, 1])
    [-2.0, 0.0, 2.0]
    """
    import numpy as np

    # Ranks instead of values: comparing small integers is many times faster. 0 is a missing value.
    places = np.column_stack([column.rank("dense").fill_null(0).cast(pl.Int32).to_numpy() for column in columns])
    total = sum(weights)
    equal = len(set(weights)) == 1
    kind = np.dtype(np.int16 if equal else np.float64)
    limit = 0.0 if equal else TIE * total
    there = places.T != 0
    gaps = [bool(not there[j].all()) for j in range(len(columns))]
    ranks = [np.ascontiguousarray(column) for column in places.T]
    number, block = len(places), 128
    score = np.zeros(number)
    for start in range(0, number, block):
        end = min(start + block, number)
        margin = np.zeros((end - start, number - start), dtype=kind)
        for j, column in enumerate(ranks):
            own, others = column[start:end, None], column[None, start:]
            sign = (own > others).view(np.int8) - (own < others).view(np.int8)
            if gaps[j]:
                sign *= there[j][start:end, None].view(np.int8) * there[j][None, start:].view(np.int8)
            margin += sign if equal else sign * weights[j]
        result = (margin > limit).astype(np.int8) - (margin < -limit).astype(np.int8)
        score[start:end] += result.sum(axis=1, dtype=np.float64)
        # Comparisons of later entities with this block are the same with the opposite sign.
        score[end:] -= result[:, end - start :].sum(axis=0, dtype=np.float64)
    known = there.any(axis=0)
    return [float(value) if is_known else None for value, is_known in zip(score, known, strict=True)]
