"""Indicators of one period: level, ratio, coverage, share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import polars as pl
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
from kpi.language.model import Name, Path, Problem, Problems, Text
from kpi.values import units
from kpi.values.columns import Expressions
from kpi.values.periods import Grain
from kpi.values.rounding import HAIR, unsigned_zero
from kpi.values.status import HUNDRED, LEAST, OK, ZERO, guarded, literal, reason, status_of
from kpi.values.units import Unit


class Level(Indicator):
    """The value of one measure: `x`.

    >>> Level(of="gdp").words({})
    'gdp'
    """

    kind: Literal["level"] = "level"
    kind_title: ClassVar[Message] = Message("value of a measure")
    of: Name = Field(description="the measure")
    unit: Text | None = Field(None, description="the unit; left out: the measure's")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the measure."""
        yield ("of",), self.of

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the declared unit, else the measure's."""
        return declared(self.unit, unit_of(symbols, self.of))

    @property
    def measure_shown(self) -> str | None:
        """The measure."""
        return self.of

    @property
    def running_with(self) -> tuple[str, ...]:
        """The measure."""
        return (self.of,)

    def exact(self, symbols: Symbols) -> bool:
        """Return whether the measure is, and stays in its unit."""
        return self.of in symbols and symbols[self.of].exact and self.in_unit(symbols) == symbols[self.of].unit

    @override
    def counted(self, name: str, symbols: Symbols, *, stated: bool = False) -> Counted | None:
        """Return the measure where it is a count."""
        unit, own = unit_of(symbols, self.of), self.in_unit(symbols)
        events = multiple(unit, stated=stated)
        if events is None or unit is None or own is None:
            return None
        return Counted(self.of, events, units.factor(unit, own))

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status."""
        measure = pl.col(self.of)
        value = scale(measure, unit_of(symbols, self.of), self.in_unit(symbols))
        return guarded(name, value, inputs=[self.of], sound=value is measure)

    def words(self, symbols: Symbols) -> Message:
        """Return the measure's title."""
        return Message("{title}", title=title_of(symbols, self.of))

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unit and target problems."""
        yield from super().problems(path, symbols, grain)
        yield from declared_problem(self.unit, unit_of(symbols, self.of), path)


#: Whether what stands below the line may be less than zero.
Negative = Literal["allow"]


class Ratio(Indicator):
    """A quotient: `numerator / denominator`; no value where the denominator is 0 or less than `min_denominator`.

    Nor for a denominator below zero, unless `negative: allow` says that one is meant: a loss on negative
    equity is no return, and less of either moves the quotient the wrong way.

    >>> Ratio(numerator="online", denominator="cases").words({})
    'online ÷ cases'
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
    def counted(self, name: str, symbols: Symbols, *, stated: bool = False) -> Counted | None:
        """Return both sides where the one above the line is a count."""
        above, below = ((side, unit_of(symbols, side)) for side in (self.numerator, self.denominator))
        return quotient(above, below, self.in_unit(symbols), stated=stated)

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: zero_denominator, negative_denominator, too_few."""
        below, finite = pl.col(self.denominator), None
        shown = {"zero_denominator": below == ZERO}
        guards: dict[str, pl.Expr] = {}
        if self.negative is None:
            # NOTE: one comparison in place of a magnitude and a guard, which take half as long again for a ratio.
            finite = below > literal(LEAST)
            shown["negative_denominator"] = below < ZERO
            if not all(symbols[one].exact for one in (self.numerator, self.denominator)):
                finite = None
                guards["negative_denominator"] = shown.pop("negative_denominator")
        if self.min_denominator is not None:
            guards["too_few"] = below < self.min_denominator
        quotient = pl.col(self.numerator) / below
        # Nothing of a negative is minus zero.
        quotient = quotient if self.negative is None else unsigned_zero(quotient)
        value = scale(quotient, self._natural(symbols), self.in_unit(symbols))
        inputs = [self.numerator, self.denominator]
        return guarded(name, value, guards, shown=shown, inputs=inputs, finite=finite)

    def words(self, symbols: Symbols) -> Message:
        """Return `numerator ÷ denominator`."""
        return Message(
            "{numerator} ÷ {denominator}",
            numerator=title_of(symbols, self.numerator),
            denominator=title_of(symbols, self.denominator),
        )

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unit and target problems."""
        yield from super().problems(path, symbols, grain)
        yield from declared_problem(self.unit, self._natural(symbols), path)


class Coverage(Indicator):
    """How much of a whole is covered, in percent: `100 covered / total`, out of range outside 0 to 100.

    >>> Coverage(covered="insured", total="residents").words({})
    'insured ÷ residents (0–100 %)'
    """

    kind: Literal["coverage"] = "coverage"
    kind_title: ClassVar[Message] = Message("share that is covered")
    covered: Name = Field(description="the measure of what is covered")
    total: Name = Field(description="the measure of the whole")
    min_total: float | None = Field(None, gt=0, description="fewer than that is too few to judge")

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
    def counted(self, name: str, symbols: Symbols, *, stated: bool = False) -> Counted | None:
        """Return part and total where they are counts."""
        part, whole = ((side, unit_of(symbols, side)) for side in (self.covered, self.total))
        return quotient(part, whole, units.PERCENT, stated=stated)

    @override
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the value and its status: zero_denominator, negative_denominator, too_few, out_of_range."""
        part, whole = unit_of(symbols, self.covered), unit_of(symbols, self.total)
        covered, total = scale(pl.col(self.covered), part, whole), pl.col(self.total)
        shown = {"zero_denominator": total == ZERO, "negative_denominator": total < ZERO}
        guards = {"out_of_range": (covered < 0) | (covered > total * (1 + HAIR))}
        if self.min_total is not None:
            guards["too_few"] = total < self.min_total
        return guarded(name, covered / total * HUNDRED, guards, shown=shown, inputs=[self.covered, self.total])

    def words(self, symbols: Symbols) -> Message:
        """Return `covered ÷ total`, bounded."""
        return Message(
            "{covered} ÷ {total} (0–100 %)",
            covered=title_of(symbols, self.covered),
            total=title_of(symbols, self.total),
        )

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
