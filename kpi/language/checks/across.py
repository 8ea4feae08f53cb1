"""Checks across periods: growth, running totals, the previous year, directions, errors of magnitude."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

import polars as pl
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.checks.base import (
    Breach,
    Check,
    before,
    differs,
    in_unit,
    lagged,
    name_problems,
    unit_problems,
    window_of,
    window_problems,
)
from kpi.language.indicators import MONTH, Symbols, window
from kpi.language.indicators.base import title_of
from kpi.language.lookback import NOW, Comparison, Lags, back, joined
from kpi.language.model import Listed, Name, OneOrMany, Path, Problem, Problems
from kpi.values import units
from kpi.values.periods import Grain, Length, Window
from kpi.values.rounding import HAIR, compare

# Common errors: a digit too many, percent for a fraction, 千, 万, 亿.
_SLIPS = (1, 2, 3, 4, 8)


class GrowthWithin(Check):
    """Growth that is within a limit: `|100 (x/b - 1)| <= growth_within`.

    >>> from kpi.language.checks.example import messages
    >>> messages({"growth_within": 30, "of": "gdp"}, gdp=[10, 13, 17])
    ['2024: gdp changes by more than 30 % year on year']
    """

    growth_within: float = Field(gt=0, description="percent, up or down")
    of: OneOrMany[Name] = Field(description="the measures or indicators")
    over: str = Field("1y", description="the window: 1y year on year, 1q, 1m")

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the figures, over the window."""
        yield from (Comparison(name, ("of", place), self.over) for place, name in enumerate(self.of))

    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where a figure moved by more than the limit."""
        for name in self.of:
            base = before(name, self.over, grain, symbols)
            # 13 is 30 % above 10 despite floating-point error.
            moved = ((pl.col(name) / base - 1) * 100).abs()
            jump = compare("gt", moved, self.growth_within, self.growth_within * 1e-9)
            words = Message(
                "{title} changes by more than {percent:g} % {window}",
                title=title_of(symbols, name),
                percent=self.growth_within,
                window=window(self.over),
            )
            yield Breach(words, pl.when(base > 0).then(jump), (name,))

    @override
    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the figures: now and a window ago."""
        return dict.fromkeys(self.of, window_of(self.over, grain))

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names and windows that are not a whole number of periods."""
        yield from name_problems(path, "of", self.of, symbols)
        yield from window_problems(path, self.over, grain)


class Cumulative(Check):
    """A running total of the year: `total = total of the period before + figure of the period`.

    >>> from kpi.language.checks.example import messages
    >>> messages({"cumulative": "ytd", "of": "gdp"}, ytd=[3, 3], gdp=[3, 4])
    ['2023: ytd must be the running total of the period before + gdp']
    """

    equates: ClassVar[bool] = True

    cumulative: Name = Field(description="the measure that is reported as a running total (1-本月)")
    of: Name = Field(description="the measure of the single periods")
    tolerance: float = Field(0, ge=0, description="the difference that is allowed, in the unit of the running total")

    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where the running total does not follow from the one before."""
        total = pl.col(self.cumulative)
        earlier = (
            pl.when(grain.months - 1 == MONTH % 12)
            .then(0.0)
            .otherwise(lagged(total, self.cumulative, Window((1,), 0.0), grain, symbols))
        )
        expected = earlier + in_unit(self.of, symbols[self.cumulative].unit, symbols)
        words = Message(
            "{total} must be the running total of the period before + {title}",
            total=title_of(symbols, self.cumulative),
            title=title_of(symbols, self.of),
        )
        yield Breach(words, differs(total, expected, self.tolerance), (self.cumulative, self.of))

    @override
    def accumulation(self, symbols: Symbols) -> tuple[str, str, float]:
        """Return the running total, the figure, and the factor into its unit."""
        own, unit = symbols[self.of].unit, symbols[self.cumulative].unit
        return self.cumulative, self.of, 1.0 if own is None or unit is None else units.factor(own, unit)

    @override
    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the running total, now and a period ago, and the figure of the period."""
        return joined({self.of: NOW}, {self.cumulative: back(1)})

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names, figures of different dimensions, and systems by the year."""
        yield from name_problems(path, "cumulative", [self.cumulative], symbols, listed=False)
        yield from name_problems(path, "of", [self.of], symbols, listed=False)
        if self.cumulative in symbols:
            yield from unit_problems(path, "of", [self.of], symbols[self.cumulative].unit, symbols)
        if grain.length in (Length.YEAR, Length.WEEK):
            yield Problem(
                "K451",
                (*path, "cumulative"),
                Message("a week has no running total of the year")
                if grain.length is Length.WEEK
                else Message("a year has no running total"),
                hint=Message("leave the check out"),
            )


