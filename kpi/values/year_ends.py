"""Totals at the end of the year, by the shares of past years' totals that had been reached by the same time."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from kpi.values import student
from kpi.values.rounding import HAIR
from kpi.values.window_sums import added_to_date, column_of, in_years

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


def _shares(done: Array) -> Array:
    """Return the totals to date by that of their year, NaN where one is below zero or that of the year is not above."""
    import numpy as np

    whole = done[:, -1:]
    shares = done / np.where(whole > 0, whole, np.nan)
    if (done < 0).any():
        shares[done < 0] = np.nan
    return shares


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

    done = in_years(figures, entities, place, year)
    counts = [in_years(column, entities, place, year) for column in breaks]
    if not running:
        done = added_to_date(done)
        for count in counts:
            done[count != count[:, :1]] = np.nan
    shares = _shares(done[:-1])
    usable = ~np.isnan(shares)
    shares[~usable] = 0.0
    out = np.empty((3, *done.shape))
    out[:, :at_least] = np.nan
    state = np.full(done.shape, FEW, np.uint8)
    table = _Table(years, at_least, percent)
    for at in range(at_least, len(done)):
        pasts = range(at - 1, max(at - 1 - years, -1), -1)
        there = [usable[past] & _unbroken(counts, past, at) if counts else usable[past] for past in pasts]
        parts = [shares[past] * of if counts else shares[past] for past, of in zip(pasts, there, strict=True)]
        state[at] = _of_year(done[at], parts, there, table, out[:, at])
    state[np.isnan(done)] = GAP
    rows = slice(place * entities, place * entities + len(figures))
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


def _unbroken(counts: Sequence[Array], past: int, now: int) -> NDArray[np.bool_]:
    """Return where no units merged or split since a past year began; before the data none can have."""
    import numpy as np

    pairs = ((count[past, :1], count[now]) for count in counts)
    return functools.reduce(np.logical_and, [(first == last) | np.isnan(first) for first, last in pairs])


def _of_year(
    done: Array, shares: Sequence[Array], there: Sequence[NDArray[np.bool_]], table: _Table, out: Array
) -> NDArray[np.uint8]:
    """Write the projections of one year and the ends of their intervals into `out`; return why there are none.

    Args:
        done: the totals to date, by period and entity.
        shares: those of past years, the latest first, zero where there is none.
        there: whether there is one.
        table: what depends on the number of past years.
        out: values, low and high ends, by period and entity.
    """
    import numpy as np

    value, low, high = out
    count = functools.reduce(np.add, [of.view(np.uint8) for of in there])
    mean = functools.reduce(np.add, shares)
    np.divide(mean, table.numbers.take(count), out=mean)
    state: NDArray[np.uint8] = table.states.take(count)
    squares, rest = np.zeros_like(mean), np.empty_like(mean)
    for share, of in zip(shares, there, strict=True):
        np.subtract(share, mean, out=rest)
        np.multiply(rest, of, out=rest)
        np.multiply(rest, rest, out=rest)
        np.add(squares, rest, out=squares)
    # Shares that are equal but for their last bits, such as 1 at the end of the year, have no spread.
    np.multiply(mean, HAIR, out=rest)
    np.multiply(rest, rest, out=rest)
    squares[squares <= rest] = 0.0
    np.sqrt(squares, out=squares)
    half = np.multiply(squares, table.factors.take(count), out=squares)
    nothing = mean == 0
    if nothing.any():
        state[nothing] = NOTHING
        mean[nothing] = np.nan
    np.divide(done, mean, out=value)
    np.divide(done, np.add(mean, half, out=rest), out=low)
    np.subtract(mean, half, out=rest)
    rest[rest <= 0] = np.nan
    np.divide(done, rest, out=high)
    backwards = done < 0
    if backwards.any():
        low[backwards], high[backwards] = high[backwards], low[backwards]
    return state
