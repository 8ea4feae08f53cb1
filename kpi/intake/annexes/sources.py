"""Files to grids of cells: the sheets of workbooks, the tables of documents, and delimited text."""

from __future__ import annotations

import csv
import importlib
import io
import os
import zipfile
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, suggest
from kpi.intake.annexes.documents import read_document
from kpi.intake.annexes.grids import MOST_ROWS, Grid, grid_of
from kpi.intake.files.delimited import delimiter_of, long_cells
from kpi.intake.files.encoding import UNZIPPED, Packing, as_utf8, beginning, is_xls, is_xlsx, packing, unpacked
from kpi.intake.files.number_formats import number_format
from kpi.intake.files.sources import irregular
from kpi.intake.files.table import cause
from kpi.intake.files.workbook_xml import Marks, marks_of, sheets_of, styles_of


def read_grids(path: Path) -> list[Grid]:
    """Return the sheets or tables of a file: xlsx, xls, docx, or delimited text of any encoding.

    Raises:
        DataError: K501 no such file, K502 nothing in it, K503 damaged or of another format, K507 undecodable, K509 too
            large, K510 a package is missing, K511 locked.
    """
    place = Place(str(path))
    if not path.is_file():
        if os.path.lexists(path) and not path.is_dir():
            raise DataError(irregular(path, place))
        near = suggest(path.name, [item.name for item in path.parent.glob("*")]) if path.parent.is_dir() else None
        raise DataError(Diagnostic("K501", Message("there is no such file"), place, near))
    head = beginning(path, place)
    if _is_document(path, head):
        grids = read_document(path, place)
    elif is_xlsx(path, head):
        grids = _workbook(path, place)
    elif is_xls(path, head):
        grids = _old_workbook(path, place)
    else:
        grids = [_delimited(path, place, packing(path, head, place))]
    grids = [grid for grid in grids if any(any(row) for row in grid.rows)]
    if not grids:
        raise DataError(Diagnostic("K502", Message("the file has no cells"), place))
    return grids


def _is_document(path: Path, head: bytes) -> bool:
    if path.suffix.casefold() == ".docx":
        return True
    if not head.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "word/document.xml" in archive.namelist()
    except (OSError, *UNZIPPED):
        return False


def _workbook(path: Path, place: Place) -> list[Grid]:
    """Return the visible sheets of a workbook; percents are as displayed."""
    fastexcel = _imported("fastexcel", place)
    grids = []
    try:
        with zipfile.ZipFile(path) as archive:
            styles = styles_of(archive)
            reader = fastexcel.read_excel(path)
            for sheet in sheets_of(archive, place):
                where = replace(place, sheet=sheet.name)
                if not sheet.visible:
                    continue
                with archive.open(sheet.part) as stream:
                    marks = marks_of(stream, styles, where)
                if marks.rows:
                    loaded = reader.load_sheet(sheet.name, header_row=None, skip_rows=0, dtypes="string")
                    columns = {column.absolute_index: column.name for column in loaded.selected_columns}
                    frame = loaded.to_polars()
                    texts = {at: frame[name].to_list() for at, name in columns.items()}
                    grids.append(grid_of(where, _cells(texts, marks), marks.merged))
    except (fastexcel.FastExcelError, *UNZIPPED, zlib.error, LookupError, SyntaxError, ValueError) as error:
        raise _damaged(error, place) from None
    return grids


def _old_workbook(path: Path, place: Place) -> list[Grid]:
    """Return the visible sheets of a workbook of Excel before 2007."""
    xlrd = _imported("xlrd", place)
    try:
        book = xlrd.open_workbook(path, formatting_info=True, logfile=io.StringIO())
        grids = []
        for sheet in book.sheets():
            if sheet.visibility == 0 and sheet.nrows:
                cells = [
                    [_old_cell(xlrd, book, cell) for cell in sheet.row(row)]
                    for row in range(min(sheet.nrows, MOST_ROWS))
                ]
                merged = [(top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells]
                grids.append(grid_of(replace(place, sheet=sheet.name), cells, merged))
    except Exception as error:  # noqa: BLE001 - xlrd raises any exception on a damaged workbook
        raise _damaged(error, place) from None
    return grids


def _old_cell(xlrd: Any, book: Any, cell: Any) -> str | None:
    """Return the text of a cell of an .xls workbook; dates and errors are no part of an annex."""
    if cell.ctype == xlrd.XL_CELL_TEXT:
        return str(cell.value)
    if cell.ctype != xlrd.XL_CELL_NUMBER:
        return None
    text = f"{cell.value:.12g}"
    shown = number_format(book.format_map[book.xf_list[cell.xf_index].format_key].format_str)
    return text if shown is None else shown.shown(text)


def _imported(name: str, place: Place) -> ModuleType:
    """Import the package of a reader.

    Raises:
        DataError: K510 it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        message = Message("reading an Excel workbook needs the package `{name}`", name=name)
        hint = Message("pip install {name}, or save the sheet as CSV", name=name)
        raise DataError(Diagnostic("K510", message, place, hint)) from None


def _damaged(error: Exception, place: Place) -> DataError:
    message = Message("the workbook is damaged: {error}", error=cause(error))
    return DataError(Diagnostic("K503", message, place, Message("save it again in Excel or WPS, as .xlsx")))


def _cells(texts: dict[int, list[str | None]], marks: Marks) -> list[list[str | None]]:
    """Return the rows of a sheet from the texts of its columns, percents, units and errors as displayed."""
    height = min(max([marks.rows, *map(len, texts.values())]), MOST_ROWS)
    width = max([*texts, *(column for _, column in marks.texts)], default=-1) + 1
    rows: list[list[str | None]] = [[None] * width for _ in range(height)]
    for at, cells in texts.items():
        for row, text in enumerate(cells[:height]):
            look = None if text is None else marks.formats.get((row, at))
            rows[row][at] = text if text is None or look is None else look.shown(text)
    for (row, at), shown in marks.texts.items():
        if row < height and at < width:
            rows[row][at] = shown
    return rows


def _delimited(path: Path, place: Place, packed: Packing | None) -> Grid:
    # The unpacked file is there as long as the object is.
    scratch = None if packed is None else unpacked(path, packed, place)
    text = as_utf8(path if scratch is None else scratch.path, place)
    content = text.path.read_text("utf-8-sig")
    with long_cells():
        try:
            rows = list(csv.reader(content.splitlines(keepends=True), delimiter=delimiter_of(content)))
        except csv.Error as error:
            raise DataError(Diagnostic("K503", Message("the file is damaged: {error}", error=error), place)) from None
    return grid_of(place, rows[:MOST_ROWS])
