"""Delimited text: lazily scanned by Polars, after one pass that finds every malformed row.

The fast path is a strict scan of the UTF-8 file. Files that the scan rejects, and files with line breaks inside cells,
are parsed row by row with the standard `csv` module, which locates malformed rows or writes a clean copy.
"""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, count
from kpi.intake.files.encoding import Text, head_of
from kpi.intake.files.headers import role
from kpi.intake.files.table import FIRST_ROWS, LAST_ROWS, Scratch, Table
from kpi.intake.files.table_layout import SEARCHED, Layout, find_layout, trailing_notes
from kpi.intake.files.unit_lines import unit_below
from kpi.process import progress
from kpi.values.patterns import regex

#: The possible delimiters, in the order of preference where several fit equally.
DELIMITERS = ",\t;|"

#: The size of a file, in bytes, up to which its cells are parsed once and kept; those of larger ones whenever needed.
_IN_MEMORY = 1 << 25

#: How many malformed rows of one kind are listed one by one.
LISTED = 20

#: The most lines of a cell: more are rows swallowed by an unclosed quotation mark.
MOST_LINES = 50

#: The most characters of a cell: more are rows swallowed by an unclosed quotation mark.
LONGEST = 1 << 24

_limit = threading.Lock()
_limited = 0
_before = 0


@contextmanager
def long_cells() -> Iterator[None]:
    """Raise the cell limit of the `csv` module from 131,072 to `LONGEST` characters inside the block.

    The limit is process-wide: it stays raised while any thread reads a file, and is restored afterwards.
    """
    global _limited, _before  # noqa: PLW0603 - the limit of the module is global, too
    with _limit:
        if not _limited:
            _before = csv.field_size_limit()
            csv.field_size_limit(max(_before, LONGEST))
        _limited += 1
    try:
        yield
    finally:
        with _limit:
            _limited -= 1
            if not _limited:
                csv.field_size_limit(_before)


@long_cells()
def read_delimited(text: Text, place: Place, *, declared: Sequence[int] = ()) -> Table:
    """Return the table of a delimited text file; `place.file` names it, `declared` are the rows of its header, from 1.

    Rows with too many cells (K506) are blank and stand among the notes, as errors; `refused` counts them.

    Raises:
        DataError: K504 as `find_layout`, K505 only a header, K506 most rows have too many cells, K513
            quotation marks that do not close.
    """
    beginning, complete = head_of(text.path)
    delimiter = delimiter_of(beginning.getvalue())
    head = head_rows(beginning, delimiter, place, whole=complete)
    layout = find_layout(head, place, declared=declared)
    source, scratch = text.path, text.scratch
    ragged: list[Diagnostic] = []
    refused = 0
    frame = _cells(source, layout, delimiter)
    small = source.stat().st_size <= _IN_MEMORY
    with progress.stage(Message("reading {file}", file=place.file), max(text.lines - layout.body, 0) or None):
        measured = _measure(progress.counted(frame), keep=small)
    # With old Macintosh line ends, which the scan takes for part of a cell, the head has rows that the scan lacks.
    wanted = measured is None or (complete and measured.rows + layout.body < len(head))
    if measured is None or wanted or measured.rows + layout.body != text.lines + (not _ends_with_break(source)):
        clean_copy, ragged, refused = _checked_copy(source, layout, delimiter, place, wanted=wanted)
        if clean_copy is not None:
            scratch = clean_copy
            frame = _cells(scratch.path, replace(layout, body=0), ",")
            measured = _measure(frame, keep=small)
    if measured is None:  # pragma: no cover - a copy that the csv module wrote always scans
        raise DataError(Diagnostic("K506", Message("the rows do not form a table"), place))
    rows, nulls, last = measured.rows, measured.nulls, measured.last.tail(SEARCHED).rows()
    notes = [*ragged, *layout.notes]
    if text.encoding != "UTF-8":
        notes.insert(0, encoding_note(text, place))
    dropped = trailing_notes(last)
    below = ["; ".join(cell for cell in row if cell) for row in last[len(last) - dropped :] if any(row)]
    if below:
        notes += [below_note(below, place), *unit_below(below, layout.unit, place)]
    rows -= dropped
    names = name_columns(layout, [rows + dropped - null for null in nulls], place, notes)
    if not rows:
        raise only_header(place, layout)
    copied = source != (scratch.path if scratch else source)
    read = (scratch.path, replace(layout, body=0), ",") if copied and scratch else (source, layout, delimiter)
    most = rows if dropped else None
    cells = scan(*read, names, most=most) if measured.cells is None else _named(measured.cells.head(rows), names).lazy()
    first, end = (
        (cells, _named(ends, names))
        for ends in (measured.first.head(rows), measured.last.head(measured.last.height - dropped))
    )
    return Table(
        file=place.file or "",
        sheet=place.sheet,
        frame=cells,
        first_rows=first,
        last_rows=end,
        columns=tuple(names.values()),
        first_row=layout.body + 1,
        unit=layout.unit,
        titles=layout.titles,
        below=tuple(below),
        depth=layout.depth,
        header_row=layout.header + 1,
        repeats=repeats_of(layout, names),
        labels={column: label for column, label in layout.labels.items() if column in names.values()},
        notes=tuple(notes),
        size=rows,
        refused=refused,
        scratch=scratch,
        scan=lambda types: scan(*read, names, types, most=most),
    )


