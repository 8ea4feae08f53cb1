"""Prices: figures in the prices of a base period (可比价), and indices chained from relatives (环比指数、同比指数)."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.indicators.base import MONTH, Indicator, Symbols, scale, title_of, unit_of
from kpi.language.indicators.deflation import deflator_problems, in_prices, of_relatives, real_words, several_periods
from kpi.language.indicators.windows import periods_of, span_words, window_problems
from kpi.language.lookback import WHOLE, Comparison, Lags
from kpi.language.model import Name, Path, Problem, Problems, Text
from kpi.values import period_texts, periods, units
from kpi.values.columns import Column, Expressions
from kpi.values.periods import Grain, Period
from kpi.values.status import HUNDRED, ZERO, guarded, literal, reason
from kpi.values.units import Unit

#: A factor above it, in a unit without a sign of percent, is no change of prices but a relative such as 103.5.
FACTORS_UP_TO = 10.0


class Real(Indicator):
    """A figure in the prices of a base period (可比价): `x d0/d`, with a price index d that is d0 in the base period.

    Growth of it is growth in comparable prices; `deflator` at a level, a growth or a rolling total does both at once.
    The index may be one of any base: only its ratio counts.

    >>> Real(of="gdp", deflator="prices", base=2020).words({})
    'gdp in prices of 2020, by prices'
    """

    kind: Literal["real"] = "real"
    kind_title: ClassVar[Message] = Message("in prices of a base period")
    of: Name = Field(description="the measure or indicator, in current prices")
    deflator: Name = Field(description="the price index: a measure or indicator, such as one of `kind: chain`")
    base: Text | None = Field(
        None, description="the period whose prices count, such as 2020; of several scored ones their mean"
    )

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the figure and the price index."""
        yield ("of",), self.of
        yield ("deflator",), self.deflator

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the unit of the figure."""
        return unit_of(symbols, self.of)

    @override
    def baseline(self, period: int, grain: Grain) -> tuple[str, int] | None:
        """Return the price index, in the base period; None where that is several scored ones."""
        if several_periods(self.base or "", grain):
            return None
        return self.deflator, period_texts.parse(self.base or "", timeline=grain.timeline).index(grain)

    @property
    def running_with(self) -> tuple[str, ...]:
        """The figure."""
        return (self.of,)

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: break, no_baseline, and where a price is zero or less."""
        return in_prices(name, self.of, deflator=self.deflator, base=self.base or "", symbols=symbols, grain=grain)

    @override
    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return the figure now, and the price index in the base period, wherever that is."""
        return {self.of: frozenset({0}), self.deflator: frozenset({WHOLE})}

    def words(self, symbols: Symbols) -> Message:
        """Return what is in prices of which period."""
        return real_words(title_of(symbols, self.of), self.deflator, self.base, symbols)

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield target problems, a deflator without a base, and one that is no index."""
        yield from super().problems(path, symbols, grain)
        yield from deflator_problems(path, self.deflator, self.base, symbols, grain)


_IN_PERCENT = Message("name the relatives: 103.5 for 3.5 % more, with `unit: '%'`")


