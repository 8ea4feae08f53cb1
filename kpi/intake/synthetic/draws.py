"""Random numbers that depend only on a seed, a name and the number of a row, so that parts of a file are independent.

The numbers are those of SplitMix64 (Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators):
multiplications and shifts of 64-bit integers, which wrap in Polars as they do in C.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

_WORD = 1 << 64


def salt(seed: int, *names: object) -> int:
    """Hash a seed and some names to a 64-bit number."""
    text = "\0".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def share(row: pl.Expr, of: int) -> pl.Expr:
    """Return a number in [0, 1) for every row number (UInt64), by a salt.

    >>> rows = pl.select(row=pl.int_range(100_000, dtype=pl.UInt64))
    >>> round(rows.select(share(pl.col("row"), salt(1, "x")).mean()).item(), 2)
    0.5
    """
    word = row * _constant(0x9E3779B97F4A7C15) + _constant(of)
    word = (word ^ (word // _constant(1 << 30))) * _constant(0xBF58476D1CE4E5B9)
    word = (word ^ (word // _constant(1 << 27))) * _constant(0x94D049BB133111EB)
    word = word ^ (word // _constant(1 << 31))
    return (word // _constant(1 << 11)).cast(pl.Float64) / float(1 << 53)


def place(row: pl.Expr, of: int, many: int) -> pl.Expr:
    """Return one of the whole numbers from 0 to `many` - 1 for every row number, as UInt32."""
    return (share(row, of) * many).cast(pl.UInt32)


def one_of(row: pl.Expr, of: int, texts: Sequence[str]) -> pl.Expr:
    """Return one of some texts for every row number."""
    return pl.lit(pl.Series(texts, dtype=pl.String)).gather(place(row, of, len(texts)))


def _constant(number: int) -> pl.Expr:
    return pl.lit(number % _WORD, dtype=pl.UInt64)
