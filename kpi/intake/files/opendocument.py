"""OpenDocument spreadsheets (.ods): one streaming pass over their XML gives cells as displayed and their marks."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import IO
from xml.parsers import expat

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.choice import Selection
from kpi.intake.files.encoding import MOST_UNPACKED, UNZIPPED, check_growth
from kpi.intake.files.number_formats import NumberFormat, displayed, number_format
from kpi.intake.files.sheets import SheetCells, selected, tables_of
from kpi.intake.files.table import Table, cause
from kpi.intake.files.workbook import plain_number
from kpi.intake.files.workbook_xml import MOST_CELLS, MOST_COLUMNS, Marks, too_large
from kpi.process.memory import available

_CHUNK = 1 << 18
#: The bytes that a cell takes while a sheet is read.
_CELL = 250
#: Notes and drawings in a cell, whose text is not that of the cell.
_BESIDE = {"annotation", "shape", "frame", "custom-shape", "tracked-changes"}
_HIDDEN = {"collapse", "filter"}
_PERCENT = number_format("0%")


def read_opendocument(path: Path, place: Place, selection: Selection) -> tuple[Table, ...]:
    """Read an OpenDocument spreadsheet: one table for each sheet that is read, see `sheets.tables_of`.

    Raises:
        DataError: K501 no such sheet, K502 no sheet with cells, K503 damaged, K509 too large, K511 locked, and as
            `find_layout` if no sheet is readable.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            check_growth(sum(part.file_size for part in parts), sum(part.compress_size for part in parts), place)
            if b"encryption-data" in archive.read("META-INF/manifest.xml")[: 1 << 20]:
                hint = Message("remove the password and save it again")
                raise DataError(Diagnostic("K511", Message("the workbook is locked with a password"), place, hint))
            with archive.open("content.xml") as stream:
                sheets = _Reader(place).sheets(stream)
    except (expat.ExpatError, *UNZIPPED, zlib.error, LookupError, ValueError) as error:
        message = Message("the workbook is damaged: {error}", error=cause(error))
        raise DataError(
            Diagnostic("K503", message, place, Message("save it again in Excel or WPS, as .xlsx"))
        ) from None
    selection.check([sheet.name or "" for sheet in sheets], place)
    return tables_of(selected(sheets, selection), place, selection)


