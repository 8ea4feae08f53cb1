"""Indicators of one period: level, ratio, coverage, share."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import polars as pl
from msgspec.structs import replace
from pydantic import Field
from typing_extensions import override

from kpi.errors import Message
from kpi.language.indicators.base import (
    Indicator,
    Symbols,
    declared,
    declared_problem,
    scale,
    title_of,
    unit_of,
)
from kpi.language.indicators.counted import Counted, multiple, quotient
from kpi.language.indicators.deflation import Deflated
from kpi.language.indicators.windows import (
    gaps,
    lags_of,
    length_of,
    periods_of,
    span_words,
    window_problems,
    window_total,
)
from kpi.language.lookback import Lags
from kpi.language.model import Name, Path, Problem, Problems, Text
from kpi.values import units
from kpi.values.columns import Column, Expressions
from kpi.values.periods import Grain
from kpi.values.rounding import HAIR, unsigned_zero
from kpi.values.status import HUNDRED, LEAST, OK, ZERO, guarded, literal, reason, status_of
from kpi.values.units import Unit


def _quotient(
    above: str, below: str, unit: Unit | None, symbols: Symbols, *, pool: str | None
) -> tuple[str, str | None, float] | None:
    """Return the sides of a quotient with the factor into its unit, None for one of several periods."""
    over, under = unit_of(symbols, above), unit_of(symbols, below)
    if pool is not None or over is None or under is None or unit is None:
        return None
    return above, below, units.factor(units.divide(over, under), unit)


def _counted(
    names: tuple[str, str], indicator: str, unit: Unit | None, symbols: Symbols, *, pool: str | None, stated: bool
) -> Counted | None:
    """Return the counts behind a quotient: its sides, or where they are added up over a window, these sums.

    Args:
        names: what stands above and below the line.
        indicator: the quotient.
        unit: of the quotient.
        symbols: what names stand for.
        pool: the window; None for the figures of the period.
        stated: whether the definition says that figures are counts.
    """
    above, below = ((side, unit_of(symbols, side)) for side in names)
    counts = quotient(above, below, unit, stated=stated)
    if counts is None or pool is None:
        return counts
    sums = Column(indicator).pooled_above, Column(indicator).pooled_below
    if counts.cases is None:
        return replace(counts, events=sums[0], below=sums[1], measures=names)
    return replace(counts, events=sums[0], cases=sums[1], measures=names)


class Level(Deflated):
    """The value of one measure: `x`; with `deflator`, in the prices of a base period (可比价).

    >>> Level(of="gdp").words({})
    'gdp'
    """

    kind: Literal["level"] = "level"
    kind_title: ClassVar[Message] = Message("value of a measure")
    of: Name = Field(description="the measure")
    unit: Text | None = Field(None, description="the unit; left out: the measure's")

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the declared unit, else the measure's."""
        return declared(self.unit, unit_of(symbols, self.of))

    @property
    def measure_shown(self) -> str | None:
        """The measure, unless it is in other prices."""
        return self.of if self.deflator is None else None

    @property
    def running_with(self) -> tuple[str, ...]:
        """The measure."""
        return (self.of,)

    def exact(self, symbols: Symbols) -> bool:
        """Return whether the measure is, and stays in its unit."""
        known = symbols.get(self.of)
        return known is not None and known.exact and self.in_unit(symbols) == known.unit and self.deflator is None

    @override
    def extent(self, never_negative: Callable[[str], bool]) -> tuple[float, float] | None:
        """Return from 0 on, of a figure that is never below it."""
        return (0.0, math.inf) if self.deflator is None and never_negative(self.of) else None

    @override
    def quotient(self, symbols: Symbols) -> tuple[str, str | None, float] | None:
        """Return the measure, unless it is in other prices."""
        unit, own = unit_of(symbols, self.of), self.in_unit(symbols)
        if self.deflator is not None or unit is None or own is None:
            return None
        return self.of, None, units.factor(unit, own)

    @override
    def counted(self, name: str, symbols: Symbols, *, stated: bool = False) -> Counted | None:
        """Return the measure where it is a count."""
        unit, own = unit_of(symbols, self.of), self.in_unit(symbols)
        events = multiple(unit, stated=stated)
        if events is None or unit is None or own is None or self.deflator is not None:
            return None
        return Counted(self.of, events, units.factor(unit, own))

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status."""
        of, _, before = self.figure(name, symbols, grain)
        measure = pl.col(of)
        value = scale(measure, unit_of(symbols, self.of), self.in_unit(symbols))
        return before | guarded(name, value, inputs=[of], sound=value is measure)

    @override
    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return the measure, and the price index."""
        return self.with_deflator({self.of: frozenset({0})})

    def words(self, symbols: Symbols) -> Message:
        """Return the measure's title, and in which prices it is."""
        return Message("{title}", title=self.figure_words(symbols))

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unit and target problems."""
        yield from super().problems(path, symbols, grain)
        yield from declared_problem(self.unit, unit_of(symbols, self.of), path)


def _lags(pool: str | None, grain: Grain) -> Lags:
    return lags_of(1 if pool is None else periods_of(pool, grain))


#: Whether what stands below the line may be less than zero.
Negative = Literal["allow"]


def pooled(
    names: tuple[str, str], indicator: str, over: str | None, symbols: Symbols, grain: Grain
) -> tuple[pl.Expr, pl.Expr, Expressions, dict[str, Any]]:
    """Return the two sides of a quotient, of the period or each added up over a window.

    Args:
        names: what stands above and below the line.
        indicator: the quotient.
        over: the window; None for the figures of the period.
        symbols: what names stand for.
        grain: of the periods.

    Returns:
        Both sides, the columns to be evaluated before them, and what `guarded` takes as reasons for a side that lacks.
    """
    if over is None:
        return pl.col(names[0]), pl.col(names[1]), Expressions(), {"inputs": list(names)}
    above, below = Column(indicator).above, Column(indicator).below
    sides: dict[str, pl.Expr] = {
        column: window_total(name, over, grain, symbols) for column, name in zip((above, below), names, strict=True)
    }
    # The sums stay beside the value: its sampling error follows from them.
    kept: dict[str, pl.Expr] = {
        Column(indicator).pooled_above: pl.col(above),
        Column(indicator).pooled_below: pl.col(below),
    }
    lacks = pl.col(above).is_null() | pl.col(below).is_null()
    reasons = list(gaps(dict.fromkeys(names), over, grain, symbols, lacks))
    return pl.col(above), pl.col(below), Expressions(values=kept, bases=sides), {"reasons": reasons}


def pool_problems(path: Path, over: str | None, names: Mapping[str, str], symbols: Symbols, grain: Grain) -> Problems:
    """Yield a window that is none, and sides of a quotient that do not add up over periods.

    Args:
        path: of the indicator.
        over: the window, None without one.
        names: the figures, by the key that names them.
        symbols: what names stand for.
        grain: of the periods.
    """
    if over is None:
        return
    yield from window_problems(path, "pool", over, grain)
    for key, name in names.items():
        unit = unit_of(symbols, name)
        if unit is not None and not units.summable(unit):
            yield Problem(
                "K438", (*path, key),
                Message("`{name}` is in {unit}, which does not add up over periods", name=name, unit=unit),
                hint=Message("name the figures that the rate is made of, or leave `pool` out"),
            )  # fmt: skip


class Ratio(Indicator):
    """A quotient: `numerator / denominator`; no value where the denominator is 0 or less than `min_denominator`.

    Nor for a denominator below zero, unless `negative: allow` says that one is meant: a loss on negative
    equity is no return, and less of either moves the quotient the wrong way.

    With `pool: 3y` both sides are added up over the window before they are divided (a pooled rate), so that years with
    few cases do not move it much; `pool: ytd` is the rate of the year to date. That is no mean of rates.

    >>> Ratio(numerator="online", denominator="cases").words({})
    'online ÷ cases'
    >>> Ratio(numerator="deaths", denominator="people", pool="3y").words({})
    'deaths ÷ people, each over 3 years'
    """

    kind: Literal["ratio"] = "ratio"
    kind_title: ClassVar[Message] = Message("ratio")
    numerator: Name = Field(description="the measure above the line")
    denominator: Name = Field(description="the measure below the line")
    unit: Text | None = Field(
        None, description="the unit; left out: % for figures of one dimension, else their quotient"
    )
    min_denominator: float | None = Field(None, gt=0, description="fewer than that is too few to judge")
    negative: Negative | None = Field(None, description="allow: a denominator below zero is meant; left out: no value")
    pool: str | None = Field(
        None,
        description="3y, 12m: both sides are added up over the window before they are divided; ytd: the year",
    )

    @property
    def proportion(self) -> tuple[str, str] | None:
        """The measures above and below the line."""
        return self.numerator, self.denominator

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield numerator and denominator."""
        yield ("numerator",), self.numerator
        yield ("denominator",), self.denominator

    @property
    def running_with(self) -> tuple[str, ...]:
        """Both sides: two running totals make a rate to date, which is none."""
        return (self.numerator, self.denominator)

    def nested(self) -> Iterator[tuple[str, str]]:
        """Yield numerator and denominator."""
        yield self.numerator, self.denominator

    def _natural(self, symbols: Symbols) -> Unit | None:
        above, below = unit_of(symbols, self.numerator), unit_of(symbols, self.denominator)
        return None if above is None or below is None else units.divide(above, below)

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the declared unit, else % where numerator and denominator are of one dimension."""
        natural = self._natural(symbols)
        if natural is not None and self.unit is None and units.convertible(natural, units.PERCENT):
            return units.PERCENT
        return declared(self.unit, natural)

    @override
    def extent(self, never_negative: Callable[[str], bool]) -> tuple[float, float] | None:
        """Return from 0 on, of two figures that are never below it."""
        sides = (self.numerator, self.denominator)
        return (0.0, math.inf) if self.negative is None and all(map(never_negative, sides)) else None

    @override
    def quotient(self, symbols: Symbols) -> tuple[str, str | None, float] | None:
        """Return both sides, unless they are of several periods."""
        return _quotient(self.numerator, self.denominator, self.in_unit(symbols), symbols, pool=self.pool)

    @override
    def counted(self, name: str, symbols: Symbols, *, stated: bool = False) -> Counted | None:
        """Return both sides where the one above the line is a count."""
        names = (self.numerator, self.denominator)
        return _counted(names, name, self.in_unit(symbols), symbols, pool=self.pool, stated=stated)

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: zero_denominator, negative_denominator, too_few."""
        names = (self.numerator, self.denominator)
        above, below, sides, lacking = pooled(names, name, self.pool, symbols, grain)
        finite = None
        shown = {"zero_denominator": below == ZERO}
        guards: dict[str, pl.Expr] = {}
        if self.negative is None:
            # NOTE: one comparison in place of a magnitude and a guard, which take half as long again for a ratio.
            finite = below > literal(LEAST)
            shown["negative_denominator"] = below < ZERO
            if not all(symbols[used].exact for used in names):
                finite = None
                guards["negative_denominator"] = shown.pop("negative_denominator")
        if self.min_denominator is not None:
            guards["too_few"] = below < self.min_denominator
        quotient = above / below
        # Nothing of a negative is minus zero.
        quotient = quotient if self.negative is None else unsigned_zero(quotient)
        value = scale(quotient, self._natural(symbols), self.in_unit(symbols))
        return sides | guarded(name, value, guards, shown=shown, finite=finite, **lacking)

    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return both sides, in every period of the window where they are pooled."""
        return dict.fromkeys((self.numerator, self.denominator), _lags(self.pool, grain))

    def added_up(self) -> Iterator[tuple[Path, str]]:
        """Yield both sides, where they are pooled."""
        yield from () if self.pool is None else self.inputs()

    @override
    def fewest_periods(self, grain: Grain) -> int:
        """Return the length of the window."""
        return length_of(self.pool, grain)

    def words(self, symbols: Symbols) -> Message:
        """Return `numerator ÷ denominator`, and over which window each is added up."""
        above, below = title_of(symbols, self.numerator), title_of(symbols, self.denominator)
        if self.pool is not None:
            over = span_words(self.pool)
            return Message(
                "{numerator} ÷ {denominator}, each over {window}", numerator=above, denominator=below, window=over
            )
        return Message("{numerator} ÷ {denominator}", numerator=above, denominator=below)

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unit and target problems."""
        yield from super().problems(path, symbols, grain)
        yield from declared_problem(self.unit, self._natural(symbols), path)
        names = {"numerator": self.numerator, "denominator": self.denominator}
        yield from pool_problems(path, self.pool, names, symbols, grain)


