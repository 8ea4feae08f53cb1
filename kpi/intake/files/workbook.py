"""Excel workbooks: the values by a fast reader, what the cells show by their marks, one table a sheet.

Cells become the text that a user sees where that decides their meaning: `12.5%` and not 0.125, `#DIV/0!` and not a
blank; dates are ISO, figures have all their digits. The readers are extras of this package and imported when needed.
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
from kpi.intake.files.table import Table
from kpi.intake.files.table_layout import SEARCHED, find_layout, trailing_notes
from kpi.intake.files.workbook_xml import Marks, is_percent, marks_of, percent_styles, sheets_of
from kpi.process.memory import available, gigabytes

# What a sheet without a table may lack while the workbook's other sheets are read.
_NO_TABLE = {"K504", "K505"}

#: How many bytes of memory each byte of a sheet's XML takes, at most, while it is read (measured: 3.5).
_GROWTH = 4


def read_workbook(path: Path, kind: str, place: Place, *, sheet: str | None = None) -> tuple[Table, ...]:
    """Returns the tables of a workbook (`kind` xlsx or xls), one a visible sheet, or of the one sheet that is named.

    Hidden and blank sheets are left out with a note, and so are sheets without a table when others have one. What is
    wrong with a sheet beside others, which may only lack the names that another has, is an error among the notes of the
    first table.

    Raises:
        DataError: K501 no such sheet, K502 no sheet with cells, K503 damaged, K509 too large, K510 a package is
            missing, and what `find_layout` raises, where no sheet can be read.
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
    """Returns whether a sheet without names of columns seems to go on with another, whose figures would be lost."""
    width = widths.get(finding.place.sheet or "")
    return finding.code == "K504" and finding.place.row == 1 and width in [widths[one.sheet or ""] for one in tables]


def _table(grid: pl.DataFrame, marks: Marks, place: Place) -> Table:
    """Returns the table on one sheet; `grid` has a column of text for each of the sheet's, from A, and all its rows."""
    layout = find_layout(grid.head(SEARCHED).rows(), place, marks.merged)
    body = grid.slice(layout.body)
    tail = body.tail(SEARCHED).rows()
    dropped = trailing_notes(tail)
    said = ["; ".join(cell for cell in row if cell) for row in tail[len(tail) - dropped :] if any(row)]
    notes = list(layout.notes)
    if said:
        notes.append(below_note(said, place))
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
    """Raises K501 when the workbook lacks the sheet that is asked for."""
    if sheet is not None and sheet not in names:
        message = Message("the workbook has no sheet `{sheet}`", sheet=sheet)
        hint = suggest(sheet, names) or Message("it has {sheets}", sheets=tuple(f"`{name}`" for name in names))
        raise DataError(Diagnostic("K501", message, place, hint))


_Sheets = Iterator[tuple[str, bool, pl.DataFrame | None, Marks]]


def _xlsx(path: Path, place: Place, sheet: str | None) -> _Sheets:
    """Yields name, visibility, grid and marks of the sheets of an .xlsx workbook; no grid when hidden or blank."""
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
                # With fewer keywords the reader leaves out blank rows at the top.
                options = {"header_row": None, "skip_rows": 0, "whitespace_as_null": True}
                loaded = reader.load_sheet(one.name, dtypes="string", **options)
                floats = reader.load_sheet(one.name, dtypes="float", **options)
                values = _exact(loaded.to_polars(), floats.to_polars())
                positions = [column.absolute_index for column in loaded.selected_columns]
                yield one.name, one.visible, _shown(values, positions, marks), marks
    except OSError as error:
        # A directory that points before the file's first byte; other errors of the system are not the workbook's.
        if error.errno != errno.EINVAL:
            raise
        raise _damaged(ValueError(Message("a part lies outside the file")), place) from None
    except (fastexcel.FastExcelError, *UNZIPPED, zlib.error, LookupError, SyntaxError, ValueError) as error:
        raise _damaged(error, place) from None


def _check_room(archive: zipfile.ZipFile, parts: list[str], place: Place) -> None:
    """Raise K509 when the sheets of a workbook take more memory than can be had, by the sizes that its ZIP states."""
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
    """Returns the texts with all digits of the figures, which the reader cuts to nine decimals (1e-12 becomes 0)."""
    columns = []
    for text, number in zip(texts, floats, strict=True):
        cut = text.cast(pl.Float64, strict=False) != number
        columns.append(number.cast(pl.String).zip_with(cut.fill_null(value=False), text).alias(text.name))
    return pl.DataFrame(columns)


def _shown(values: pl.DataFrame, positions: list[int], marks: Marks) -> pl.DataFrame:
    """Returns the grid from column A on, with percents, errors and formulas as users see them."""
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
    """Returns the percent that a cell shows whose value is a fraction.

    >>> _percent("0.125"), _percent("1"), _percent("0.07"), _percent("n/a")
    ('12.5%', '100%', '7%', 'n/a')
    """
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cell):
        return cell
    text = f"{Decimal(cell).scaleb(2):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def _xls(path: Path, place: Place, sheet: str | None) -> _Sheets:
    """Yields name, visibility, grid and marks of the sheets of an .xls workbook; no grid when hidden or blank."""
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
    except Exception as error:  # noqa: BLE001 - a damaged workbook makes xlrd raise whatever it met
        raise _damaged(error, place) from None


def _damaged(error: Exception, place: Place) -> DataError:
    """Returns the refusal of a workbook that a reader stumbled over."""
    said = str(error).strip().splitlines()
    message = Message("the workbook is damaged: {error}", error=said[0][:200] if said else type(error).__name__)
    return DataError(Diagnostic("K503", message, place, Message("save it again in Excel or WPS, as .xlsx")))


def _xls_cell(xlrd: Any, book: Any, cell: Any) -> str | None:
    """Returns the text of one cell of an .xls workbook."""
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
    """Returns a reader that only Excel needs.

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
