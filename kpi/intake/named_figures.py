"""The figures and periods that findings name: the first ones; the others are counted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from kpi.errors import Message, commas, count

#: How many units a finding names.
MOST_NAMED = 3
#: Up to how many periods of one measure or rate have findings of their own; of more only the first ones do.
_PERIODS, _FIRST_PERIODS = 24, 3


def periods_named(number: int) -> int:
    """Return how many periods, of so many with the same fault in one measure or rate, have findings of their own.

    In more than 24 periods the figures are not wrong one by one, and hundreds of findings would hide others.

    >>> periods_named(24), periods_named(25)
    (24, 3)
    """
    return number if number <= _PERIODS else _FIRST_PERIODS


def named_figures(figures: Iterable[tuple[str, Message]], number: int, *, quoted: bool) -> Message:
    """Return the first units with their figures, and how many more there are.

    Args:
        figures: the units, each with its figure in words; no more are taken than are named.
        number: how many there are.
        quoted: whether the figures may be shown; with disclosure rules only the units are.

    >>> str(named_figures([(unit, Message("-60 件")) for unit in "甲乙丙丁"], 4, quoted=True))
    '甲: -60 件, 乙: -60 件, 丙: -60 件, and 1 more figure'
    """
    texts: list[str] = [
        Message("{entity}: {figure}", entity=entity, figure=figure) if quoted else entity
        for entity, figure in islice(figures, MOST_NAMED)
    ]
    if (others := number - MOST_NAMED) > 0:
        texts.append(Message("and {others}", others=count(others, "more figure")))
    return commas(texts)
