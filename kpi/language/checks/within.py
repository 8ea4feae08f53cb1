"""Checks within one period: conditions, required figures, ranges, parts and their whole."""

import functools
from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import Field
from sqlglot import exp
from typing_extensions import override

from kpi.errors import Message
from kpi.language import expressions
from kpi.language.checks.base import Balance, Breach, Check, differs, in_unit, name_problems, unit_problems
from kpi.language.conditions import condition, condition_problems
from kpi.language.expressions.grammar import resolve
from kpi.language.expressions.terms import ExpressionError
from kpi.language.indicators import Symbols
from kpi.language.indicators.base import in_titles, scope_of, title_of
from kpi.language.model import Listed, Name, OneOrMany, Path, Problem, Problems
from kpi.values.columns import Column
from kpi.values.periods import Grain
from kpi.values.rounding import HAIR, compare
from kpi.values.units import Unit

_ABSENT = ("missing", "incomplete")


class Holds(Check):
    """A condition over measures and indicators that must hold: `expr: part <= whole`.

    >>> from kpi.language.checks.example import messages
    >>> messages({"expr": "part <= whole"}, part=[1, 3], whole=[2, 2])
    ['2023: part <= whole must hold']
    """

    expr: str = Field(description="a condition over measures and indicators that must hold")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where the condition is false."""
        term = condition(self.expr, symbols)
        yield Breach(Message("{condition} must hold", condition=self.expr), ~term.expr, term.names)

    @override
    def in_full(self, symbols: Symbols, grain: Grain) -> Message:
        """Return the condition with titles for names."""
        return Message("{condition} must hold", condition=in_titles(self.expr, symbols))

    def nested(self) -> Iterator[tuple[str, str]]:
        """Yield the sides of every comparison of two figures, the one that does not exceed the other first."""
        for node in expressions.parse(self.expr).tree.find_all(exp.LTE, exp.LT, exp.GTE, exp.GT):
            sides = (node.left, node.right) if isinstance(node, exp.LTE | exp.LT) else (node.right, node.left)
            if all(isinstance(side, exp.Column) for side in sides):
                yield sides[0].name, sides[1].name

    @override
    def balances(self, symbols: Symbols) -> Iterator[Balance]:
        """Yield the differences of the sides of comparisons that all have to hold."""
        for node in _joined(expressions.parse(self.expr).tree):
            if not isinstance(node, exp.LTE | exp.LT | exp.GTE | exp.GT | exp.EQ):
                continue
            sides = (exp.Paren(this=side.copy()) for side in (node.left, node.right))
            try:
                term = resolve(exp.Sub(this=next(sides), expression=next(sides)), scope_of(symbols))
            except ExpressionError:
                continue
            low = None if isinstance(node, exp.LTE | exp.LT) else 0.0
            high = None if isinstance(node, exp.GTE | exp.GT) else 0.0
            yield Balance(term.expr, tuple(dict.fromkeys(term.names)), low, high)

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield what is wrong with the condition."""
        result = list(condition_problems(self.expr, (*path, "expr"), symbols))
        yield from result
        if not result:
            for name in condition(self.expr, symbols).names:
                yield from name_problems(path, "expr", [name], symbols, listed=False)


