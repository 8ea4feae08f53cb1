"""Differences between periods as a bulletin gives them: 环比 to the period before, 同比 to a year before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from kpi.report.language import tr

#: Units whose differences are not given as growth: a difference of places or shares has a meaning of its own.
_NO_GROWTH = frozenset({"%", "‰", "位", "是/否", "分", "百分点"})


class Change(Struct, frozen=True):
    """A difference, as it is printed.

    Attributes:
        sign: 1, 0 or -1 of the printed figure, so that what is printed as 0.0 is no rise.
        amount: the size without a sign; of values with its unit: 1.2个百分点, 5.6%.
        short: the size with its sign, for tables: +1.2, +5.6%.
        better: whether it is one for the better; None where it is none, or nothing says which way is better.
    """

    sign: int
    amount: str
    short: str
    better: bool | None = None

    def worded(self, up: str, down: str, same: str) -> str:
        """Return the difference in words, `@` in those for up and down standing for its size.

        >>> Change(1, "2.0", "+2.0").worded("up @ points", "down @ points", "unchanged")
        'up 2.0 points'
        """
        words = (same, up, down)[self.sign]
        return words.replace("@", self.amount)


def fixed(value: float, decimals: int) -> str:
    """Return a number rounded half away from zero, as people round it, without minus zero.

    >>> fixed(0.125, 2), fixed(-0.001, 2), fixed(1234.5, 0)
    ('0.13', '0.00', '1235')
    """
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return str(rounded or abs(rounded))


def figure(value: float, decimals: int | None = None, unit: str = "") -> str:
    """Return a figure: with its declared decimals, else with two, more below 0.1 and fewer where they are zeros.

    Percentages keep both decimals, so that those below each other have the same.

    >>> figure(98.25581), figure(3.0), figure(0.012345), figure(3.0, 1), figure(72.0, unit="%")
    ('98.26', '3', '0.0123', '3.0', '72.00')
    """
    if decimals is not None or unit == "%":
        return fixed(value, 2 if decimals is None else decimals)
    if value and abs(value) < 0.1:
        places = 2 - Decimal(repr(float(value))).adjusted()
        return fixed(value, min(places, 12)).rstrip("0")
    return fixed(value, 2).rstrip("0").rstrip(".")


def of_scores(now: float | None, before: float | None, decimals: int) -> Change | None:
    """Return the difference of two scores, None where either is missing."""
    if now is None or before is None:
        return None
    text = fixed(now - before, decimals)
    return _change(text, text.lstrip("-"), text, better=True)


def of_means(pairs: Sequence[tuple[float, float]], decimals: int) -> Change | None:
    """Return the difference of the means of scores over the units that have both; None without any."""
    if not pairs:
        return None
    new, old = (math.fsum(scores) / len(pairs) for scores in zip(*pairs, strict=True))
    return of_scores(new, old, decimals)


def of_values(
    pairs: Sequence[tuple[float, float]], unit: str, *, higher: bool, decimals: int | None = None
) -> Change | None:
    """Return the difference of the means over the units that have a figure in both periods; None without any.

    Shares, places and marks differ by their difference, amounts by growth in percent. Where the earlier mean is not
    above zero growth has no meaning, and the difference is given.

    Args:
        pairs: the present and the former figure of each of these units.
        unit: of the figures.
        higher: whether more is better.
        decimals: those of the figures, None for the usual ones.
    """
    if not pairs:
        return None
    new, old = (math.fsum(figures) / len(pairs) for figures in zip(*pairs, strict=True))
    if unit == "是/否":
        text = figure((new - old) * len(pairs))
        return _change(text, text.lstrip("-"), text, better=higher)
    if unit in _NO_GROWTH or old <= 0 or new < 0:
        text = figure(new - old, decimals, unit)
        size = text.lstrip("-")
        if unit == "%":
            return _change(text, tr("{amount} percentage points", amount=size), text, better=higher)
        return _change(text, spaced(size, unit), text, better=higher)
    text = fixed((new / old - 1) * 100, 1)
    return _change(f"{text}%", f"{text.lstrip('-')}%", text, better=higher)


def spaced(number: str, unit: str) -> str:
    """Return a number with its unit: 12件, 12 km².

    >>> spaced("12", "件"), spaced("98.2", "%"), spaced("3", "km"), spaced("3", "1")
    ('12件', '98.2%', '3 km', '3')
    """
    if unit in ("", "1", "是/否"):
        return number
    return f"{number} {unit}" if unit[0].isascii() and unit != "%" else f"{number}{unit}"


def _change(shown: str, amount: str, number: str, *, better: bool) -> Change:
    value = Decimal(number)
    sign = (value > 0) - (value < 0)
    short = f"+{shown}" if sign > 0 else shown
    return Change(sign, amount, short, None if not sign else (sign > 0) == better)