class Chain(Indicator):
    """An index chained from relatives: 100 in the base period, times `x/100` for each period after it.

    Relatives compare with the period that is `over` earlier: 上年=100 or 上年同期=100 with `over: 1y`, 上月=100 with
    `over: 1m`. Before the base period the index is divided back. A relative that is missing leaves it `incomplete`
    beyond that period, as do those of periods before or after the data, one of zero or less `out_of_range`. So does a
    relative above 10 in a unit that is not %: it is 103.5 written without its percent.

    >>> Chain(of="cpi", base=2020).words({})
    'index chained from cpi over 1 year (2020 = 100)'
    """

    kind: Literal["chain"] = "chain"
    kind_title: ClassVar[Message] = Message("index chained from relatives")
    of: Name = Field(description="the relatives: 103.5 for 3.5 % more, or the growth rates")
    over: str = Field("1y", description="with which earlier period relatives compare: 1y, 1q, 1m")
    base: Text = Field(description="what is 100: as many periods as `over`, such as 2020 for 1y")
    as_: Literal["relative", "growth"] = Field(
        "relative", alias="as", description="relative: 103.5 is 3.5 % more; growth: 3.5 is"
    )

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the relatives."""
        yield ("of",), self.of

    @override
    def comparisons(self) -> Iterator[Comparison]:
        """Yield nothing: relatives are compared already."""
        yield from ()

    @override
    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return %."""
        return None if unit_of(symbols, self.of) is None else units.PERCENT

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: that of the period's relative, break, out_of_range, incomplete."""
        base = period_texts.parse(self.base, timeline=grain.timeline)
        number = periods_of(self.over, grain) or 1
        # Relatives of the same place in the year make one chain each.
        chain = ["entity", (MONTH // grain.months) % number]
        unit = unit_of(symbols, self.of)
        factor = scale(pl.col(self.of), unit, units.ONE)
        factor = factor if self.as_ == "relative" else factor + literal(1.0)
        after, before = MONTH.gt(base.end), base.start > MONTH
        none = factor.is_null().cast(pl.Int32)
        bounds = factor <= ZERO
        if self.plain_relatives(symbols) is not None:
            bounds = bounds | (factor > literal(FACTORS_UP_TO))
        wrong = bounds.fill_null(value=False).cast(pl.Int32)

        def chained(column: pl.Expr, empty: pl.Expr, *, product: bool) -> pl.Expr:
            """Combine what lies between the base and the period, on either side."""
            later = pl.when(after).then(column).otherwise(empty)
            # The index of a period before the base lacks the relatives after it, up to those of the base.
            sooner = pl.when(after).then(empty).otherwise(column)
            if product:
                forward, back = later.cum_prod(), sooner.cum_prod(reverse=True)
            else:
                forward, back = later.cum_sum(), sooner.cum_sum(reverse=True)
            beyond = back.shift(-1).over(chain)
            return pl.when(before).then(beyond).otherwise(forward.over(chain))

        sound = pl.when(factor > ZERO).then(factor).otherwise(literal(1.0))
        product = chained(sound, literal(1.0), product=True)
        span = number * grain.months
        # Relatives between the base and the first or last period of the data are missing as well.
        beyond = (after & (MONTH.min().over(chain) - span > base.end)) | (
            before & (MONTH.max().over(chain) < base.start)
        )
        gaps = (chained(none, pl.lit(0, dtype=pl.Int32), product=False) > 0) | beyond
        bad = chained(wrong, pl.lit(0, dtype=pl.Int32), product=False) > 0
        value = pl.when(before).then(HUNDRED / product).otherwise(product * HUNDRED)
        inside = ~before & ~after
        own = pl.col(self.of).is_null() & ~inside
        why = [
            (own & after, pl.col(Column(self.of).status)),
            (bad, reason("out_of_range")),
            (gaps, reason("incomplete")),
        ]
        value = pl.when(bad | gaps | (own & after)).then(None).otherwise(value)
        guards: dict[str, pl.Expr] = {}
        columns = [pl.col(breaks) for breaks in (symbols[self.of].breaks if self.of in symbols else ())]
        if columns:
            at_base = [pl.when(MONTH.eq(base.end)).then(column).max().over("entity") for column in columns]
            pairs = zip(columns, at_base, strict=True)
            guards["break"] = pl.any_horizontal([column != there for column, there in pairs])
        return guarded(name, value, guards, reasons=why)

    @override
    def base_outside(self, first: Period, last: Period, grain: Grain) -> str | None:
        """Return the base, if it is not in the data nor what their first relative compares with."""
        base = period_texts.parse(self.base, timeline=grain.timeline)
        span = (periods_of(self.over, grain) or 1) * grain.months
        return self.base if first.end - span > base.end or last.end < base.start else None

    @override
    def plain_relatives(self, symbols: Symbols) -> str | None:
        """Return the relatives, if they are numbers of the unit 1, in which 3.5 % more is 1.035."""
        return self.of if self.as_ == "relative" and unit_of(symbols, self.of) == units.ONE else None

    @override
    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return the relatives of all periods between the base and this one."""
        return {self.of: frozenset({WHOLE})}

    def words(self, symbols: Symbols) -> Message:
        """Return from what the index is chained."""
        return Message(
            "index chained from {title} over {window} ({base} = 100)",
            title=title_of(symbols, self.of), window=span_words(self.over), base=self.base,
        )  # fmt: skip

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield target problems, relatives that are none, and a base that is not as long as they look back."""
        yield from super().problems(path, symbols, grain)
        unit = unit_of(symbols, self.of)
        if unit is not None and not units.convertible(unit, units.PERCENT):
            yield Problem(
                "K446", (*path, "of"),
                Message("`{name}` is in {unit}, and relatives are in %", name=self.of, unit=unit),
                hint=_IN_PERCENT,
            )  # fmt: skip
        elif unit is not None and unit != units.PERCENT and of_relatives(title_of(symbols, self.of)):
            yield Problem(
                "K446", (*path, "of"),
                Message(
                    "{title} is in the unit {unit}, in which 100 stands for a hundredfold",
                    title=title_of(symbols, self.of), unit=unit,
                ),
                hint=Message("write `unit: '%'` at `{name}`", name=self.of),
            )  # fmt: skip
        wrong = list(window_problems(path, "over", self.over, grain))
        yield from wrong
        try:
            base = period_texts.parse(self.base, timeline=grain.timeline)
        except periods.PeriodError as error:
            yield Problem("K105", (*path, "base"), error.message, hint=error.hint)
            return
        number = None if wrong else periods_of(self.over, grain)
        if number is not None and base.months != number * grain.months:
            yield Problem(
                "K445", (*path, "base"),
                Message("`{base}` is not as long as the relatives look back ({window})", base=self.base,
                        window=span_words(self.over)),
                hint=Message("name as many periods as that: 2020 for `over: 1y`, 2020-01 for `over: 1m`"),
            )  # fmt: skip