def scan(
    source: Path | bytes, layout: Layout, delimiter: str, names: Mapping[int, str],
    types: Mapping[str, pl.DataType] | None = None, *, most: int | None = None, quoted: bool = True,
) -> pl.LazyFrame:  # fmt: skip
    """Return the lazy scan of the data rows, blank cells null.

    Args:
        source: the UTF-8 file, or its content.
        layout: where the rows begin and how many columns there are.
        delimiter: the delimiter of cells.
        names: the columns that are kept, by position.
        types: the types of columns that are not read as String.
        most: the largest number of rows.
        quoted: whether there may be quotation marks.
    """
    by_position = {str(at): (types or {}).get(name, pl.String()) for at, name in names.items()}
    frame = _cells(source, layout, delimiter, by_position, quoted=quoted)
    frame = frame if most is None else frame.slice(0, most)
    return frame.select(pl.nth(at).alias(name) for at, name in names.items())


def below_note(texts: Sequence[str], place: Place) -> Diagnostic:
    """Return the note (K522) that rows below the data are not read, which quotes them."""
    rows = count(len(texts), "row")
    message = Message("{rows} below the data, not read as data: {texts}", rows=rows, texts="; ".join(texts))
    return Diagnostic("K522", message, place, severity=Severity.INFO)


def encoding_note(text: Text, place: Place) -> Diagnostic:
    """Return the note (K520) on the encoding of a file."""
    return Diagnostic("K520", Message("the file is {encoding}", encoding=text.encoding), place, severity=Severity.INFO)


def only_header(place: Place, layout: Layout) -> DataError:
    """Return the error (K505) for a table without a row of data."""
    where = replace(place, row=layout.header + 1)
    return DataError(Diagnostic("K505", Message("there are column names, but no row of data below them"), where))


def name_columns(layout: Layout, filled: list[int], place: Place, notes: list[Diagnostic]) -> dict[int, str]:
    """Return the name of every kept column, by its position; `filled` has the number of filled cells of each column.

    A column without a header is dropped if it is empty, else named 列n with a warning in `notes`. Of columns with the
    same header the empty ones are dropped, with a note unless the header is merged over them.
    """
    names: dict[int, str] = {}
    taken = set(layout.columns)
    headers = _of_filled(layout, filled, place, notes)
    for at, name in enumerate(layout.columns):
        if name and at in headers:
            names[at] = headers[at]
        elif not name and filled[at]:
            names[at] = next(new for new in (f"列{at + 1}" + "'" * more for more in range(99)) if new not in taken)
            message = Message(
                "column {column} has {cells} but no name; it is called `{name}`",
                column=at + 1,
                cells=count(filled[at], "filled cell"),
                name=names[at],
            )
            where = replace(place, row=layout.header + 1)
            notes.append(Diagnostic("K512", message, where, Message("give the column a name"), Severity.WARNING))
    return names


def _of_filled(layout: Layout, filled: list[int], place: Place, notes: list[Diagnostic]) -> dict[int, str]:
    """Return the header of every column that has one, by position, without empty columns that repeat a header.

    In blocks beside each other an empty column is one of missing figures.
    """
    headers = {at: name for at, name in enumerate(layout.columns) if name}
    kept = set(headers) - layout.spanned if _may_have_blocks(layout, filled) else set[int]()
    for header, repeats in layout.repeats.items():
        alike = [layout.columns.index(name) for name in (header, *repeats)]
        items = [at for at in alike if filled[at] or at in kept] or alike[:1]
        empty = [at for at in alike if at not in items]
        for at in alike:
            headers.pop(at)
        headers |= dict(zip(items, (header, *repeats), strict=False))
        if left_out := tuple(Message("column {column}", column=at + 1) for at in empty if at not in layout.spanned):
            message = Message(
                "{number:,} columns are headed `{header}`; {empty} is empty",
                number=len(alike),
                header=header,
                empty=left_out,
            )
            notes.append(Diagnostic("K534", message, replace(place, row=layout.header + 1), severity=Severity.INFO))
    return headers


