"""Windows: sums over the period and the periods before it, on the complete grid of the panel.

The panel has a row for every entity and period, so that a period before is a fixed number of rows above, and a gap
leaves a window incomplete instead of making it longer.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator

import polars as pl

from kpi.errors import Message, count
from kpi.language.indicators.base import ENTITIES, MONTH, Symbols, broken, earlier_by
from kpi.language.lookback import Lags
from kpi.language.model import Path, Problem, Problems
from kpi.values import periods
from kpi.values.periods import Grain, Length, Window
from kpi.values.status import Reason, gap, literal, reason, status_of

#: The window that begins with the year of the period.
YEAR_TO_DATE = "ytd"

#: Sums of figures are rounded to this number of decimals, those of figures themselves.
_DECIMALS = 9


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


def folded(column: pl.Expr, number: int, combine: Callable[[pl.Expr, pl.Expr], pl.Expr] = operator.add) -> pl.Expr:
    """Return a column combined over the period and the `number - 1` periods before it.

    Halves are combined, so that twelve terms take four operations: the plan computes an expression once however often
    it stands there.

    >>> frame = pl.DataFrame({"x": [1, 2, 3, 4, 5, 6], "#entities": [2] * 6})
    >>> frame.select(folded(pl.col("x"), 3)).to_series().to_list()
    [None, None, None, None, 9, 12]
    """
    if number == 1:
        return column
    half = folded(column, number // 2, combine)
    both = combine(half, earlier(half, number // 2))
    return combine(both, earlier(column, number - 1)) if number % 2 else both


def total(column: pl.Expr, number: int) -> pl.Expr:
    """Return the sum over some periods, without the floating-point error of decimals; null where one is missing.

    >>> frame = pl.DataFrame({"x": [0.1, 0.2, None, 0.4], "#entities": [1] * 4})
    >>> frame.select(total(pl.col("x"), 2)).to_series().to_list()
    [None, 0.3, None, None]
    """
    return column if number == 1 else folded(column, number).round(_DECIMALS)


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

    def added(first: pl.Expr, second: pl.Expr) -> pl.Expr:
        return first + second.fill_null(literal(0.0))

    many = folded(column.is_not_null().cast(pl.Float64), number, added)
    return pl.when(many >= least).then(folded(column.fill_null(literal(0.0)), number, added).round(_DECIMALS) / many)


def place_in_year(grain: Grain) -> pl.Expr:
    """Return the place of a period in its year, 0 for the first; not of weeks, of which years have 52 or 53."""
    return (MONTH % grain.timeline.per_year) // grain.months


def to_date(column: pl.Expr, grain: Grain) -> pl.Expr:
    """Return the sum from the first period of the year; null where one of its periods is missing.

    Sums of 1, 2, 4, 8 periods that begin with the year at most are put together, so that twelve months take four steps
    and nothing before them is read.
    """
    place, sums, reach = place_in_year(grain), {1: column}, 1
    while reach < grain.per_year:
        further = max(size for size in sums if size <= grain.per_year - reach)
        before = pl.when(place >= reach).then(earlier(sums[further], reach)).otherwise(literal(0.0))
        sums[reach + further] = sums[reach] + before
        reach += further
    return sums[reach].round(_DECIMALS)


def refused_to_date(refused: pl.Expr, grain: Grain) -> pl.Expr:
    """Return whether a condition holds in a period of the year up to this one."""
    place = place_in_year(grain)
    terms = [(place >= lag) & earlier(refused, lag) for lag in range(1, grain.per_year)]
    return functools.reduce(operator.or_, terms, refused)


def periods_of(over: str, grain: Grain) -> int | None:
    """Return the number of periods of a window; None if it is not a whole number of them.

    >>> periods_of("12m", Grain.QUARTER), periods_of("ytd", Grain.MONTH), periods_of("1m", Grain.QUARTER)
    (4, 12, None)
    """
    if over == YEAR_TO_DATE:
        return None if grain.length is Length.WEEK else grain.per_year
    window = grain.window(over)
    return window.lags[0] if window is not None and len(window.lags) == 1 else None


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
    names, number, year = tuple(names), periods_of(over, grain) or 1, over == YEAR_TO_DATE
    yield from (gap(name) for name in names)
    if number > 1:
        for name in names:
            # Before the data there is nothing that could be refused: null OR true is true, null OR false does not hold.
            refused = status_of(name) == reason("refused")
            yield refused_to_date(refused, grain) if year else folded(refused, number, operator.or_), reason("refused")
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
