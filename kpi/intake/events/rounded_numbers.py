"""Numbers of events that a spreadsheet rounded: 330483202401000123 is 330483202401000000 there, or 3.30483E+17.

Spreadsheets keep 15 digits of a number, and write long ones with an exponent. What is left tells no events apart. In
their files the number is a double, whose whole value is 330483202401001024 where they show 330483202401001000.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.events.events import Events
from kpi.intake.matching.datasets import column_of

#: Numbers with an exponent, and whole numbers of more than 15 digits: those behind the 15th zeros, or few enough for
#: 64 bits.
_EXPONENT = r"^\d(\.\d+)?[eE]\+[1-9]\d$"
_ROUNDED = rf"^[1-9]\d{{14}}0+$|{_EXPONENT}"
_WHOLE = r"^[1-9]\d{15,17}$"
#: Numbers with more digits than spreadsheets keep, rounded or not.
_LONG = rf"^\d{{16,}}$|{_EXPONENT}"
#: How many digits spreadsheets keep.
_KEPT_DIGITS = 15
#: Which part of the long numbers are rounded if a spreadsheet did it, and how many zeros are then no coincidence.
_MOST, _ZEROS = 0.95, 3


def is_rounded(text: pl.Expr) -> pl.Expr:
    """Return whether a number may be rounded by a spreadsheet, by its digits alone.

    >>> frame = pl.DataFrame({"x": ["330483202401000000", "330483202401001024", "3.30483E+17", "330483202401000123"]})
    >>> frame.select(is_rounded(pl.col("x"))).to_series().to_list()
    [True, True, True, False]
    """
    digits = pl.when(text.str.contains(_WHOLE)).then(text)
    number = digits.str.to_integer(strict=False)
    unit = pl.lit(10, dtype=pl.Int64).pow((digits.str.len_chars().cast(pl.Int64) - _KEPT_DIGITS).clip(0))
    kept = (number + unit // 2) // unit * unit
    return text.str.contains(_ROUNDED) | (number == kept.cast(pl.Float64).cast(pl.Int64)).fill_null(value=False)


def rounded_numbers(
    tables: Sequence[Events], keys: Sequence[Sequence[pl.Expr]], names: Sequence[str], suspected: Sequence[set[int]]
) -> tuple[dict[int, set[int]], list[Diagnostic]]:
    """Return the parts of the keys of each table whose numbers were rounded, and the warnings that say so (K634).

    Args:
        tables: of a dataset.
        keys: the columns of the key of each table, as folded texts.
        names: of these columns in the definition.
        suspected: the parts of the key of each table that some repeated numbers suggest it of.
    """
    rounded: dict[int, set[int]] = {}
    findings = []
    for at, (table, key, parts) in enumerate(zip(tables, keys, suspected, strict=True)):
        for part in sorted(parts):
            long = table.kept().select(key[part].alias("number")).filter(pl.col("number").str.contains(_LONG))
            numbers = table.source.table.mapped(long).group_by("number").len().collect(engine="streaming")
            those = numbers.filter(is_rounded(pl.col("number"))).sort("len", "number", descending=[True, False])
            rows = int(those["len"].sum())
            if not rows or rows < _MOST * int(numbers["len"].sum()) or _zeros(those["number"]) < _ZEROS:
                continue
            rounded.setdefault(at, set()).add(part)
            column = column_of(table.source.table, names[part])
            message = Message(
                "{rows} with a number in `{column}` that a spreadsheet rounded to 15 digits, such as {number}: "
                "it tells no events apart, so each row counts as an event of its own",
                rows=count(rows, "row"), column=names[part], number=those["number"][0],
            )  # fmt: skip
            hint = Message(
                "the digits are lost in this file: format the column as text before the numbers are entered or "
                "imported, and export it again"
            )
            place = table.source.table.place(None, None if column is None else column[0])
            findings.append(Diagnostic("K634", message, place, hint, Severity.WARNING))
    return rounded, findings


def _zeros(numbers: pl.Series) -> int:
    """Return how many digits of different numbers are zeros for being rounded; an exponent is as good as enough."""
    lengths = pl.when(pl.col("n").str.contains(_EXPONENT)).then(_ZEROS).otherwise(
        pl.col("n").str.len_chars().cast(pl.Int64) - _KEPT_DIGITS
    )  # fmt: skip
    return int(numbers.alias("n").to_frame().select(lengths.sum()).item() or 0)
