"""Prices of a base period (可比价): the common part of indicators that take a `deflator`."""

import re
from collections.abc import Iterator

import polars as pl
from msgspec.structs import replace
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message, Severity
from kpi.language.indicators.base import MONTH, Indicator, Symbols, based, broken, scored_period, title_of, unit_of
from kpi.language.lookback import WHOLE, Lags
from kpi.language.model import Name, Path, Problem, Problems, Text
from kpi.values import period_texts, units
from kpi.values.columns import Column, Expressions
from kpi.values.patterns import regex
from kpi.values.periods import Grain
from kpi.values.status import ZERO, guarded

#: A title of relatives, by their base: (上年=100), (上年同月=100), (previous month = 100).
_OF_RELATIVES = regex(
    r"(?:上一?[年季月周期](?:度)?(?:同[期季月周])?|(?:previous|preceding|last|prior) (?:year|quarter|month|week))"
    r"\s*[=＝]\s*100(?!\d)",
    re.IGNORECASE,
)


def of_relatives(title: str) -> bool:
    """Return whether a title says that each figure is compared with the period before, which is 100.

    >>> of_relatives("居民消费价格指数（上年=100）"), of_relatives("CPI (previous month = 100)")
    (True, True)
    >>> of_relatives("居民消费价格指数（2020=100）")
    False
    """
    return _OF_RELATIVES.search(title) is not None


def _example(grain: Grain) -> str:
    """Return the label of the first scored period of 2020."""
    return {"year": "2020", "quarter": "2020Q1", "month": "2020-01"}.get(str(grain), "2020-01")


def in_prices(name: str, of: str, *, deflator: str, base: str, symbols: Symbols, grain: Grain) -> Expressions:
    """Return the columns `name` and `name.status` of a figure in prices of a base period: `x d0/d`.

    Of a base that is several scored periods, such as a year of months, d0 is the mean of their prices: the prices of
    the year, in which an index of 2020 = 100 has the mean 100.

    Statuses: those of figure and price index, break, no_baseline (also where one of several has no price), and where a
    price is zero or less.
    """
    period = period_texts.parse(base, timeline=grain.timeline)
    number = period.months // grain.months
    price, then_price = pl.col(deflator), pl.col(Column(name).base)
    inside = pl.when(MONTH.is_between(period.start, period.end))

    def then(column: pl.Expr) -> pl.Expr:
        return inside.then(column).max().over("entity")

    def first_then(column: pl.Expr) -> pl.Expr:
        return inside.then(column).min().over("entity")

    price_then, breaks = then(price), broken(symbols, deflator, then)
    if number > 1:
        prices = inside.then(price)
        price_then = pl.when(prices.count().over("entity") == number).then(prices.mean().over("entity"))
        breaks_inside = broken(symbols, deflator, first_then)
        breaks = None if breaks is None or breaks_inside is None else breaks | breaks_inside
    bases, across = based(name, price_then, breaks)
    shown = across | {"no_baseline": then_price.is_null(), "zero_denominator": price == ZERO}
    guards = {
        "negative_denominator": price < ZERO, "zero_baseline": then_price == ZERO,
        "negative_baseline": then_price < ZERO,
    }  # fmt: skip
    value = pl.col(of) * (then_price / price)
    return bases | guarded(name, value, guards, shown=shown, inputs=[of, deflator])


def several_periods(base: str, grain: Grain) -> bool:
    """Return whether a base period is made of several scored ones.

    >>> several_periods("2022", Grain.MONTH), several_periods("2022-03", Grain.MONTH)
    (True, False)
    """
    period = period_texts.parse(base, timeline=grain.timeline)
    return period.months > grain.months and period.months % grain.months == 0 == period.start % grain.months


def deflator_problems(path: Path, deflator: str, base: str | None, symbols: Symbols, grain: Grain) -> Problems:
    """Yield a deflator without a base period, and one that is no index."""
    if base is None:
        yield Problem(
            "K445", (*path, "deflator"), Message("a deflator needs the period whose prices count"),
            hint=Message("add `base:`, a scored period such as {example}", example=_example(grain)),
        )  # fmt: skip
    else:
        yield from (
            problem
            for problem in scored_period(base, (*path, "base"), grain)[0]
            if problem.code != "K432" or not several_periods(base, grain)
        )
    title = title_of(symbols, deflator)
    if deflator in symbols and symbols[deflator].reported and of_relatives(title):
        yield Problem(
            "K470", (*path, "deflator"),
            Message("{title} has another base in each period, and a deflator is an index of one base", title=title),
            hint=Message(
                "chain it first: `prices: {{kind: chain, of: {name}, base: {base}}}`, and `deflator: prices`",
                name=deflator, base=base or _example(grain),
            ),
            severity=Severity.WARNING,
        )  # fmt: skip
    unit = unit_of(symbols, deflator)
    if unit is not None and units.summable(unit):
        yield Problem(
            "K446", (*path, "deflator"),
            Message("`{name}` is in {unit}, and a deflator is an index", name=deflator, unit=unit),
            hint=Message("name a price index, with `unit: '%'`, such as one of `kind: chain`"),
        )  # fmt: skip


def real_words(title: object, deflator: str, base: str | None, symbols: Symbols) -> Message:
    """Return what is in prices of which period."""
    return Message(
        "{title} in prices of {base}, by {deflator}",
        title=title, base=base or "?", deflator=title_of(symbols, deflator),
    )  # fmt: skip


class Deflated(Indicator):
    """An indicator of a figure `of` that may be brought into the prices of a base period before all else."""

    of: Name = Field(description="the measure or indicator")
    deflator: Name | None = Field(
        None, description="a price index: the figure counts in the prices of `base` (可比价), as with `kind: real`"
    )
    base: Text | None = Field(
        None,
        description="with `deflator`: the period whose prices count, such as 2020; of several scored ones their mean",
    )

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the figure and the price index."""
        yield ("of",), self.of
        if self.deflator is not None:
            yield ("deflator",), self.deflator

    def figure(self, name: str, symbols: Symbols, grain: Grain) -> tuple[str, Symbols, Expressions]:
        """Return the column that counts, what names stand for with it, and what is evaluated before it."""
        if self.deflator is None or self.base is None:
            return self.of, symbols, Expressions()
        real = Column(name).real
        columns = in_prices(real, self.of, deflator=self.deflator, base=self.base, symbols=symbols, grain=grain)
        symbol = replace(symbols[self.of], name=real, exact=False)
        return real, {**symbols, real: symbol}, Expressions(sources=columns.steps)

    def figure_words(self, symbols: Symbols) -> object:
        """Return the title of the figure, and in which prices it is."""
        title = title_of(symbols, self.of)
        return title if self.deflator is None else real_words(title, self.deflator, self.base, symbols)

    def with_deflator(self, lags: dict[str, Lags]) -> dict[str, Lags]:
        """Return figures that are read with their lags, and the price index in the base period, wherever that is."""
        return lags if self.deflator is None else {**lags, self.deflator: frozenset({WHOLE})}

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unit and target problems, and a deflator and a base period that do not go together."""
        yield from super().problems(path, symbols, grain)
        if self.deflator is not None:
            yield from deflator_problems(path, self.deflator, self.base, symbols, grain)
        elif self.base is not None:
            yield Problem(
                "K445", (*path, "base"), Message("`base` is the period of a deflator, and there is none"),
                hint=Message("add `deflator:`, a price index, or leave `base` out"),
            )  # fmt: skip
