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
    step = max(_ROWS // height, 1)
    for start in range(0, heads.height, step):
        some = heads[start : start + step]
        first = _fields(some, some.width + len(columns))
        parts: list[Iterator[bytes | memoryview]] = [_cut(first, range(0, first.nbytes + 1, first.itemsize))]
        for column in columns:
            here = None if column is None else column.slice(start * height, some.height * height)
            parts += [repeat(_NULL)] if here is None else _lists(here, height)
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


def _lists(column: pl.Series, height: int) -> tuple[Iterator[memoryview], Iterator[memoryview]]:
    """The heads of the lists of a column, and their elements."""
    import numpy as np

    _, oid, kind, size = _TYPES[column.dtype]
    word = np.dtype("u4" if size % 4 == 0 else "u1")  # the larger, the sooner they are moved
    before = 4 // word.itemsize
    elements = np.empty((len(column), (4 + size) // word.itemsize), word)
    elements[:, :before] = np.array([size], ">i4").view(word)
    elements[:, before:] = _numbers(column).astype(kind).view(word).reshape(len(column), -1)
    ends = np.arange(0, len(column) + 1, height) * (4 + size)
    if column.null_count():
        null = column.is_null().to_numpy()
        elements[null, :before] = np.frombuffer(_NULL, word)
        there = np.ones(elements.shape, bool)
        there[null, before:] = False
        elements = elements[there]
        ends -= np.concatenate([[0], np.cumsum(null)])[::height] * size
    heads = np.empty((len(ends) - 1, 6), ">i4")
    heads[:, 0] = 20 + np.diff(ends)
    heads[:, 1:] = 1, column.null_count() > 0, oid, height, 1  # dimensions, whether nulls, type, length, first place
    return _cut(heads, range(0, heads.nbytes + 1, 24)), _cut(elements, ends.tolist())


def _cut(array: Any, ends: Iterable[int]) -> Iterator[memoryview]:
    data = memoryview(array.tobytes())
    return (data[one:other] for one, other in pairwise(ends))


def _numbers(series: pl.Series) -> Any:
    """The values of a column for numpy, any for a null."""
    physical = series.to_physical() - _EPOCH if series.dtype == pl.Date() else series
    return physical.fill_null(strategy="zero").to_numpy()
