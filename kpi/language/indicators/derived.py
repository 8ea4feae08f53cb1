"""Indicators over time, over finer units, and by formula: growth, index, count, milestone, formula."""

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError, Term
from kpi.language.indicators.base import (
    MONTH,
    Indicator,
    Named,
    Symbol,
    Symbols,
    based,
    broken,
    declared,
    declared_problem,
    earlier_by,
    in_titles,
    scale,
    scope_of,
    scored_period,
    title_of,
    unit_of,
)
from kpi.language.indicators.conversions import converted_by_hand
from kpi.language.indicators.counted import Counted
from kpi.language.indicators.deflation import Deflated
from kpi.language.indicators.windows import YEAR_TO_DATE, gaps, lags_of, window_problems, window_total
from kpi.language.lookback import HISTORY, WHOLE, Comparison, Lags, back, composed
from kpi.language.model import Name, Path, Problem, Problems, Text
from kpi.language.targets import Target
from kpi.values import period_texts, periods, units
from kpi.values.columns import Column, Expressions
from kpi.values.periods import Grain, Length
from kpi.values.rounding import BREADTH, HAIR, unsigned_zero, without_noise
from kpi.values.status import HUNDRED, ZERO, guarded, literal, reason, status_of
from kpi.values.units import Unit


def window(over: str) -> Message:  # noqa: PLR0911 - one line a window
    """Return a window of comparison in words.

    >>> window("1y"), window("6m"), window("2y")
    ('year on year', 'over 6 months', 'over 2 years')
    """
    match over[:-1], over[-1:]:
        case "1", "y":
            return Message("year on year")
        case "1", "q":
            return Message("quarter on quarter")
        case "1", "m":
            return Message("month on month")
        case number, "y":
            return Message("over {number} years", number=number)
        case number, "q":
            return Message("over {number} quarters", number=number)
        case number, "m":
            return Message("over {number} months", number=number)
        case "1", "w":
            return Message("week on week")
        case number, "w":
            return Message("over {number} weeks", number=number)
    return Message("over {window}", window=over)


def against(base: pl.Expr) -> tuple[dict[str, pl.Expr], dict[str, pl.Expr]]:
    """Return why a quotient by a base has no value: what it shows by itself, and what voids it."""
    return {"no_baseline": base.is_null(), "zero_baseline": base == ZERO}, {"negative_baseline": base < ZERO}


def from_then_on(end: int, column: pl.Expr) -> pl.Expr:
    """Return the value of the period that ends with a month, from this period on."""
    return pl.when(MONTH.eq(end)).then(column).forward_fill().over("entity")


