"""Cells of typed columns as texts: what a text file has in the same cell.

A whole number is written without a fraction, as pandas makes floats of integers once a cell is blank, and Parquet keeps
them: 1.0 is `1`, a decimal 1.50 is `1.5`. A time at midnight is its day. A float that is no number is blank.
"""

from __future__ import annotations

import polars as pl


def as_text(header: str, dtype: pl.DataType | None = None) -> pl.Expr:
    """Return a column as texts, whatever its type.

    Args:
        header: the name of the column.
        dtype: its type where it is known; a column of texts is then returned as it is.

    >>> frame = pl.DataFrame({"级": [1.0, None, -0.0], "码": ["1.0", " a", None]})
    >>> frame.select(as_text("级"), as_text("码")).to_dict(as_series=False)
    {'级': ['1', None, '0'], '码': ['1.0', ' a', None]}
    """
    # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern. Only the part for the type of the column is
    # left of the expression when it is resolved; to coalesce that alone copies it, 5 ns a row.
    of = pl.selectors
    if dtype == pl.String:
        return of.by_name(header).as_expr()
    own, numbers, times = of.by_name(header), of.float() | of.decimal(), of.datetime()
    rest = (own - numbers - times).cast(pl.String)
    floats = (own & of.float()).fill_nan(None) + 0.0
    # Beyond 15 digits Polars writes an exponent.
    whole = pl.when(floats.abs() < _WHOLE, floats == floats.round()).then(floats.cast(pl.Int64, strict=False))
    decimals = (own & of.decimal()).cast(pl.String).str.replace(r"(\.\d*?)0+$", "$1").str.replace(r"\.$", "")
    days = (own & times).cast(pl.String).str.replace(r"\.0+$", "").str.replace(r" 00:00:00$", "")
    return pl.coalesce(whole.cast(pl.String), floats.cast(pl.String), decimals, days, rest)


def texts_of(cells: pl.Series) -> pl.Series:
    """Return cells as texts.

    >>> texts_of(pl.Series("a", [330482.0, 1.5])).to_list()
    ['330482', '1.5']
    """
    return cells.alias("cells").to_frame().select(as_text("cells")).to_series().alias(cells.name)


#: Floats below this hold every whole number.
_WHOLE = 2.0**53
