"""Data of Python programs: frames of Polars, pandas and Arrow, columns of a mapping, paths; one or several.

Other types are rejected; the keys of a mapping are columns, never paths. Codes: K556 a type that is no table, K557 a
frame that cannot be converted.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, KeysView, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, readable
from kpi.intake.files.remote import Remote
from kpi.intake.files.sources import Rows, Source
from kpi.intake.files.table import cause

_WHAT = Message("give paths, frames of Polars or pandas, Arrow tables, or a mapping with a list for each column")

#: Iterables that are no list of data: bytes, an open file, a single column.
_ITERABLE = (bytes, bytearray, memoryview, io.IOBase, pl.Series)


def sources(data: Any) -> list[Source]:
    """Convert one piece of data, or several in a list, to sources that can be read.

    >>> [one.columns for one in sources({"地区": ["东湖县"], "办件量": [200]})]
    [['地区', '办件量']]

    Raises:
        DataError: K556 for a type that is no table, K557 for a frame that cannot be converted.
    """
    alone = _source(data)
    if alone is not None:
        return [alone]
    if isinstance(data, Iterable) and not isinstance(data, _ITERABLE):
        pieces = [(_source(piece), piece) for piece in data]
        for source, piece in pieces:
            if source is None:
                raise _refused(piece)
        return [source for source, _ in pieces if source is not None]
    raise _refused(data)


def _source(data: Any) -> Source | None:
    """Convert a single piece of data to a source, None for other types."""
    if isinstance(data, str | Path | pl.DataFrame | pl.LazyFrame | Rows | Remote):
        return data
    if isinstance(data, os.PathLike):
        return Path(data)
    if isinstance(data, Mapping):
        return _of_columns(data)
    if type(data).__name__ == "DataFrame" and type(data).__module__.partition(".")[0] == "pandas":
        return _of_pandas(data)
    if hasattr(data, "__arrow_c_stream__") and not isinstance(data, pl.Series):
        try:
            return pl.DataFrame(data)
        except Exception as error:  # noqa: BLE001 - the exporter of the stream may raise any exception
            raise _failed(data, error) from None
    return None


def _of_columns(columns: Mapping[Any, Any]) -> pl.DataFrame:
    """Convert a mapping of columns to a frame; a column of numbers and texts becomes one of texts."""
    if not columns:
        raise DataError(Diagnostic("K556", Message("the mapping has no columns"), hint=_WHAT))
    makers: dict[str, Callable[[], pl.Series]] = {}
    for name, values in columns.items():
        if isinstance(values, str | os.PathLike | pl.DataFrame | pl.LazyFrame | Mapping | bytes) or not isinstance(
            values, Iterable
        ):
            message = Message(
                "`{column}` of a mapping is of the type {type}, not a list of its cells",
                column=name,
                type=type(values).__name__,
            )
            hint = Message(
                "a mapping is one table, {{column: [...]}}; files and frames of a named dataset go into "
                "data={{name: ...}}"
            )
            raise DataError(Diagnostic("K556", message, hint=hint))
        if isinstance(values, AbstractSet) and not isinstance(values, KeysView):
            message = Message("`{column}` of a mapping is a set, whose cells have no order", column=name)
            raise DataError(Diagnostic("K556", message, hint=Message("give a list with a cell for each row")))
        makers[str(name)] = partial(_column, str(name), values)
    columns_read = _each_column(makers, "mapping")
    lengths = {item.name: len(item) for item in columns_read}
    if len(set(lengths.values())) > 1:
        message = Message(
            "the columns of a mapping differ in length: {lengths}",
            lengths=tuple(f"{column} {length:,}" for column, length in lengths.items()),
        )
        raise DataError(
            Diagnostic("K557", message, hint=Message("give every column a cell for each row, None for an empty one"))
        )
    try:
        return pl.DataFrame(columns_read)
    except pl.exceptions.PolarsError as error:
        raise _failed(columns, error) from None


def _each_column(makers: Mapping[str, Callable[[], pl.Series]], source: str) -> list[pl.Series]:
    """Return the columns of a frame or a mapping.

    Raises:
        DataError: K557 for every column that cannot be taken over.
    """
    columns: list[pl.Series] = []
    findings: list[Diagnostic] = []
    for name, result in makers.items():
        place = Place(source, field=readable(name))
        try:
            columns.append(result())
        except DataError as error:
            findings += error.diagnostics
        except UnicodeEncodeError:
            message = Message("the column holds characters that are none (surrogates), as of text decoded wrongly")
            hint = Message("decode the bytes that the text was made of with their encoding, such as 'gb18030'")
            findings.append(Diagnostic("K557", message, place, hint))
        except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - a type of columns may raise any exception
            message = Message("the column cannot be taken over: {error}", error=cause(error))
            hint = Message("make it a column of numbers or of texts, such as by .astype(str)")
            findings.append(Diagnostic("K557", message, place, hint))
    if findings:
        raise DataError(findings)
    return columns


def _column(name: str, values: Iterable[Any]) -> pl.Series:
    """Return a column; one of mixed types becomes one of texts."""
    typed = isinstance(values, pl.Series) or getattr(getattr(values, "dtype", None), "kind", "O") != "O"
    cells: Any = values if typed else list(values)
    series = None
    # NOTE: Polars 2.1 panics at a decimal that is infinite or not a number.
    if not isinstance(cells, list) or all(cell.is_finite() for cell in cells if isinstance(cell, Decimal)):
        with suppress(pl.exceptions.PolarsError, TypeError, ValueError, OverflowError, RuntimeError):
            series = pl.Series(name, cells)
    if series is None or series.dtype == pl.Object:
        return pl.Series(name, [None if _empty(cell) else str(cell) for cell in cells], dtype=pl.String)
    return series


def _empty(cell: Any) -> bool:
    # NaN, and pandas' NA, for which a comparison is neither true nor false.
    if isinstance(cell, Decimal):
        return cell.is_nan()
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)  # noqa: PLR0124


def _of_pandas(frame: Any) -> pl.DataFrame:
    """Convert a pandas frame, with named levels of its index as columns; unnamed row numbers are dropped."""
    if frame.columns.nlevels > 1:
        message = Message("the columns of the pandas frame have {levels} levels of names", levels=frame.columns.nlevels)
        raise DataError(Diagnostic("K557", message, hint=Message("give every column one name: frame.columns = [...]")))
    try:
        if any(name is not None for name in frame.index.names):
            frame = frame.reset_index()
        elif frame.index.dtype.kind not in "iu":
            message = Message("the index of the pandas frame holds more than row numbers and has no name")
            hint = Message("name it, frame.index.name = ..., or leave it out, frame.reset_index(drop=True)")
            raise DataError(Diagnostic("K557", message, hint=hint))
        if repeated := frame.columns[frame.columns.duplicated()].tolist():
            message = Message(
                "column names that occur more than once: {names}", names=tuple(f"`{name}`" for name in repeated)
            )
            raise DataError(
                Diagnostic("K508", message, Place("pandas frame"), Message("give every column its own name"))
            )
        makers = {str(name): partial(_of_pandas_column, str(name), frame[name]) for name in frame.columns}
        return pl.DataFrame(_each_column(makers, "pandas frame"))
    except (pl.exceptions.PolarsError, ImportError, TypeError, ValueError) as error:
        raise _failed(frame, error) from None


def _of_pandas_column(name: str, column: Any) -> pl.Series:
    if column.dtype.kind == "O" and column.dtype.name == "object":
        return _column(name, [None if _empty(item) else item for item in column])
    if column.dtype.name.startswith("Sparse"):
        column = column.sparse.to_dense()
    series = pl.from_pandas(column.to_frame(name)).to_series()
    return _texts_of_pandas(name, column) if isinstance(series.dtype, pl.datatypes.BaseExtension) else series


def _texts_of_pandas(name: str, column: Any) -> pl.Series:
    """Return a column of a type that is only known to pandas, such as periods or intervals, as texts.

    Raises:
        DataError: K557 for periods whose text would mean others: of fiscal years, or several in one.
    """
    distinct = column.dropna().unique()
    for frequency in {item.freqstr for item in distinct if hasattr(item, "freqstr")}:
        base, _, month = str(frequency).partition("-")
        if (month not in ("", "DEC") and base[:1] in "QYA") or base[:1].isdigit():
            message = Message(
                "`{column}` of the pandas frame holds periods of the frequency {frequency}, whose text {text} would be "
                "read as another time", column=name, frequency=frequency, text=str(distinct[0]),
            )  # fmt: skip
            hint = Message("write them as the first day of each, .dt.start_time, or as texts")
            raise DataError(Diagnostic("K557", message, hint=hint))
    texts = {item: str(item) for item in distinct}
    return pl.Series(name, [texts.get(item) for item in column], dtype=pl.String)


def _failed(given: Any, error: Exception) -> DataError:
    message = Message(
        "the {module}.{type} cannot be taken over: {error}",
        module=type(given).__module__.partition(".")[0],
        type=type(given).__name__,
        error=cause(error),
    )
    return DataError(Diagnostic("K557", message, hint=Message("make it a frame of Polars, such as by pl.from_pandas")))


def _refused(given: Any) -> DataError:
    hint = _WHAT
    if isinstance(given, bytes | bytearray | memoryview) or hasattr(given, "read"):
        hint = Message("content without a name is given as kpi.NamedFile('period.csv', content)")
    return DataError(
        Diagnostic("K556", Message("{type} is no data that can be read", type=type(given).__name__), hint=hint)
    )
