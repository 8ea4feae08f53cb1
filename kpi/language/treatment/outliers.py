"""Outliers of one indicator among the entities of a group: moved in, or the whole column bent by a logarithm.

A column has outliers when both its skewness and its kurtosis are beyond a gate, by default |skewness| > 2 and
kurtosis > 3.5 (OECD/JRC). Both are the sample estimates G1 and G2 (SAS, SPSS, Excel SKEW and KURT).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import polars as pl
from msgspec import Struct


class Gate(Struct, frozen=True):
    """How skewed and how heavy-tailed a column may be; only both together make outliers."""

    skew: float = 2.0
    kurtosis: float = 3.5

    def fails(self, values: pl.Series) -> bool:
        """Return whether a column has outliers; fewer than four values, or equal ones, have none.

        >>> Gate().fails(pl.Series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0]))
        True
        """
        known = values.drop_nulls()
        if len(known) < 4 or known.min() == known.max():
            return False
        skew, kurtosis = known.skew(bias=False), known.kurtosis(bias=False)
        return skew is not None and kurtosis is not None and abs(skew) > self.skew and kurtosis > self.kurtosis


def winsorised(values: pl.Series, gate: Gate, most: int, *, undo: bool) -> pl.Series:
    """Return a column with its outliers moved to the nearest other value, one after the other, until the gate holds.

    The furthest value on the long side (by the sign of the skewness) becomes the next furthest, at most `most` times.
    Where the gate still fails, the column stays as far as it came, or with `undo` as it was.

    Source: OECD/JRC; the procedure of COINr (Becker et al. 2022).

    >>> column = pl.Series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0])
    >>> winsorised(column, Gate(), 5, undo=False).to_list()
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.0]
    """
    moved = values
    for _ in range(most):
        if not gate.fails(moved):
            return moved
        high = (moved.drop_nulls().skew(bias=False) or 0) > 0
        furthest = moved.max() if high else moved.min()
        others = moved.filter(moved != furthest)
        nearest = others.max() if high else others.min()
        moved = moved.set(moved == furthest, nearest)
    return values if undo and gate.fails(moved) else moved


def _raised(values: pl.Series) -> pl.Series:
    """Return the column lifted to begin a hundredth of its range above zero."""
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    return values - low + 0.01 * (high - low)


def is_mirrored(values: pl.Series) -> bool:
    """Return whether the logarithm of a column is that of its mirror image: where it is skewed to the left.

    >>> is_mirrored(pl.Series([0.0, 99.0, 100.0])), is_mirrored(pl.Series([0.0, 1.0, 100.0]))
    (True, False)
    """
    known = values.drop_nulls()
    return len(known) > 2 and known.min() != known.max() and (known.skew(bias=False) or 0.0) < 0


def logarithm(values: pl.Series) -> pl.Series:
    """Return `ln(x - min + range/100)`; a column skewed to the left is mirrored, so that its long side is shortened.

    Equal values stay as they are.

    >>> [round(one, 3) for one in logarithm(pl.Series([0.0, 1.0, 100.0]))]
    [0.0, 0.693, 4.615]
    """
    known = values.drop_nulls()
    if len(known) < 2 or known.min() == known.max():
        return values
    if is_mirrored(values):
        return -_raised(-values).log()
    return _raised(values).log()


def box_cox(values: pl.Series, power: float | None) -> pl.Series:
    """Return `(x^p - 1)/p`, `ln x` for p = 0; without a power the one of greatest likelihood in [-3, 3].

    A column that is not positive is first lifted to begin a hundredth of its range above zero. Equal values stay as
    they are.

    Source: Box and Cox (1964).

    >>> [round(one, 3) for one in box_cox(pl.Series([1.0, 4.0, 9.0]), 0.5)]
    [0.0, 2.0, 4.0]
    """
    known = values.drop_nulls()
    if len(known) < 2 or known.min() == known.max():
        return values
    positive = values if float(known.min()) > 0 else _raised(values)  # type: ignore[arg-type]
    logs = positive.log()

    def bent(p: float) -> pl.Series:
        return logs if abs(p) < 1e-8 else (positive**p - 1) / p

    def likelihood(p: float) -> float:
        variance = float(bent(p).var(ddof=0))  # type: ignore[arg-type]
        return (p - 1) * float(logs.sum()) - logs.drop_nulls().len() / 2 * math.log(max(variance, 1e-300))

    return bent(_highest(likelihood, -3.0, 3.0) if power is None else power)


def _highest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one summit is highest, by golden section."""
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if function(left) < function(right):
            low = left
        else:
            high = right
    return (low + high) / 2
