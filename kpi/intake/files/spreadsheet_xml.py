"""XML Spreadsheet 2003, which statistical systems hand out as .xls or .xml: one streaming pass gives cells and marks.

The format is Microsoft's (Office 2003 XML Reference Schemas, `urn:schemas-microsoft-com:office:spreadsheet`): a
`Worksheet` has a `Table` of `Row` and `Cell`, which may skip to an `Index`; the type and text of a cell are in `Data`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.choice import Selection
from kpi.intake.files.encoding import MOST_UNPACKED
from kpi.intake.files.number_formats import NumberFormat, number_format
from kpi.intake.files.sheets import SheetCells, selected, tables_of
from kpi.intake.files.table import Table, cause
from kpi.intake.files.workbook import plain_number
from kpi.intake.files.workbook_xml import MOST_CELLS, MOST_COLUMNS, Marks, too_large
from kpi.process.memory import available
from kpi.values.patterns import regex

_CHUNK = 1 << 18
#: The bytes that a cell takes while a sheet is read.
_CELL = 250
#: The number formats that have a name, as far as they show more than the number.
_NAMED = {"Percent": "0.00%"}
_BEGINS = regex(
    r"\s*(<\?xml[^>]*\?>)?\s*(<!--.*?-->\s*)*(<\?mso-application\s+progid=[\"']Excel\.Sheet[\"']\s*\?>|<(\w+:)?Workbook\b)",
    re.DOTALL,
)
_SPACE = "urn:schemas-microsoft-com:office:spreadsheet"


def is_spreadsheet(beginning: str) -> bool:
    """Return whether text begins like a workbook in XML Spreadsheet 2003.

    >>> is_spreadsheet("<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'>")
    True
    >>> is_spreadsheet("<?xml version='1.0'?><?mso-application progid='Excel.Sheet'?>"), is_spreadsheet("<Workbook>")
    (True, False)
    """
    match = _BEGINS.match(beginning.removeprefix("\ufeff"))
    return match is not None and (match[0].endswith("?>") or _SPACE in beginning)


def read_spreadsheet(path: Path, place: Place, selection: Selection) -> tuple[Table, ...]:
    """Read a workbook in UTF-8: one table for each sheet that is read, see `sheets.tables_of`.

    Raises:
        DataError: K501 no such sheet, K502 no sheet with cells, K503 damaged, K509 too large, and as `find_layout` if
            no sheet is readable.
    """
    try:
        sheets = _Reader(place).sheets(path)
    except (expat.ExpatError, ValueError, OverflowError) as error:
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
        self.formats: dict[str, NumberFormat | None] = {}
        self.style = ""
        self.within: list[str] = []
        self.cell: dict[str, str] | None = None
        self.kind, self.text = "", list[str]()
        self.option = ""
        self.starts: dict[str, Callable[[dict[str, str]], None]] = {
            "Style": self.start_of_style, "NumberFormat": self.number_format, "Worksheet": self.start_of_sheet,
            "Column": self.column_of_sheet, "Row": self.start_of_row, "Cell": self.start_of_cell,
            "Data": self.start_of_data,
        }  # fmt: skip
        self.start_of_sheet({})
        self.parser = expat.ParserCreate("UTF-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.refuse

    def sheets(self, path: Path) -> list[SheetCells]:
        """Return the sheets of a file."""
        total = 0
        with path.open("rb") as stream:
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

    # ---- ELEMENTS ---- #

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        name = tag.rpartition(":")[2]
        # A comment has a Data of its own, whose text is not that of the cell.
        if "Comment" not in self.within and (handler := self.starts.get(name)) is not None:
            handler({key.rpartition(":")[2]: value for key, value in attributes.items()})
        elif self.within and self.within[-1] == "WorksheetOptions":
            self.option, self.text = name, []
        self.within.append(name)

    def characters(self, text: str) -> None:
        """Collect the text of a cell or an option."""
        if self.option or (self.kind and "Comment" not in self.within):
            self.text.append(text)

    def end(self, _: str) -> None:
        """Handle the end of an element."""
        name = self.within.pop()
        if name == "Cell" and self.cell is not None:
            self.end_of_cell(self.cell)
            self.cell = None
        elif name == "Data" and "Comment" not in self.within:
            self.content, self.kind = (self.kind, "".join(self.text)), ""
        elif self.option and self.option == name:
            self.end_of_option(name, "".join(self.text).strip())
            self.option = ""
        elif name == "Worksheet":
            self.done.append(self.sheet())

    def start_of_style(self, own: dict[str, str]) -> None:
        """Begin a style, with the number format of its parent."""
        self.style = own.get("ID", "")
        self.formats[self.style] = self.formats.get(own.get("Parent", ""))

    def number_format(self, own: dict[str, str]) -> None:
        """Note the number format of a style."""
        code = own.get("Format", "General")
        self.formats[self.style] = number_format(_NAMED.get(code, code))

    def start_of_sheet(self, own: dict[str, str]) -> None:
        """Begin a sheet."""
        self.name, self.visible = own.get("Name", ""), True
        self.marks, self.cells = Marks(), dict[int, dict[int, str]]()
        self.row, self.column, self.next_column = -1, -1, 0
        self.span, self.row_style = 0, ""
        self.column_styles: dict[int, str] = {}
        self.frozen_rows = 0

    def column_of_sheet(self, own: dict[str, str]) -> None:
        """Note what holds for columns."""
        first = int(own.get("Index", self.next_column + 1)) - 1
        last = min(first + int(own.get("Span", "0")), MOST_COLUMNS)
        self.next_column = last + 1
        for at in range(first, last + 1):
            if own.get("Hidden") == "1":
                self.marks.hidden_columns.add(at)
            if "StyleID" in own:
                self.column_styles[at] = own["StyleID"]

    def start_of_row(self, own: dict[str, str]) -> None:
        """Begin a row, behind those that the row before stands for."""
        self.row = int(own["Index"]) - 1 if "Index" in own else self.row + 1 + self.span
        self.span, self.column, self.row_style = int(own.get("Span", "0")), -1, own.get("StyleID", "")
        if own.get("Hidden") == "1":
            self.marks.hidden.add(self.row)

    def start_of_cell(self, own: dict[str, str]) -> None:
        """Begin a cell."""
        self.column = int(own["Index"]) - 1 if "Index" in own else self.column + 1
        if min(self.row, self.column) < 0:
            raise ValueError(Message("a cell lies outside the sheet"))
        self.cell, self.content = own, ("", "")

    def start_of_data(self, own: dict[str, str]) -> None:
        """Begin the content of a cell."""
        self.kind, self.text = own.get("Type", "String"), []

    def end_of_cell(self, cell: dict[str, str]) -> None:
        """Enter the content of a cell, and the cells that it is merged over."""
        at = self.column
        down, right = int(cell.get("MergeDown", "0")), int(cell.get("MergeAcross", "0"))
        self.column += right
        style = cell.get("StyleID") or self.row_style or self.column_styles.get(at, "")
        kind, text = _content(*self.content)
        if text is None and "Formula" in cell and not self.content[0]:
            kind, text = "error", "=" + cell["Formula"].removeprefix("=")
        if text is None:
            return
        marks = self.marks
        marks.rows, marks.columns = max(marks.rows, self.row + 1), max(marks.columns, at + 1)
        if marks.rows * marks.columns > self.most or at >= MOST_COLUMNS:
            raise too_large(marks, self.place)
        if down or right:
            marks.merged.append((self.row, at, self.row + down, at + right))
        if kind == "number" and (shown := self.formats.get(style)) is not None:
            marks.formats[self.row, at] = shown
            text = shown.shown(text)
        if kind in {"number", "text"}:
            (marks.last_number if kind == "number" else marks.last_text)[at] = self.row
        self.cells.setdefault(at, {})[self.row] = text

    def end_of_option(self, name: str, text: str) -> None:
        """Note an option of the sheet."""
        if name == "Visible":
            self.visible = text not in {"SheetHidden", "SheetVeryHidden"}
        elif name == "SplitHorizontal" and text.isdigit():
            self.frozen_rows = int(text)
        elif name == "FreezePanes":
            self.marks.frozen = -1

    def sheet(self) -> SheetCells:
        """Return the sheet that has ended."""
        marks = self.marks
        marks.frozen = self.frozen_rows - 1 if marks.frozen is not None and self.frozen_rows else None
        if not marks.rows:
            return SheetCells(self.name, self.visible, None, marks)
        columns = []
        for at in range(marks.columns):
            cells = self.cells.get(at, {})
            columns.append(pl.Series(str(at), [cells.get(row) for row in range(marks.rows)], dtype=pl.String))
        return SheetCells(self.name, self.visible, pl.DataFrame(columns), marks)


def _content(kind: str, text: str) -> tuple[str, str | None]:
    """Return the kind of a cell (number, boolean, text, error) and what it shows, None where it is blank.

    >>> _content("Number", "1.0E-2"), _content("DateTime", "2024-03-31T00:00:00.000"), _content("Boolean", "1")
    (('number', '0.01'), ('text', '2024-03-31'), ('boolean', 'true'))
    >>> _content("Error", "#DIV/0!"), _content("String", " ")
    (('error', '#DIV/0!'), ('text', None))
    """
    if not text.strip():
        return "text", None
    if kind == "Number":
        return "number", plain_number(float(text))
    if kind == "Boolean":
        return "boolean", "true" if text.strip() in {"1", "true"} else "false"
    if kind == "DateTime":
        return "text", text.strip().replace("T", " ").removesuffix(".000").removesuffix(" 00:00:00")
    return ("error" if kind == "Error" else "text"), text