class Coverage(Indicator):
    """How much of a whole is covered, in percent: `100 covered / total`, out of range outside 0 to 100.

    >>> Coverage(covered="insured", total="residents").words({})
    'insured ÷ residents (0–100 %)'
    >>> Coverage(covered="done", total="planned", pool="ytd").words({})
    'done ÷ planned, each over the year to date (0–100 %)'
    """

    bounded: ClassVar[bool] = True

    kind: Literal["coverage"] = "coverage"
    kind_title: ClassVar[Message] = Message("share that is covered")
    covered: Name = Field(description="the measure of what is covered")
    total: Name = Field(description="the measure of the whole")
    min_total: float | None = Field(None, gt=0, description="fewer than that is too few to judge")
    pool: str | None = Field(
        None,
        description="3y, 12m: part and whole are added up over the window before they are divided; ytd: the year",
    )

    @property
    def proportion(self) -> tuple[str, str] | None:
        """The measures of what is covered and of the whole."""
        return self.covered, self.total

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the covered part and the total."""
        yield ("covered",), self.covered
        yield ("total",), self.total

    def nested(self) -> Iterator[tuple[str, str]]:
        """Yield the covered part and the total."""
        yield self.covered, self.total

    @override
    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return %."""
        return units.PERCENT

    @override
    def extent(self, never_negative: Callable[[str], bool]) -> tuple[float, float]:
        """Return 0 and 100: any other value is out of range."""
        return 0.0, 100.0

    @override
    def quotient(self, symbols: Symbols) -> tuple[str, str | None, float] | None:
        """Return part and total, unless they are of several periods."""
        return _quotient(self.covered, self.total, units.PERCENT, symbols, pool=self.pool)

    @override
    def counted(self, name: str, symbols: Symbols, *, stated: bool = False) -> Counted | None:
        """Return part and total where they are counts."""
        names = (self.covered, self.total)
        return _counted(names, name, units.PERCENT, symbols, pool=self.pool, stated=stated)

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: zero_denominator, negative_denominator, too_few, out_of_range."""
        part, whole = unit_of(symbols, self.covered), unit_of(symbols, self.total)
        above, total, sides, lacking = pooled((self.covered, self.total), name, self.pool, symbols, grain)
        covered = scale(above, part, whole)
        shown = {"zero_denominator": total == ZERO, "negative_denominator": total < ZERO}
        guards = {"out_of_range": (covered < 0) | (covered > total * (1 + HAIR))}
        if self.min_total is not None:
            guards["too_few"] = total < self.min_total
        return sides | guarded(name, covered / total * HUNDRED, guards, shown=shown, **lacking)

    def lookback(self, grain: Grain) -> dict[str, Lags]:
        """Return part and whole, in every period of the window where they are pooled."""
        return dict.fromkeys((self.covered, self.total), _lags(self.pool, grain))

    def added_up(self) -> Iterator[tuple[Path, str]]:
        """Yield part and whole, where they are pooled."""
        yield from () if self.pool is None else self.inputs()

    @override
    def fewest_periods(self, grain: Grain) -> int:
        """Return the length of the window."""
        return length_of(self.pool, grain)

    def words(self, symbols: Symbols) -> Message:
        """Return `covered ÷ total`, bounded, and over which window each is added up."""
        covered, total = title_of(symbols, self.covered), title_of(symbols, self.total)
        if self.pool is not None:
            return Message(
                "{covered} ÷ {total}, each over {window} (0–100 %)",
                covered=covered, total=total, window=span_words(self.pool),
            )  # fmt: skip
        return Message("{covered} ÷ {total} (0–100 %)", covered=covered, total=total)

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unit and target problems; part and whole must count the same thing."""
        yield from super().problems(path, symbols, grain)
        part, whole = unit_of(symbols, self.covered), unit_of(symbols, self.total)
        if part is not None and whole is not None and not units.convertible(part, whole):
            yield Problem(
                "K301",
                (*path, "covered"),
                Message("{part} cannot be a part of {whole}", part=part, whole=whole),
                label=Message("{part}, not {whole}", part=part, whole=whole),
                hint=Message("the part and the whole must count the same thing"),
            )
        yield from pool_problems(path, self.pool, {"covered": self.covered, "total": self.total}, symbols, grain)


