"""Projections: where a figure will be at the end of the year, from past years or from its trend, with an interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.indicators.base import MONTH, Indicator, Symbols, broken, title_of, unit_of
from kpi.language.indicators.derived import scored_period
from kpi.language.indicators.windows import (
    YEAR_TO_DATE,
    breaks_inside,
    earlier,
    gaps,
    lags_of,
    periods_of,
    place_in_year,
    span_words,
    window_problems,
    window_total,
)
from kpi.language.lookback import Lags
from kpi.language.model import Name, Path, Problem, Problems, Text
from kpi.values import period_texts, student, units
from kpi.values.columns import Column, Expressions
from kpi.values.periods import Grain, Length
from kpi.values.rounding import HAIR
from kpi.values.status import ZERO, Reason, gap, guarded, literal, reason
from kpi.values.units import Unit

#: The fewest periods that a trend with an interval is drawn through.
_LEAST = 3


class Projection(Indicator):
    """Where a figure will be at the end of the year (预计完成), with an interval.

    `by: share`: the total to date over the mean share `s` of the year's total that past years had reached by now,
    `x/s`; the interval is that of the share of one more year, `s ± t sd √(1 + 1/n)`. Fewer than `at_least` past years
    are `too_few`. `by: trend`: the least-squares line through the periods of `over`, at the end of the year or of `to`
    (`as: level`), or the total to date and the line over the rest of the year (`as: total`), with the prediction
    interval of the line; a gap in the periods is `incomplete`. At the end itself it is the figure.

    Source: ratio to past years' progress; prediction interval of a regression line, Draper and Smith (1998), 3.1.

    >>> Projection(of="sales").words({})
    'total of sales at the end of the year, by the share of past years at this time (80 % interval)'
    >>> Projection.model_validate({"of": "rate", "by": "trend", "over": "3y", "as": "level", "to": 2025}).words({})
    'rate at the end of 2025, by its trend over 3 years (80 % interval)'
    """

    kind: Literal["projection"] = "projection"
    kind_title: ClassVar[Message] = Message("projection")
    projects: ClassVar[bool] = True
    of: Name = Field(description="the measure or indicator")
    by: Literal["share", "trend"] = Field(
        "share", description="the share of the year's total that past years had reached by now, or the trend"
    )
    years: int = Field(5, ge=2, le=20, description="of `by: share`: how many past years count at most")
    at_least: int = Field(3, ge=2, description="of `by: share`: with fewer past years it is too_few")
    over: str | None = Field(None, description="of `by: trend`: the periods that the line is drawn through, such as 3y")
    as_: Literal["total", "level"] | None = Field(
        None, alias="as", description="of `by: trend`: the total of the year (of a flow), or the value at its end"
    )
    to: Text | None = Field(None, description="of `by: trend`: a period, such as 2025, in place of the end of the year")
    interval: Annotated[float, Field(gt=0, lt=100)] = Field(80, description="percent that the interval is to hold")
    light: Literal["at_risk", "schedule"] = Field(
        "at_risk",
        description="at_risk: the light is green where the target will be reached, at_risk where only the interval "
        "reaches it, else red; schedule: as of other indicators",
    )

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the measure or indicator."""
        yield ("of",), self.of

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the unit of what is projected."""
        return unit_of(symbols, self.of)

    @property
    def light_by_outlook(self) -> bool:
        """Whether its light says if the target will be reached."""
        return self.light == "at_risk"

    def _totals(self) -> bool:
        return self.by == "share" or self.as_ == "total"

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value, the ends of its interval `name.low` and `name.high`, and its status."""
        way = self._by_share if self.by == "share" else self._by_trend
        return way(name, symbols, grain)

    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return what is projected: past years and the one before them, or the periods of the trend."""
        if self.by == "share":
            return {self.of: lags_of((self.years + 1) * grain.per_year)}
        lags = lags_of(periods_of(self.over or "", grain))
        return {self.of: lags | lags_of(grain.per_year) if self._totals() else lags}

    # ---- THE SHARE OF PAST YEARS ---- #

    def _by_share(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        column, year = Column(name), grain.per_year
        done = pl.col(column.window)
        # The total of the year before, in every period of this year: that of the last period that ends a year.
        whole = earlier(pl.when(place_in_year(grain) == year - 1).then(done), 1)
        reach = 1
        while reach < year:
            step = min(reach, year - reach)
            whole, reach = pl.coalesce(whole, earlier(whole, step)), reach + step
        part = earlier(done, year)
        share = pl.when((whole > ZERO) & (part >= ZERO)).then(part / whole)
        shares = [earlier(pl.col(column.progress), place * year) for place in range(self.years)]
        if symbols[self.of].breaks:
            shares = [self._unbroken(past, place, symbols, grain) for place, past in enumerate(shares)]
        number, mean, half = pl.col(column.number), pl.col(column.mean), pl.col(column.error)
        few = number < self.at_least
        squares = pl.sum_horizontal([squared(past - mean) for past in shares])
        # Shares that are equal but for their last bits, such as 1 at the end of the year, have no spread.
        squares = pl.when(squares > squared(mean * HAIR)).then(squares).otherwise(ZERO)
        # The factor of the interval depends on the number of years alone, of which there are few.
        quantile: pl.Expr = literal(None)
        for n in range(2, self.years + 1):
            factor = student.factor(self.interval, n - 1) * math.sqrt((1 + 1 / n) / (n - 1))
            quantile = pl.when(number == n).then(literal(factor)).otherwise(quantile)
        counted = pl.sum_horizontal([past.is_not_null() for past in shares]).cast(pl.Float64)
        # NOTE: each step is a column: where expressions stand in one another, planning takes longer than computing.
        before = Expressions(
            bases={column.error: quantile * squares.sqrt()},
            sources=(
                {column.window: self._to_date(symbols, grain)},
                {column.progress: share},
                {column.number: counted, column.mean: pl.sum_horizontal(shares) / counted},
            ),
        )
        first, last = done / (mean + half), pl.when(mean > half).then(done / (mean - half))
        backwards, known = done < ZERO, ~few & done.is_not_null() & (mean > ZERO)
        ends: dict[str, pl.Expr] = {
            column.low: pl.when(known).then(pl.when(backwards).then(last).otherwise(first)),
            column.high: pl.when(known).then(pl.when(backwards).then(first).otherwise(last)),
        }
        why = [*self._gaps(symbols, grain, done.is_null()), (few, reason("too_few"))]
        value = pl.when(~few).then(done / mean)
        return before | Expressions(ends) | guarded(name, value, shown={"zero_denominator": mean == ZERO}, reasons=why)

    def _to_date(self, symbols: Symbols, grain: Grain) -> pl.Expr:
        """Return the total of the year to date, which a running total is itself."""
        if symbols[self.of].running:
            return pl.col(self.of)
        return window_total(self.of, YEAR_TO_DATE, grain, symbols)

    def _gaps(self, symbols: Symbols, grain: Grain, lacks: pl.Expr) -> list[Reason]:
        if symbols[self.of].running:
            return [gap(self.of)]
        return list(gaps([self.of], YEAR_TO_DATE, grain, symbols, lacks))

    def _unbroken(self, share: pl.Expr, place: int, symbols: Symbols, grain: Grain) -> pl.Expr:
        """Return the share of a past year, null where units merged or split since it began."""
        lag = (place + 2) * grain.per_year - 1
        across = broken(symbols, self.of, lambda column: earlier(column, lag))
        return share if across is None else pl.when(~across.fill_null(value=False)).then(share)

    # ---- THE TREND ---- #

    def _by_trend(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        column, value = Column(name), pl.col(self.of)
        number = periods_of(self.over or "", grain) or _LEAST
        differences: dict[str, pl.Expr] = dict(
            zip((column.sums, column.weighted, column.squares), moments(value, number), strict=True)
        )
        sums, weighted, squares = (pl.col(name) for name in differences)
        middle, spread = -(number - 1) / 2, number * (number**2 - 1) / 12
        product = -weighted - sums * middle
        slope = product / spread
        around = squares - squared(sums) / number
        left = around - slope * product
        # What is left of sums that cancel is no deviation from the line.
        left = pl.when(left > around * HAIR).then(left).otherwise(ZERO)
        across = breaks_inside(self.of, self.over or "", grain, symbols)
        level = value + sums / number
        bases: dict[str, pl.Expr] = {
            column.mean: level if across is None else pl.when(~across).then(level), column.slope: slope,
            column.error: left,
        }  # fmt: skip
        ahead = self._ahead(grain)
        mean, slope, left = pl.col(column.mean), pl.col(column.slope), pl.col(column.error)
        quantile = student.factor(self.interval, number - 2)
        why = list(gaps([self.of], self.over or "", grain, symbols, mean.is_null()))
        if self._totals():
            done = pl.col(column.window)
            bases[column.window] = self._to_date(symbols, grain)
            estimate = done + ahead * mean + slope * (ahead * (ahead + 1) / 2 - ahead * middle)
            distance = (ahead + 1) / 2 - middle
            variance = ahead + squared(ahead) * (squared(distance) / spread + 1 / number)
            why = [*self._gaps(symbols, grain, done.is_null()), *why]
            now = done
        else:
            estimate = mean + slope * (ahead - middle)
            variance = squared(ahead - middle) / spread + (1 + 1 / number)
            now = value
        estimate = pl.when(ahead == 0).then(now).otherwise(estimate)
        half = pl.when(ahead == 0).then(ZERO).otherwise(quantile * (left / (number - 2) * variance).sqrt())
        guards: dict[str, pl.Expr] = {}
        if self.to is not None:
            # After the period in question there is nothing to project.
            guards["not_applicable"] = ahead < 0
            why = [(ahead < 0, reason("not_applicable")), *why]
        known = mean.is_not_null() & (ahead >= 0) & now.is_not_null()
        ends: dict[str, pl.Expr] = {
            column.low: pl.when(known).then(estimate - half),
            column.high: pl.when(known).then(estimate + half),
        }
        estimate = pl.when(mean.is_not_null()).then(estimate)
        return Expressions(ends, bases=bases, sources=(differences,)) | guarded(name, estimate, guards, reasons=why)

    def _ahead(self, grain: Grain) -> pl.Expr:
        """Return how many periods lie between that of the row and the one that is projected (Float64)."""
        if self.to is None:
            return (literal(float(grain.per_year - 1)) - place_in_year(grain)).cast(pl.Float64)
        end = period_texts.parse(self.to, timeline=grain.timeline).end
        return ((pl.lit(end) - MONTH) / grain.months).cast(pl.Float64)

    # ---- WORDS AND PROBLEMS ---- #

    def words(self, symbols: Symbols) -> Message:
        """Return what is projected to when, and from what."""
        title = title_of(symbols, self.of)
        if self.by == "share":
            return Message(
                "total of {title} at the end of the year, by the share of past years at this time "
                "({percent:g} % interval)",
                title=title, percent=self.interval,
            )  # fmt: skip
        over = span_words(self.over or "1y")
        if self.to is not None:
            return Message(
                "{title} at the end of {period}, by its trend over {window} ({percent:g} % interval)",
                title=title, period=self.to, window=over, percent=self.interval,
            )  # fmt: skip
        if self.as_ == "total":
            return Message(
                "total of {title} at the end of the year, by its trend over {window} ({percent:g} % interval)",
                title=title, window=over, percent=self.interval,
            )  # fmt: skip
        return Message(
            "{title} at the end of the year, by its trend over {window} ({percent:g} % interval)",
            title=title, window=over, percent=self.interval,
        )  # fmt: skip

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unit and target problems, and keys that do not go with the way in which it is projected."""
        yield from super().problems(path, symbols, grain)
        unit, running = unit_of(symbols, self.of), self.of in symbols and symbols[self.of].running
        if grain.length is Length.WEEK and (self._totals() or self.to is None):
            yield from window_problems(path, "by", YEAR_TO_DATE, grain)
            return
        if self._totals() and unit is not None and not units.summable(unit) and not running:
            yield Problem(
                "K438", (*path, "of"),
                Message("`{name}` is in {unit}, which does not add up over periods", name=self.of, unit=unit),
                hint=Message("write `by: trend, as: level`"),
            )  # fmt: skip
        yield from (self._of_share(path, grain) if self.by == "share" else self._of_trend(path, grain, running=running))

    def _of_share(self, path: Path, grain: Grain) -> Problems:
        for key in ("over", "as", "to"):
            if getattr(self, "as_" if key == "as" else key) is not None:
                yield Problem(
                    "K443", (*path, key), Message("`{key}` is for `by: trend`", key=key),
                    hint=Message("leave it out, or write `by: trend`"),
                )  # fmt: skip
        if grain.length is Length.YEAR:
            yield Problem(
                "K443", path, Message("a scored year is over: there is no part of it to project from"),
                hint=Message("write `by: trend` with `to:`, such as 2030"), at_key=True,
            )  # fmt: skip
        if self.at_least > self.years:
            yield Problem(
                "K443", (*path, "at_least"),
                Message("of {years} past years there are never {least}", years=self.years, least=self.at_least),
                hint=Message("lower it"),
            )  # fmt: skip

    def _of_trend(self, path: Path, grain: Grain, *, running: bool) -> Problems:  # noqa: C901 - one case a key
        for key in ("years", "at_least"):
            if key in self.model_fields_set:
                yield Problem(
                    "K443", (*path, key), Message("`{key}` is for `by: share`", key=key),
                    hint=Message("leave it out: the trend needs every period of `over`"),
                )  # fmt: skip
        if self.over is None:
            yield Problem(
                "K443", path, Message("a trend needs the periods that it is drawn through"),
                hint=Message("add `over:`, such as 3y"), at_key=True,
            )  # fmt: skip
        else:
            wrong = list(window_problems(path, "over", self.over, grain))
            yield from wrong
            number = None if wrong else periods_of(self.over, grain)
            if self.over == YEAR_TO_DATE or (number is not None and number < _LEAST):
                yield Problem(
                    "K443", (*path, "over"), Message("a trend needs a fixed number of periods, {number} at least",
                                                     number=_LEAST),
                    hint=Message("write a longer window, such as 3y"),
                )  # fmt: skip
        if self.as_ is None:
            yield Problem(
                "K443", path, Message("a trend is carried on to the total of the year, or to the value at its end"),
                hint=Message("add `as: total` for a flow, `as: level` for a stock or a rate"), at_key=True,
            )  # fmt: skip
        if self.as_ == "level" and running:
            yield Problem(
                "K443", (*path, "as"),
                Message("`{name}` is a running total of the year, which begins anew with each", name=self.of),
                hint=Message("write `by: share`, or name the figure of single periods"),
            )  # fmt: skip
        if self.as_ == "total" and running:
            yield Problem(
                "K438", (*path, "of"),
                Message("`{name}` is a running total of the year: added up, months would count more than once",
                        name=self.of),
                hint=Message("write `over_time: sum` at the measure for the figures of single periods"),
            )  # fmt: skip
        if self.to is not None:
            wrong, _ = scored_period(self.to, (*path, "to"), grain)
            yield from wrong
            if self.as_ == "total":
                yield Problem(
                    "K443", (*path, "to"), Message("`to` is for `as: level`: a total is that of the year"),
                    hint=Message("leave it out"),
                )  # fmt: skip
        elif grain.length is Length.YEAR:
            yield Problem(
                "K443", path, Message("a scored year is over: there is no part of it to project from"),
                hint=Message("add `to:`, such as 2030"), at_key=True,
            )  # fmt: skip


