"""The place of a unit among its peers for readers: a small picture in text, and the numbers in words."""

from __future__ import annotations

from collections.abc import Callable

from kpi.analysis.peers import Spread
from kpi.report.language import tr

#: The width of a picture in signs.
_WIDTH = 21


def picture(spread: Spread) -> str:
    """Return a line from the least to the greatest value: thick between the quartiles, the median, the unit as ●.

    >>> picture(Spread(5, 0.0, 25.0, 50.0, 75.0, 100.0, 90.0, 2))
    '├────━━━━━┿━━━━━──●─┤'
    """
    length = spread.greatest - spread.least

    def at(value: float) -> int:
        return round((value - spread.least) / length * (_WIDTH - 1)) if length > 0 else _WIDTH // 2

    signs = ["─"] * _WIDTH
    signs[0], signs[-1] = "├", "┤"
    for place in range(at(spread.lower), at(spread.upper) + 1):
        signs[place] = "━"
    signs[at(spread.middle)] = "┿"
    if spread.own is not None:
        signs[at(spread.own)] = "●"
    return "".join(signs)


def in_words(spread: Spread, written: Callable[[float], str]) -> str:
    """Return the place of a unit and the five numbers of its peers, each as `written` writes a figure.

    >>> in_words(Spread(5, 0.0, 25.0, 50.0, 75.0, 100.0, 90.0, 2), "{:g}".format)
    'place 2 of 5; minimum 0, quartiles 25, 50, 75, maximum 100'
    """
    five = [written(value) for value in (spread.least, spread.lower, spread.middle, spread.upper, spread.greatest)]
    words = tr("minimum {least}, quartiles {lower}, {middle}, {upper}, maximum {greatest}", least=five[0],
               lower=five[1], middle=five[2], upper=five[3], greatest=five[4])  # fmt: skip
    if spread.place is None:
        return tr("no place among {number}; {words}", number=spread.number, words=words)
    return tr("place {place} of {number}; {words}", place=spread.place, number=spread.number, words=words)
