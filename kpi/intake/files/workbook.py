"""Excel workbooks: values from a fast reader, formats and errors from the XML, one table a sheet.

Cells are read as displayed where that decides their meaning: `12.5%` and not 0.125, `#DIV/0!` and not a blank; dates
are ISO, figures have all their digits. The readers are optional dependencies, imported when needed.
"""

from __future__ import annotations

import errno
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, suggest
from kpi.intake.files.delimited import below_note, name_columns, only_header, repeats_of
from kpi.intake.files.encoding import UNZIPPED
from kpi.intake.files.merged_cells import spread
from kpi.intake.files.table import Table, cause
from kpi.intake.files.table_layout import SEARCHED, find_layout, trailing_notes
from kpi.intake.files.workbook_xml import Marks, is_percent, marks_of, percent_styles, sheets_of
from kpi.process.memory import available, gigabytes

# The errors of a sheet without a table, which are warnings if other sheets are read.
_NO_TABLE = {"K504", "K505"}

#: The most bytes of memory per byte of a sheet's XML while it is read (measured: 3.5).
_GROWTH = 4


def read_workbook(path: Path, kind: str, place: Place, *, sheet: str | None = None) -> tuple[Table, ...]:
    """Read a workbook (`kind` xlsx or xls): one table for each visible sheet, or for the one named sheet.

    Hidden and blank sheets are skipped with a note, as are sheets without a table if others have one. The error of a
    sheet that may continue another, without its header, is among the notes of the first table.

    Raises:
        DataError: K501 no such sheet, K502 no sheet with cells, K503 damaged, K509 too large, K510 a package is
            missing, and as `find_layout` if no sheet is readable.
    """
    tables: list[Table] = []
    findings: list[Diagnostic] = []
    notes: list[Diagnostic] = []
    widths: dict[str, int] = {}
    for name, visible, grid, marks in (_xlsx if kind == "xlsx" else _xls)(path, place, sheet):
        where = replace(place, sheet=name)
        if grid is None:
            message = Message("the sheet is hidden and was left out")
            if visible:
                message = Message("the sheet has no cells and was left out")
            notes.append(Diagnostic("K524", message, where, severity=Severity.INFO))
            continue
        widths[name] = grid.width
        try:
            tables.append(_table(grid, marks, where))
        except DataError as error:
            findings.extend(error.diagnostics)
    if tables:
        notes += [
            replace(
                one, message=Message("the sheet was left out: {reason}", reason=one.message), severity=Severity.WARNING
            )
            if one.code in _NO_TABLE and not _goes_on(one, widths, tables)
            else one
            for one in findings
        ]
        return (replace(tables[0], notes=(*notes, *tables[0].notes)), *tables[1:])
    raise DataError(findings or [Diagnostic("K502", Message("no visible sheet of the workbook has cells"), place)])


def _goes_on(finding: Diagnostic, widths: dict[str, int], tables: list[Table]) -> bool:
    """Return whether a sheet without a header seems to continue another, so that its figures would be lost."""
    width = widths.get(finding.place.sheet or "")
    return finding.code == "K504" and finding.place.row == 1 and width in [widths[one.sheet or ""] for one in tables]


def _table(grid: pl.DataFrame, marks: Marks, place: Place) -> Table:
    """Return the table of one sheet; `grid` has all its cells as text, columns from A."""
    layout = find_layout(grid.head(SEARCHED).rows(), place, marks.merged)
    body = grid.slice(layout.body)
    tail = body.tail(SEARCHED).rows()
    dropped = trailing_notes(tail)
    below = ["; ".join(cell for cell in row if cell) for row in tail[len(tail) - dropped :] if any(row)]
    notes = list(layout.notes)
    if below:
        notes.append(below_note(below, place))
    body = body.head(len(body) - dropped)
    if body.is_empty():
        raise only_header(place, layout)
    names = name_columns(layout, [len(body) - column.null_count() for column in body], place, notes)
    beside = {at: [last.get(at, -1) >= layout.body for last in (marks.last_text, marks.last_number)] for at in names}
    frame, merged = spread(body, names, layout.body, marks.merged)
    return Table(
        file=place.file or "",
        sheet=place.sheet,
        frame=frame.lazy(),
        columns=tuple(names.values()),
        numbers=frozenset(name for at, name in names.items() if not beside[at][0]),
        mixed=frozenset(name for at, name in names.items() if all(beside[at])),
        first_row=layout.body + 1,
        unit=layout.unit,
        titles=layout.titles,
        depth=layout.depth,
        header_row=layout.header + 1,
        repeats=repeats_of(layout, names),
        merged=merged,
        notes=tuple(notes),
    )