class Growth(Deflated):
    """Change against an earlier period: rate `100 (x/b - 1)`, points `x - b`, annualised `100 ((x/b)^(1/years) - 1)`.

    The earlier period is found on the complete grid of periods, so a gap never shifts the comparison. With
    `cumulative: true` both figures are totals of their years to date (累计同比). `since: 2020` compares with a fixed
    period of the indicator's own, `until: 2025` up to another one; annualised, that is the compound rate (CAGR). With
    `deflator` figures are in the prices of a base period before they are compared (可比价增速).

    >>> Growth(of="gdp").words({}), Growth.model_validate({"of": "gdp", "over": "1q", "as": "points"}).words({})
    ('growth rate of gdp year on year', 'change of gdp quarter on quarter')
    >>> Growth.model_validate({"of": "gdp", "since": 2020, "until": 2025, "as": "annualised"}).words({})
    'annual growth rate of gdp from 2020 to 2025'
    >>> Growth(of="sales", cumulative=True).words({})
    'growth rate of sales since the start of the year, year on year'
    """

    kind: Literal["growth"] = "growth"
    kind_title: ClassVar[Message] = Message("growth")
    of: Name = Field(description="the measure or indicator that grows")
    over: str = Field(
        "1y", description="1y year on year, 1q, 1m, 2y; of weeks 1w, and 1y for the week of the same number"
    )
    since: Text | None = Field(None, description="a fixed period to compare with, such as 2020, in place of `over`")
    until: Text | None = Field(
        None, description="with `since`: a fixed period up to which it grows; left out: the scored period"
    )
    cumulative: bool = Field(
        False, description="true: compares totals of the year to date (累计同比), of a figure that adds up"
    )
    as_: Literal["rate", "points", "annualised"] = Field(
        "rate", alias="as", description="rate in %, the difference in points, or the yearly rate"
    )

    def comparisons(self) -> Iterator[Comparison]:
        """Yield what grows, over its window or since its own period."""
        yield Comparison(self.of, ("over",), self.over) if self.since is None else Comparison(self.of, ("since",))

    def added_up(self) -> Iterator[tuple[Path, str]]:
        """Yield what grows, where it is added up to the year to date."""
        if self.cumulative:
            yield ("of",), self.of

    @override
    def baseline(self, period: int, grain: Grain) -> tuple[str, int] | None:
        """Return what grows, a window ago or in its own period; None for totals to date and other prices."""
        if self.cumulative or self.deflator is not None:
            return None
        if self.since is not None:
            return self.of, period_texts.parse(self.since, timeline=grain.timeline).index(grain)
        return self.of, grain.earlier(period, self.over)

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return %, or for points the difference of the measure's unit (百分点 for %)."""
        unit = unit_of(symbols, self.of)
        if self.as_ != "points" or unit is None:
            return None if unit is None else units.PERCENT
        return units.subtract(unit, unit)[0]

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value, its base and its status: break, no_baseline, zero_baseline, negative_baseline.

        Of totals to date also incomplete and refused, and of a fixed end `incomplete` before it.
        """
        of, symbols, before_all = self.figure(name, symbols, grain)
        column, base = Column(name), pl.col(Column(name).base)
        why: dict[str, Any] = {"inputs": [of]}
        years: pl.Expr | float
        if self.since is not None:
            value, bases, across, years, why = self._between(name, of, symbols, grain)
        else:
            window = grain.window(self.over)
            before = earlier_by(window, grain.timeline)
            years = window.years if window else 1.0
            value, figure = pl.col(of), pl.col(of)
            if self.cumulative:
                figure, value = window_total(of, YEAR_TO_DATE, grain, symbols), pl.col(column.window)
                why = {"reasons": list(gaps([of], YEAR_TO_DATE, grain, symbols, value.is_null()))}
            bases, across = based(name, before(figure), broken(symbols, of, before))
            if self.cumulative:
                bases |= Expressions(bases={column.window: figure})
        exact = of in symbols and symbols[of].exact
        if self.as_ == "points":
            shown = across | {"no_baseline": base.is_null()}
            # Two quotients that are equal may differ by their last bits.
            change = without_noise(value - base, value.abs() + base.abs(), BREADTH if exact else HAIR / 2)
            return before_all | bases | guarded(name, change, shown=shown, **why)
        ratio = value / base
        if not exact:
            ratio = pl.when((ratio - literal(1.0)).abs() <= HAIR).then(literal(1.0)).otherwise(ratio)
        grown = ratio if self.as_ == "rate" else ratio.pow(1 / years)
        shown, guards = against(base)
        shown = across | shown
        return before_all | bases | guarded(name, (grown - literal(1.0)) * HUNDRED, guards, shown=shown, **why)

    def _between(
        self, name: str, of: str, symbols: Symbols, grain: Grain
    ) -> tuple[pl.Expr, Expressions, dict[str, pl.Expr], pl.Expr | float, dict[str, Any]]:
        """Return the value, the base with its guards, the years and the reasons of a growth since a fixed period."""
        start, end = (
            None if text is None else period_texts.parse(text, timeline=grain.timeline).end
            for text in (self.since, self.until)
        )
        assert start is not None  # noqa: S101

        def then(column: pl.Expr) -> pl.Expr:
            # The value of the start, in the periods after it: no period looks at later ones.
            return pl.when(MONTH.gt(start)).then(from_then_on(start, column))

        bases, across = based(name, then(pl.col(of)), broken(symbols, of, then))
        if end is None:
            elapsed = (MONTH - start).cast(pl.Float64) / literal(float(grain.timeline.per_year))
            return pl.col(of), bases, across, elapsed, {"inputs": [of]}
        column = Column(name).window
        bases |= Expressions(bases={column: from_then_on(end, pl.col(of))})
        if across:
            # A series that breaks after the end does not break between start and end.
            counts = [pl.col(breaks) for breaks in symbols[of].breaks]
            bases_of, across = based(
                name,
                then(pl.col(of)),
                pl.any_horizontal([from_then_on(end, number) != then(number) for number in counts]),
            )
            bases |= bases_of
        why = {"reasons": [(pl.col(column).is_null(), reason("incomplete"))]}
        return pl.col(column), bases, across, (end - start) / grain.timeline.per_year, why

    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return what grows: its figure now and a window ago, or ever since its own period."""
        if self.since is not None:
            return self.with_deflator({self.of: frozenset({HISTORY})})
        window = grain.window(self.over)
        lags = back(*(window.lags if window else ()))
        lags = composed(lags, lags_of(grain.per_year)) if self.cumulative else lags
        return self.with_deflator({self.of: lags})

    def words(self, symbols: Symbols) -> Message:
        """Return what grows over which window, or between which periods."""
        title, over = self.figure_words(symbols), window(self.over)
        if self.cumulative:
            over = Message("since the start of the year, {window}", window=over)
        if self.since is not None:
            over = Message("since {period}", period=self.since)
            if self.until is not None:
                over = Message("from {first} to {last}", first=self.since, last=self.until)
        if self.as_ == "rate":
            return Message("growth rate of {title} {window}", title=title, window=over)
        if self.as_ == "points":
            return Message("change of {title} {window}", title=title, window=over)
        return Message("annual growth rate of {title} {window}", title=title, window=over)

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unit and target problems, and windows that the grain of the system cannot express."""
        yield from super().problems(path, symbols, grain)
        if self.since is not None or self.until is not None:
            yield from self._own_periods(path, grain)
            return
        try:
            window = grain.window(self.over)
        except periods.PeriodError as error:
            yield Problem("K105", (*path, "over"), error.message, hint=error.hint)
            return
        if window is None:
            hint = Message("periods are scored by {grain}; use a whole number of them", grain=grain.title)
            yield Problem(
                "K404", (*path, "over"), Message("`{over}` is not a whole number of periods", over=self.over), hint=hint
            )
        elif self.cumulative:
            yield from self._to_date(path, symbols, grain)

    def _to_date(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield what is wrong with a growth of totals to date."""
        place = (*path, "cumulative")
        yield from window_problems(path, "cumulative", YEAR_TO_DATE, grain)
        unit = unit_of(symbols, self.of)
        if unit is not None and not units.summable(unit):
            yield Problem(
                "K438", (*path, "of"),
                Message("`{name}` is in {unit}, which does not add up over periods", name=self.of, unit=unit),
                hint=Message("leave `cumulative` out, or pool a ratio with `pool: ytd`"),
            )  # fmt: skip
        if grain.length is not Length.WEEK and periods.parse_span(self.over) % 12:
            yield Problem(
                "K439", place,
                Message("the year to date {over} earlier has other months", over=self.over),
                hint=Message("write `over: 1y`"),
            )  # fmt: skip

    def _own_periods(self, path: Path, grain: Grain) -> Problems:
        """Yield what is wrong with the fixed periods between which it grows."""
        if self.since is None:
            yield Problem(
                "K439", (*path, "until"), Message("`until` needs the period from which it grows"),
                hint=Message("add `since:`, such as 2020"),
            )  # fmt: skip
            return
        for key, clashes in (("over", "over" in self.model_fields_set), ("cumulative", self.cumulative)):
            if clashes:
                yield Problem(
                    "K439", (*path, key), Message("`{key}` and `since` contradict each other", key=key),
                    hint=Message("take one of the two out"),
                )  # fmt: skip
        ends = []
        for key, text in (("since", self.since), ("until", self.until)):
            if text is not None:
                problems, end = scored_period(text, (*path, key), grain)
                yield from problems
                ends.append(end)
        if len(ends) == 2 and ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
            yield Problem(
                "K439", (*path, "until"),
                Message("{last} is not after {first}", last=self.until, first=self.since),
                hint=Message("name the later period"),
            )  # fmt: skip


