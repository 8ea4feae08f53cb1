"""Which figures are never below zero: numbers of things, areas and the like that are no change and no balance."""

from __future__ import annotations

import re

from kpi.language.measures import Measure
from kpi.values.patterns import regex
from kpi.values.units.vocabulary import counts

#: Words of titles whose figures are changes or balances, which may be below zero.
_CHANGE = regex(
    r"[净增减差]|变动|变化|盈|余额|结余|\b(net|change|increase|decrease|growth|difference|balance|gap|surplus)\b",
    re.IGNORECASE,
)

#: Quantities of nature that cannot be below zero, as counts cannot.
_AMOUNTS = {(("length", 1),), (("length", 2),), (("length", 3),), (("mass", 1),)}


def says_change(*names: str) -> bool:
    """Return whether a name or title is of a change or a balance, which may be below zero.

    >>> says_change("净增户数"), says_change("net migration"), says_change("办件量")
    (True, True, False)
    """
    return any(map(_CHANGE.search, names))


def never_negative(name: str, measure: Measure) -> bool:
    """Return whether figures of a measure are numbers of things, or amounts, which are never below zero."""
    if measure.negative is not None or says_change(name, measure.title or "", *measure.synonyms):
        return False
    dimension = measure.quantity.dimension
    return counts(dimension) or dimension in _AMOUNTS
