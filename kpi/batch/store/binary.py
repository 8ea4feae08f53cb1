"""The binary COPY format of PostgreSQL, its fastest input, laid out by numpy.

A row is the number of its fields, and for each field its length in bytes and its value; a null has length -1 and no
value. Fields of different lengths are laid out in columns of the greatest length and compacted at the end. Rows of
numbers have the same length if the same fields are null, so these are laid out together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from msgspec import Struct

#: The types: of the column, of numpy, and the bytes of a value.
_TYPES: dict[pl.DataType, tuple[str, str, int]] = {
    pl.Int32(): ("integer", ">i4", 4),
    pl.Int64(): ("bigint", ">i8", 8),
    pl.Float64(): ("double precision", ">f8", 8),
    pl.Boolean(): ("boolean", "i1", 1),
    pl.Date(): ("date", ">i4", 4),
}
HEAD, END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
#: Days from the epoch of Unix, from which Polars counts dates, to that of PostgreSQL.
_EPOCH = 10957
#: The number of rows laid out at once.
_ROWS = 50_000
#: The number of rows written at a time, which fit the processor's cache.
_IN_CACHE = 2_000
#: The number of rows of numbers that are ordered by which are null, in how many ways at most.
_ALIKE, _WAYS = 4_000, 32
#: Rows with a longer text, in bytes, are written one by one, so that it does not widen the column of all rows.
_LONG = 300


def sql_type(kind: pl.DataType) -> str:
    """Return the SQL type of a column.

    Texts are compared bytewise, which is fastest and the same on every server.

    >>> sql_type(pl.Float64()), sql_type(pl.String())
    ('double precision', 'text COLLATE "C"')
    """
    return 'text COLLATE "C"' if kind == pl.String() else _TYPES[kind][0]


def rows(frame: pl.DataFrame) -> Iterator[bytes]:
    """Yield the rows of a frame in the COPY format.

    They are in order, but rows with long texts follow their block, and rows of numbers alone are ordered by which of
    their fields are null within a few thousand rows.
    """
    texts = pl.selectors.string()
    long = pl.any_horizontal(pl.lit(value=False), (texts.str.len_bytes() > _LONG).fill_null(value=False))
    for part in frame.iter_slices(_ROWS):
        is_long = part.select(long.alias("long"))["long"]
        if not is_long.any():
            yield _joined(part)
            continue
        if not is_long.all():
            yield _joined(part.filter(~is_long))
        yield b"".join(_joined(row) for row in part.filter(is_long).iter_slices(1))


class _Field(Struct, frozen=True):
    """The fields of a column: the bytes of each distinct case and which of these count, and the case of each row.

    A column of numbers has two cases, value and null; `values` then has the values that follow the length.
    """

    cases: Any
    counts: Any
    case: Any
    values: Any = None

    @property
    def width(self) -> int:
        return int(self.cases.shape[1])


def _joined(part: pl.DataFrame) -> bytes:
    """Return the rows of a frame in the COPY format."""
    if pl.String() not in part.dtypes and sum(series.null_count() > 0 for series in part) < 64:
        return b"".join(_of_numbers(part))
    return _of_any(part)


def _of_any(part: pl.DataFrame) -> bytes:
    """Return the rows of a frame, laid out in columns of the greatest length."""
    fields = [_text(series) if series.dtype == pl.String() else _number(series) for series in part]
    starts = range(0, part.height, _IN_CACHE)
    return b"".join(_laid_out(fields, start, min(start + _IN_CACHE, part.height)) for start in starts)


def _laid_out(fields: list[_Field], first: int, end: int) -> bytes:
    """Return the rows from `first` to `end`, exclusive."""
    import numpy as np

    shape = end - first, 2 + sum(field.width for field in fields)
    out, counts = np.empty(shape, "u1"), np.ones(shape, "u1")
    out[:, :2] = np.frombuffer(len(fields).to_bytes(2, "big"), "u1")
    start = 2
    for field in fields:
        case = None if field.case is None else field.case[first:end]
        _lay(out, start, field.cases, case)
        if field.values is not None:
            _column(out, start + 4, field.values.dtype)[:] = field.values[first:end]
        if not field.counts.all():
            _lay(counts, start, field.counts, case)
        start += field.width
    return bytes(out[counts.view(bool)].data)


def _of_numbers(part: pl.DataFrame) -> Iterator[bytes]:
    """Yield the rows of a frame without texts, in pieces of rows in which the same fields are null."""
    import numpy as np

    values = [_values(series) for series in part]
    nullable = [place for place, series in enumerate(part) if series.null_count()]
    pattern = np.zeros(part.height, "u8")
    for bit, place in enumerate(nullable):
        pattern |= part.to_series(place).is_null().to_numpy().astype("u8") << np.uint64(bit)
    for start in range(0, part.height, _ALIKE):
        patterns = pattern[start : start + _ALIKE]
        ways = np.unique(patterns)
        if len(ways) > _WAYS:
            yield _of_any(part[start : start + _ALIKE])
            continue
        for common in ways:
            null = {place for bit, place in enumerate(nullable) if int(common) >> bit & 1}
            kinds = [array.dtype for array in values]
            fields: list[tuple[str, str]] = [("fields", ">i2")]
            for place, kind in enumerate(kinds):
                fields += [(f"length{place}", ">i4"), *(() if place in null else ((f"{place}", kind.str),))]
            head = np.zeros(1, fields)
            head["fields"] = len(values)
            for place, kind in enumerate(kinds):
                head[f"length{place}"] = -1 if place in null else kind.itemsize
            rows = np.flatnonzero(patterns == common) + start
            laid = head.repeat(len(rows))
            for place, array in enumerate(values):
                if place not in null:
                    laid[f"{place}"] = array[rows]
            yield laid.tobytes()


def _lay(array: Any, start: int, cases: Any, case: Any) -> None:
    """Write the case of each row into the columns of an array from `start` on."""
    # NOTE: as one item of several bytes, which numpy moves ten times faster than several items of one byte.
    item = f"V{cases.shape[1]}"
    items = cases.view(item).reshape(-1)
    _column(array, start, item)[:] = items[0] if case is None else items[case]


def _column(array: Any, start: int, item: Any) -> Any:
    """Return the byte columns of an array from `start` on, as one item per row."""
    import numpy as np

    return np.ndarray(len(array), item, array, start, array.strides[:1])


def _number(series: pl.Series) -> _Field:
    """Return the fields of a column of numbers, dates or Booleans."""
    import numpy as np

    size, values = _TYPES[series.dtype][2], _values(series)
    cases, counts = np.zeros((2, 4 + size), "u1"), np.ones((2, 4 + size), "u1")
    cases[:, :4] = np.array([size, -1], ">i4").view("u1").reshape(2, 4)
    counts[1, 4:] = 0
    if not series.null_count():
        return _Field(cases[:1], counts[:1], None, values)
    return _Field(cases, counts, series.is_null().cast(pl.UInt8).to_numpy(), values)


def _values(series: pl.Series) -> Any:
    """Return the values of a column of numbers, dates or Booleans; those of nulls count for nothing."""
    physical = series.to_physical() - _EPOCH if series.dtype == pl.Date() else series
    filled = physical.fill_null(False if series.dtype == pl.Boolean() else 0)
    return filled.to_numpy().astype(_TYPES[series.dtype][1])


def _text(series: pl.Series) -> _Field:
    """Return the fields of a column of texts, each distinct text laid out once."""
    import numpy as np

    known = series.unique().drop_nulls()
    case = series.cast(pl.Enum(known)).to_physical().fill_null(len(known)).to_numpy()
    texts = [text.encode() for text in known]
    lengths = np.array([*map(len, texts), -1], ">i4")
    width = max(map(len, texts), default=0)
    cases = np.zeros((len(lengths), 4 + width), "u1")
    cases[:, :4] = lengths.view("u1").reshape(-1, 4)
    if width:
        cases[:-1, 4:] = np.array(texts, f"S{width}").view("u1").reshape(-1, width)
    counts = np.arange(4 + width) < 4 + np.maximum(lengths, 0)[:, None]
    if not series.null_count():
        cases, counts = cases[:-1], counts[:-1]
    return _Field(cases, np.ascontiguousarray(counts).view("u1"), case)
