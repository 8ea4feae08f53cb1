"""CSV and its kin: text cells by Polars, lazily, after one pass that finds every row which does not fit.

The fast way is a strict scan of the UTF-8 file. What the scan refuses, and files with line breaks inside cells, go
row by row through the standard `csv` module, which names the rows that are wrong, or writes a clean copy.
"""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, count
from kpi.intake.files.encoding import Text, head_of
from kpi.intake.files.table import Scratch, Table
from kpi.intake.files.table_layout import SEARCHED, Layout, find_layout, trailing_notes
from kpi.process import progress

#: What may part cells, in the order of preference where several fit equally.
DELIMITERS = ",\t;|"

#: The most rows of one kind of mistake that are listed one by one.
LISTED = 20

#: The most lines one cell may span: more are rows swallowed by a quotation mark that was never closed.
MOST_LINES = 50

#: The most characters a cell may have: more are rows swallowed by a quotation mark that was never closed.
LONGEST = 1 << 24

_limit = threading.Lock()
_limited = 0
_before = 0


@contextmanager
def long_cells() -> Iterator[None]:
    """Let the standard module read cells of up to `LONGEST` characters, not of 131,072 only.

    Its limit is one of the process: it is raised while a file is read, in any thread, and put back after that.
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
def read_delimited(text: Text, place: Place) -> Table:
    """Returns the table of a delimited text file; `place.file` names it.

    Rows with too many cells (K506) are blank and stand among the notes, as errors; `refused` counts them.

    Raises:
        DataError: K504 as `find_layout`, K505 only a header, K506 most rows have too many cells, K513
            quotation marks that do not close.
    """
    beginning, whole = head_of(text.path)
    delimiter = delimiter_of(beginning.getvalue())
    head = head_rows(beginning, delimiter, place, whole=whole)
    layout = find_layout(head, place)
    source, scratch = text.path, text.scratch
    ragged: list[Diagnostic] = []
    refused = 0
    frame = _cells(source, layout, delimiter)
    with progress.stage(Message("reading {file}", file=place.file), max(text.lines - layout.body, 0) or None):
        found = _measure(progress.counted(frame))
    # Old Macintosh line ends, which the scan takes for part of a cell, show as rows that only the head knows of.
    wanted = found is None or (whole and found[0] + layout.body < len(head))
    if found is None or wanted or found[0] + layout.body != text.lines + (not _ends_with_break(source)):
        clean_copy, ragged, refused = _checked_copy(source, layout, delimiter, place, wanted=wanted)
        if clean_copy is not None:
            scratch = clean_copy
            frame = _cells(scratch.path, replace(layout, body=0), ",")
            found = _measure(frame)
    if found is None:  # pragma: no cover - a copy that the csv module wrote always scans
        raise DataError(Diagnostic("K506", Message("the rows do not form a table"), place))
    rows, nulls = found
    notes = [*ragged, *layout.notes]
    if text.encoding != "UTF-8":
        notes.insert(0, encoding_note(text, place))
    tail = frame.slice(max(rows - SEARCHED, 0), SEARCHED).collect().rows()
    dropped = trailing_notes(tail)
    said = ["; ".join(cell for cell in row if cell) for row in tail[len(tail) - dropped :] if any(row)]
    if said:
        message = Message(
            "{said} below the data, not read as data: {said_2}", said=count(len(said), "row"), said_2="; ".join(said)
        )
        notes.append(Diagnostic("K522", message, place, severity=Severity.INFO))
    rows -= dropped
    names = name_columns(layout, [rows + dropped - one for one in nulls], place, notes)
    if not rows:
        raise only_header(place, layout)
    copied = source != (scratch.path if scratch else source)
    read = (scratch.path, replace(layout, body=0), ",") if copied and scratch else (source, layout, delimiter)
    most = rows if dropped else None
    return Table(
        file=place.file or "",
        sheet=place.sheet,
        frame=scan(*read, names, most=most),
        columns=tuple(names.values()),
        first_row=layout.body + 1,
        unit=layout.unit,
        titles=layout.titles,
        depth=layout.depth,
        header_row=layout.header + 1,
        repeats=repeats_of(layout, names),
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
    """Returns the lazy scan of the data rows, blank cells null.

    Args:
        source: the UTF-8 file, or what is in it.
        layout: where the rows begin and how many columns there are.
        delimiter: what parts the cells.
        names: the columns that are kept, by position.
        types: of columns that are not read as String.
        most: how many rows there are at most.
        quoted: whether there may be quotation marks.
    """
    by_position = {str(at): (types or {}).get(name, pl.String()) for at, name in names.items()}
    frame = _cells(source, layout, delimiter, by_position, quoted=quoted)
    frame = frame if most is None else frame.slice(0, most)
    return frame.select(pl.nth(at).alias(name) for at, name in names.items())


def encoding_note(text: Text, place: Place) -> Diagnostic:
    """Returns the note that says in which encoding a file came."""
    return Diagnostic("K520", Message("the file is {encoding}", encoding=text.encoding), place, severity=Severity.INFO)


def only_header(place: Place, layout: Layout) -> DataError:
    """Returns the refusal of a table without a row of data."""
    where = replace(place, row=layout.header + 1)
    return DataError(Diagnostic("K505", Message("there are column names, but no row of data below them"), where))


def name_columns(layout: Layout, filled: list[int], place: Place, notes: list[Diagnostic]) -> dict[int, str]:
    """Returns the name of every column that is kept, by its position; `filled` counts each column's cells.

    A column without a header is left out when it is empty, else it is called 列n and `notes` gets a warning. Of columns
    with the same header the empty ones are left out, with a note unless the header is merged over them.
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
                "column {at} has {filled} but no name; it is called `{names}`",
                at=at + 1,
                filled=count(filled[at], "filled cell"),
                names=names[at],
            )
            where = replace(place, row=layout.header + 1)
            notes.append(Diagnostic("K512", message, where, Message("give the column a name"), Severity.WARNING))
    return names


