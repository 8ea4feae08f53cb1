"""Pace: actual growth against the growth that an aim requires, with the four classes of the SDG reports."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message, statements
from kpi.language.indicators.base import MONTH, Indicator, Symbols, based, broken, scored_period, title_of, unit_of
from kpi.language.indicators.derived import from_then_on
from kpi.language.lookback import HISTORY, Comparison, Lags
from kpi.language.model import Listed, Name, Path, Problem, Problems, Text
from kpi.language.quantities import Quantity, in_unit, printed, quantity_problems
from kpi.values import period_texts, units
from kpi.values.columns import Column, Expressions
from kpi.values.periods import Grain
from kpi.values.rounding import HAIR, compare
from kpi.values.status import HUNDRED, guarded, literal
from kpi.values.units import Unit

#: The classes, the best first, each with its sign and name.
CLASSES = {
    "on_track": Message("↑ on track"),
    "moderately_improving": Message("↗ moderately improving"),
    "stagnating": Message("→ stagnating"),
    "decreasing": Message("↓ decreasing"),
}


class Pace(Indicator):
    """Actual growth in percent of the growth that an aim requires, each a year since a base period: `100 a/r`.

    The required growth is `r = (aim - b)/(by - since)` a year, the actual one `a = (x - b)/(now - since)`; compound
    growth is `(aim/b)^(1/years) - 1`. Four classes follow: `on_track` from 100 % on or where the aim is reached,
    `moderately_improving` from 50 % on, `stagnating` from 0 on, `decreasing` below it. Where the aim is reached it is
    100 at least; where it was reached in the base period and is no longer, it is -100.

    Source: Sachs et al., Sustainable Development Report 2019, annex on trends (linear growth, 50 and 100 %); Eurostat's
    monitoring of the goals takes compound growth and other cuts.

    >>> Pace(of="users", at_least="90 %", since=2015, by=2030).words({})
    'growth of users since 2015, percent of what 90 % by 2030 requires; on track from 100 % on, improving from 50 % on'
    """

    kind: Literal["pace"] = "pace"
    kind_title: ClassVar[Message] = Message("actual against required growth")
    classified: ClassVar[bool] = True
    of: Name = Field(description="the measure or indicator that grows")
    at_least: Quantity | None = Field(None, description="the aim, where more is better, in the unit of `of`")
    at_most: Quantity | None = Field(None, description="the aim, where less is better, in the unit of `of`")
    since: Text = Field(description="the base period, such as 2015")
    by: Text = Field(description="the period in which the aim is to be reached, such as 2030")
    growth: Literal["linear", "compound"] = Field("linear", description="equal steps a year, or equal rates")
    cuts: Listed[float] = Field(
        (100.0, 50.0), min_length=2, max_length=2,
        description="percent of the required growth from which it is on track, and moderately improving",
    )  # fmt: skip

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield what grows."""
        yield ("of",), self.of

    def comparisons(self) -> Iterator[Comparison]:
        """Yield what grows, since the base period."""
        yield Comparison(self.of, ("since",))

    @override
    def baseline(self, period: int, grain: Grain) -> tuple[str, int]:
        """Return what grows, in the base period."""
        return self.of, period_texts.parse(self.since, timeline=grain.timeline).index(grain)

    @override
    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return %."""
        return None if unit_of(symbols, self.of) is None else units.PERCENT

    @property
    def class_cuts(self) -> tuple[float, ...]:
        """From which value on each class but the last begins."""
        return (*self.cuts, 0.0)

    @property
    def aim(self) -> Quantity:
        """The aim."""
        aim = self.at_most if self.at_least is None else self.at_least
        return 0.0 if aim is None else aim

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value, `name.actual` and `name.required` (a year, in the unit of `of`, or % of it if compound).

        Statuses: break, no_baseline, and for compound growth zero_baseline and negative_baseline.
        """
        column, unit = Column(name), unit_of(symbols, self.of)
        aim = in_unit(self.aim, units.ONE if unit is None else unit)
        first, last = (period_texts.parse(text, timeline=grain.timeline).end for text in (self.since, self.by))

        def then(value: pl.Expr) -> pl.Expr:
            return pl.when(MONTH.gt(first)).then(from_then_on(first, value))

        value, base = pl.col(self.of), pl.col(column.base)
        bases, across = based(name, then(value), broken(symbols, self.of, then))
        per_year = float(grain.timeline.per_year)
        years, elapsed = (last - first) / per_year, (MONTH - first).cast(pl.Float64) / literal(per_year)
        if self.growth == "linear":
            required, actual = (literal(aim) - base) / literal(years), (value - base) / elapsed
        else:
            required = ((literal(aim) / base).pow(1 / years) - 1) * HUNDRED
            actual = ((value / base).pow(1 / elapsed) - 1) * HUNDRED
        higher = self.at_least is not None
        reached, was = (compare("ge" if higher else "le", figure, aim, abs(aim) * HAIR) for figure in (value, base))
        ratio = actual / required * HUNDRED
        pace = (
            pl.when(reached & was).then(HUNDRED)
            .when(reached).then(pl.max_horizontal(ratio, HUNDRED))
            .when(was).then(literal(-100.0))
            .otherwise(ratio)
        )  # fmt: skip
        shown = across | {"no_baseline": base.is_null()}
        guards: dict[str, pl.Expr] = {}
        if self.growth == "compound":
            guards = {"zero_baseline": base == 0, "negative_baseline": base < 0}
            shown |= {"out_of_range": (value <= 0) if aim > 0 else pl.lit(value=True)}
        known = value.is_not_null() & base.is_not_null()
        growths: dict[str, pl.Expr] = {
            column.actual: pl.when(known).then(actual),
            column.required: pl.when(known).then(required),
        }
        pace = pl.when(known).then(pace)
        return bases | Expressions(growths) | guarded(name, pace, guards, shown=shown, inputs=[self.of])

    @override
    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return what grows, ever since the base period."""
        return {self.of: frozenset({HISTORY})}

    def words(self, symbols: Symbols) -> Message:
        """Return what grows since when, what it has to reach, and from where on it is how far on its way."""
        unit = unit_of(symbols, self.of)
        aim = printed(self.aim) if isinstance(self.aim, str) or unit is None else f"{printed(self.aim)} {unit}"
        what = {"title": title_of(symbols, self.of), "period": self.since, "aim": aim, "last": self.by}
        growth = (
            Message("growth of {title} since {period}, percent of what {aim} by {last} requires", **what)
            if self.growth == "linear"
            else Message("compound growth of {title} since {period}, percent of what {aim} by {last} requires", **what)
        )
        on_track, improving = self.cuts
        classes = Message(
            "on track from {on_track:g} % on, improving from {improving:g} % on",
            on_track=on_track, improving=improving,
        )  # fmt: skip
        return statements([growth, classes])

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield target problems, an aim that is none, and periods in the wrong order."""
        yield from super().problems(path, symbols, grain)
        if (self.at_least is None) == (self.at_most is None):
            yield Problem(
                "K444", path, Message("a pace has one aim: `at_least` where more is better, or `at_most`"),
                hint=Message("write one of the two, in the unit of `of`"), at_key=True,
            )  # fmt: skip
        unit = unit_of(symbols, self.of)
        if unit is not None:
            key = "at_most" if self.at_least is None else "at_least"
            yield from quantity_problems({(*path, key): getattr(self, key)}, unit)
        if self.cuts[0] <= self.cuts[1] or self.cuts[1] <= 0:
            yield Problem(
                "K444", (*path, "cuts"), Message("the cuts go down, and are above 0"),
                hint=Message("write the one for on track first, such as [100, 50]"),
            )  # fmt: skip
        ends = []
        for key, text in (("since", self.since), ("by", self.by)):
            wrong, end = scored_period(text, (*path, key), grain)
            yield from wrong
            ends.append(end)
        if ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
            yield Problem(
                "K444", (*path, "by"), Message("{last} is not after {first}", last=self.by, first=self.since),
                hint=Message("name the later period"),
            )  # fmt: skip


def class_of(name: str, cuts: tuple[float, ...]) -> pl.Expr:
    """Return the class of a pace (String), null without one.

    >>> pl.DataFrame({"x": [120.0, 50.0, 0.0, -1.0, None]}).select(class_of("x", (100, 50, 0))).to_series().to_list()
    ['on_track', 'moderately_improving', 'stagnating', 'decreasing', None]
    """
    value = pl.col(name)
    *better, worst = CLASSES
    chosen: pl.Expr = pl.lit(worst)
    for title, cut in reversed(list(zip(better, cuts, strict=True))):
        at_least = compare("ge", value, cut, max(abs(cut), 1.0) * HAIR)
        chosen = pl.when(at_least).then(pl.lit(title)).otherwise(chosen)
    return pl.when(value.is_not_null()).then(chosen)
