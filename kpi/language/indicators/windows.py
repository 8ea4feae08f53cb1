"""Windows: sums over the period and the periods before it, on the complete grid of the panel.

The panel has a row for every entity and period, so that a period before is a fixed number of rows above, and a gap
leaves a window incomplete instead of making it longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import polars as pl

from kpi.errors import Message, count
from kpi.language.indicators.base import ENTITIES, MONTH, Symbols, broken, earlier_by
from kpi.language.lookback import Lags
from kpi.language.model import Path, Problem, Problems
from kpi.values import columns as columns_of
from kpi.values import periods, window_sums
from kpi.values.periods import Grain, Length, Window
from kpi.values.status import Reason, gap, reason, status_of

#: The window that begins with the year of the period.
YEAR_TO_DATE = "ytd"


def span_words(over: str) -> Message:
    """Return the length of a window in words.

    >>> span_words("12m"), span_words("1y"), span_words("ytd")
    ('12 months', '1 year', 'the year to date')
    """
    if over == YEAR_TO_DATE:
        return Message("the year to date")
    number = int(over[:-1])
    match over[-1]:
        case "y":
            return count(number, "year")
        case "q":
            return count(number, "quarter")
        case "m":
            return count(number, "month")
    return count(number, "week")


def earlier(column: pl.Expr, lag: int) -> pl.Expr:
    """Return the value of a column some periods before."""
    return column if lag == 0 else column.shift(ENTITIES if lag == 1 else ENTITIES * lag)


def over_rows(compute: Callable[..., pl.Series], kind: pl.DataType, *columns: pl.Expr) -> pl.Expr:
    """Return a column that a function computes from whole columns and `entities`, how many of them there are."""

    def computed(series: Sequence[pl.Series]) -> pl.Series:
        *given, entities = series
        return compute(*given, entities=entities[0]) if len(entities) else pl.Series(dtype=kind)

    return pl.map_batches([*columns, pl.col(columns_of.ENTITIES)], computed, return_dtype=kind)


def over_years(compute: Callable[..., pl.Series], kind: pl.DataType, grain: Grain, *columns: pl.Expr) -> pl.Expr:
    """Return the same of a function that also takes the `place` of the first period in its year, and the `year`.

    Not of weeks, of which years have 52 or 53.
    """

    def computed(*given: pl.Series, entities: int) -> pl.Series:
        *others, month = given
        place = month[0] % grain.timeline.per_year // grain.months
        return compute(*others, entities=entities, place=place, year=grain.per_year)

    return over_rows(computed, kind, *columns, MONTH)


def total(column: pl.Expr, number: int) -> pl.Expr:
    """Return the sum over some periods, without the floating-point error of decimals; null where one is missing.

    >>> frame = pl.DataFrame({"x": [0.1, 0.2, None, 0.4], "#entities": [1] * 4})
    >>> frame.select(total(pl.col("x"), 2)).to_series().to_list()
    [None, 0.3, None, None]
    """
    return column if number == 1 else over_rows(partial(window_sums.total, number=number), pl.Float64(), column)


def breaks_inside(name: str, over: str, grain: Grain, symbols: Symbols) -> pl.Expr | None:
    """Return whether units merged or split inside a window; None where they cannot have."""
    number = periods_of(over, grain) or 1
    if over != YEAR_TO_DATE:
        return broken(symbols, name, earlier_by(Window((number - 1,), 0.0), grain.timeline))
    place = place_in_year(grain)

    def first_of_year(column: pl.Expr) -> pl.Expr:
        return pl.coalesce(pl.when(place == lag).then(earlier(column, lag)) for lag in range(number))

    return broken(symbols, name, first_of_year)


def comparable(name: str, value: pl.Expr, over: str, grain: Grain, symbols: Symbols) -> pl.Expr:
    """Return a value over a window of a figure, null where units merged or split inside the window."""
    across = breaks_inside(name, over, grain, symbols)
    return value if across is None else pl.when(~across).then(value)


def window_total(name: str, over: str, grain: Grain, symbols: Symbols) -> pl.Expr:
    """Return the total of a figure over a window, null where it is incomplete or units merged or split inside it."""
    column = pl.col(name)
    value = to_date(column, grain) if over == YEAR_TO_DATE else total(column, periods_of(over, grain) or 1)
    return comparable(name, value, over, grain, symbols)


def mean_of_enough(column: pl.Expr, number: int, least: int) -> pl.Expr:
    """Return the mean of the figures that there are in some periods; null where there are fewer than `least`.

    >>> frame = pl.DataFrame({"x": [1.0, 2.0, None, None], "#entities": [1] * 4})
    >>> frame.select(mean_of_enough(pl.col("x"), 3, 2)).to_series().to_list()
    [None, 1.5, 1.5, None]
    """
    return over_rows(partial(window_sums.mean_of_enough, number=number, least=least), pl.Float64(), column)


def place_in_year(grain: Grain) -> pl.Expr:
    """Return the place of a period in its year, 0 for the first; not of weeks, of which years have 52 or 53."""
    return (MONTH % grain.timeline.per_year) // grain.months


def to_date(column: pl.Expr, grain: Grain) -> pl.Expr:
    """Return the sum from the first period of the year; null where one of its periods is missing."""
    return over_years(window_sums.to_date, pl.Float64(), grain, column)


def refused_within(name: str, over: str, grain: Grain) -> pl.Expr:
    """Return whether a figure of a window was refused; before the data there is nothing that could be."""
    refused = status_of(name) == reason("refused")
    if over == YEAR_TO_DATE:
        return over_years(window_sums.any_to_date, pl.Boolean(), grain, refused)
    return over_rows(partial(window_sums.any_within, number=periods_of(over, grain) or 1), pl.Boolean(), refused)


def periods_of(over: str, grain: Grain) -> int | None:
    """Return the number of periods of a window; None if it is not a whole number of them.

    >>> periods_of("12m", Grain.QUARTER), periods_of("ytd", Grain.MONTH), periods_of("1m", Grain.QUARTER)
    (4, 12, None)
    """
    if over == YEAR_TO_DATE:
        return None if grain.length is Length.WEEK else grain.per_year
    window = grain.window(over)
    return window.lags[0] if window is not None and len(window.lags) == 1 else None


def length_of(over: str | None, grain: Grain) -> int:
    """Return how many periods a window always takes: 1 without a window, and of the year to date."""
    return 1 if over is None or over == YEAR_TO_DATE else periods_of(over, grain) or 1


def lags_of(number: int | None) -> Lags:
    """Return the lags of a window of some periods."""
    return frozenset(range(number or 1))


def gaps(
    names: Iterable[str], over: str, grain: Grain, symbols: Symbols, lacks: pl.Expr | None = None
) -> Iterator[Reason]:
    """Yield why a sum over a window is missing, in the order in which reasons count.

    The status of the period's own figure; `refused` where a figure of the window was refused; `break` where units
    merged or split inside the window; `incomplete` where it begins before the data, or a figure of it is missing.

    Args:
        names: the figures that are summed.
        over: the window.
        grain: of the periods.
        symbols: what names stand for.
        lacks: whether there is no sum; left out where that is all that a value can lack.
    """
    names, number = tuple(names), periods_of(over, grain) or 1
    yield from (gap(name) for name in names)
    if number > 1:
        for name in names:
            yield refused_within(name, over, grain), reason("refused")
        for name in names:
            across = breaks_inside(name, over, grain, symbols)
            if across is not None:
                yield across, reason("break")
    yield pl.lit(value=True) if lacks is None else lacks, reason("incomplete")


def window_problems(path: Path, key: str, over: str, grain: Grain) -> Problems:
    """Yield a window that is no span of time, or no whole number of periods."""
    if over == YEAR_TO_DATE:
        if grain.length is Length.WEEK:
            yield Problem(
                "K439", (*path, key), Message("weeks do not begin with a year: there is no year to date of them"),
                hint=Message("write a number of weeks, such as 13w"),
            )  # fmt: skip
        return
    try:
        window = grain.window(over)
    except periods.PeriodError as error:
        yield Problem("K105", (*path, key), error.message, hint=error.hint)
        return
    if window is None:
        yield Problem(
            "K404", (*path, key), Message("`{over}` is not a whole number of periods", over=over),
            hint=Message("periods are scored by {grain}; use a whole number of them", grain=grain.title),
        )  # fmt: skip
    elif len(window.lags) > 1:
        yield Problem(
            "K404", (*path, key), Message("`{over}` is 52 or 53 weeks, so not always the same number", over=over),
            hint=Message("write a number of weeks, such as 52w"),
        )  # fmt: skip
