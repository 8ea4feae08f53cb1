"""Excel workbooks: values from a fast reader, formats and errors from the XML or binary parts.

Cells are read as displayed where that decides their meaning: `12.5%` and not 0.125, `12万件` and not 12, `#DIV/0!` and
not a blank; dates are ISO, figures have all their digits. The readers are optional dependencies, imported when needed.
"""

from __future__ import annotations

import errno
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files import workbook_binary, workbook_xml
from kpi.intake.files.choice import EVERYTHING, Selection
from kpi.intake.files.encoding import UNZIPPED
from kpi.intake.files.number_formats import NumberFormat, number_format
from kpi.intake.files.packages import imported
from kpi.intake.files.sheets import SheetCells, tables_of
from kpi.intake.files.table import Table, cause
from kpi.intake.files.workbook_xml import Marks
from kpi.process.memory import available, gigabytes

#: The most bytes of memory per byte of a sheet's XML while it is read (measured: 3.5).
_GROWTH = 4


def read_workbook(path: Path, kind: str, place: Place, selection: Selection = EVERYTHING) -> tuple[Table, ...]:
    """Read a workbook (`kind` xlsx, xls or xlsb): one table for each sheet that is read, see `sheets.tables_of`.

    Raises:
        DataError: K501 no such sheet, K502 no sheet with cells, K503 damaged, K509 too large, K510 a package is
            missing, and as `find_layout` if no sheet is readable.
    """
    sheets = (_xls if kind == "xls" else _xlsx)(path, place, selection)
    return tables_of(sheets, place, selection)


def _xlsx(path: Path, place: Place, selection: Selection) -> Iterator[SheetCells]:
    """Yield the sheets of a workbook of Excel since 2007, of XML parts or binary ones; without cells if not read."""
    fastexcel = imported("fastexcel", "excel", Message("an Excel workbook"), place)
    try:
        with zipfile.ZipFile(path) as archive:
            binary = "xl/workbook.bin" in archive.namelist()
            sheets = (workbook_binary if binary else workbook_xml).sheets_of(archive, place)
            selection.check([entry.name for entry in sheets], place)
            chosen = {entry.name for entry in sheets if selection.reads(entry.name, visible=entry.visible)}
            _check_room(archive, [entry.part for entry in sheets if entry.name in chosen], place)
            styles = (workbook_binary if binary else workbook_xml).styles_of(archive)
            reader = None
            for item in sheets:
                if selection.sheet is not None and item.name != selection.sheet:
                    continue
                marks = Marks()
                if item.name in chosen:
                    with archive.open(item.part) as stream:
                        where = replace(place, sheet=item.name)
                        marks = (workbook_binary if binary else workbook_xml).marks_of(stream, styles, where)
                    marks.tables = () if binary else workbook_xml.tables_of(archive, item.part)
                if not marks.rows:
                    yield SheetCells(item.name, item.visible, None, marks)
                    continue
                # The reader goes by the suffix, which may be another's.
                named = path.suffix.lower() == (".xlsb" if binary else ".xlsx")
                reader = reader or fastexcel.read_excel(path if named else path.read_bytes())
                # Without these keywords the reader drops blank rows at the top.
                options = {"header_row": None, "skip_rows": 0, "whitespace_as_null": True}
                loaded = reader.load_sheet(item.name, dtypes="string", **options)
                floats = reader.load_sheet(item.name, dtypes="float", **options)
                values = _exact(loaded.to_polars(), floats.to_polars())
                positions = [column.absolute_index for column in loaded.selected_columns]
                yield SheetCells(item.name, item.visible, _shown(values, positions, marks), marks, item.titles)
    except OSError as error:
        # A directory that points before the first byte of the file; other system errors are not about the workbook.
        if error.errno != errno.EINVAL:
            raise
        raise _damaged(ValueError(Message("a part lies outside the file")), place) from None
    except (fastexcel.FastExcelError, *UNZIPPED, zlib.error, LookupError, SyntaxError, ValueError) as error:
        raise _damaged(error, place) from None


