"""Rounding of results, and comparison of figures without floating-point error.

A double is read as a decimal number of nine places, then rounded on decimals, so that 1.005 is 1.01 by 四舍五入, not
1.0 as its binary value would give.

All comparisons of figures are here: `compare` for two figures, `sort_key` for the order of many, `differ` for the
extremes of a group. The figures themselves are unchanged.
"""

from __future__ import annotations

import math
from typing import Literal

import polars as pl

#: half_up is 四舍五入; half_even is the rule of GB/T 8170.
Mode = Literal["half_up", "half_even"]

#: The bound of rounding on decimals: doubles from 2**53 on are integers.
LARGEST = 1e16

#: Figures that differ by less than this part of themselves are equal: 29 of 100 is 28.999999999999996 % in binary.
HAIR = 1e-12

#: The same within one expression, relative to its inputs: a difference of two can be far smaller.
BREADTH = 1e-14

#: A result below this fraction of its inputs has lost digits by cancellation.
CANCELLED = 1e-3

#: Scores, in percent or points, that differ by less than half of the last of these decimals are equal.
SCORE_DECIMALS = 9

#: Keeps the upper 37 of the 53 binary digits of a double, eleven significant decimal digits (Dekker 1971).
_SPLIT = 2.0**16 + 1

#: A part of `HAIR` is lost when it is added to 1: 2**-14 of it is less than 2**-53.
_LOST = 2.0**-14

#: The comparison operators.
Test = Literal["eq", "ne", "gt", "ge", "lt", "le"]


def rounded(value: pl.Expr, decimals: int, mode: Mode = "half_up") -> pl.Expr:
    """Return a Float64 expression rounded to `decimals` places on its decimal value.

    Negative numbers are rounded by magnitude and keep their sign (GB/T 8170-2008, 3.2).

    >>> frame = pl.DataFrame({"x": [1.005, 28.175, 0.35, -2.5]})
    >>> frame.select(rounded(pl.col("x"), 2))["x"].to_list()
    [1.01, 28.18, 0.35, -2.5]
    >>> frame.select(rounded(pl.col("x"), 0, "half_even"))["x"].to_list()
    [1.0, 28.0, 0.0, -2.0]
    """
    polars_mode: Literal["half_away_from_zero", "half_to_even"]
    polars_mode = "half_away_from_zero" if mode == "half_up" else "half_to_even"
    # A double beyond this has no decimals left to round; neither has what is no finite number.
    exact = pl.when(value.abs() < LARGEST).then(value).cast(pl.Decimal(38, 9))
    return pl.coalesce(exact.round(decimals, mode=polars_mode).cast(pl.Float64), value)


def compare(test: Test, left: pl.Expr, right: pl.Expr | float, hair: pl.Expr | float) -> pl.Expr:
    """Return the comparison of two figures, where figures that differ by at most `hair` are equal.

    >>> frame = pl.DataFrame({"x": [0.57 * 100, 0.1 + 0.2]})
    >>> frame.select(a=compare("lt", pl.col("x"), 57.0, 57 * HAIR), b=compare("le", pl.col("x"), 0.3, HAIR)).rows()
    [(False, False), (True, True)]
    """
    if isinstance(right, float) and math.isinf(right):
        hair = 0.0
    match test:
        case "ge":
            return left >= right - hair
        case "gt":
            return left > right + hair
        case "le":
            return left <= right + hair
        case "lt":
            return left < right - hair
        case "eq":
            return (left - right).abs() <= hair
    return (left - right).abs() > hair


def without_noise(value: pl.Expr, size: pl.Expr, noise: float) -> pl.Expr:
    """Return a computed value without the floating-point error of a difference of much larger figures.

    With the uncertainty `e = size noise`, a value of at most e is 0, and one far smaller than `size` is rounded to the
    decimals larger than e.

    Args:
        value: the result, Float64.
        size: the sum of the magnitudes of its inputs.
        noise: the relative uncertainty of the inputs, such as `BREADTH`.

    >>> frame = pl.DataFrame({"x": [1000000.1, 0.3], "y": [1000000.0, 0.1 + 0.2]})
    >>> value, size = pl.col("x") - pl.col("y"), pl.col("x") + pl.col("y")
    >>> frame.select(value).to_series().to_list()
    [0.09999999997671694, -5.551115123125783e-17]
    >>> frame.select(without_noise(value, size, BREADTH)).to_series().to_list()
    [0.1, 0.0]
    """
    uncertainty = size * noise
    decimals = (-uncertainty.log10()).floor()
    power = pl.lit(10.0).pow(decimals.clip(0, 22))
    cancelled = (value.abs() < size * CANCELLED) & (decimals > 0)
    return (
        pl.when(value.abs() <= uncertainty).then(pl.lit(0.0))
        .when(cancelled).then((value * power).round() / power)
        .otherwise(value)
    )  # fmt: skip


def sort_key(value: pl.Expr) -> pl.Expr:
    """Return the key by which a computed value is ranked: about eleven significant digits, so that equal ratios tie.

    It is rounded to binary digits, `v c - (v c - v)`, in a fifth of the time of decimal rounding.

    >>> frame = pl.DataFrame({"x": [1.1 / 3.3, 0.7 / 2.1, 2.2 / 6.6]})
    >>> frame["x"].n_unique(), frame.select(sort_key(pl.col("x")))["x"].n_unique()
    (2, 1)
    """
    large = value * _SPLIT
    return large - (large - value)


def score_key(score: pl.Expr) -> pl.Expr:
    """Return the key by which a score or total is ranked and compared: nine decimals.

    >>> pl.DataFrame({"x": [89.99999999999999]}).select(score_key(pl.col("x"))).item()
    90.0
    """
    return score.round(SCORE_DECIMALS)


def differ(first: pl.Expr, second: pl.Expr) -> pl.Expr:
    """Return whether two figures, such as the extremes of a group, differ by more than about `HAIR`.

    >>> frame = pl.DataFrame({"x": [1.1 / 3.3, -5.0, 0.0], "y": [0.7 / 2.1, -5.1, 0.0]})
    >>> frame.select(differ(pl.col("x"), pl.col("y"))).to_series().to_list()
    [False, True, False]
    """
    # NOTE: the loss when it is added to a number is below the last bit; |x| would take another step.
    return (first - second) * _LOST + first != first


def unsigned_zero(value: pl.Expr) -> pl.Expr:
    """Return a number with minus zero replaced by zero.

    >>> pl.DataFrame({"x": [-0.0, -1.0, None]}).select(unsigned_zero(pl.col("x")))["x"].to_list()
    [0.0, -1.0, None]
    """
    # NOTE: Polars (2.1) leaves out the addition of 0.0, which does the same by IEEE 754.
    return pl.when(value == 0).then(value.abs()).otherwise(value)