#: The roles of the headers that blocks beside each other begin with.
_KEYS = ("entity", "code", "period", "measure")


def _may_have_blocks(layout: Layout, filled: list[int]) -> bool:
    """Return whether several filled columns are headed like one key, or as the first of all is, or not at all."""
    first = next((at for at, number in enumerate(filled) if number and at < len(layout.columns)), None)
    if first is not None and not layout.columns[first]:
        return sum(number > 0 and not name for number, name in zip(filled, layout.columns, strict=False)) > 1
    return any(
        (role(header) in _KEYS or layout.columns.index(header) == first)
        and sum(filled[layout.columns.index(name)] > 0 for name in (header, *repeats)) > 1
        for header, repeats in layout.repeats.items()
    )


def repeats_of(layout: Layout, names: Mapping[int, str]) -> dict[str, tuple[str, ...]]:
    """Return the kept columns that repeat the header of another, by that header."""
    kept = set(names.values())
    repeats = {header: tuple(item for item in items if item in kept) for header, items in layout.repeats.items()}
    return {header: items for header, items in repeats.items() if items}


#: The lines among which rows are looked for, some of which may hold line breaks: to copy more takes time.
_LINES = 20 * SEARCHED

#: The beginning of a table of Eurostat: keys joined by commas, then periods behind tabs.
_JOINED_KEYS = regex(r"\ufeff?[\w,]+\\\w+\t")


def delimiter_of(text: str) -> str:
    """Detect the delimiter: the one that gives the most rows of one common width above one."""
    if _JOINED_KEYS.match(text):
        return "\t"
    text = "\n".join(text.split("\n", _LINES)[:_LINES])

    def fit(delimiter: str) -> int:
        widths = [len(row) for row in _tolerant(text, delimiter)]
        wide = [width for width in widths if width > 1]
        return max((wide.count(width) for width in set(wide)), default=0)

    return max(DELIMITERS, key=fit)


