"""Conversions of units by hand in expressions: `a / b * 100`, where the unit `%` multiplies by 100 by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from msgspec import Struct
from sqlglot import exp

from kpi.errors import Message
from kpi.language.expressions.parser import parse
from kpi.language.expressions.terms import ExpressionError
from kpi.values.units import PER_MILLE, PERCENT, Unit

#: Factors that units differ by.
_POWERS = frozenset(Fraction(10) ** (sign * power) for power in range(2, 9) for sign in (1, -1))


class Multiplier(Struct, frozen=True):
    """A power of ten by which an expression multiplies its value; `divided` where what it multiplies is a quotient."""

    factor: Fraction
    divided: bool

    @property
    def size(self) -> int:
        """The factor, or what is divided by where it is below 1."""
        return int(max(self.factor, 1 / self.factor))


def multipliers(text: str) -> tuple[Multiplier, ...]:
    """Return the powers of ten, from 100 and from a hundredth on, by which an expression or a term of it multiplies.

    >>> [(str(item.factor), item.divided) for item in multipliers("a / b * 100 - round(c * 1000, 2)")]
    [('100', True), ('1000', False)]
    >>> multipliers("(10 * five + 8 * four) / reviews"), multipliers("0.5 * a / b * 100"), multipliers("a > 100")
    ((), (), ())
    """
    try:
        tree = parse(text).tree
    except ExpressionError:
        return ()
    return tuple(item for item in _of(tree) if item.factor in _POWERS)


def second_conversion(text: str, source: Unit | None, unit: Unit) -> tuple[Message, Message] | None:
    """Return the message and the hint where an expression converts into a unit that converts it once more.

    Args:
        text: the expression.
        source: the unit that comes out of it; None where it has none, so that nothing is converted.
        unit: the declared one.
    """
    if source is None or source.dimension != unit.dimension:
        return None
    factors = multipliers(text)
    converts = source.scale != unit.scale
    again = next((item for item in factors if converts and item.factor == source.scale / unit.scale), None)
    if again is None:
        return _needless(factors, unit)
    message = (
        Message(
            "the expression multiplies by {factor:,}, and the unit {unit} does so again: values are {factor:,} times "
            "too large",
            factor=again.size, unit=unit,
        )
        if again.factor > 1
        else Message(
            "the expression divides by {factor:,}, and the unit {unit} does so again: values are {factor:,} times too "
            "small",
            factor=again.size, unit=unit,
        )
    )  # fmt: skip
    return message, Message("leave the factor out of the expression: the unit converts by itself")


def _needless(factors: Sequence[Multiplier], unit: Unit) -> tuple[Message, Message] | None:
    """Return the message and the hint where a quotient is multiplied although its unit is %, ‰ or a quotient itself."""
    factor = next((item for item in factors if item.divided and item.factor > 1), None)
    if factor is None or not (unit in (PERCENT, PER_MILLE) or "/" in unit.text):
        return None
    message = Message(
        "the expression multiplies by {factor:,}, and the unit {unit} converts by itself: values are {factor:,} times "
        "too large",
        factor=factor.size, unit=unit,
    )  # fmt: skip
    return message, Message("leave the factor out of the expression: the unit converts by itself")


def _of(node: exp.Expr) -> Iterator[Multiplier]:
    """Yield the factor of each term that a value may be made of."""
    if isinstance(node, exp.Paren | exp.Neg | exp.Round | exp.Abs):
        yield from _of(node.this)
    elif isinstance(node, exp.Add | exp.Sub):
        yield from _of(node.left)
        yield from _of(node.right)
    elif isinstance(node, exp.Coalesce | exp.Greatest | exp.Least):
        for item in (node.this, *node.expressions):
            yield from _of(item)
    elif isinstance(node, exp.Case):
        for branch in node.args.get("ifs") or ():
            yield from _of(branch.args["true"])
        if (default := node.args.get("default")) is not None:
            yield from _of(default)
    elif isinstance(node, exp.Mul | exp.Div):
        yield from _of_product(node)


def _of_product(node: exp.Expr) -> Iterator[Multiplier]:
    """Yield the factor of a product and its quotients, or that of its only part that is no number."""
    factor, figures, divided = Fraction(1), list[exp.Expr](), False
    for part, above in _parts(node, above=True):
        if isinstance(part, exp.Literal) and not part.is_string:
            number = Fraction(part.this)
            if not number:
                return
            factor *= number if above else 1 / number
        else:
            figures.append(part)
            divided = divided or not above or part.find(exp.Div) is not None
    if figures:
        yield Multiplier(factor, divided)
    if len(figures) == 1 and factor == 1:
        yield from _of(figures[0])


def _parts(node: exp.Expr, *, above: bool) -> Iterator[tuple[exp.Expr, bool]]:
    """Yield the parts of a product, each with whether it stands above the line."""
    plain = node.unnest()
    if isinstance(plain, exp.Mul | exp.Div):
        yield from _parts(plain.left, above=above)
        yield from _parts(plain.right, above=above == isinstance(plain, exp.Mul))
    else:
        yield plain, above
