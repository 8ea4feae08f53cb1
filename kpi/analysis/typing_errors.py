"""Typing errors: what a figure may have been before a wrong factor, a wrong sign, swapped digits or rounding."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import polars as pl
from msgspec import Struct

from kpi.errors import Message

#: The factors of typing errors: a digit, percent, 千, 万, 亿.
_FACTORS = (10, 100, 1000, 10_000, 100_000_000)
#: How likely the other errors are beside the factors, from the first.
_SIGN, _SWAPPED, _ROUNDED, _UNROUNDED = range(len(_FACTORS), len(_FACTORS) + 4)
#: How far from a whole multiple a figure may be for floating-point error, as a part of a step.
_HAIR = 1e-6


class Correction(Struct, frozen=True):
    """Another value that a figure may have had before it was typed.

    Attributes:
        name: the figure.
        before: its value as reported.
        after: the value that it may have had.
        how: the words about the typing error.
        rank: the place of the error among the kinds of errors, the likeliest first.
    """

    name: str
    before: float
    after: float
    how: Message
    rank: int

    @property
    def coarse(self) -> bool:
        """Whether it is a factor of ten or the sign, which do not depend on single digits."""
        return self.rank <= _SIGN

    @property
    def direction(self) -> str:
        """What is the same for corrections of which one, by whichever factor, is sufficient."""
        if self.rank < _SIGN:
            return "larger" if abs(self.after) > abs(self.before) else "smaller"
        return str(self.how)


def corrections(name: str, value: float, balanced: float | None = None) -> Iterator[Correction]:
    """Yield what a figure may have been before a typing error, the likelier errors first.

    Args:
        name: of the figure.
        value: as reported.
        balanced: the value with which the figures around it add up, if that is known: the figure as reported may have
            been rounded from it.

    >>> [item.after for item in corrections("x", 132.0)][10:]
    [-132.0, 1032.0, 312.0, 123.0, 130.2]
    >>> [(item.after, str(item.how)) for item in corrections("x", 620.0, 623.0)][-1]
    (623.0, 'rounded')
    """
    exact = Decimal(repr(value))
    if value:
        for rank, factor in enumerate(_FACTORS):
            how = Message("too small by a factor of {factor:,}", factor=factor)
            yield Correction(name, value, float(exact * factor), how, rank)
            how = Message("too large by a factor of {factor:,}", factor=factor)
            yield Correction(name, value, float(exact / factor), how, rank)
        yield Correction(name, value, -value, Message("the sign"), _SIGN)
        for swapped in dict.fromkeys(_swapped(exact)):
            yield Correction(name, value, float(swapped), Message("two digits swapped"), _SWAPPED)
    if balanced is not None and balanced != value and _is_rounded(exact, balanced):
        yield Correction(name, value, balanced, Message("rounded"), _ROUNDED)
    for decimals in (2, 1, 0):
        rounded = float(round(exact, decimals))
        if rounded != value:
            yield Correction(name, value, rounded, Message("too many decimals"), _UNROUNDED)


def _swapped(value: Decimal) -> Iterator[Decimal]:
    """Yield a number with two digits beside each other swapped, also across the point.

    A zero in front and one behind count as digits, as they are not written: 0120 and 12.30.
    """
    text = format(value.normalize(), "f").lstrip("-")
    whole, _, part = text.partition(".")
    digits, decimals = f"0{whole}{part}0", len(part) + 1
    for place in range(len(digits) - 1):
        first, second = digits[place], digits[place + 1]
        if first != second:
            swapped = Decimal(f"{digits[:place]}{second}{first}{digits[place + 2 :]}").scaleb(-decimals)
            # 01 for 10 is a factor of ten, which has its own words.
            if swapped and not _is_power(swapped / abs(value)):
                yield swapped.copy_sign(value)


def _is_power(ratio: Decimal) -> bool:
    """Return whether a ratio is a power of ten."""
    return ratio.normalize().as_tuple().digits == (1,)


def _is_rounded(value: Decimal, exact: float) -> bool:
    """Return whether a figure may be a number that was rounded: to its last digit that is not 0, but two whole ones.

    >>> [_is_rounded(Decimal(text), 623.4) for text in ("623", "620", "600")], _is_rounded(Decimal("1000"), 1049)
    ([True, True, False], True)
    """
    sign, digits, exponent = value.normalize().as_tuple()
    del sign
    size = len(digits) + int(exponent)
    unit = min(int(exponent), max(size - 2, 0))
    return abs(Decimal(repr(exact)) - value) <= Decimal(5).scaleb(unit - 1)


def stepped(value: float, step: float) -> bool:
    """Return whether a value is a whole number of steps, such as people in a figure of 万人.

    >>> stepped(0.9, 1.0), stepped(3.1416, 0.0001)
    (False, True)
    """
    return bool(whole_steps(pl.Series([value], dtype=pl.Float64), step)[0])


def whole_steps(values: pl.Series, step: float) -> pl.Series:
    """Return for each value whether it is a whole number of steps."""
    steps = values / step
    return (steps - steps.round()).abs() <= _HAIR