def _chosen(names: list[str], sheet: str | None, place: Place) -> None:
    """Raise K501 if the workbook does not have the requested sheet."""
    if sheet is not None and sheet not in names:
        message = Message("the workbook has no sheet `{sheet}`", sheet=sheet)
        hint = suggest(sheet, names) or Message("it has {sheets}", sheets=tuple(f"`{name}`" for name in names))
        raise DataError(Diagnostic("K501", message, place, hint))


_Sheets = Iterator[tuple[str, bool, pl.DataFrame | None, Marks]]


def _xlsx(path: Path, place: Place, sheet: str | None) -> _Sheets:
    """Yield name, visibility, grid and marks of the sheets of an .xlsx workbook; no grid when hidden or blank."""
    fastexcel = _imported("fastexcel", place)
    try:
        with zipfile.ZipFile(path) as archive:
            sheets = sheets_of(archive, place)
            _chosen([one.name for one in sheets], sheet, place)
            _check_room(archive, [one.part for one in sheets if one.visible or one.name == sheet], place)
            styles = percent_styles(archive)
            reader = None
            for one in sheets:
                if sheet is not None and one.name != sheet:
                    continue
                marks = Marks()
                if one.visible or sheet is not None:
                    with archive.open(one.part) as stream:
                        marks = marks_of(stream, styles, replace(place, sheet=one.name))
                if not marks.rows:
                    yield one.name, one.visible, None, marks
                    continue
                reader = reader or fastexcel.read_excel(path)
                # Without these keywords the reader drops blank rows at the top.
                options = {"header_row": None, "skip_rows": 0, "whitespace_as_null": True}
                loaded = reader.load_sheet(one.name, dtypes="string", **options)
                floats = reader.load_sheet(one.name, dtypes="float", **options)
                values = _exact(loaded.to_polars(), floats.to_polars())
                positions = [column.absolute_index for column in loaded.selected_columns]
                yield one.name, one.visible, _shown(values, positions, marks), marks
    except OSError as error:
        # A directory that points before the first byte of the file; other system errors are not about the workbook.
        if error.errno != errno.EINVAL:
            raise
        raise _damaged(ValueError(Message("a part lies outside the file")), place) from None
    except (fastexcel.FastExcelError, *UNZIPPED, zlib.error, LookupError, SyntaxError, ValueError) as error:
        raise _damaged(error, place) from None


def _check_room(archive: zipfile.ZipFile, parts: list[str], place: Place) -> None:
    """Raise K509 if the sheets take more memory than is available, by the sizes in the ZIP directory."""
    sizes = {one.filename: one.file_size for one in archive.infolist()}
    unpacked = sum(sizes.get(part, 0) for part in [*parts, "xl/sharedStrings.xml"])
    needed, room = unpacked * _GROWTH, available()
    if room is not None and needed > room:
        message = Message(
            "the sheets unpack to {unpacked:,} bytes and take about {needed}, {room} is left",
            unpacked=unpacked,
            needed=gigabytes(needed),
            room=gigabytes(room),
        )
        raise DataError(Diagnostic("K509", message, place, Message("save the sheets as CSV, which is read in pieces")))


def _exact(texts: pl.DataFrame, floats: pl.DataFrame) -> pl.DataFrame:
    """Restore all digits of figures, which the reader cuts to nine decimals (1e-12 becomes 0)."""
    columns = []
    for text, number in zip(texts, floats, strict=True):
        cut = text.cast(pl.Float64, strict=False) != number
        columns.append(number.cast(pl.String).zip_with(cut.fill_null(value=False), text).alias(text.name))
    return pl.DataFrame(columns)


