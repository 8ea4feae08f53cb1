"""Typed tables with odd columns: every type of Polars in Parquet, Arrow and frames, with NaN, infinities and nulls.

Whatever types its columns have, a table gives a scorecard or findings, and the same ones in every format.
"""

from __future__ import annotations

import datetime as dt
import faulthandler
import io
import random
from collections.abc import Callable

import polars as pl

import kpi
from cases import SHAPES, Grid, columns_of_figures
from judge import SECONDS, Judge, Wrong
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError

_NUMBERS = (0.0, -0.0, 1.5, 684.864, -3.0, 1e15, 1e16, 1e300, 5e-324, float("nan"), float("inf"), float("-inf"), None)
_DAY = dt.datetime(2023, 8, 15, 9, 30)  # noqa: DTZ001 - the zone is part of what is drawn


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _whole(values: list[str | None], dtype: type[pl.DataType]) -> pl.Series:
    numbers = [
        None if (number := _number(item)) is None or not abs(number) <= 1e6 else abs(int(number)) for item in values
    ]
    return pl.Series(numbers, dtype=dtype)


def _days(values: list[str | None], dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
    days = [None if item is None else _DAY + dt.timedelta(days=at) for at, item in enumerate(values)]
    return pl.Series(days, dtype=pl.Datetime("us")).cast(dtype)


_NESTED = pl.List(pl.Struct({"a": pl.List(pl.String)}))

#: Columns of texts as another type, by name.
TYPES: dict[str, Callable[[list[str | None]], pl.Series]] = {
    "text": lambda values: pl.Series(values, dtype=pl.String),
    "float": lambda values: pl.Series([_number(item) for item in values], dtype=pl.Float64),
    "float 32": lambda values: pl.Series([_number(item) for item in values], dtype=pl.Float32),
    "int 8": lambda values: _whole(values, pl.Int64).clip(0, 100).cast(pl.Int8),
    "int 64": lambda values: _whole(values, pl.Int64),
    "uint 64": lambda values: _whole(values, pl.UInt64),
    "int 128": lambda values: _whole(values, pl.Int64).cast(pl.Int128),
    "huge int 128": lambda values: pl.Series([None if item is None else 10**30 for item in values], dtype=pl.Int128),
    "decimal": lambda values: pl.Series([_number(item) for item in values]).cast(pl.Decimal(38, 4), strict=False),
    "boolean": lambda values: pl.Series([None if item is None else len(item) % 2 == 0 for item in values]),
    "null": lambda values: pl.Series([None] * len(values), dtype=pl.Null),
    "categorical": lambda values: pl.Series(values, dtype=pl.Categorical),
    "enum": lambda values: pl.Series(values, dtype=pl.Enum(sorted({item for item in values if item is not None}))),
    "binary": lambda values: pl.Series([None if item is None else item.encode() for item in values], dtype=pl.Binary),
    "odd binary": lambda values: pl.Series([None if item is None else b"\xff\x00\xfe" for item in values]),
    "date": lambda values: _days(values, pl.Date),
    "datetime": lambda values: _days(values, pl.Datetime("ns")),
    "zoned": lambda values: _days(values, pl.Datetime("us")).dt.replace_time_zone("America/New_York"),
    "time": lambda values: _days(values, pl.Time),
    "duration": lambda values: pl.Series([dt.timedelta(days=at) for at in range(len(values))]),
    "list": lambda values: pl.Series([[item] for item in values], dtype=pl.List(pl.String)),
    "list of numbers": lambda values: pl.Series([[_number(item)] for item in values], dtype=pl.List(pl.Float64)),
    "array": lambda values: pl.Series([[1.0, 2.0]] * len(values), dtype=pl.Array(pl.Float64, 2)),
    "struct": lambda values: pl.Series([{"a": item, "b": 1} for item in values]),
    "nested": lambda values: pl.Series([[{"a": [item]}] for item in values], dtype=_NESTED),
}


def drawn(dice: random.Random) -> pl.DataFrame:
    """Return a table of figures some columns of which are of odd types, and some figures no numbers."""
    shape = dice.choice(tuple(SHAPES))
    grid: Grid = SHAPES[shape]()
    columns: dict[str, list[str | None]] = {
        name: [row[at] or None for row in grid[1:]] for at, name in enumerate(grid[0])
    }
    names, kinds = list(columns), dict.fromkeys(columns, "text")
    for at in columns_of_figures(shape):
        kinds[names[at]] = dice.choice(("float", "float", dice.choice(tuple(TYPES))))
    for _ in range(dice.choice((0, 1, 1, 2))):
        kinds[dice.choice(names)] = dice.choice(tuple(TYPES))
    for at in columns_of_figures(shape):
        for _ in range(dice.choice((0, 1, 3))):
            value = dice.choice(_NUMBERS)
            columns[names[at]][dice.randrange(len(grid) - 1)] = None if value is None else repr(value)
    return pl.DataFrame([TYPES[kinds[name]](values).alias(name) for name, values in columns.items()])


def judge_table(judge: Judge, frame: pl.DataFrame) -> None:
    """Judge a table in Parquet, in Arrow and as a frame: what holds of every input, and the same of all three.

    Raises:
        Wrong: what is wrong.
    """
    # A table is scored several times: its alarm is its own.
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    cards: dict[str, Scorecard | None] = {}
    for suffix, write in ((".parquet", pl.DataFrame.write_parquet), (".arrow", pl.DataFrame.write_ipc)):
        out = io.BytesIO()
        try:
            write(frame, out)
        except pl.exceptions.PolarsError:
            continue  # a type that the format does not have
        cards[suffix] = judge.content(out.getvalue(), f"odd{suffix}")
    for name, given in (("frame", frame), ("lazy frame", frame.lazy())):
        cards[name] = _of_frame(judge, given)
    first, *others = cards
    for other in others:
        item, two = cards[first], cards[other]
        if (item is None) != (two is None):
            raise Wrong(f"{first} is {'refused' if item is None else 'scored'} and {other} is not: {frame.schema}")
        if item is not None and two is not None and not item.frame.equals(two.frame):
            wrong = [name for name in item.frame.columns if not item.frame[name].equals(two.frame[name])]
            raise Wrong(f"{first} and {other} differ in {wrong[:5]}: {frame.schema}")


def _of_frame(judge: Judge, frame: pl.DataFrame | pl.LazyFrame) -> Scorecard | None:
    try:
        return kpi.score(frame, system=judge.system, partly=True)
    except DataError as error:
        if not all(item.message and item.code for item in error.diagnostics):
            raise Wrong("a refusal without a reason") from error
        return None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise Wrong(f"{type(error).__name__}: {error}") from error