class _Reader:
    """The state of the parser: the sheets so far, the current one, its current cell."""

    def __init__(self, place: Place) -> None:
        self.place = place
        room = available()
        self.most = MOST_CELLS if room is None else min(MOST_CELLS, room // _CELL)
        self.done: list[SheetCells] = []
        self.hidden_styles: set[str] = set()
        self.style = ""
        self.depth = 0
        self.beside = 0
        self.cell: dict[str, str] | None = None
        self.text: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.refuse

    def sheets(self, stream: IO[bytes]) -> list[SheetCells]:
        """Return the sheets of the XML in a stream."""
        total = 0
        while chunk := stream.read(_CHUNK):
            total += len(chunk)
            if total > MOST_UNPACKED:
                raise too_large(Marks(), self.place)
            self.parser.Parse(chunk, False)  # noqa: FBT003 - the signature of expat
        self.parser.Parse(b"", True)  # noqa: FBT003 - the signature of expat
        return self.done

    def refuse(self, *_: object) -> None:
        """Reject document types: spreadsheets have none, attacks on parsers do."""
        raise expat.ExpatError(Message("it declares a document type"))

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        name = tag.rpartition(":")[2]
        own = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        if self.beside or name in _BESIDE:
            self.beside += 1
        elif name == "style":
            self.style = own.get("name", "")
        elif name == "table-properties" and own.get("display") == "false":
            self.hidden_styles.add(self.style)
        elif name == "table":
            self.depth += 1
            if self.depth == 1:
                self.start_of_sheet(own)
        elif self.depth == 1:
            self.start_within(name, own)

    def start_of_sheet(self, own: dict[str, str]) -> None:
        """Begin a sheet."""
        self.name, self.visible = own.get("name", ""), own.get("style-name") not in self.hidden_styles
        self.marks, self.cells = Marks(), dict[int, dict[int, str]]()
        self.row = self.column = -1
        self.columns_seen, self.repeat = 0, 1
        self.filled: dict[int, tuple[str, str, NumberFormat | None]] = {}
        self.row_hidden = False

    def start_within(self, name: str, own: dict[str, str]) -> None:
        """Handle the start of an element of a sheet."""
        if name == "table-column":
            many = min(int(own.get("number-columns-repeated", "1")), MOST_COLUMNS)
            if own.get("visibility") in _HIDDEN:
                self.marks.hidden_columns.update(range(self.columns_seen, self.columns_seen + many))
            self.columns_seen = min(self.columns_seen + many, MOST_COLUMNS)
        elif name == "table-row":
            self.row += 1
            self.column = 0
            self.repeat = int(own.get("number-rows-repeated", "1"))
            self.filled = {}
            self.row_hidden = own.get("visibility") in _HIDDEN
        elif name in {"table-cell", "covered-table-cell"}:
            self.cell, self.text = own | {"covered": name[0] if name[0] == "c" else ""}, []
        elif self.cell is not None:
            if name == "p" and self.text:
                self.text.append("\n")
            elif name == "s":
                self.text.append(" " * min(int(own.get("c", "1")), 1000))
            elif name in {"tab", "line-break"}:
                self.text.append("\t" if name == "tab" else "\n")

    def characters(self, text: str) -> None:
        """Collect the text of a cell."""
        if self.cell is not None and not self.beside:
            self.text.append(text)

    def end(self, tag: str) -> None:
        """Handle the end of an element."""
        if self.beside:
            self.beside -= 1
            return
        name = tag.rpartition(":")[2]
        if name == "table":
            self.depth -= 1
            if self.depth == 0:
                self.done.append(self.sheet())
        elif self.depth != 1:
            return
        elif name in {"table-cell", "covered-table-cell"} and self.cell is not None:
            self.end_of_cell(self.cell)
            self.cell = None
        elif name == "table-row":
            self.end_of_row()

    def end_of_cell(self, cell: dict[str, str]) -> None:
        """Note the content of a cell, and of those that repeat it."""
        many = int(cell.get("number-columns-repeated", "1"))
        kind, text, shown = _content(cell, "".join(self.text))
        if text is not None and not cell["covered"]:
            if self.column + many > MOST_COLUMNS:
                self.marks.rows, self.marks.columns = self.row + self.repeat, self.column + many
                raise too_large(self.marks, self.place)
            for at in range(self.column, self.column + many):
                self.filled[at] = kind, text, shown
        down, right = int(cell.get("number-rows-spanned", "1")), int(cell.get("number-columns-spanned", "1"))
        if (down > 1 or right > 1) and text is not None:
            self.marks.merged.append((self.row, self.column, self.row + down - 1, self.column + right - 1))
        self.column += many

    def end_of_row(self) -> None:
        """Enter the cells of a row, as often as it is repeated; many blank rows may stand for the rest of a sheet."""
        marks, first = self.marks, self.row
        self.row += self.repeat - 1
        if not self.filled:
            return
        marks.rows, marks.columns = self.row + 1, max(marks.columns, max(self.filled) + 1)
        if marks.rows * marks.columns > self.most:
            raise too_large(marks, self.place)
        for at in range(first, self.row + 1):
            if self.row_hidden:
                marks.hidden.add(at)
            for column, (kind, text, shown) in self.filled.items():
                self.cells.setdefault(column, {})[at] = text
                if shown is not None:
                    marks.formats[at, column] = shown
                if kind != "boolean":
                    (marks.last_number if kind == "number" else marks.last_text)[column] = at

    def sheet(self) -> SheetCells:
        """Return the sheet that has ended."""
        marks = self.marks
        if not marks.rows:
            return SheetCells(self.name, self.visible, None, marks)
        columns = []
        for at in range(marks.columns):
            cells = self.cells.get(at, {})
            columns.append(pl.Series(str(at), [cells.get(row) for row in range(marks.rows)], dtype=pl.String))
        return SheetCells(self.name, self.visible, pl.DataFrame(columns), marks)


def _content(cell: dict[str, str], text: str) -> tuple[str, str | None, NumberFormat | None]:
    """Return the kind of a cell (number, boolean, text), what it shows, and the format of its number.

    A figure has all its digits; the format is None where it shows the number alone.

    >>> percent, plain = {"value-type": "percentage", "value": "0.125"}, {"value-type": "float", "value": "1234.50"}
    >>> day = {"value-type": "date", "date-value": "2024-03-31T00:00:00"}
    >>> [_content(*cell)[:2] for cell in ((percent, "13%"), (plain, "1,235"), (plain, "1,235万件"), (day, "3月"))]
    [('number', '12.5%'), ('number', '1234.5'), ('number', '1234.5万件'), ('text', '2024-03-31')]
    """
    kind = cell.get("value-type", "")
    shown = text if text.strip() else None
    if kind in {"float", "currency", "percentage"} and "value" in cell:
        # A formula that failed is a number of 0 by its type, and an error by what it shows.
        if shown is not None and shown.startswith(("#", "Err:")):
            return "text", shown if shown.startswith("#") else "#VALUE!", None
        number = plain_number(float(cell["value"]))
        look = _PERCENT if kind == "percentage" else None if shown is None else displayed(number, shown)
        return "number", number if look is None else look.shown(number), look
    if kind == "boolean":
        return "boolean", cell.get("boolean-value", "false"), None
    if kind == "date" and "date-value" in cell:
        return "text", cell["date-value"].replace("T", " ").removesuffix(" 00:00:00"), None
    if kind == "string" and shown is None and "string-value" in cell:
        return "text", cell["string-value"] if cell["string-value"].strip() else None, None
    return "text", shown, None