def squared(value: pl.Expr) -> pl.Expr:
    """Return a square; Polars 2.1 takes many times as long for a power."""
    return value * value


def moments(value: pl.Expr, number: int) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return the sums of `d`, `l d` and `d²` over some periods, `d` being the difference to the period's own value.

    The period `l` before has the weight l. Differences keep the digits that a sum of squares of large figures loses.
    Halves are combined: with `c` the difference of the first period of the other half, its sums are
    `D' + h c`, `W' + h D' + c (h(h-1)/2 + h²)` and `Q' + 2 c D' + h c²`.

    >>> frame = pl.DataFrame({"x": [1.0, 2.0, 4.0], "#entities": [1] * 3})
    >>> frame.select(pl.concat_list(moments(pl.col("x"), 3))).to_series().to_list()[-1]
    [-5.0, -8.0, 13.0]
    """
    if number == 1:
        nothing = value * 0.0
        return nothing, nothing, nothing
    half = number // 2
    sums, weighted, squares = moments(value, half)
    far = earlier(value, half) - value
    other, other_weighted, other_squares = (earlier(column, half) for column in (sums, weighted, squares))
    weighted = weighted + other_weighted + other * half + far * (half * (half - 1) / 2 + half**2)
    squares = squares + other_squares + far * other * 2 + squared(far) * half
    sums = sums + other + far * half
    if number % 2:
        last = earlier(value, number - 1) - value
        sums, weighted, squares = sums + last, weighted + last * (number - 1), squares + squared(last)
    return sums, weighted, squares
