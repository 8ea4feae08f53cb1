"""Sums of columns that are the same on every machine, whatever the number of threads."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence

import polars as pl

from kpi.values.status import literal

#: The maximum length of a chain of additions; longer sums are halved, as plans of deep chains are slow to build.
_CHAIN = 16


def total(terms: Sequence[pl.Expr], *, exact: bool = False) -> pl.Expr:
    """Return the sum of columns, with nulls as 0: an empty sum is 0, for one part as for many.

    The order of addition depends only on the number of terms, unless the terms are `exact`: numbers, such as integers,
    whose sum is the same in any order.
    """
    # NOTE: the order of addition of pl.sum_horizontal, and so the last bits of a float, depends on how many threads
    # there are and on which columns are empty (Polars 2.1). Where that makes no difference it plans in half the time.
    if exact and len(terms) > 1:
        return pl.sum_horizontal(terms)
    if len(terms) <= _CHAIN:
        return functools.reduce(operator.add, [term.fill_null(literal(0.0)) for term in terms])
    middle = len(terms) // 2
    return total(terms[:middle]) + total(terms[middle:])


def exactly_added(weights: Iterable[float]) -> bool:
    """Return whether any sum of some weights is the same in any order: binary fractions of a moderate size.

    >>> exactly_added([30, 2.5, 1]), exactly_added([0.1, 0.2])
    (True, False)
    """
    return all((weight * 2**20).is_integer() and weight < 2**20 for weight in map(float, weights))
