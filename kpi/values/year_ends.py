"""Totals at the end of the year, by the shares of past years' totals that had been reached by the same time.

Values and intervals are computed apart, since totals and ranks need values alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct

from kpi.values import student
from kpi.values.rounding import HAIR
from kpi.values.window_sums import added_to_date, array_of, blocks, bounded, column_of, in_years, space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Why there is no projection: too few past years, a mean share of zero, or no total to date; the last of these counts.
FEW, NOTHING, GAP = 1, 2, 3

#: What `projected` returns: the projection, and why there is none.
KIND = pl.Struct({"value": pl.Float64, "state": pl.UInt8})

#: What `interval` returns: the ends of the interval of the projection.
ENDS = pl.Struct({"low": pl.Float64, "high": pl.Float64})


class YearEnds(Struct, frozen=True):
    """How totals at the end of the year follow from figures of an entity and period, ordered by period.

    Attributes:
        entities: how many there are.
        place: that of the first period in its year.
        year: how many periods a year has.
        running: the figures are totals to date.
        years: how many past years count at most.
        at_least: with fewer there is no projection.
    """

    entities: int
    place: int
    year: int
    running: bool
    years: int
    at_least: int

    def progress(self, figures: pl.Series, breaks: Sequence[pl.Series]) -> Iterator[tuple[slice, _Progress]]:
        """Yield blocks of entities with their totals to date and shares of past years."""
        every = [in_years(array_of(column), self.entities, self.place, self.year) for column in (figures, *breaks)]
        for block in blocks(self.entities, len(figures)):
            yield block, _Progress(self, *(years[:, :, block] for years in every))

    def empty(self, height: int, number: int) -> Array:
        """Return columns of results by places, years and entities, NaN in the years that have too few before them."""
        import numpy as np

        many = -(-(self.place + height // self.entities) // self.year)
        out = np.empty((number, many, self.year, self.entities))
        out[:, : self.at_least] = np.nan
        return out.transpose(0, 2, 1, 3)

    def rows(self, results: NDArray[Any], height: int) -> NDArray[Any]:
        """Return results by places, years and entities as a column of the panel."""
        first = self.place * self.entities
        return results.transpose(1, 0, 2).reshape(-1)[first : first + height]


class _Progress:
    """Totals to date, by places, years and entities, and the shares of their year's total that they were."""

    def __init__(self, ends: YearEnds, figures: Array, *breaks: Array) -> None:
        import numpy as np

        self.years, self.at_least = ends.years, ends.at_least
        done = figures.transpose(1, 0, 2) if ends.running else added_to_date(figures)
        self.breaks = [count.transpose(1, 0, 2) for count in breaks]
        if not ends.running:
            for count in self.breaks:
                np.putmask(done, count != count[:1], np.nan)
        self.done = done
        self.many = done.shape[1]
        #: Every year counts that there is, so that a mean with a gap, which is NaN, is none.
        self.every = not breaks and (self.years == self.at_least or self.many == self.at_least + 1)

    @cached_property
    def share(self) -> Array:
        """The totals to date by that of their year, NaN where one is below zero or that of the year is not above."""
        import numpy as np

        done, end = self.done[:, :-1], self.done[-1, :-1]
        share = np.divide(done, np.where(end > 0, end, np.nan), out=space("share", done.shape))
        if np.fmin.reduce(done, axis=None) < 0:
            np.putmask(share, done < 0, np.nan)
        return share

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Whether there is a share; from then on it is zero where there is none."""
        import numpy as np

        usable = ~np.isnan(self.share)
        np.fmax(self.share, 0.0, out=self.share)
        return usable

    def past(self) -> Iterator[tuple[int, Array, NDArray[np.bool_] | None]]:
        """Yield the shares of past years, the latest first, and whether there is one; None where every year counts.

        The first number is the place, among the years that are projected, of the first that has one so long before.
        """
        import numpy as np

        usable = None if self.every else self.usable
        for lag in range(1, self.years + 1):
            first = max(lag, self.at_least)
            if first >= self.many:
                return
            before, now = slice(first - lag, self.many - lag), slice(first, self.many)
            share = self.share[:, before]
            if usable is None:
                yield first - self.at_least, share, None
                continue
            kept = usable[:, before]
            for count in self.breaks:
                # None of units that merged or split since that year began; before the data none can have.
                then = count[:1, before]
                kept = kept & ((then == count[:, now]) | np.isnan(then))
            yield first - self.at_least, share * kept if self.breaks else share, kept

    def mean(self) -> tuple[Array, NDArray[np.uint8] | None]:
        """Return the mean shares, NaN where there are too few, and of how many years; None where every year counts."""
        import numpy as np

        (_, last, usable), (_, share, other), *others = self.past()
        mean, count = np.add(last, share, out=space("mean", last.shape)), None
        if usable is not None and other is not None:
            count = usable.view(np.uint8) + other.view(np.uint8)
        for first, share, usable in others:
            np.add(mean[:, first:], share, out=mean[:, first:])
            if count is not None and usable is not None:
                np.add(count[:, first:], usable.view(np.uint8), out=count[:, first:])
        numbers = np.array([n if n >= self.at_least else math.nan for n in range(self.years + 1)])
        np.divide(mean, float(self.at_least) if count is None else numbers.take(count), out=mean)
        return mean, count


def projected(figures: pl.Series, *breaks: pl.Series, ends: YearEnds) -> pl.Series:
    """Return totals at the end of the year: `x/s` of the total to date x and the mean share s of past years.

    At the end itself it is x.

    Args:
        figures: of an entity and period, ordered by period.
        breaks: how many breaks the series has had, where units succeed one another.
        ends: how years lie in the figures, and which of them count.

    Returns:
        A struct of `KIND`.
    """
    import numpy as np

    (value,) = ends.empty(len(figures), 1)
    state = np.empty(value.transpose(1, 0, 2).shape, np.uint8).transpose(1, 0, 2)
    late = slice(ends.at_least, None)
    for block, progress in ends.progress(figures, breaks):
        why = np.full(progress.done.shape, FEW, np.uint8)
        if progress.many > ends.at_least:
            mean, _ = progress.mean()
            # Where it is one, it is FEW.
            np.isnan(mean, out=why.view(np.bool_)[:, late])
            nothing = mean == 0
            if nothing.any():
                np.putmask(mean, nothing, np.nan)
                why[:, late][nothing] = NOTHING
            np.divide(progress.done[:, late], mean, out=value[:, late, block])
        # At the end of the year the total is what there is, whatever past years were.
        value[-1, :, block], why[-1] = progress.done[-1], 0
        # NOTE: where masks are as good as random, arithmetic takes a tenth of the time of `putmask`.
        gap = np.isnan(progress.done).view(np.uint8)
        np.maximum(why, np.multiply(gap, np.uint8(GAP), out=gap), out=state[:, :, block])
    height = len(figures)
    columns = {"value": column_of(bounded(ends.rows(value, height))), "state": pl.Series(ends.rows(state, height))}
    return pl.DataFrame(columns).to_struct()


def interval(figures: pl.Series, *breaks: pl.Series, ends: YearEnds, percent: float) -> pl.Series:
    """Return the ends of the intervals of the projections: `x/(s ± h)` with the half-width h of one more share.

    Args:
        figures: as of `projected`.
        breaks: the same.
        ends: the same.
        percent: that the interval is to hold.

    Returns:
        A struct of `ENDS`.
    """
    low, high = results = ends.empty(len(figures), 2)
    late = slice(ends.at_least, None)
    for block, progress in ends.progress(figures, breaks):
        if progress.many > ends.at_least:
            _interval(progress, percent, low[:, late, block], high[:, late, block])
        low[-1, :, block] = high[-1, :, block] = progress.done[-1]
    columns = {
        name: column_of(ends.rows(column, len(figures))) for name, column in zip(("low", "high"), results, strict=True)
    }
    return pl.DataFrame(columns).to_struct()


def _interval(progress: _Progress, percent: float, low: Array, high: Array) -> None:
    """Write the ends of the intervals of the years that are projected into arrays."""
    import numpy as np

    mean, count = progress.mean()
    squares, rest = space("squares", mean.shape), space("rest", mean.shape)
    squares[:] = 0.0
    for first, share, usable in progress.past():
        gap = np.subtract(share, mean[:, first:], out=rest[:, first:])
        if usable is not None:
            np.multiply(gap, usable, out=gap)
        np.multiply(gap, gap, out=gap)
        np.add(squares[:, first:], gap, out=squares[:, first:])
    # Shares that are equal but for their last bits, such as 1 at the end of the year, have no spread.
    np.multiply(mean, HAIR, out=rest)
    np.multiply(rest, rest, out=rest)
    np.putmask(squares, squares <= rest, 0.0)
    np.sqrt(squares, out=squares)
    factors = np.array(_factors(percent, progress.years))
    half = np.multiply(squares, factors[progress.at_least] if count is None else factors.take(count), out=squares)
    np.putmask(mean, mean == 0, np.nan)
    done = progress.done[:, progress.at_least :]
    np.divide(done, np.add(mean, half, out=rest), out=low)
    np.subtract(mean, half, out=rest)
    np.putmask(rest, rest <= 0, np.nan)
    np.divide(done, rest, out=high)
    backwards = done < 0
    if backwards.any():
        low[backwards], high[backwards] = high[backwards], low[backwards]


@functools.lru_cache(256)
def _factors(percent: float, years: int) -> tuple[float, ...]:
    """Return what the root of the sum of squares is multiplied by, by number of years: `t √((1 + 1/n)/(n - 1))`."""
    factors = (student.factor(percent, n - 1) * math.sqrt((1 + 1 / n) / (n - 1)) for n in range(2, years + 1))
    return (math.nan, math.nan, *factors)