def _check_room(archive: zipfile.ZipFile, parts: list[str], place: Place) -> None:
    """Raise K509 if the sheets take more memory than is available, by the sizes in the ZIP directory."""
    sizes = {item.filename: item.file_size for item in archive.infolist()}
    unpacked = sum(sizes.get(part, 0) for part in [*parts, "xl/sharedStrings.xml", "xl/sharedStrings.bin"])
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
    """Return the grid from column A on, with percents, units, errors and formulas as displayed."""
    height = max(len(values), marks.rows)
    by_position = dict(zip(positions, values, strict=True))
    touched: dict[int, dict[int, str]] = {}
    for (row, column), text in marks.texts.items():
        touched.setdefault(column, {})[row] = text
    for (row, column), shown in marks.formats.items():
        cell = by_position[column][row] if column in by_position and row < len(values) else None
        if cell is not None:
            touched.setdefault(column, {})[row] = shown.shown(cell)
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


def _xls(path: Path, place: Place, selection: Selection) -> Iterator[SheetCells]:
    """Yield the sheets of an .xls workbook; without cells if blank or not read."""
    xlrd = imported("xlrd", "excel", Message("an Excel workbook"), place)
    try:
        book = xlrd.open_workbook(path, formatting_info=True, logfile=io.StringIO())
        selection.check(book.sheet_names(), place)
        for sheet in book.sheets():
            if selection.sheet is not None and sheet.name != selection.sheet:
                continue
            visible = sheet.visibility == 0
            if not (sheet.nrows and selection.reads(sheet.name, visible=visible)):
                yield SheetCells(sheet.name, visible, None, Marks())
                continue
            merged = [(top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells]
            formats: dict[tuple[int, int], NumberFormat] = {}
            columns = [
                pl.Series(
                    str(at),
                    [_xls_cell(xlrd, book, cell, (row, at), formats) for row, cell in enumerate(sheet.col(at))],
                    dtype=pl.String,
                )
                for at in range(sheet.ncols)
            ]
            last = [{kind: row for row, kind in enumerate(sheet.col_types(at))} for at in range(sheet.ncols)]
            texts, numbers = (
                {at: rows[kind] for at, rows in enumerate(last) if kind in rows}
                for kind in (xlrd.XL_CELL_TEXT, xlrd.XL_CELL_NUMBER)
            )
            marks = Marks(
                merged=merged,
                formats=formats,
                last_text=texts,
                last_number=numbers,
                rows=sheet.nrows,
                columns=sheet.ncols,
                hidden={row for row, info in sheet.rowinfo_map.items() if info.hidden},
                hidden_columns={column for column, info in sheet.colinfo_map.items() if info.hidden},
                frozen=sheet.horz_split_pos - 1 if sheet.panes_are_frozen and sheet.horz_split_pos else None,
            )
            yield SheetCells(sheet.name, visible, pl.DataFrame(columns), marks)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - xlrd raises any exception on a damaged workbook
        raise _damaged(error, place) from None


def _damaged(error: Exception, place: Place) -> DataError:
    """Return the error (K503) for a damaged workbook."""
    message = Message("the workbook is damaged: {error}", error=cause(error))
    return DataError(Diagnostic("K503", message, place, Message("save it again in Excel or WPS, as .xlsx")))


def plain_number(value: float) -> str:
    """Write a number with all its digits, a whole one without a point.

    >>> plain_number(12.0), plain_number(0.1), plain_number(1e20)
    ('12', '0.1', '1e+20')
    """
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _xls_cell(
    xlrd: Any, book: Any, cell: Any, at: tuple[int, int], formats: dict[tuple[int, int], NumberFormat]
) -> str | None:
    """Return the text of one cell of an .xls workbook; `formats` gets its format if that shows more than the number."""
    if cell.ctype == xlrd.XL_CELL_TEXT:
        return cell.value if cell.value.strip() else None
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        text = plain_number(cell.value)
        shown = number_format(book.format_map[book.xf_list[cell.xf_index].format_key].format_str)
        if shown is None:
            return text
        formats[at] = shown
        return shown.shown(text)
    if cell.ctype == xlrd.XL_CELL_DATE:
        return str(xlrd.xldate_as_datetime(cell.value, book.datemode)).removesuffix(" 00:00:00")
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return "true" if cell.value else "false"
    return xlrd.error_text_from_code[cell.value] if cell.ctype == xlrd.XL_CELL_ERROR else None