def _joined(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the conditions of which all have to hold."""
    if isinstance(node, exp.Paren):
        yield from _joined(node.this)
    elif isinstance(node, exp.And):
        yield from _joined(node.left)
        yield from _joined(node.right)
    else:
        yield node


class Required(Check):
    """Figures that must be reported in every period: `required: [gdp, population]`.

    >>> from kpi.language.checks.example import messages
    >>> messages({"required": "gdp"}, gdp=[1, None])
    ['2023: gdp is required, and missing or incomplete']
    """

    required: OneOrMany[Name] = Field(description="measures that must be reported")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where a figure is missing or covers the period only in part."""
        for name in self.required:
            absent = pl.col(Column(name).status).cast(pl.String).is_in(_ABSENT)
            words = Message("{title} is required, and missing or incomplete", title=title_of(symbols, name))
            yield Breach(words, absent, (name,))

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names."""
        yield from name_problems(path, "required", self.required, symbols)


class Between(Check):
    """Figures within a range in their units, ends included; `null` leaves an end open: `between: [0, 100]`.

    >>> from kpi.language.checks.example import messages
    >>> messages({"between": [0, 100], "of": "rate"}, rate=[100, 101])
    ['2023: rate must be at least 0, at most 100']
    """

    between: Annotated[Listed[float | None], Field(min_length=2, max_length=2)] = Field(
        description="the least and the most"
    )
    of: OneOrMany[Name] = Field(description="the measures or indicators")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where a figure is outside."""
        low, high = self.between
        for name in self.of:
            part = 0.0 if symbols[name].exact else HAIR
            figure, nowhere = pl.col(name), pl.lit(False)
            outside = (nowhere if low is None else compare("lt", figure, low, abs(low) * part)) | (
                nowhere if high is None else compare("gt", figure, high, abs(high) * part)
            )
            unit = symbols[name].unit
            bounds: list[Message] = []
            if low is not None:
                bounds.append(Message("at least {bound}", bound=_bound(low, unit)))
            if high is not None:
                bounds.append(Message("at most {bound}", bound=_bound(high, unit)))
            words = Message("{title} must be {bounds}", title=title_of(symbols, name), bounds=tuple(bounds))
            yield Breach(words, outside, (name,))

    @override
    def bounds(self, name: str) -> tuple[float | None, float | None]:
        """Return the range of the figures that it is about."""
        low, high = self.between
        return (low, high) if name in self.of else (None, None)

    @override
    def balances(self, symbols: Symbols) -> Iterator[Balance]:
        """Yield each figure with the range."""
        for name in self.of:
            yield Balance(pl.col(name), (name,), *self.between)

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names and ends in the wrong order."""
        yield from name_problems(path, "of", self.of, symbols)
        low, high = self.between
        if low is not None and high is not None and low > high:
            yield Problem(
                "K450", (*path, "between"), Message("the lower end is above the upper one"), hint=Message("swap them")
            )


def _bound(number: float, unit: Unit | None) -> str:
    return f"{number:g} {unit or ''}".rstrip()


class Parts(Check):
    """Parts that add up to their whole: `|sum(parts) - whole| <= tolerance`.

    Rounded figures need not add up exactly; the tolerance left out is that of rounding, `n * 0.5 * 10^-decimals`, in
    the unit of the whole, for n parts.

    >>> from kpi.language.checks.example import messages
    >>> messages({"parts": ["a", "b"], "whole": "sum"}, a=[1, 1], b=[2, 2], sum=[3.01, 3.02])
    ['2023: a + b must equal sum (tolerance 0.01)']
    """

    parts: Annotated[Listed[Name], Field(min_length=2)] = Field(description="the measures that make up the whole")
    whole: Name = Field(description="the measure of the whole")
    decimals: int = Field(
        2, ge=0, le=9, description="decimals to which the figures are rounded, in the unit of the whole"
    )
    tolerance: float | None = Field(None, ge=0, description="the difference that is allowed, in the unit of the whole")

    @override
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield where the parts do not add up."""
        unit = symbols[self.whole].unit
        total, tolerance = self._total(unit, symbols), self._allowed
        first, *others = (title_of(symbols, part) for part in self.parts)
        words = Message(
            "{sum} must equal {whole} (tolerance {tolerance:g})",
            sum=functools.reduce(lambda first, part: Message("{sum} + {part}", sum=first, part=part), others, first),
            whole=title_of(symbols, self.whole),
            tolerance=tolerance,
        )
        yield Breach(words, differs(total, pl.col(self.whole), tolerance), (*self.parts, self.whole))

    @property
    def _allowed(self) -> float:
        """The difference that is allowed."""
        return len(self.parts) * 0.5 * 10**-self.decimals if self.tolerance is None else self.tolerance

    def _total(self, unit: Unit | None, symbols: Symbols) -> pl.Expr:
        """Return the sum of the parts in a unit."""
        return pl.sum_horizontal([in_unit(part, unit, symbols) for part in self.parts], ignore_nulls=False)

    @override
    def balances(self, symbols: Symbols) -> Iterator[Balance]:
        """Yield the difference between the parts and their whole."""
        number = self._total(symbols[self.whole].unit, symbols) - pl.col(self.whole)
        yield Balance(number, (*self.parts, self.whole), -self._allowed, self._allowed)

    @override
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield unknown names and parts of another dimension than the whole."""
        yield from name_problems(path, "parts", self.parts, symbols)
        yield from name_problems(path, "whole", [self.whole], symbols, listed=False)
        if self.whole in symbols:
            yield from unit_problems(path, "parts", self.parts, symbols[self.whole].unit, symbols)