class Share(Indicator):
    """An entity's part of the total of all entities: `100 x / sum(x)` over the period, or over its cohort.

    There is no value where the total is zero, or below zero unless `negative: allow` says that one is meant.

    >>> Share(of="gdp", within="cohort").words({})
    'gdp ÷ total gdp of the cohort'
    """

    kind: Literal["share"] = "share"
    kind_title: ClassVar[Message] = Message("share of all entities")
    of: Name = Field(description="the measure")
    within: Literal["all", "cohort"] = Field("all", description="the total of all entities, or of the cohort")
    negative: Negative | None = Field(None, description="allow: a total below zero is meant; left out: no value")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the measure."""
        yield ("of",), self.of

    @override
    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return %."""
        return units.PERCENT

    @override
    def extent(self, never_negative: Callable[[str], bool]) -> tuple[float, float] | None:
        """Return 0 and 100, of a figure that is never below zero."""
        return (0.0, 100.0) if self.negative is None and never_negative(self.of) else None

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: incomplete where another entity's figure is missing, zero_denominator."""
        peers = ["period"] if self.within == "all" else ["period", "cohort"]
        total = pl.col(self.of).sum().over(peers)
        absent = (status_of(self.of) != OK) & (status_of(self.of) != reason("not_applicable"))
        # What is left of parts that cancel is no total.
        nothing = total.abs() <= pl.col(self.of).abs().sum().over(peers) * HAIR
        guards = {"incomplete": absent.any().over(peers), "zero_denominator": nothing}
        if self.negative is None:
            guards["negative_denominator"] = total < ZERO
        part = pl.col(self.of) / total
        part = part if self.negative is None else unsigned_zero(part)
        return guarded(name, part * HUNDRED, guards, inputs=[self.of])

    def words(self, symbols: Symbols) -> Message:
        """Return what it is a share of."""
        title = title_of(symbols, self.of)
        if self.within == "all":
            return Message("{title} ÷ total {title} of all", title=title)
        return Message("{title} ÷ total {title} of the cohort", title=title)
