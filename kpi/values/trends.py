"""Least-squares lines through the latest periods of each entity, carried on, with the interval of one more period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from kpi.values.rounding import HAIR
from kpi.values.window_sums import array_of, column_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: What `projected` returns: the projection, the ends of its interval, and whether the line lacks a figure.
KIND = pl.Struct({"value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "lacks": pl.Boolean})


def moments(values: Array, number: int, step: int = 1) -> tuple[Array, Array, Array]:
    """Return the sums of `d`, `l d` and `d²` over some periods, `d` being the difference to the period's own value.

    The period `l` before has the weight l. Differences keep the digits that a sum of squares of large figures loses.
    Halves are combined: with `c` the difference of the first period of the other half, its sums are
    `D' + h c`, `W' + h D' + c (h(h-1)/2 + h²)` and `Q' + 2 c D' + h c²`.

    Args:
        values: ordered by period.
        number: how many periods.
        step: how many values a period has.

    Returns:
        The sums from the first period on that has so many.

    >>> import numpy as np
    >>> [float(sums[0]) for sums in moments(np.array([1.0, 2.0, 4.0]), 3)]
    [-5.0, -8.0, 13.0]
    """
    if number == 1:
        nothing = values * 0.0
        return nothing, nothing, nothing
    half = number // 2
    lag = half * step
    halves = moments(values, half, step)
    sums, weighted, squares = (column[lag:] for column in halves)
    other, other_weighted, other_squares = (column[: len(column) - lag] for column in halves)
    far = (values[: len(values) - lag] - values[lag:])[(half - 1) * step :]
    weighted = weighted + other_weighted + other * half + far * (half * (half - 1) / 2 + half**2)
    squares = squares + other_squares + far * other * 2 + far * far * half
    sums = sums + other + far * half
    if number % 2:
        lag = (number - 1) * step
        last = values[: len(values) - lag] - values[lag:]
        sums, weighted, squares = sums[step:], weighted[step:], squares[step:]
        sums, weighted, squares = sums + last, weighted + last * (number - 1), squares + last * last
    return sums, weighted, squares


def projected(
    figures: pl.Series, now: pl.Series, ahead: pl.Series, *, entities: int, number: int, factor: float, total: bool
) -> pl.Series:
    """Return where lines through the latest periods lead, or the totals that they add up to.

    Args:
        figures: of an entity and period, ordered by period.
        now: what there is already: the figures, or the totals to date.
        ahead: how many periods lie between each period and the one that is projected.
        entities: how many there are.
        number: how many periods the line is drawn through.
        factor: of the deviation, for the interval.
        total: the figures of the periods ahead are added to `now`.

    Returns:
        A struct of `KIND`.
    """
    import numpy as np

    values, head = array_of(figures), (number - 1) * entities
    out = np.full((3, len(values)), np.nan)
    lacks = np.ones(len(values), bool)
    if head < len(values):
        columns = (values[head:], array_of(now)[head:], *moments(values, number, entities))
        given, done, *sums = (column.reshape(-1, entities) for column in columns)
        steps = array_of(ahead.gather_every(entities))[number - 1 :, None]
        *results, gap = _line(given, done, sums, steps, number=number, factor=factor, total=total)
        for column, result in zip(out, results, strict=True):
            column[head:] = result.reshape(-1)
        lacks[head:] = gap.reshape(-1)
    value, low, high = (column_of(column) for column in out)
    return pl.DataFrame({"value": value, "low": low, "high": high, "lacks": pl.Series(lacks)}).to_struct()


def _line(
    values: Array, now: Array, sums: Sequence[Array], ahead: Array, *, number: int, factor: float, total: bool
) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """Return projections, both ends of their intervals, and where there is no line, by period and entity.

    Args:
        values: the figures of the periods.
        now: what there is already.
        sums: the `moments` of the figures.
        ahead: how many periods the projection is ahead, in one column.
        number: how many periods the line is drawn through.
        factor: of the deviation.
        total: the figures of the periods ahead are added to `now`.
    """
    import numpy as np

    middle, spread = -(number - 1) / 2, number * (number**2 - 1) / 12
    differences, weighted, squares = sums
    product = -weighted - differences * middle
    slope = product / spread
    around = squares - differences * differences / number
    left = around - slope * product
    # What is left of sums that cancel is no deviation from the line.
    np.putmask(left, left <= around * HAIR, 0.0)
    mean = values + differences / number
    if total:
        estimate = now + ahead * mean + slope * (ahead * (ahead + 1) / 2 - ahead * middle)
        distance = (ahead + 1) / 2 - middle
        variance = ahead + ahead * ahead * (distance * distance / spread + 1 / number)
    else:
        estimate = mean + slope * (ahead - middle)
        variance = (ahead - middle) ** 2 / spread + (1 + 1 / number)
    # At the end itself it is the figure; after it there is nothing to project.
    there, gone = ahead[:, 0] == 0, ahead[:, 0] < 0
    gap: NDArray[np.bool_] = np.isnan(mean)
    estimate[there] = np.where(gap[there], np.nan, now[there])
    left *= np.where(variance > 0, variance, 0.0) / (number - 2)
    half = factor * np.sqrt(left, out=left)
    half[there], half[gone] = 0.0, np.nan
    low, high = estimate - half, estimate + half
    return estimate, low, high, gap
