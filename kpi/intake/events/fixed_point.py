"""How the numbers of a column are summed exactly: as whole multiples of what, in how many bits.

Sums of whole numbers have the same bits in any order of rows, and take the time that their memory takes: in 32 bits
half of that in 64, in 128 twice. Which bits are enough is guessed from the first rows of a column, and proven by the
pass over all of them: rows with a number above the limit or with more decimals are kept apart, and no group has more
rows than fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from kpi.intake.cells.numbers import LARGEST
from kpi.language.measures import SCALE

#: The decimals that every sum is kept with.
DECIMALS = 9

# How much larger than in the first rows cells and groups may be, in 64 bits and in 32.
_ROOM = {64: 8.0, 32: 2.0}

# Up to here a number times 1e9 is exact to a quarter, so that its whole multiples of 1e-9 are those of 0.01.
_EXACT = 2.0**51 / SCALE

# The most decimals that are tried for 32 bits.
_FEW = 4


@dataclass(frozen=True)
class Precision:
    """What the numbers of a column are expected to be, and the whole numbers that are summed for them.

    Attributes:
        limit: what their magnitude stays below.
        decimals: how many they have at most.
        bits: of the sum.
    """

    limit: float = LARGEST
    decimals: int = DECIMALS
    bits: Literal[32, 64, 128] = 128

    def whole(self, value: pl.Expr) -> pl.Expr:
        """Returns numbers (Float64) as whole multiples of 10^-decimals: value × 10^decimals, in so many bits.

        Null where there are none; anything where they do not fit, which `beyond` tells.
        """
        if self.bits == 128:
            return pl.when(value.abs() <= LARGEST).then(self._multiples(value).round()).cast(pl.Int128)
        kind = pl.Int64 if self.bits == 64 else pl.Int32
        return self._multiples(value).round().cast(kind, wrap_numerical=True)

    def beyond(self, value: pl.Expr) -> pl.Expr:
        """Returns whether numbers (Float64) are none, or larger or finer than expected; null where there is none."""
        large = value.abs() > self.limit
        if self.decimals == DECIMALS:
            return large
        # A quarter of 1e-9 off is more than a number with these decimals ever is, and too little to be another one.
        multiples = self._multiples(value)
        return large | ((multiples - multiples.round()).abs() > 0.25 * 10.0 ** (self.decimals - DECIMALS))

    def billionths(self, total: pl.Expr) -> pl.Expr:
        """Returns a sum of `whole` as whole multiples of 1e-9 (Int64, or Int128 for 128 bits)."""
        return total if self.decimals == DECIMALS else total.cast(pl.Int64) * 10 ** (DECIMALS - self.decimals)

    def _multiples(self, value: pl.Expr) -> pl.Expr:
        return value * 10.0**self.decimals


def precisions(numbers: pl.DataFrame, rows: float) -> tuple[dict[str, Precision], float]:
    """Returns the precision of each column by its first numbers, and the most rows that a group may then have.

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
    found: dict[str, Precision] = {}
    most = float("inf")
    for column in numbers:
        largest: float | None = column.abs().max()  # type: ignore[assignment]
        made = None if largest is None else _small(column, largest, rows) or _medium(largest, rows)
        found[column.name], fits = made or (Precision(), float("inf"))
        most = min(most, fits)
    return found, most


def _medium(largest: float, rows: float) -> tuple[Precision, float] | None:
    """The precision in 64 bits, and the most rows of a group."""
    most = max(_ROOM[64] * rows, 1.0)
    limit = 2.0**63 / SCALE / most
    return (Precision(limit, bits=64), most) if largest * _ROOM[64] < limit else None


def _small(column: pl.Series, largest: float, rows: float) -> tuple[Precision, float] | None:
    """The precision in 32 bits, and the most rows of a group; None where numbers have many decimals or are large."""
    limit = max(_ROOM[32] * largest, 1.0)
    for decimals in range(_FEW + 1):
        most = 2.0**31 / 10**decimals / limit
        if most < _ROOM[32] * rows or limit > _EXACT:
            return None
        one = Precision(limit, decimals, 32)
        if not column.to_frame().select(one.beyond(pl.col(column.name)).any()).item():
            return one, most
    return None