def _of_filled(layout: Layout, filled: list[int], place: Place, notes: list[Diagnostic]) -> dict[int, str]:
    """Return the header of every column that has one, by position, without empty ones that repeat another's."""
    headers = {at: name for at, name in enumerate(layout.columns) if name}
    for header, repeats in layout.repeats.items():
        alike = [layout.columns.index(name) for name in (header, *repeats)]
        some = [at for at in alike if filled[at]] or alike[:1]
        empty = [at for at in alike if at not in some]
        for at in alike:
            headers.pop(at)
        headers |= dict(zip(some, (header, *repeats), strict=False))
        if said := [f"column {at + 1}" for at in empty if at not in layout.spanned]:
            message = Message(
                "{alike} headed `{header}`; {said} is empty",
                alike=count(len(alike), "column is", "columns are"),
                header=header,
                said=tuple(said),
            )
            notes.append(Diagnostic("K534", message, replace(place, row=layout.header + 1), severity=Severity.INFO))
    return headers


def repeats_of(layout: Layout, names: Mapping[int, str]) -> dict[str, tuple[str, ...]]:
    """Return which of the columns that are kept repeat the header of another, by that header."""
    kept = set(names.values())
    found = {header: tuple(one for one in some if one in kept) for header, some in layout.repeats.items()}
    return {header: some for header, some in found.items() if some}


#: The beginning of a table of Eurostat: keys joined by commas, then periods behind tabs.
_JOINED_KEYS = re.compile(r"\ufeff?[\w,]+\\\w+\t")


def delimiter_of(text: str) -> str:
    """Returns what parts the cells: the delimiter that gives the most rows of one width above one."""
    if _JOINED_KEYS.match(text):
        return "\t"

    def fit(delimiter: str) -> int:
        widths = [len(row) for row in _tolerant(text, delimiter)]
        wide = [width for width in widths if width > 1]
        return max((wide.count(width) for width in set(wide)), default=0)

    return max(DELIMITERS, key=fit)


def _tolerant(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yields the first rows of a text, stopping at what the csv module refuses."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row, _ in zip(reader, range(SEARCHED), strict=False):
            yield row
    except csv.Error:
        return


def head_rows(beginning: io.StringIO, delimiter: str, place: Place, *, whole: bool) -> list[list[str | None]]:
    """Returns the first rows with nulls for blank cells; the last, when the text stops within it, is left out."""
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
    """Returns the lazy scan of the data rows, blank cells null, columns by position; `types` but for String."""
    return pl.scan_csv(
        source,
        separator=delimiter,
        has_header=False,
        skip_rows=layout.body,
        schema={str(at): pl.String() for at in range(len(layout.columns))} | dict(types or {}),
        # A blank between quotation marks is no null by itself; to look for it costs a tenth of the time.
        null_values=[""] if quoted else None,
        quote_char='"' if quoted else None,
        missing_columns="insert",
        raise_if_empty=False,
    )


def _measure(frame: pl.LazyFrame) -> tuple[int, list[int]] | None:
    """Returns the number of rows and the nulls of every column, or None when some row does not fit.

    This parses every cell once, so that a row which does not fit is found here and not when the frame is used.
    """
    try:
        counts = frame.select(pl.len().alias("rows"), pl.all().null_count()).collect().row(0)
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        return None
    return counts[0], list(counts[1:])


def _ends_with_break(path: Path) -> bool:
    """Returns whether the last byte of a file is a line feed."""
    with path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read(1) == b"\n"


def _checked_copy(
    path: Path, layout: Layout, delimiter: str, place: Place, *, wanted: bool
) -> tuple[Scratch | None, list[Diagnostic], int]:
    """Returns a clean copy of the data rows, after a check of every row, or None when none is `wanted`.

    Cells beyond the last column are left out when they are blank. Rows with other cells there are blank in the copy;
    their findings (at most `LISTED`) and their number are returned, too.

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
                    findings.append(_malformed(place, at, f"a cell spans {reader.line_num - lines} lines"))
                lines = reader.line_num
                if at <= layout.body:
                    continue
                if any(cell.strip() for cell in row[width:]):
                    wrong += 1
                    if wrong <= LISTED:
                        ragged.append(_ragged(place, at, row, width))
                    row = []  # noqa: PLW2901 - which cell belongs where cannot be told
                right += any(row)
                if wanted:
                    # A row of nothing is written with its delimiters, or a single column would lose it.
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
    """Returns the finding for a row with more cells than there are columns."""
    surplus = next(cell for cell in row[width:] if cell.strip())
    message = Message(
        "the row has {row} cells, the header {width}; `{surplus}` belongs to no column",
        row=len(row),
        width=width,
        surplus=surplus.strip()[:40],
    )
    return Diagnostic(
        "K506", message, replace(place, row=at), Message('put cells that hold a comma in quotes, like "1,234"')
    )


def _malformed(place: Place, at: int, what: str) -> Diagnostic:
    """Returns the finding for quotation marks that do not pair."""
    if what == "unexpected end of data":
        what = "it is not closed before the file ends"
    message = Message("a quotation mark that opens a cell in this row does not close it properly: {what}", what=what)
    return Diagnostic("K513", message, replace(place, row=at), Message('write a quotation mark inside a cell as ""'))
