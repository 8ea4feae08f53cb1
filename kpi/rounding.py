"""Rounding of results: once, at the end, exact in decimals.

A double is first read as the decimal number it stands for (nine places), then rounded on decimals, so that 1.005 is
1.01 by 四舍五入 and not the 1.0 that its binary form gives.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

#: half_up is 四舍五入; half_even is the rule of GB/T 8170.
Mode = Literal["half_up", "half_even"]

#: What is rounded on decimals: doubles from 2**53 on are whole numbers.
LARGEST = 1e16

#: Figures that differ by less than this part of themselves are equal: 29 of 100 is 28.999999999999996 % in binary.
HAIR = 1e-12


def rounded(value: pl.Expr, decimals: int, mode: Mode = "half_up") -> pl.Expr:
    """Returns a Float64 expression rounded to `decimals` places on its decimal value.

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