class LastYear(Check):
    """A figure reported for the year before (上年同期) that equals what was reported then.

    >>> from kpi.language.checks.example import messages
    >>> messages({"last_year": "then", "of": "gdp"}, then=[None, 11], gdp=[10, 12])
    ['2023: then must equal gdp as reported the year before']
    """

    equates: ClassVar[bool] = True

    last_year: Name = Field(description="the measure that repeats last year's figure")
    of: Name = Field(description="the measure of this year")
    tolerance: float = Field(0, ge=0, description="the difference that is allowed, in the unit of `last_year`")

    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where the two differ."""
        then = lagged(
            in_unit(self.of, symbols[self.last_year].unit, symbols), self.of, grain.window("1y"), grain, symbols
        )
        words = Message(
            "{repeated} must equal {title} as reported the year before",
            repeated=title_of(symbols, self.last_year),
            title=title_of(symbols, self.of),
        )
        yield Breach(words, differs(pl.col(self.last_year), then, self.tolerance), (self.last_year,))

    @override
    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the repeated figure, and what was reported a year ago."""
        return joined({self.last_year: NOW}, {self.of: window_of("1y", grain) - NOW})

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names and figures of different dimensions."""
        yield from name_problems(path, "last_year", [self.last_year], symbols, listed=False)
        yield from name_problems(path, "of", [self.of], symbols, listed=False)
        if self.last_year in symbols:
            yield from unit_problems(path, "of", [self.of], symbols[self.last_year].unit, symbols)


class ReportedGrowth(Check):
    """A reported growth rate that agrees with the levels: `|g - 100 (x/b - 1)| <= within` percentage points.

    Rates at comparable coverage (可比口径) do not follow from the levels: leave those out.

    >>> from kpi.language.checks.example import messages
    >>> messages({"reported_growth": "rate", "of": "gdp"}, rate=[None, 10], gdp=[10, 12])
    ['2023: rate differs from the growth of gdp by more than 0.05 percentage points']
    """

    equates: ClassVar[bool] = True

    reported_growth: Name = Field(description="the measure that is a reported growth rate")
    of: Name = Field(description="the measure whose growth is reported")
    over: str = Field("1y", description="the window: 1y year on year, 1q, 1m")
    within: float = Field(0.05, ge=0, description="percentage points by which the two may differ")

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the measure whose growth is reported, over the window."""
        yield Comparison(self.of, ("of",), self.over)

    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where rate and levels disagree."""
        base = before(self.of, self.over, grain, symbols)
        rate = in_unit(self.reported_growth, units.parse("%"), symbols)
        apart = differs(rate, (pl.col(self.of) / base - 1) * 100, self.within)
        words = Message(
            "{rate} differs from the growth of {title} by more than {points:g} percentage points",
            rate=title_of(symbols, self.reported_growth),
            title=title_of(symbols, self.of),
            points=self.within,
        )
        yield Breach(words, pl.when(base > 0).then(apart), (self.reported_growth, self.of))

    @override
    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the rate, and the levels now and a window ago."""
        return joined({self.reported_growth: NOW}, {self.of: window_of(self.over, grain)})

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names, rates in no percent, and windows that are not a whole number of periods."""
        yield from name_problems(path, "reported_growth", [self.reported_growth], symbols, listed=False)
        yield from name_problems(path, "of", [self.of], symbols, listed=False)
        yield from unit_problems(path, "reported_growth", [self.reported_growth], units.parse("%"), symbols)
        yield from window_problems(path, self.over, grain)


class SameDirection(Check):
    """Figures that move the same way, such as electricity and output, where both move by more than some percent.

    >>> from kpi.language.checks.example import messages
    >>> messages({"same_direction": ["power", "output"]}, power=[10, 9], output=[10, 11])
    ['2023: power, output move in different directions year on year']
    """

    same_direction: Annotated[Listed[Name], Field(min_length=2)] = Field(
        description="measures that should rise and fall together"
    )
    over: str = Field("1y", description="the window: 1y year on year, 1q, 1m")
    more_than: float = Field(0, ge=0, description="percent: smaller moves have no direction")

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the measures, over the window."""
        names = enumerate(self.same_direction)
        yield from (Comparison(name, ("same_direction", place), self.over) for place, name in names)

    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where one rises and another falls."""
        bases = {name: before(name, self.over, grain, symbols) for name in self.same_direction}
        moves = {name: (pl.col(name) / base - 1) * 100 for name, base in bases.items()}
        # A move is a difference of a quotient from 1, in percent.
        hair = 100 * HAIR
        up = pl.any_horizontal([compare("gt", move, self.more_than, hair) for move in moves.values()])
        down = pl.any_horizontal([compare("lt", move, -self.more_than, hair) for move in moves.values()])
        judged = pl.all_horizontal([base > 0 for base in bases.values()])
        words = Message(
            "{titles} move in different directions {window}",
            titles=tuple(title_of(symbols, name) for name in moves),
            window=window(self.over),
        )
        yield Breach(words, pl.when(judged).then(up & down), tuple(moves))

    @override
    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the figures: now and a window ago."""
        return dict.fromkeys(self.same_direction, window_of(self.over, grain))

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names and windows that are not a whole number of periods."""
        yield from name_problems(path, "same_direction", self.same_direction, symbols)
        yield from window_problems(path, self.over, grain)


class Magnitude(Check):
    """Figures that are not some power of ten away from the earlier one: 万元 typed for 亿元, a digit too many.

    A rule is broken where `x/b` is within 30 % of 10, 100, 1000, 10^4, 10^8 or of one over these.

    >>> from kpi.language.checks.example import messages
    >>> messages({"magnitude": "gdp"}, gdp=[12, 120000])
    ['2023: gdp is off by about a power of ten year on year: check the unit']
    """

    magnitude: OneOrMany[Name] = Field(description="measures that must not be off by a power of ten")
    over: str = Field("1y", description="the window: 1y year on year, 1q, 1m")

    @override
    def compared_with_past(self) -> Sequence[str]:
        """Return the measures."""
        return self.magnitude

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the measures, over the window."""
        yield from (Comparison(name, ("magnitude", place), self.over) for place, name in enumerate(self.magnitude))

    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where a figure looks like an error of magnitude."""
        for name in self.magnitude:
            base = before(name, self.over, grain, symbols)
            ratio = pl.max_horizontal(pl.col(name) / base, base / pl.col(name))
            slip = pl.any_horizontal([(ratio >= 10**k / 1.3) & (ratio <= 10**k * 1.3) for k in _SLIPS])
            words = Message(
                "{title} is off by about a power of ten {window}: check the unit",
                title=title_of(symbols, name),
                window=window(self.over),
            )
            yield Breach(words, pl.when((base > 0) & (pl.col(name) > 0)).then(slip), (name,))

    @override
    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the figures: now and a window ago."""
        return dict.fromkeys(self.magnitude, window_of(self.over, grain))

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names and windows that are not a whole number of periods."""
        yield from name_problems(path, "magnitude", self.magnitude, symbols)
        yield from window_problems(path, self.over, grain)
