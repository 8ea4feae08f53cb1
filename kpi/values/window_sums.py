"""Sums over the periods before, on a column that has one value an entity and period, ordered by period, then entity.

Such a column is a matrix of periods by entities as it lies in memory, and an earlier period is a slice of it. numpy
adds slices in place, without a column for each shift and each step of a sum. It is imported on use, since most programs
do without. Each sum is made of the same additions wherever its terms lie, so results depend on no other row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kpi.values.status import LIMIT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Sums of figures are rounded to this number of decimals, those of figures themselves.
DECIMALS = 9


def array_of(column: pl.Series) -> Array:
    """Return the values of a column, NaN where there is none; not to be written to."""
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def column_of(values: Array) -> pl.Series:
    """Return a column of an array, null where it is NaN."""
    return pl.Series(values, nan_to_null=True)


def rounded(values: Array) -> Array:
    """Round an array to nine decimals in place, as Polars does, and return it."""
    import numpy as np

    np.multiply(values, 10.0**DECIMALS, out=values)
    np.rint(values, out=values)
    return np.divide(values, 10.0**DECIMALS, out=values)


def bounded(values: Array) -> Array:
    """Return an array of results, NaN in place of those beyond `LIMIT`."""
    import numpy as np

    if np.fmax.reduce(values) >= LIMIT or np.fmin.reduce(values) <= -LIMIT:
        np.putmask(values, np.abs(values) >= LIMIT, np.nan)
    return values


def _folded(values: Array, number: int, step: int, out: Array | None = None) -> Array:
    """Return the sums over some periods, from the first row that has as many; halves are added, the last into `out`."""
    import numpy as np

    if number == 1:
        return values
    half = _folded(values, number // 2, step)
    lag = number // 2 * step
    if number % 2 == 0:
        return np.add(half[lag:], half[: len(half) - lag], out=out)
    both = half[lag:] + half[: len(half) - lag]
    return np.add(both[step:], values[: len(both) - step], out=out)


def total(column: pl.Series, entities: int, number: int) -> pl.Series:
    """Return the sum over some periods, without the floating-point error of decimals; null where one is missing.

    >>> total(pl.Series([0.1, 0.2, None, 0.4]), 1, 2).to_list()
    [None, 0.3, None, None]
    >>> total(pl.Series([1.0, 2, 3, 4, 5, 6]), 2, 3).to_list()
    [None, None, None, None, 9.0, 12.0]
    """
    import numpy as np

    values, head = array_of(column), (number - 1) * entities
    if number == 1 or head >= len(values):
        return column if number == 1 else pl.repeat(None, len(values), dtype=pl.Float64, eager=True)
    out = np.empty_like(values)
    out[:head] = np.nan
    rounded(_folded(values, number, entities, out[head:]))
    return column_of(bounded(out))


def year_of(values: Array, at: int, entities: int, place: int, year: int) -> Array:
    """Return a year of the values as periods by entities, NaN outside the data; not to be written to.

    Args:
        values: of all periods.
        at: which year, 0 for the first.
        entities: how many there are.
        place: that of the first period in its year.
        year: how many periods a year has.
    """
    import numpy as np

    first, size = (at * year - place) * entities, year * entities
    inside = values[max(first, 0) : first + size]
    if len(inside) < size:
        ahead = max(-first, 0)
        whole = np.full(size, np.nan)
        whole[ahead : ahead + len(inside)] = inside
        inside = whole
    return inside.reshape(year, entities)


def in_years(values: Array, entities: int, place: int, year: int) -> Array:
    """Return values as years by periods of the year by entities, filled up with NaN to whole years."""
    import numpy as np

    many = -(-(place * entities + len(values)) // (year * entities))
    return np.stack([year_of(values, at, entities, place, year) for at in range(many)])


def added_to_date(figures: Array) -> Array:
    """Return the totals from the first period of each year, of an array by years, places and entities.

    Sums of 1, 2, 4, 8 periods that begin with the year at most are put together, so that twelve months take four steps.
    """
    import numpy as np

    year = figures.shape[1]
    sums, reach = {1: figures}, 1
    while reach < year:
        further = max(size for size in sums if size <= year - reach)
        longer = np.empty_like(figures)
        longer[:, :reach] = sums[reach][:, :reach]
        np.add(sums[reach][:, reach:], sums[further][:, : year - reach], out=longer[:, reach:])
        reach += further
        sums[reach] = longer
    return rounded(sums[reach]) if year > 1 else figures


def to_date(column: pl.Series, entities: int, place: int, year: int) -> pl.Series:
    """Return the sum from the first period of the year; null where one of its periods is missing.

    Args:
        column: the figures.
        entities: how many there are.
        place: that of the first period in its year.
        year: how many periods a year has.

    >>> to_date(pl.Series([1.0, 2, 3, 4, 5, None]), 1, 3, 4).to_list()
    [None, 2.0, 5.0, 9.0, 14.0, None]
    """
    if not len(column):
        return column
    values = added_to_date(in_years(array_of(column), entities, place, year)).reshape(-1)
    return column_of(bounded(values[place * entities : place * entities + len(column)]))


def any_within(column: pl.Series, entities: int, number: int) -> pl.Series:
    """Return whether a condition holds in the period or one of the `number - 1` before it that the data has.

    >>> any_within(pl.Series([True, False, False]), 1, 2).to_list()
    [True, True, False]
    """
    if not column.any():
        return pl.zeros(len(column), dtype=pl.Boolean, eager=True)
    lasts, number = column.fill_null(value=False), min(number, len(column) // entities)
    reach = 1
    while reach < number:
        step = min(reach, number - reach)
        lasts, reach = lasts | lasts.shift(entities * step, fill_value=False), reach + step
    return lasts


def any_to_date(column: pl.Series, entities: int, place: int, year: int) -> pl.Series:
    """Return whether a condition holds in the period or one before it in its year.

    >>> any_to_date(pl.Series([True, False, False]), 1, 2, 4).to_list()
    [True, True, False]
    """
    import numpy as np

    if not column.any():
        return pl.zeros(len(column), dtype=pl.Boolean, eager=True)
    holds = in_years(array_of(column), entities, place, year) == 1
    values = np.logical_or.accumulate(holds, axis=1).reshape(-1)
    return pl.Series(values[place * entities : place * entities + len(column)])


def mean_of_enough(column: pl.Series, entities: int, number: int, least: int) -> pl.Series:
    """Return the mean of the figures that there are in some periods; null where there are fewer than `least`.

    >>> mean_of_enough(pl.Series([1.0, 2.0, None, None]), 1, 3, 2).to_list()
    [None, 1.5, 1.5, None]
    """
    import numpy as np

    values = array_of(column)
    before = np.zeros((number - 1) * entities)
    absent = np.isnan(values)
    sums = _folded(np.concatenate((before, np.where(absent, 0.0, values))), number, entities)
    many = _folded(np.concatenate((before, np.where(absent, 0.0, 1.0))), number, entities)
    return column_of(bounded(np.where(many >= least, rounded(sums.copy()) / np.maximum(many, 1.0), np.nan)))
