"""Tables of frames and of files with native types: headers, time zones, and columns of neither figures nor texts.

Codes: K503 damaged, K505 only a header, K549 unreadable, K624 times of another zone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake.files.headers import clean, distinct
from kpi.intake.files.table import FIRST_ROWS, ROW, Scratch, Table, cause, without_blanks
from kpi.process.limits import shortage
from kpi.process.os_errors import reason

#: The time zone of dates in data.
LOCAL_TIME = "Asia/Shanghai"


#: Exceptions of Polars on damaged files; PanicException is no subclass of Exception.
BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def unreadable(place: Place, error: BaseException) -> Diagnostic:
    """Return the finding (K549) that the operating system cannot read a file."""
    hint = Message("look whether the disk or the network is in order, copy the file to another place, and run it again")
    return Diagnostic("K549", Message("the file cannot be read: {error}", error=reason(error)), place, hint)


def damaged(place: Place, error: BaseException) -> Diagnostic:
    """Return the finding (K503) that a file is damaged."""
    message = Message("the file is damaged: {error}", error=cause(error))
    if isinstance(error, pl.exceptions.PanicException):
        message = Message("the file is damaged: its reader came upon what cannot be")
    return Diagnostic("K503", message, place, Message("write or download it again"))


def native(path: Path, scan: Callable[[Path], pl.LazyFrame], place: Place, scratch: Scratch | None = None) -> Table:
    """Return the table of a file with native types."""
    try:
        return replace(of_frame(scan(path), place), scratch=scratch)
    except BROKEN as error:
        if shortage(error) is not None:
            raise
        raise DataError(damaged(place, error)) from None


#: The contents of columns of neither figures nor texts, by type.
_OTHERS: tuple[tuple[type[pl.DataType], Message], ...] = (
    (pl.List, Message("lists")),
    (pl.Array, Message("lists")),
    (pl.Struct, Message("several fields in a cell")),
    (pl.Duration, Message("spans of time")),
    (pl.Binary, Message("bytes that are no text")),
    (pl.Object, Message("objects of Python")),
    (pl.datatypes.BaseExtension, Message("values of a type that only its writer knows")),
)


def _plain_types(lazy: pl.LazyFrame, schema: pl.Schema) -> tuple[list[pl.Expr], dict[str, Message]]:
    """Return replacements of columns of neither figures nor texts, and what these columns contain.

    Bytes that are UTF-8, as some writers of Parquet store texts, become texts; all others are empty.
    """
    others = {
        name: next((words for kind, words in _OTHERS if dtype == kind or isinstance(dtype, kind)), None)
        for name, dtype in schema.items()
    }
    # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
    raw = {name: pl.selectors.by_name(name) for name, words in others.items() if words is not None}
    texts = [name for name in raw if schema[name] == pl.Binary and _holds_text(lazy.select(raw[name]))]
    columns = [raw[name].cast(pl.String) for name in texts]
    # A text without letters, which is null in all but `Table.cells`, keeps apart what is filled from what is empty.
    columns += [
        pl.when(raw[name].is_null()).then(pl.lit(None, dtype=pl.String)).otherwise(pl.lit("")).alias(name)
        for name in raw if name not in texts
    ]  # fmt: skip
    return columns, {name: words for name, words in others.items() if words is not None and name not in texts}


def _holds_text(column: pl.LazyFrame) -> bool:
    """Return whether the bytes of a column are texts in UTF-8."""
    try:
        column.select(pl.all().cast(pl.String).null_count()).collect()
    except pl.exceptions.ComputeError:
        return False
    return True


def of_frame(
    frame: pl.DataFrame | pl.LazyFrame, place: Place, *, size: int | None = None, numbers: pl.LazyFrame | None = None
) -> Table:
    """Return a frame as a table; rows count from 1, text of blanks is none, as in a file."""
    lazy = frame.lazy()
    # NOTE: a scan that numbers its own rows still prunes parts of a file, but only if its schema has not been
    # collected yet (Polars 2.1).
    numbered = lazy.with_row_index(ROW, offset=1) if numbers is None else numbers
    schema = lazy.collect_schema()
    if ROW in schema:  # only cleaned headers have no line break
        lazy = lazy.rename({ROW: f"{ROW}\n"})
        numbered, schema = lazy.with_row_index(ROW, offset=1), lazy.collect_schema()
    columns, repeats = distinct(map(clean, schema))
    replaced, unreadable = _plain_types(lazy, schema)
    if size is None:
        size = frame.height if isinstance(frame, pl.DataFrame) else lazy.select(pl.len()).collect().item()
    if not size or not schema:  # damaged files may have rows without a column
        raise DataError(Diagnostic("K505", Message("there are columns, but no row of data"), place))
    cleaned = dict(zip(schema, columns, strict=True))
    plain, numbered = (item.with_columns(replaced).rename(cleaned) for item in (lazy, numbered))
    zones = {
        cleaned[name]: dtype.time_zone
        for name, dtype in schema.items()
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    }
    if zones:
        # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
        local = [
            pl.selectors.by_name(name).dt.convert_time_zone(LOCAL_TIME).dt.replace_time_zone(None) for name in zones
        ]
        plain, numbered = plain.with_columns(local), numbered.with_columns(local)
    # Rows in memory are at hand as they are.
    first_rows = None
    if isinstance(frame, pl.DataFrame) and not replaced and not zones and frame.columns == [*schema]:
        first_rows = plain, frame.head(FIRST_ROWS).rename(cleaned)
    notes = tuple(
        Diagnostic(
            "K624",
            Message(
                "the times in `{name}` are in the zone {zone}; they are read as times of {local_time}",
                name=name, zone=zone, local_time=LOCAL_TIME,
            ),
            replace(place, field=name), None, Severity.INFO,
        )
        for name, zone in zones.items() if zone != LOCAL_TIME
    )  # fmt: skip
    return Table(
        place.file or "", None, without_blanks(plain), columns, typed=True, first_row=1, notes=notes, size=size,
        cells=plain, numbered_cells=numbered, repeats=repeats, first_rows=first_rows,
        unreadable={cleaned[name]: words for name, words in unreadable.items()},
    )  # fmt: skip
