"""Totals at the end of the year, by the shares of past years' totals that had been reached by the same time."""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from kpi.values import student
from kpi.values.rounding import HAIR
from kpi.values.window_sums import added_to_date, array_of, column_of, in_years, year_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Why there is no projection: no total to date, too few past years, or a mean share of zero.
GAP, FEW, NOTHING = 1, 2, 3

#: What `projected` returns: the projection, the ends of its interval, and why there is none.
KIND = pl.Struct({"value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "state": pl.UInt8})


@functools.lru_cache(256)
def _factors(percent: float, years: int) -> tuple[float, ...]:
    """Return what the root of the sum of squares is multiplied by, by number of years: `t √((1 + 1/n)/(n - 1))`."""
    factors = (student.factor(percent, n - 1) * math.sqrt((1 + 1 / n) / (n - 1)) for n in range(2, years + 1))
    return (math.nan, math.nan, *factors)


def _share(done: Array) -> Array:
    """Return totals to date by that of their year, NaN where one is below zero or that of the year is not above."""
    import numpy as np

    whole = done[-1]
    share: Array = done / np.where(whole > 0, whole, np.nan)
    below = done < 0
    if below.any():
        share[below] = np.nan
    return share


def projected(
    figures: pl.Series,
    *breaks: pl.Series,
    entities: int,
    place: int,
    year: int,
    running: bool,
    years: int,
    at_least: int,
    percent: float,
) -> pl.Series:
    """Return totals at the end of the year: `x/s` of the total to date x and the mean share s of past years.

    Args:
        figures: of an entity and period, ordered by period.
        breaks: how many breaks the series has had, where units succeed one another.
        entities: how many there are.
        place: that of the first period in its year.
        year: how many periods a year has.
        running: the figures are totals to date.
        years: how many past years count at most.
        at_least: with fewer there is no projection.
        percent: that the interval is to hold.

    Returns:
        A struct of `KIND`.
    """
    import numpy as np

    values = array_of(figures)
    counts = [in_years(array_of(column), entities, place, year) for column in breaks]
    # NOTE: years are taken one by one, so that what is between figures and results stays in the processor's cache.
    many = -(-(place * entities + len(values)) // (year * entities))
    out = np.empty((3, many, year, entities))
    out[:, :at_least] = np.nan
    state = np.full((many, year, entities), FEW, np.uint8)
    table = _Table(years, at_least, percent)
    past: deque[tuple[Array, NDArray[np.bool_]]] = deque(maxlen=years)
    for at in range(many):
        done = year_of(values, at, entities, place, year)
        if not running:
            done = added_to_date(done[None])[0]
            for count in counts:
                done[count[at] != count[at, :1]] = np.nan
        if at >= at_least:
            pasts = list(past)
            if counts:
                pasts = [_unbroken(counts, at, at - 1 - lag, *pair) for lag, pair in enumerate(pasts)]
            state[at] = _of_year(done, pasts, table, out[:, at])
        np.putmask(state[at], np.isnan(done), GAP)
        if at + 1 < many:
            share = _share(done)
            usable = ~np.isnan(share)
            np.putmask(share, ~usable, 0.0)
            past.appendleft((share, usable))
    rows = slice(place * entities, place * entities + len(values))
    value, low, high = (column_of(column.reshape(-1)[rows]) for column in out)
    return pl.DataFrame(
        {"value": value, "low": low, "high": high, "state": pl.Series(state.reshape(-1)[rows])}
    ).to_struct()


class _Table:
    """What depends on the number of past years alone."""

    def __init__(self, years: int, at_least: int, percent: float) -> None:
        import numpy as np

        self.factors = np.array(_factors(percent, years))
        self.numbers = np.array([n if n >= at_least else math.nan for n in range(years + 1)])
        self.states = np.array([0 if n >= at_least else FEW for n in range(years + 1)], np.uint8)


def _unbroken(
    counts: Sequence[Array], now: int, past: int, share: Array, usable: NDArray[np.bool_]
) -> tuple[Array, NDArray[np.bool_]]:
    """Return the shares of a past year without those of units that merged or split since it began."""
    import numpy as np

    pairs = ((count[past, :1], count[now]) for count in counts)
    # Before the data none can have.
    same = [(first == last) | np.isnan(first) for first, last in pairs]
    kept = functools.reduce(np.logical_and, same, usable)
    return share * kept, kept


def _of_year(
    done: Array, past: Sequence[tuple[Array, NDArray[np.bool_]]], table: _Table, out: Array
) -> NDArray[np.uint8]:
    """Write the projections of one year and the ends of their intervals into `out`; return why there are none.

    Args:
        done: the totals to date, by period and entity.
        past: the shares of past years, the latest first, zero where there is none, and whether there is one.
        table: what depends on the number of past years.
        out: values, low and high ends, by period and entity.
    """
    import numpy as np

    value, low, high = out
    count = functools.reduce(np.add, [usable.view(np.uint8) for _, usable in past])
    mean = functools.reduce(np.add, (share for share, _ in past))
    np.divide(mean, table.numbers.take(count), out=mean)
    state: NDArray[np.uint8] = table.states.take(count)
    squares, rest = np.zeros_like(mean), np.empty_like(mean)
    for share, usable in past:
        np.subtract(share, mean, out=rest)
        np.multiply(rest, usable, out=rest)
        np.multiply(rest, rest, out=rest)
        np.add(squares, rest, out=squares)
    # Shares that are equal but for their last bits, such as 1 at the end of the year, have no spread.
    np.multiply(mean, HAIR, out=rest)
    np.multiply(rest, rest, out=rest)
    np.putmask(squares, squares <= rest, 0.0)
    np.sqrt(squares, out=squares)
    half = np.multiply(squares, table.factors.take(count), out=squares)
    nothing = mean == 0
    if nothing.any():
        state[nothing] = NOTHING
        mean[nothing] = np.nan
    np.divide(done, mean, out=value)
    np.divide(done, np.add(mean, half, out=rest), out=low)
    np.subtract(mean, half, out=rest)
    np.putmask(rest, rest <= 0, np.nan)
    np.divide(done, rest, out=high)
    backwards = done < 0
    if backwards.any():
        low[backwards], high[backwards] = high[backwards], low[backwards]
    return state