def _tolerant(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the first rows of a text, up to the first that the csv module rejects."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row, _ in zip(reader, range(SEARCHED), strict=False):
            yield row
    except csv.Error:
        return


def head_rows(beginning: io.StringIO, delimiter: str, place: Place, *, whole: bool) -> list[list[str | None]]:
    """Return the first rows with nulls for blank cells, without a last row that the text cuts off."""
    rows: list[list[str | None]] = []
    reader = csv.reader(beginning, delimiter=delimiter)
    try:
        for row, _ in zip(reader, range(SEARCHED + 1), strict=False):
            rows.append([cell or None for cell in row])
    except csv.Error as error:
        raise DataError(_malformed(place, len(rows) + 1, str(error))) from None
    return rows if whole or len(rows) > SEARCHED else rows[:-1] or rows


def _cells(
    source: Path | bytes, layout: Layout, delimiter: str, types: Mapping[str, pl.DataType] | None = None,
    *, quoted: bool = True,
) -> pl.LazyFrame:  # fmt: skip
    """Return the lazy scan of the data rows, blank cells null, columns by position; `types` but for String."""
    return pl.scan_csv(
        source,
        separator=delimiter,
        has_header=False,
        skip_rows=layout.body,
        schema={str(at): pl.String() for at in range(len(layout.columns))} | dict(types or {}),
        # A quoted blank is not null by itself; looking for it costs a tenth of the time.
        null_values=[""] if quoted else None,
        quote_char='"' if quoted else None,
        missing_columns="insert",
        raise_if_empty=False,
    )


class _Measured(NamedTuple):
    """What one pass over all cells of a file gives.

    Attributes:
        rows: the number of rows.
        nulls: the number of nulls of every column.
        first: the first rows, see `Table.first_rows`.
        last: the last rows, see `Table.last_rows`; among `SEARCHED` of them notes may stand.
        cells: all rows, if they are kept.
    """

    rows: int
    nulls: list[int]
    first: pl.DataFrame
    last: pl.DataFrame
    cells: pl.DataFrame | None = None


def _named(cells: pl.DataFrame, names: Mapping[int, str]) -> pl.DataFrame:
    """Return the kept columns of cells under their names."""
    return pl.DataFrame([cells[str(at)].alias(name) for at, name in names.items()])


def _measure(frame: pl.LazyFrame, *, keep: bool) -> _Measured | None:
    """Measure the rows of a file, or return None if a row is malformed.

    Every cell is parsed once, so that malformed rows show here and not when the frame is used.

    Args:
        frame: the rows, columns by position.
        keep: whether all rows are kept in memory.
    """
    if keep:
        try:
            cells = frame.collect()
        except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
            return None
        nulls = [column.null_count() for column in cells]
        return _Measured(cells.height, nulls, cells.head(FIRST_ROWS), cells.tail(LAST_ROWS), cells)
    ends = {"first": pl.all().head(FIRST_ROWS), "last": pl.all().tail(LAST_ROWS)}
    try:
        measured = frame.select(
            pl.len().alias("rows"),
            pl.all().null_count(),
            *(cells.implode().name.prefix(f"{name} ") for name, cells in ends.items()),
        ).collect()
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        return None
    columns = [name for name in measured.columns if name.isdecimal()]
    first, last = (
        pl.DataFrame([measured[f"{name} {column}"].explode().alias(column) for column in columns]) for name in ends
    )
    return _Measured(measured["rows"].item(), list(measured.select(columns).row(0)), first, last)


def _ends_with_break(path: Path) -> bool:
    """Return whether the last byte of a file is a line feed."""
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read(1) == b"\n"


def _checked_copy(
    path: Path, layout: Layout, delimiter: str, place: Place, *, wanted: bool
) -> tuple[Scratch | None, list[Diagnostic], int]:
    """Check every row and return a clean copy of the data rows if one is `wanted`, else None.

    Blank cells beyond the last column are dropped. Rows with other cells there are blank in the copy; their findings
    (at most `LISTED`) and their number are returned, too.

    Raises:
        DataError: K513, and K506 where no copy is wanted or more rows are wrong than right, with every row that is
            wrong (at most `LISTED` are listed).
    """
    width = len(layout.columns)
    findings: list[Diagnostic] = []
    ragged: list[Diagnostic] = []
    wrong = right = 0
    scratch = Scratch()
    at = 0
    with (
        path.open(encoding="utf-8-sig", newline="") as source,
        scratch.path.open("w", encoding="utf-8", newline="") as to,
    ):
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        writer = csv.writer(to, lineterminator="\n")
        lines = 0
        try:
            for at, row in enumerate(reader, 1):
                if reader.line_num - lines > MOST_LINES:
                    findings.append(
                        _malformed(place, at, Message("a cell spans {lines} lines", lines=reader.line_num - lines))
                    )
                lines = reader.line_num
                if at <= layout.body:
                    continue
                if any(cell.strip() for cell in row[width:]):
                    wrong += 1
                    if wrong <= LISTED:
                        ragged.append(_ragged(place, at, row, width))
                    row = []  # noqa: PLW2901 - its cells cannot be assigned to columns
                right += any(row)
                if wanted:
                    # A blank row is written with its delimiters, else it would be lost in a table of one column.
                    writer.writerow(row[:width] + [""] * (width - len(row)))
        except csv.Error as error:
            findings.append(_malformed(place, at + 1, str(error)))
    if wrong > LISTED:
        more = wrong - LISTED
        ragged.append(Diagnostic("K506", Message("... and {more:,} more such rows", more=more), place, stands_for=more))
    if findings or (wrong and (not wanted or wrong > right)):
        raise DataError([*ragged, *findings])
    return (scratch if wanted else None), ragged, wrong


def _ragged(place: Place, at: int, row: list[str], width: int) -> Diagnostic:
    """Return the finding for a row with more cells than there are columns."""
    surplus = next(cell for cell in row[width:] if cell.strip())
    message = Message(
        "the row has {cells} cells, the header {columns}; `{cell}` belongs to no column",
        cells=len(row),
        columns=width,
        cell=surplus.strip()[:40],
    )
    return Diagnostic(
        "K506", message, replace(place, row=at), Message('put cells that hold a comma in quotes, like "1,234"')
    )


def _malformed(place: Place, at: int, what: str) -> Diagnostic:
    """Return the finding for quotation marks that do not pair."""
    message = Message("a quotation mark that opens a cell in this row does not close it properly: {error}", error=what)
    if what == "unexpected end of data":
        message = Message(
            "a quotation mark that opens a cell in this row does not close it properly: "
            "it is not closed before the file ends"
        )
    return Diagnostic("K513", message, replace(place, row=at), Message('write a quotation mark inside a cell as ""'))
