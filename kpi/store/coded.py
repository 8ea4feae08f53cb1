"""Rows as PostgreSQL takes them fastest: every text a number, every row in the binary format of COPY.

A result repeats its texts: titles, units, statuses, names of entities. Each is kept once in `kpi.texts`, so that a row
is numbers only, which numpy lays out as a server reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import polars as pl

#: How each type is written: that of the column, that of numpy, and the bytes.
_BINARY: dict[pl.DataType, tuple[str, str, int]] = {
    pl.Int32(): ("integer", ">i4", 4),
    pl.Int64(): ("bigint", ">i8", 8),
    pl.Float64(): ("double precision", ">f8", 8),
    pl.Boolean(): ("boolean", "i1", 1),
    pl.Date(): ("date", ">i4", 4),
}
_HEAD, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
#: Days from the epoch of Unix, from which Polars counts dates, to that of PostgreSQL.
_EPOCH = 10957
#: How many rows are laid out at once.
_ROWS = 50_000


def sql_type(kind: pl.DataType) -> str:
    """Returns the type of the column that a type is written to; texts are numbers."""
    return "integer" if kind == pl.String() else _BINARY[kind][0]


def texts(frame: pl.DataFrame) -> pl.Series:
    """Returns every text of a frame, once.

    >>> texts(pl.DataFrame({"a": ["x", "y"], "b": ["y", None], "c": [1, 2]})).sort().to_list()
    ['x', 'y']
    """
    some = [frame[name].unique().alias("text") for name in frame.select(pl.selectors.string()).columns]
    empty = pl.Series("text", [], dtype=pl.String)
    return reduce(lambda one, other: one.append(other), some, empty).unique().drop_nulls()


def coded(frame: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """Returns a frame with numbers for texts.

    Args:
        frame: rows.
        numbers: the columns text and id, with every text of the frame.
    """
    by = {"old": numbers["text"], "new": numbers["id"], "return_dtype": pl.Int32}
    return frame.with_columns(pl.selectors.string().replace_strict(**by))  # type: ignore[arg-type]


def decoded(frame: pl.DataFrame, names: list[str], numbers: pl.DataFrame) -> pl.DataFrame:
    """Returns a frame with texts for the numbers in some columns."""
    by = {"old": numbers["id"], "new": numbers["text"], "return_dtype": pl.String}
    return frame.with_columns(pl.col(names).replace_strict(**by)) if names else frame  # type: ignore[arg-type]


def binary(frame: pl.DataFrame) -> Iterator[bytes]:
    """Yields a frame without texts in the binary format of COPY; rows with nulls in the same columns come together."""
    yield _HEAD
    nulls = pl.concat_str([pl.col(name).is_null().cast(pl.Int8) for name in frame.columns])
    for alike in frame.with_columns(nulls.alias("#nulls")).partition_by("#nulls", include_key=False):
        for part in alike.iter_slices(_ROWS):
            yield _laid_out(part)
    yield _END


def _laid_out(frame: pl.DataFrame) -> bytes:
    """Rows of COPY: the number of fields, and for each its bytes and its value; a null is -1 bytes and no value.

    A column of the frame has a value in every row or in none.
    """
    import numpy as np

    fields: list[Any] = [("fields", ">i2")]
    for series in frame:
        _, kind, _ = _BINARY[series.dtype]
        fields += [(f"bytes {series.name}", ">i4"), *([] if series.null_count() else [(f"value {series.name}", kind)])]
    rows = np.empty(frame.height, np.dtype(fields))
    rows["fields"] = frame.width
    for series in frame:
        if series.null_count():
            rows[f"bytes {series.name}"] = -1
            continue
        rows[f"bytes {series.name}"] = _BINARY[series.dtype][2]
        physical = series.to_physical() - _EPOCH if series.dtype == pl.Date() else series
        rows[f"value {series.name}"] = physical.to_numpy()
    return rows.tobytes()
