"""Projections: where a figure will be at the end of the year, from past years or from its trend, with an interval."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.indicators.base import MONTH, Indicator, Symbols, scored_period, title_of, unit_of
from kpi.language.indicators.windows import (
    YEAR_TO_DATE,
    breaks_inside,
    gaps,
    lags_of,
    length_of,
    over_rows,
    over_years,
    periods_of,
    place_in_year,
    span_words,
    window_problems,
    window_total,
)
from kpi.language.lookback import Lags
from kpi.language.model import Name, Path, Problem, Problems, Text
from kpi.values import period_texts, student, trends, units, year_ends
from kpi.values.columns import Column, Expressions
from kpi.values.periods import Grain, Length
from kpi.values.status import Reason, gap, guarded, literal, reason
from kpi.values.units import Unit

#: The fewest periods that a trend with an interval is drawn through.
_LEAST = 3


class Projection(Indicator):
    """Where a figure will be at the end of the year (预计完成), with an interval.

    `by: share`: the total to date over the mean share `s` of the year's total that past years had reached by now,
    `x/s`; the interval is that of the share of one more year, `s ± t sd √(1 + 1/n)`. Fewer than `at_least` past years
    are `too_few`, but for the end. `by: trend`: the least-squares line through the periods of `over`, at the end of the
    year or of `to` (`as: level`), or the total to date and the line over the rest of the year (`as: total`), with the
    prediction interval of the line; a gap in the periods is `incomplete`. At the end itself it is the figure.

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

    @property
    @override
    def known_at_year_end(self) -> bool:
        """Whether there is a value at the end of the year without past years."""
        return self.by == "share"

    def _totals(self) -> bool:
        return self.by == "share" or self.as_ == "total"

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status."""
        way = self._by_share if self.by == "share" else self._by_trend
        return way(name, symbols, grain)

    @override
    def intervals(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the ends of the interval, `name.low` and `name.high`."""
        column = Column(name)
        if self.by == "share":
            compute = partial(year_ends.interval, percent=self.interval)
            both, across = self._over_past_years(compute, year_ends.ENDS, symbols, grain), None
        else:
            now = self._to_date(symbols, grain) if self._totals() else pl.col(self.of)
            both = self._along_line(trends.interval, trends.ENDS, now, grain)
            across = breaks_inside(self.of, self.over or "", grain, symbols)
        # NOTE: both ends are one pass over the figures, so one column of both.
        window = pl.col(column.window).struct
        ends: dict[str, pl.Expr] = {column.low: window.field("low"), column.high: window.field("high")}
        if across is not None:
            ends = {end: pl.when(~across).then(value) for end, value in ends.items()}
        return Expressions(ends, bases={column.window: both})

    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return what is projected: past years and the one before them, or the periods of the trend."""
        if self.by == "share":
            return {self.of: lags_of((self.years + 1) * grain.per_year)}
        lags = lags_of(periods_of(self.over or "", grain))
        return {self.of: lags | lags_of(grain.per_year) if self._totals() else lags}

    # ---- THE SHARE OF PAST YEARS ---- #

    def _over_past_years(
        self, compute: Callable[..., pl.Series], kind: pl.DataType, symbols: Symbols, grain: Grain
    ) -> pl.Expr:
        """Return a column that a function computes from the figures, in view of breaks, and `YearEnds`."""
        of = symbols[self.of]

        def computed(*series: pl.Series, entities: int, place: int, year: int) -> pl.Series:
            ends = year_ends.YearEnds(entities, place, year, of.running, self.years, self.at_least)
            return compute(*series, ends=ends)

        return over_years(computed, kind, grain, *(pl.col(used) for used in (self.of, *of.breaks)))

    def _by_share(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        column = Column(name)
        # NOTE: the value and why there is none are one pass over the figures, so one column of both.
        both = pl.col(column.window)
        state = both.struct.field("state")
        why = [
            *self._gaps(symbols, grain, state == year_ends.GAP),
            (state == year_ends.FEW, reason("too_few")),
            (state == year_ends.NOTHING, reason("zero_denominator")),
        ]
        bases: dict[str, pl.Expr] = {
            column.window: self._over_past_years(year_ends.projected, year_ends.KIND, symbols, grain)
        }
        return Expressions(bases=bases) | guarded(name, both.struct.field("value"), reasons=why, sound=True)

    def _to_date(self, symbols: Symbols, grain: Grain) -> pl.Expr:
        """Return the total of the year to date, which a running total is itself."""
        if symbols[self.of].running:
            return pl.col(self.of)
        return window_total(self.of, YEAR_TO_DATE, grain, symbols)

    def _gaps(self, symbols: Symbols, grain: Grain, lacks: pl.Expr) -> list[Reason]:
        if symbols[self.of].running:
            return [gap(self.of)]
        return list(gaps([self.of], YEAR_TO_DATE, grain, symbols, lacks))

    # ---- THE TREND ---- #

    def _along_line(self, compute: Callable[..., pl.Series], kind: pl.DataType, now: pl.Expr, grain: Grain) -> pl.Expr:
        """Return a column that a function computes from the figures, what there is already, and how far to go."""
        number = periods_of(self.over or "", grain) or _LEAST
        factor = student.factor(self.interval, number - 2)
        line = trends.Line(number, factor, total=self._totals())
        return over_rows(partial(compute, line=line), kind, pl.col(self.of), now, self._ahead(grain))

    def _by_trend(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        column = Column(name)
        ahead, both = self._ahead(grain), pl.col(column.window)
        across = breaks_inside(self.of, self.over or "", grain, symbols)
        value = both.struct.field("value")
        why = list(gaps([self.of], self.over or "", grain, symbols, both.struct.field("lacks")))
        sources: dict[str, pl.Expr] = {}
        now = pl.col(self.of)
        if self._totals():
            sources, now = {column.base: self._to_date(symbols, grain)}, pl.col(column.base)
            why = [*self._gaps(symbols, grain, now.is_null()), *why]
        bases: dict[str, pl.Expr] = {column.window: self._along_line(trends.projected, trends.KIND, now, grain)}
        guards: dict[str, pl.Expr] = {}
        if self.to is not None:
            # After the period in question there is nothing to project.
            guards["not_applicable"] = ahead < 0
            why = [(ahead < 0, reason("not_applicable")), *why]
        value = value if across is None else pl.when(~across).then(value)
        before = Expressions(bases=bases, sources=(sources,))
        return before | guarded(name, value, guards, reasons=why)

    def _ahead(self, grain: Grain) -> pl.Expr:
        """Return how many periods lie between that of the row and the one that is projected (Float64)."""
        if self.to is None:
            return (literal(float(grain.per_year - 1)) - place_in_year(grain)).cast(pl.Float64)
        end = period_texts.parse(self.to, timeline=grain.timeline).end
        return ((pl.lit(end) - MONTH) / grain.months).cast(pl.Float64)

    # ---- WORDS AND PROBLEMS ---- #

    @override
    def fewest_periods(self, grain: Grain) -> int:
        """Return the length of the window of the trend, or that of the past years that are needed."""
        return length_of(self.over, grain) if self.by == "trend" else self.at_least * grain.per_year + 1

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
