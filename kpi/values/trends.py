"""Least-squares lines through the latest periods of each entity, carried on, with the interval of one more period.

Values and intervals are computed apart, since totals and ranks need values alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from kpi.values.rounding import HAIR
from kpi.values.window_sums import array_of, blocks, column_of, space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: What `projected` returns: the projection, and whether the line lacks a figure.
KIND = pl.Struct({"value": pl.Float64, "lacks": pl.Boolean})

#: What `interval` returns: the ends of the interval of the projection.
ENDS = pl.Struct({"low": pl.Float64, "high": pl.Float64})


class Line(Struct, frozen=True):
    """A line through the latest periods.

    Attributes:
        number: how many periods it is drawn through.
        factor: of the deviation, for the interval.
        total: the figures of the periods ahead are added to what there is already.
    """

    number: int
    factor: float
    total: bool

    @property
    def middle(self) -> float:
        """The mean place of the periods, 0 being the latest."""
        return -(self.number - 1) / 2

    @property
    def spread(self) -> float:
        """The sum of squares of the places around their mean."""
        return self.number * (self.number**2 - 1) / 12


def moments(values: Array, number: int, *, squared: bool = True, into: int = 0) -> tuple[Array, Array, Array | None]:
    """Return the sums of `d`, `l d` and `d²` over some periods, `d` being the difference to the period's own value.

    The period `l` before has the weight l. Differences keep the digits that a sum of squares of large figures loses.
    Halves are combined: with `c` the difference of the first period of the other half, its sums are
    `D' + h c`, `W' + h D' + c (h(h-1)/2 + h²)` and `Q' + 2 c D' + h c²`.

    Args:
        values: ordered by period, with the entities of a period as elements, or of one.
        number: how many periods.
        squared: whether the sum of squares is wanted.
        into: which of two spaces, so that sums are read from one and written to the other.

    Returns:
        The sums from the first period on that has so many, each in a `space`.

    >>> import numpy as np
    >>> [float(sums[0]) for sums in moments(np.array([1.0, 2.0, 4.0]), 3)]
    [-5.0, -8.0, 13.0]
    """
    import numpy as np

    def kept(name: str, many: int) -> Array:
        return space(f"{name} {into}", (many, *values.shape[1:]))

    many = len(values) - number + 1
    if number == 1:
        nothing = np.multiply(values, 0.0, out=kept("nothing", many))
        return nothing, nothing, nothing if squared else None
    half = number // 2
    earlier, earlier_weighted, earlier_squares = moments(values, half, squared=squared, into=1 - into)
    height = len(earlier) - half
    other, rest = earlier[:height], kept("rest", height)
    first = values[half - 1 : half - 1 + height]
    far = np.subtract(first, values[2 * half - 1 : 2 * half - 1 + height], out=kept("far", height))
    weighted = np.add(earlier_weighted[half:], earlier_weighted[:height], out=kept("weighted", height))
    weighted += np.multiply(other, half, out=rest)
    weighted += np.multiply(far, half * (half - 1) / 2 + half**2, out=rest)
    squares = None
    if earlier_squares is not None:
        squares = np.add(earlier_squares[half:], earlier_squares[:height], out=kept("squares", height))
        squares += np.multiply(np.multiply(far, other, out=rest), 2, out=rest)
        squares += np.multiply(np.multiply(far, far, out=rest), half, out=rest)
    sums = np.add(earlier[half:], other, out=kept("sums", height))
    sums += np.multiply(far, half, out=rest)
    if number % 2:
        last = np.subtract(values[:many], values[number - 1 :], out=kept("last", many))
        sums, weighted, rest = sums[1:], weighted[1:], rest[1:]
        sums += last
        weighted += np.multiply(last, number - 1, out=rest)
        if squares is not None:
            squares = squares[1:]
            squares += np.multiply(last, last, out=rest)
    return sums, weighted, squares


def projected(figures: pl.Series, now: pl.Series, ahead: pl.Series, *, entities: int, line: Line) -> pl.Series:
    """Return where lines through the latest periods lead, or the totals that they add up to.

    Args:
        figures: of an entity and period, ordered by period.
        now: what there is already: the figures, or the totals to date.
        ahead: how many periods lie between each period and the one that is projected.
        entities: how many there are.
        line: through how many periods, and to where.

    Returns:
        A struct of `KIND`.
    """
    import numpy as np

    out = np.empty((len(figures) // entities, entities))
    lacks = np.empty(out.shape, bool)
    out[: line.number - 1], lacks[: line.number - 1] = np.nan, True
    for late, drawn in _drawn(figures, now, ahead, entities, line, squared=False):
        out[late] = drawn.estimate
        lacks[late] = np.isnan(drawn.sums)
    columns = {"value": column_of(out.reshape(-1)), "lacks": pl.Series(lacks.reshape(-1))}
    return pl.DataFrame(columns).to_struct()


def interval(figures: pl.Series, now: pl.Series, ahead: pl.Series, *, entities: int, line: Line) -> pl.Series:
    """Return the ends of the intervals of projections, a struct of `ENDS`; the arguments are those of `projected`."""
    import numpy as np

    out = np.empty((2, len(figures) // entities, entities))
    out[:, : line.number - 1] = np.nan
    for late, drawn in _drawn(figures, now, ahead, entities, line, squared=True):
        half = drawn.half
        for column, end in zip(out, (drawn.estimate - half, drawn.estimate + half), strict=True):
            column[late] = end
    low, high = (column_of(column.reshape(-1)) for column in out)
    return pl.DataFrame({"low": low, "high": high}).to_struct()


def _drawn(
    figures: pl.Series, now: pl.Series, ahead: pl.Series, entities: int, line: Line, *, squared: bool
) -> Iterator[tuple[tuple[slice, slice], _Drawn]]:
    """Yield blocks of periods and entities with their lines."""
    values, done = (array_of(column).reshape(-1, entities) for column in (figures, now))
    head = line.number - 1
    if head >= len(values):
        return
    steps = array_of(ahead.gather_every(entities))[head:, None]
    for block in blocks(entities, len(figures)):
        sums = moments(values[:, block], line.number, squared=squared)
        yield (slice(head, None), block), _Drawn(line, values[head:, block], done[head:, block], steps, *sums)


class _Drawn(Struct, dict=True):
    """Lines of a block, by period and entity.

    Attributes:
        line: through how many periods, and to where.
        values: the figures of the periods.
        now: what there is already.
        ahead: how many periods the projection is ahead, in one column.
        sums: of the differences, as of `moments`.
        weighted: the same.
        squares: the same, where the interval is wanted.
    """

    line: Line
    values: Array
    now: Array
    ahead: Array
    sums: Array
    weighted: Array
    squares: Array | None

    @cached_property
    def product(self) -> Array:
        """The sum of products of places and differences, around the mean."""
        product: Array = -self.weighted - self.sums * self.line.middle
        return product

    @cached_property
    def slope(self) -> Array:
        """The slope of the line a period."""
        slope: Array = self.product / self.line.spread
        return slope

    @cached_property
    def estimate(self) -> Array:
        """The projection: at the end itself the figure, NaN where the line lacks a figure."""
        import numpy as np

        ahead, middle = self.ahead, self.line.middle
        mean = self.values + self.sums / self.line.number
        if self.line.total:
            estimate = self.now + ahead * mean + self.slope * (ahead * (ahead + 1) / 2 - ahead * middle)
        else:
            estimate = mean + self.slope * (ahead - middle)
        there = ahead[:, 0] == 0
        estimate[there] = np.where(np.isnan(mean[there]), np.nan, self.now[there])
        return estimate

    @property
    def half(self) -> Array:
        """Half the width of the interval: zero at the end itself; after it there is nothing to project."""
        import numpy as np

        assert self.squares is not None  # noqa: S101
        number, middle, spread, ahead = self.line.number, self.line.middle, self.line.spread, self.ahead
        around = self.squares - self.sums * self.sums / number
        left = around - self.slope * self.product
        # What is left of sums that cancel is no deviation from the line.
        np.putmask(left, left <= around * HAIR, 0.0)
        if self.line.total:
            distance = (ahead + 1) / 2 - middle
            variance = ahead + ahead * ahead * (distance * distance / spread + 1 / number)
        else:
            variance = (ahead - middle) ** 2 / spread + (1 + 1 / number)
        left *= np.where(variance > 0, variance, 0.0) / (number - 2)
        half = self.line.factor * np.sqrt(left, out=left)
        half[ahead[:, 0] == 0], half[ahead[:, 0] < 0] = 0.0, np.nan
        return half
