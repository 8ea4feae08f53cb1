"""Rows in the binary format of COPY, in which PostgreSQL takes them fastest, laid out by numpy.

A number is its bytes and its value, in a row as in a list; a null is -1 bytes and no value. Texts are numbers already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import chain, pairwise, repeat
from operator import or_
from typing import Any

import polars as pl

#: How each type is written: that of the column, its number in the server, that of numpy, and the bytes.
_TYPES: dict[pl.DataType, tuple[str, int, str, int]] = {
    pl.Int32(): ("integer", 23, ">i4", 4),
    pl.Int64(): ("bigint", 20, ">i8", 8),
    pl.Float64(): ("double precision", 701, ">f8", 8),
    pl.Boolean(): ("boolean", 16, "i1", 1),
    pl.Date(): ("date", 1082, ">i4", 4),
}
_HEAD, _END, _NULL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff", b"\xff\xff\xff\xff"
#: Days from the epoch of Unix, from which Polars counts dates, to that of PostgreSQL.
_EPOCH = 10957
#: How many rows are laid out at once.
_ROWS = 50_000


def sql_type(kind: pl.DataType) -> str:
    """Returns the type of the column that a type is written to; texts are numbers."""
    return "integer" if kind == pl.String() else _TYPES[kind][0]


def whole(rows: Iterable[bytes]) -> Iterator[bytes]:
    """Yields rows, and what stands before and after all of them."""
    yield _HEAD
    yield from rows
    yield _END


def single(frame: pl.DataFrame) -> Iterator[bytes]:
    """Yields the rows of a frame; those with nulls in the same columns come together."""
    empty = [pl.col(one.name).is_null().cast(pl.Int64) for one in frame if one.null_count()]
    # Which columns are null, in the bits of as many numbers as it takes.
    bits = {
        f"#{start}": reduce(or_, (one * 2**place for place, one in enumerate(empty[start : start + 60])))
        for start in range(0, len(empty), 60)
    }
    alike = frame.with_columns(**bits).partition_by(*bits, include_key=False) if bits else [frame]
    for rows in alike:
        for part in rows.iter_slices(_ROWS):
            yield _fields(part, part.width).tobytes()


def listed(heads: pl.DataFrame, columns: Sequence[pl.Series | None], height: int) -> Iterator[bytes]:
    """Yields a row for each of `heads`: its values, then for each column the list of its next `height` values.

    Args:
        heads: values without nulls.
        columns: `height` values for each row of `heads`; None for nulls instead of lists.
        height: how long a list is.
    """
    import numpy as np

    step = max(_ROWS // height, 1)
    for start in range(0, heads.height, step):
        some = heads[start : start + step]
        first = _fields(some, some.width + len(columns))
        parts: list[Iterator[bytes | memoryview]] = [_cut(first, np.arange(some.height + 1) * first.itemsize)]
        for column in columns:
            here = None if column is None else column.slice(start * height, some.height * height)
            parts.append(repeat(_NULL) if here is None else _lists(here, height))
        yield b"".join(chain.from_iterable(zip(*parts, strict=False)))


def _fields(frame: pl.DataFrame, count: int) -> Any:
    """Rows of COPY: the number of fields, and for each its bytes and its value.

    A column of the frame has a value in every row or in none. Other fields may follow.
    """
    import numpy as np

    kinds: list[Any] = [("fields", ">i2")]
    for series in frame:
        kinds.append((f"bytes {series.name}", ">i4"))
        if not series.null_count():
            kinds.append((f"value {series.name}", _TYPES[series.dtype][2]))
    row = np.zeros(1, np.dtype(kinds))
    row["fields"] = count
    for series in frame:
        row[f"bytes {series.name}"] = -1 if series.null_count() else _TYPES[series.dtype][3]
    rows = np.repeat(row, frame.height)
    for series in frame:
        if not series.null_count():
            rows[f"value {series.name}"] = _numbers(series)
    return rows


def _lists(column: pl.Series, height: int) -> Iterator[memoryview]:
    """The lists of a column: what a list is, and its elements."""
    import numpy as np

    _, oid, kind, size = _TYPES[column.dtype]
    # In words of four bytes, if elements are made of them: the larger, the sooner they are moved.
    word = np.dtype("u4" if size % 4 == 0 else "u1")
    length, value, head = (many // word.itemsize for many in (4, size, 24))
    lists = np.empty((len(column) // height, head + height * (length + value)), word)
    # For each list its bytes; one dimension, whether nulls, the type, how many, from 1 on.
    heads = np.empty((len(lists), 6), ">i4")
    heads[:] = 20 + height * (4 + size), 1, column.null_count() > 0, oid, height, 1
    null = column.is_null().to_numpy().reshape(len(lists), height) if column.null_count() else None
    values = _numbers(column).astype(kind).view(word).reshape(len(lists), height, value)
    sizes, none = np.array([size], ">i4").view(word), np.frombuffer(_NULL, word)
    # One word of all elements after the other, which is several times faster than one element after the other.
    for place in range(length):
        lists[:, head + place :: length + value] = (
            sizes[place] if null is None else np.where(null, none[place], sizes[place])
        )
    for place in range(value):
        lists[:, head + length + place :: length + value] = values[:, :, place]
    ends = np.arange(len(lists) + 1) * (24 + height * (4 + size))
    if null is None:
        lists[:, :head] = heads.view(word)
        return _cut(lists, ends)
    # A null has no value.
    heads[:, 0] -= null.sum(axis=1) * size
    lists[:, :head] = heads.view(word)
    there = np.ones(lists.shape, bool)
    for place in range(value):
        there[:, head + length + place :: length + value] = ~null
    ends[1:] -= np.cumsum(null.sum(axis=1)) * size
    return _cut(lists[there], ends)


def _cut(array: Any, ends: Any) -> Iterator[memoryview]:
    data = array.reshape(-1).view("u1").data
    return (data[one:other] for one, other in pairwise(ends.tolist()))


def _numbers(series: pl.Series) -> Any:
    """The values of a column for numpy, any for a null."""
    physical = series.to_physical() - _EPOCH if series.dtype == pl.Date() else series
    return physical.fill_null(False if series.dtype == pl.Boolean() else 0).to_numpy()
