"""The figures that a finding names: those of the first units; the others are counted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from kpi.errors import Message, commas, count

#: How many units a finding names.
MOST_NAMED = 3


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
