"""Sums over the periods before, on a column that has one value an entity and period, ordered by period, then entity.

Such a column is a matrix of periods by entities as it lies in memory, and an earlier period is a slice of it. numpy
adds slices in place, without a column for each shift and each step of a sum. It is imported on use, since most programs
do without. Each sum is made of the same additions wherever its terms lie, so results depend on no other row.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from kpi.values.status import LIMIT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Sums of figures are rounded to this number of decimals, those of figures themselves.
DECIMALS = 9


#: What stands in an array where a column has no value.
_GAP = pl.Series([float("nan")])


def array_of(column: pl.Series) -> Array:
    """Return the values of a column, NaN where there is none; not to be written to."""
    column = column.cast(pl.Float64)
    # NOTE: `fill_null` of a column is a query of its own, which takes twice the time.
    return (column.zip_with(column.is_not_null(), _GAP) if column.null_count() else column).to_numpy()


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


#: How many values are computed together: with what lies between figures and results they fit the processor's cache.
_CELLS = 2**17

#: The same of sums alone, which read long rows faster.
_SUMMED = 2**19


def blocks(entities: int, height: int, cells: int | None = None) -> Iterator[slice]:
    """Yield the entities of a column in blocks, of which each is computed at once."""
    width = -(-entities // max(round(height / (cells or _CELLS)), 1))
    return (slice(first, min(first + width, entities)) for first in range(0, entities, width))


_SPACES = threading.local()


def space(name: str, shape: tuple[int, ...]) -> Array:
    """Return an array for what is computed on the way, which the next of the name in the thread overwrites.

    NOTE: memory that is new to the process costs more than what is computed in it: 2 to 4 times the time of all windows
    and projections.
    """
    import numpy as np

    kept, size = _SPACES.__dict__, math.prod(shape)
    if name not in kept or len(kept[name]) < size:
        kept[name] = np.empty(size)
    array: Array = kept[name][:size].reshape(shape)
    return array


def _folded(values: Array, number: int, out: Array | None = None) -> Array:
    """Return the sums over some periods, from the first row that has as many; halves are added.

    The last sum is written into `out`, or else into a `space`, as those on the way are.
    """
    import numpy as np

    if number == 1:
        return values
    lag = number // 2
    half = _folded(values, lag)
    height = len(half) - lag
    if number % 2 == 0:
        into = space(f"sums of {number}", (height, *values.shape[1:])) if out is None else out
        return np.add(half[lag:], half[:height], out=into)
    both = np.add(half[lag:], half[:height], out=space(f"sums of {number}", (height, *values.shape[1:])))
    return np.add(both[1:], values[: height - 1], out=both[1:] if out is None else out)


def total(column: pl.Series, entities: int, number: int) -> pl.Series:
    """Return the sum over some periods, without the floating-point error of decimals; null where one is missing.

    >>> total(pl.Series([0.1, 0.2, None, 0.4]), 1, 2).to_list()
    [None, 0.3, None, None]
    >>> total(pl.Series([1.0, 2, 3, 4, 5, 6]), 2, 3).to_list()
    [None, None, None, None, 9.0, 12.0]
    """
    import numpy as np

    values = array_of(column).reshape(-1, entities)
    if number == 1 or number > len(values):
        return column if number == 1 else pl.repeat(None, len(column), dtype=pl.Float64, eager=True)
    out = np.empty(values.shape)
    out[: number - 1] = np.nan
    for block in blocks(entities, len(column), _SUMMED):
        rounded(_folded(values[:, block], number, out[number - 1 :, block]))
    return column_of(bounded(out.reshape(-1)))


def in_years(values: Array, entities: int, place: int, year: int) -> Array:
    """Return values as years by periods of the year by entities, NaN outside the data; not to be written to.

    Args:
        values: of all periods.
        entities: how many there are.
        place: that of the first period in its year.
        year: how many periods a year has.
    """
    import numpy as np

    size, ahead = year * entities, place * entities
    if ahead or len(values) % size:
        years = np.full(-(-(ahead + len(values)) // size) * size, np.nan)
        years[ahead : ahead + len(values)] = values
        values = years
    return values.reshape(-1, year, entities)


def added_to_date(figures: Array) -> Array:
    """Return the totals from the first period of each year, as places by years by entities, in a `space`.

    Sums of 1, 2, 4, 8 periods that begin with the year at most are put together, so that twelve months take four steps.

    Args:
        figures: by years, places and entities.
    """
    import numpy as np

    given = figures.transpose(1, 0, 2)
    year, sums = len(given), space("to date", given.shape)
    sums[:1] = given[:1]
    np.add(given[1:], given[:-1], out=sums[1:])
    reach = 2
    while reach < year:
        # From the last rows on, so that what is added is still the sum of the step before.
        for first in reversed(range(reach, year, reach)):
            later = sums[first : first + reach]
            np.add(later, sums[first - reach : first - reach + len(later)], out=later)
        reach *= 2
    return rounded(sums) if year > 1 else sums


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
    import numpy as np

    if not len(column):
        return column
    figures = in_years(array_of(column), entities, place, year)
    out = np.empty(figures.shape)
    for block in blocks(entities, len(column)):
        out.transpose(1, 0, 2)[:, :, block] = added_to_date(figures[:, :, block])
    return column_of(bounded(out.reshape(-1)[place * entities : place * entities + len(column)]))


def any_within(column: pl.Series, entities: int, number: int) -> pl.Series:
    """Return whether a condition holds in the period or one of the `number - 1` before it that the data has.

    >>> any_within(pl.Series([True, False, False]), 1, 2).to_list()
    [True, True, False]
    """
    if not column.any():
        return column
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
        return column
    holds = in_years(array_of(column), entities, place, year) == 1
    values = np.logical_or.accumulate(holds, axis=1).reshape(-1)
    return pl.Series(values[place * entities : place * entities + len(column)])


def mean_of_enough(column: pl.Series, entities: int, number: int, least: int) -> pl.Series:
    """Return the mean of the figures that there are in some periods; null where there are fewer than `least`.

    >>> mean_of_enough(pl.Series([1.0, 2.0, None, None]), 1, 3, 2).to_list()
    [None, 1.5, 1.5, None]
    """
    import numpy as np

    values = array_of(column).reshape(-1, entities)
    before = np.zeros((number - 1, entities))
    absent = np.isnan(values)
    sums = _folded(np.concatenate((before, np.where(absent, 0.0, values))), number, np.empty_like(values))
    many = _folded(np.concatenate((before, np.where(absent, 0.0, 1.0))), number, np.empty_like(values))
    means = np.where(many >= least, rounded(sums) / np.maximum(many, 1.0), np.nan)
    return column_of(bounded(means.reshape(-1)))