class Index(Indicator):
    """A value against a fixed period (定基指数): `100 x/b`, 100 in the base period.

    >>> Index(of="rate", base="2022Q1").words({})
    'index of rate (2022Q1 = 100)'
    """

    kind: Literal["index"] = "index"
    kind_title: ClassVar[Message] = Message("index against a fixed period")
    of: Name = Field(description="the measure or indicator that the index follows")
    base: Text = Field(description="the period that is 100, such as 2022Q1")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the measure or indicator that is compared."""
        yield ("of",), self.of

    def comparisons(self) -> Iterator[Comparison]:
        """Yield what is compared with the base period."""
        yield Comparison(self.of, ("of",))

    @override
    def baseline(self, period: int, grain: Grain) -> tuple[str, int]:
        """Return what is compared, in the base period."""
        return self.of, period_texts.parse(self.base, timeline=grain.timeline).index(grain)

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return %."""
        return None if unit_of(symbols, self.of) is None else units.PERCENT

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value, its base and its status: break, no_baseline, zero_baseline, negative_baseline."""
        value, base = pl.col(self.of), pl.col(Column(name).base)
        end = period_texts.parse(self.base, timeline=grain.timeline).end

        def then(column: pl.Expr) -> pl.Expr:
            return pl.when(MONTH.eq(end)).then(column).max().over("entity")

        bases, across = based(name, then(value), broken(symbols, self.of, then))
        shown, guards = against(base)
        return bases | guarded(name, value / base * HUNDRED, guards, shown=across | shown, inputs=[self.of])

    @override
    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return what is compared: with the base period, wherever that is."""
        return {self.of: frozenset({WHOLE})}

    def words(self, symbols: Symbols) -> Message:
        """Return what is compared with which period."""
        return Message("index of {title} ({base} = 100)", title=title_of(symbols, self.of), base=self.base)

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield target problems and a base that is no scored period."""
        yield from super().problems(path, symbols, grain)
        yield from scored_period(self.base, (*path, "base"), grain)[0]


class Count(Indicator):
    """How many of an entity's finer units pass a threshold, or which share of them: `count(unit : x passes)`.

    >>> Count(of="score", passes=">= 90").words({})
    'number of finer units with score >= 90'
    """

    panel_facts: ClassVar[tuple[str, ...]] = ("passed", "units", "refused")
    kind: Literal["count"] = "count"
    kind_title: ClassVar[Message] = Message("count of units")
    of: Name = Field(description="a measure with `per`")
    passes: str = Field(description="a comparison with the threshold, such as '>= 90'")
    as_: Literal["count", "share"] = Field(
        "count", alias="as", description="how many units pass, or which percent of them"
    )
    unit: Text | None = Field(None, description="the unit of the count; left out: 个")
    min_units: int | None = Field(None, gt=0, description="fewer units than that are too few to judge")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the measure."""
        yield ("of",), self.of

    @override
    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the counting unit, or % for a share."""
        return units.PERCENT if self.as_ == "share" else units.parse(self.unit or "个")

    @override
    def extent(self, never_negative: Callable[[str], bool]) -> tuple[float, float]:
        """Return from 0 on, up to 100 for a share."""
        return 0.0, 100.0 if self.as_ == "share" else math.inf

    @override
    def exact(self, symbols: Symbols) -> bool:
        """Return whether it is a number of units, rather than a share of them."""
        return self.as_ == "count"

    @override
    def counted(self, name: str, symbols: Symbols, *, stated: bool = False) -> Counted | None:
        """Return the units that pass, out of all for a share of them."""
        passed, total = Column(name).passed, Column(name).units
        return Counted(passed, 1.0, 100.0, total) if self.as_ == "share" else Counted(passed, 1.0, 1.0)

    def test(self, symbols: Symbols) -> Term:
        """Return the threshold as a Boolean term over the column `value`; raises ExpressionError."""
        noise = 0.0 if self.of in symbols and symbols[self.of].exact else HAIR
        value = Term(pl.col("value"), "number", unit_of(symbols, self.of), noise=noise)
        return expressions.parse(f"value {self.passes}").resolve(lambda name: value if name == "value" else None)

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status, from `name.passed`, `name.units` and `name.refused` of the panel.

        One finer unit without a figure that can be used would make a smaller number: then there is none.
        """
        passed, total = pl.col(Column(name).passed), pl.col(Column(name).units)
        guards = {"refused": pl.col(Column(name).refused), "missing": total.is_null() | (total == 0)}
        if self.min_units is not None:
            guards["too_few"] = total < self.min_units
        value = passed / total * 100 if self.as_ == "share" else passed
        return guarded(name, value, guards)

    @property
    def finer_measure(self) -> str | None:
        """The measure."""
        return self.of

    def over_units(self, symbols: Symbols) -> dict[str, pl.Expr]:
        """Return how many finer units pass, how many have a value, and whether the figure of one was refused."""
        return {
            "passed": self.test(symbols).expr.sum().cast(pl.Float64),
            "units": pl.col("value").count().cast(pl.Float64),
            "refused": (pl.col("status") == reason("refused")).any(),
        }

    def words(self, symbols: Symbols) -> Message:
        """Return what is counted."""
        per = symbols[self.of].per if self.of in symbols else None
        title, unit = title_of(symbols, self.of), per or Message("finer units")
        if self.as_ == "share":
            return Message("share of {unit} with {title} {passes}", unit=unit, title=title, passes=self.passes)
        return Message("number of {unit} with {title} {passes}", unit=unit, title=title, passes=self.passes)

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield target problems, a measure without `per`, and a threshold that cannot be read."""
        yield from super().problems(path, symbols, grain)
        if self.of in symbols and symbols[self.of].per is None:
            hint = Message("add `per:` with the column that names the finer unit, such as 村")
            yield Problem(
                "K405", (*path, "of"), Message("`{name}` has no finer units to count", name=self.of), hint=hint
            )
        try:
            self.test(symbols)
        except ExpressionError as error:
            before = len("value ")
            span = None if error.span[0] < before else (error.span[0] - before, error.span[1])
            hint = Message("write a comparison such as '>= 90'")
            yield Problem(error.code, (*path, "passes"), error.message, hint=hint, label=error.label, span=span)


class Milestone(Indicator):
    """Done or not: 1 from the first period that reports 是, `late` where all of that period is after the deadline.

    A milestone that was once reported keeps its last state until another is reported, or until units merge or split:
    what was true of the old area says nothing of the new one, `break`. Nobody is late for what a period that contains
    the deadline reports: a yearly figure does not show whether May was met.

    >>> Milestone(of="platform").words({})
    'platform: 1 if done, 0 if not'
    """

    quantitative: ClassVar[bool] = False
    kind: Literal["milestone"] = "milestone"
    kind_title: ClassVar[Message] = Message("milestone")
    of: Name = Field(description="a measure in 是/否")
    late_score: float = Field(0, ge=0, le=100, description="percent of full marks for late completion")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the 是/否 measure."""
        yield ("of",), self.of

    @property
    def implied_targets(self) -> tuple[Target, ...]:
        """A milestone without a target is meant to be done."""
        return (Target(done=True),)

    @property
    def status_scores(self) -> Mapping[str, float]:
        """Late is a result, not a gap: it earns what the definition says, by default nothing."""
        return {"late": self.late_score}

    def attained(self, name: str) -> pl.Expr:
        """Return the value, 1 where it is late: that is done, and the status says that it was not in time."""
        return pl.when(status_of(name) == reason("late")).then(1.0).otherwise(pl.col(name))

    @override
    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return 是/否."""
        return units.YES_NO

    @override
    def exact(self, symbols: Symbols) -> bool:
        """Return that it is: done or not."""
        return True

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return 1 or 0 and the status: missing where nothing was ever reported, break, late."""
        area = ["entity", *(symbols[self.of].breaks if self.of in symbols else ())]
        state = pl.col(self.of).forward_fill().over(area)
        unknown = status_of(self.of)
        if len(area) > 1:
            # Nothing is known of the new area, where the old one had a state.
            before = pl.col(self.of).forward_fill().over("entity").is_not_null()
            lacks = before & (unknown == reason("missing"))
            unknown = pl.when(lacks).then(reason("break")).otherwise(unknown)
        why = pl.when(state.is_null()).then(unknown)
        # The first month that reported 是, from that month on: no period looks at later ones.
        done_in = pl.when(pl.col(self.of) > 0).then(MONTH).cum_min().forward_fill().over(area)
        due = max((due for target in self.target if (due := target.deadline(grain.timeline)) is not None), default=None)
        late = pl.lit(False) if due is None else (state > 0) & (done_in - (grain.months - 1) > due)
        pair = guarded(name, (state > 0).cast(pl.Float64), {"late": late})
        status = Column(name).status
        return Expressions(pair.values, {status: pl.coalesce(why, pair.statuses[status])})

    @override
    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return the state: the last that was reported, however long ago."""
        return {self.of: frozenset({HISTORY})}

    def words(self, symbols: Symbols) -> Message:
        """Return the milestone's title."""
        return Message("{title}: 1 if done, 0 if not", title=title_of(symbols, self.of))

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield target problems and a measure that is not 是/否."""
        yield from super().problems(path, symbols, grain)
        unit = unit_of(symbols, self.of)
        if unit is not None and unit != units.YES_NO:
            yield Problem(
                "K304",
                (*path, "of"),
                Message("a milestone needs a 是/否 measure; `{name}` is in {unit}", name=self.of, unit=unit),
                hint=Message("for a number use `kind: level` and a target"),
            )


@functools.lru_cache(4096)
def _resolved(text: str, known: tuple[tuple[str, Symbol | None], ...]) -> Term:
    """Return an expression as a term; its unit, its problems and its plan are all read from it."""
    return expressions.parse(text).resolve(scope_of({name: item for name, item in known if item is not None}))


class Formula(Indicator):
    """Any checked expression over measures and indicators; no value where it divides by zero or asks for a root of -1.

    Nor where a figure is missing that it needs, with the status of the first of them: `coalesce`, `IS NULL` and the
    branches of CASE that are not taken do without. For a figure that was refused, or covers its period only in part,
    nothing stands in.

    >>> Formula(expr="fees / items").words({})
    'fees / items'
    """

    kind: Literal["formula"] = "formula"
    kind_title: ClassVar[Message] = Message("formula")
    expr: str = Field(description="an expression over measures and indicators, such as fees / items_total")
    unit: Text | None = Field(None, description="the unit; left out: as the formula comes out")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the names in the expression."""
        yield from ((item.place, item.name) for item in self.named())

    def named(self) -> Iterator[Named]:
        """Yield the names in the expression, each where it stands."""
        try:
            names = expressions.parse(self.expr).names()
        except ExpressionError:
            return
        yield from (Named(name, ("expr",), span) for name, span in names)

    def term(self, symbols: Symbols) -> Term:
        """Return the typed expression; raises ExpressionError."""
        known = {name: symbols.get(name) for name, _ in expressions.parse(self.expr).names()}
        return _resolved(self.expr, tuple(known.items()))

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the declared unit, else what the units of the expression come to."""
        try:
            term = self.term(symbols)
        except ExpressionError:
            return None
        if term.unit is None and self.unit is not None:
            return units.parse(self.unit)
        return declared(self.unit, term.unit or units.ONE)

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: zero_denominator, out_of_range, and the statuses of what it needs."""
        term = self.term(symbols)
        value = term.expr.cast(pl.Float64)
        if term.size is not None:
            value = without_noise(value, term.size, term.noise)
        if term.unit is not None:
            value = scale(value, term.unit, self.in_unit(symbols))
        large = (term.expr.is_not_null(), reason("out_of_range"))
        nothing = (pl.lit(True), reason("missing"))
        return guarded(name, unsigned_zero(value), reasons=[large, *term.gaps, *term.voids, nothing])

    def words(self, symbols: Symbols) -> Message:
        """Return the expression with titles for names."""
        return Message("{formula}", formula=in_titles(self.expr, symbols))

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield what is wrong with the expression, its units and the targets."""
        try:
            term = self.term(symbols)
        except ExpressionError as error:
            if error.code != "K203":
                yield Problem(
                    error.code, (*path, "expr"),
                    Message("{message} in formula `{name}`", message=error.message, name=path[-1]),
                    hint=error.hint, label=error.label, span=error.span,
                )  # fmt: skip
            return
        if term.kind != "number":
            yield Problem(
                "K302",
                (*path, "expr"),
                Message("a formula must give a number, this gives {kind}", kind=term.kind_title),
                hint=Message("write CASE WHEN ... THEN 1 ELSE 0 END"),
            )
            return
        yield from super().problems(path, symbols, grain)
        yield from declared_problem(self.unit, term.unit, path)
        if term.unit is not None:
            title, unit = title_of(symbols, str(path[-1])), None if self.unit is None else self.in_unit(symbols)
            yield from converted_by_hand(path, self.expr, term.unit, unit, title=title, targets=self.target)