def _shown(values: pl.DataFrame, positions: list[int], marks: Marks) -> pl.DataFrame:
    """Return the grid from column A on, with percents, errors and formulas as displayed."""
    height = max(len(values), marks.rows)
    by_position = dict(zip(positions, values, strict=True))
    touched: dict[int, dict[int, str]] = {}
    for (row, column), text in marks.texts.items():
        touched.setdefault(column, {})[row] = text
    for row, column in marks.percent:
        cell = by_position[column][row] if column in by_position and row < len(values) else None
        if cell is not None:
            touched.setdefault(column, {})[row] = _percent(cell)
    columns = []
    for at in range(max([*positions, *touched], default=-1) + 1):
        cells = by_position.get(at, pl.Series(dtype=pl.String)).str.strip_suffix(" 00:00:00")
        if at in touched or len(cells) < height:
            listed = [*cells.to_list(), *[None] * (height - len(cells))]
            for row, text in touched.get(at, {}).items():
                listed[row] = text
            cells = pl.Series(listed, dtype=pl.String)
        columns.append(cells.alias(str(at)))
    return pl.DataFrame(columns)


def _percent(cell: str) -> str:
    """Format the fraction of a percent cell as displayed.

    >>> _percent("0.125"), _percent("1"), _percent("0.07"), _percent("n/a")
    ('12.5%', '100%', '7%', 'n/a')
    """
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cell):
        return cell
    text = f"{Decimal(cell).scaleb(2):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def _xls(path: Path, place: Place, sheet: str | None) -> _Sheets:
    """Yield name, visibility, grid and marks of the sheets of an .xls workbook; no grid when hidden or blank."""
    xlrd = _imported("xlrd", place)
    try:
        book = xlrd.open_workbook(path, formatting_info=True, logfile=io.StringIO())
        _chosen(book.sheet_names(), sheet, place)
        for one in book.sheets():
            if sheet is not None and one.name != sheet:
                continue
            visible = one.visibility == 0
            if not (one.nrows and (visible or sheet is not None)):
                yield one.name, visible, None, Marks()
                continue
            merged = [(top, left, bottom - 1, right - 1) for top, bottom, left, right in one.merged_cells]
            columns = [
                pl.Series(str(at), [_xls_cell(xlrd, book, cell) for cell in one.col(at)], dtype=pl.String)
                for at in range(one.ncols)
            ]
            last = [{kind: row for row, kind in enumerate(one.col_types(at))} for at in range(one.ncols)]
            texts, numbers = (
                {at: rows[kind] for at, rows in enumerate(last) if kind in rows}
                for kind in (xlrd.XL_CELL_TEXT, xlrd.XL_CELL_NUMBER)
            )
            marks = Marks(merged=merged, last_text=texts, last_number=numbers, rows=one.nrows, columns=one.ncols)
            yield one.name, visible, pl.DataFrame(columns), marks
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - xlrd raises any exception on a damaged workbook
        raise _damaged(error, place) from None


def _damaged(error: Exception, place: Place) -> DataError:
    """Return the error (K503) for a damaged workbook."""
    message = Message("the workbook is damaged: {error}", error=cause(error))
    return DataError(Diagnostic("K503", message, place, Message("save it again in Excel or WPS, as .xlsx")))


def _xls_cell(xlrd: Any, book: Any, cell: Any) -> str | None:
    """Return the text of one cell of an .xls workbook."""
    if cell.ctype == xlrd.XL_CELL_TEXT:
        return cell.value if cell.value.strip() else None
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        text = str(int(cell.value)) if cell.value.is_integer() and abs(cell.value) < 1e15 else repr(cell.value)
        code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
        return _percent(text) if is_percent(code) else text
    if cell.ctype == xlrd.XL_CELL_DATE:
        return str(xlrd.xldate_as_datetime(cell.value, book.datemode)).removesuffix(" 00:00:00")
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return "true" if cell.value else "false"
    return xlrd.error_text_from_code[cell.value] if cell.ctype == xlrd.XL_CELL_ERROR else None


def _imported(name: str, place: Place) -> ModuleType:
    """Import the package of a reader.

    Raises:
        DataError: K510 it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        message = Message("reading an Excel workbook needs the package `{name}`", name=name)
        hint = Message("pip install {name}, or save the sheet as CSV", name=name)
        raise DataError(Diagnostic("K510", message, place, hint)) from None
