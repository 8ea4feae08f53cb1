"""Choose the fixed-point scale and integer width for exact sums of a column.

Sums of integers are the same in any order of rows, and their time is proportional to their width: 32 bits take half of
64, 128 bits twice. The width is estimated from the first rows of a column and verified by the pass over all rows: rows
above the limit or with more decimals are kept apart, and no group has more rows than fit.
"""

from __future__ import annotations

from typing import Literal

import polars as pl
from msgspec import Struct

from kpi.intake.cells.numbers import LARGEST
from kpi.language.measures import SCALE

#: The decimals of every sum.
DECIMALS = 9

# The margin over the first rows for cells and groups, in 64 bits and in 32.
_ROOM = {64: 8.0, 32: 2.0}

# Up to here a number times 1e9 is exact to a quarter, so that whole multiples of 1e-9 of 0.01 are exact.
_EXACT = 2.0**51 / SCALE

# The most decimals for 32 bits.
_FEW = 4


class Precision(Struct, frozen=True):
    """The expected range and decimals of a column, and the width of its sums.

    Attributes:
        limit: the bound of the magnitude.
        decimals: the most decimals.
        bits: the width of the sum.
    """

    limit: float = LARGEST
    decimals: int = DECIMALS
    bits: Literal[32, 64, 128] = 128

    def whole(self, value: pl.Expr) -> pl.Expr:
        """Return numbers (Float64) as integers: value × 10^decimals, in `bits` bits.

        Null for null; undefined for numbers that do not fit, see `beyond`.
        """
        if self.bits == 128:
            return pl.when(value.abs() <= LARGEST).then(self._multiples(value).round()).cast(pl.Int128)
        kind = pl.Int64 if self.bits == 64 else pl.Int32
        return self._multiples(value).round().cast(kind, wrap_numerical=True)

    def beyond(self, value: pl.Expr) -> pl.Expr:
        """Return whether numbers (Float64) are NaN, or larger or finer than expected; null for null."""
        large = value.abs() > self.limit
        if self.decimals == DECIMALS:
            return large
        # A number with these decimals is never off by a quarter of 1e-9, and a number with more decimals is.
        multiples = self._multiples(value)
        return large | ((multiples - multiples.round()).abs() > 0.25 * 10.0 ** (self.decimals - DECIMALS))

    def billionths(self, total: pl.Expr) -> pl.Expr:
        """Return a sum of `whole` in multiples of 1e-9 (Int64, or Int128 for 128 bits)."""
        return total if self.decimals == DECIMALS else total.cast(pl.Int64) * 10 ** (DECIMALS - self.decimals)

    def _multiples(self, value: pl.Expr) -> pl.Expr:
        return value * 10.0**self.decimals


def precisions(numbers: pl.DataFrame, rows: float) -> tuple[dict[str, Precision], float]:
    """Choose the precision of each column from its first numbers, and return it with the row limit of a group.

    >>> first = pl.DataFrame({"fee": [12.5, 99.75], "share": [0.123456, 1.0], "large": [1e11, 1e12]})
    >>> for name, one in precisions(first, 1000.0)[0].items():
    ...     print(name, one.bits, one.decimals)
    fee 32 2
    share 64 9
    large 128 9

    Args:
        numbers: the columns (Float64), null where a cell is no number.
        rows: how many a group is expected to have.
    """
    precisions: dict[str, Precision] = {}
    most = float("inf")
    for column in numbers:
        largest: float | None = column.abs().max()  # type: ignore[assignment]
        choice = None if largest is None else _small(column, largest, rows) or _medium(largest, rows)
        precisions[column.name], fits = choice or (Precision(), float("inf"))
        most = min(most, fits)
    return precisions, most


def _medium(largest: float, rows: float) -> tuple[Precision, float] | None:
    """Return the precision in 64 bits, and the row limit of a group."""
    most = max(_ROOM[64] * rows, 1.0)
    limit = 2.0**63 / SCALE / most
    return (Precision(limit, bits=64), most) if largest * _ROOM[64] < limit else None


def _small(column: pl.Series, largest: float, rows: float) -> tuple[Precision, float] | None:
    """Return the precision in 32 bits, and the row limit of a group; None for large numbers or many decimals."""
    limit = max(_ROOM[32] * largest, 1.0)
    for decimals in range(_FEW + 1):
        most = 2.0**31 / 10**decimals / limit
        if most < _ROOM[32] * rows or limit > _EXACT:
            return None
        item = Precision(limit, decimals, 32)
        if not column.to_frame().select(item.beyond(pl.col(column.name)).any()).item():
            return item, most
    return None
