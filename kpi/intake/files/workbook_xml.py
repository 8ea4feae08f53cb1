"""Parse from the XML of a worksheet what fast readers of values omit: merged ranges, number formats, error cells.

One streaming pass in constant memory, which also detects sheets that are a bomb. Without it `12.5%` would be read as
0.125, `12万件` as 12 and `#DIV/0!` as a blank cell.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING
from xml.parsers import expat

from msgspec import Struct, field

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.encoding import MOST_UNPACKED, check_growth
from kpi.intake.files.number_formats import BUILT_IN, NumberFormat, number_format
from kpi.intake.files.table import cause
from kpi.intake.files.table_layout import Hints, Merged

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

#: The most cells of the used rectangle of a sheet, blank ones included.
MOST_CELLS = 30_000_000

#: The most columns of a sheet.
MOST_COLUMNS = 16_384

_CHUNK = 1 << 18
_TRUE = {"1", "true"}
#: The elements beside the cells that are read.
_AROUND = {"mergeCell", "col", "pane"}
#: The types of text cells: shared string, result of a formula, inline string.
_TEXTS = {"s", "str", "inlineStr"}


class Sheet(Struct, frozen=True):
    """A worksheet in a workbook: its name, its part in the archive, whether it is visible.

    `titles` is the last of the rows that are printed on every page, from 0.
    """

    name: str
    part: str
    visible: bool
    titles: int | None = None


class Marks(Struct):
    """The marks of one sheet; cells are (row, column) from 0.

    `formats` are cells with a number that show more than it. `texts` are cells that are read as text in place of their
    value: errors by their name, formulas that were saved without a result as `=formula`. `last_text` and `last_number`
    are the last rows of each column with a text or a number. `hidden` and `hidden_columns` are not shown; `frozen` is
    the last row that stays in view, and `tables` are the ranges of Excel tables.
    """

    merged: list[Merged] = field(default_factory=list)
    formats: dict[tuple[int, int], NumberFormat] = field(default_factory=dict)
    texts: dict[tuple[int, int], str] = field(default_factory=dict)
    last_text: dict[int, int] = field(default_factory=dict)
    last_number: dict[int, int] = field(default_factory=dict)
    rows: int = 0
    columns: int = 0
    hidden: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    frozen: int | None = None
    tables: tuple[Merged, ...] = ()

    def hints(self, titles: int | None = None) -> Hints:
        """Return the marks that show where the header is; `titles` is the last row that is printed on every page."""
        return Hints(self.tables, titles if titles is not None else self.frozen)


def sheets_of(archive: zipfile.ZipFile, place: Place) -> list[Sheet]:
    """Return the worksheets of a workbook in the order of their tabs; chart sheets are none.

    Raises:
        DataError: K509 the archive claims to unpack to more than the limits.
    """
    parts = archive.infolist()
    check_growth(sum(entry.file_size for entry in parts), sum(item.compress_size for item in parts), place)
    targets = {
        item.get("Id"): posixpath.normpath(posixpath.join("xl", item.get("Target", ""))).removeprefix("/")
        for item in _tree(archive, "xl/_rels/workbook.xml.rels").iter()
        if item.get("Type", "").endswith("/worksheet")
    }
    sheets = []
    book = _tree(archive, "xl/workbook.xml")
    titles = {
        entry.get("localSheetId"): _last_row(entry.text or "")
        for entry in book.iter()
        if _local(entry.tag) == "definedName" and entry.get("name") == "_xlnm.Print_Titles"
    }
    for at, item in enumerate(each for each in book.iter() if _local(each.tag) == "sheet"):
        relation = next((value for key, value in item.attrib.items() if key.endswith("}id")), None)
        if part := targets.get(relation):
            visible = item.get("state", "visible") == "visible"
            sheets.append(Sheet(item.get("name", ""), part, visible, titles.get(str(at))))
    return sheets


def _last_row(titles: str) -> int | None:
    """Return the last of the rows, from 0, that are printed on every page: 3 for Sheet1!$A:$A,Sheet1!$3:$4."""
    match = re.search(r"\$(\d{1,7}):\$(\d{1,7})$", titles)
    return None if match is None else int(match[2]) - 1


def tables_of(archive: zipfile.ZipFile, part: str) -> tuple[Merged, ...]:
    """Return the ranges of the Excel tables of a sheet that have a header row."""
    folder, _, name = part.rpartition("/")
    relations = f"{folder}/_rels/{name}.rels"
    if relations not in archive.namelist():
        return ()
    tables = []
    for item in _tree(archive, relations).iter():
        if item.get("Type", "").endswith("/table"):
            table = _tree(archive, posixpath.normpath(posixpath.join(folder, item.get("Target", ""))).removeprefix("/"))
            first, _, last = table.get("ref", "").partition(":")
            if last and table.get("headerRowCount", "1") == "1":
                tables.append((*position(first), *position(last)))
    return tuple(tables)


def styles_of(archive: zipfile.ZipFile) -> dict[str, NumberFormat]:
    """Return the cell styles, by number, that display more than the number of a cell."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    root = _tree(archive, "xl/styles.xml")
    codes = dict(BUILT_IN)
    for element in root.iter():
        if _local(element.tag) == "numFmt":
            codes[int(element.get("numFmtId", "0"))] = element.get("formatCode", "")
    cells = next((element for element in root if _local(element.tag) == "cellXfs"), ())
    numbers = [int(element.get("numFmtId", "0")) for element in cells]
    formats = {number: number_format(codes[number]) for number in {*numbers} & {*codes}}
    return {str(at): shown for at, number in enumerate(numbers) if (shown := formats.get(number)) is not None}


def marks_of(stream: IO[bytes], styles: Mapping[str, NumberFormat], place: Place) -> Marks:
    """Return the marks of the sheet whose XML is read from a stream; `styles` are those of `styles_of`.

    Raises:
        DataError: K509 a sheet beyond the limits, K503 XML that is damaged.
    """
    reader = _Reader(styles)
    total = 0
    try:
        while chunk := stream.read(_CHUNK):
            total += len(chunk)
            reader.parser.Parse(chunk, False)  # noqa: FBT003 - the signature of expat
            if total > MOST_UNPACKED or reader.marks.rows * reader.marks.columns > MOST_CELLS:
                raise too_large(reader.marks, place)
        reader.parser.Parse(b"", True)  # noqa: FBT003 - the signature of expat
    except (expat.ExpatError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            Diagnostic(
                "K503",
                Message("the sheet is damaged ({error})", error=cause(error)),
                place,
                Message("save it again in Excel"),
            )
        ) from None
    return reader.marks


def too_large(marks: Marks, place: Place) -> DataError:
    """Return the error (K509) for a sheet beyond the limits."""
    message = Message(
        "the used area of the sheet is at least {rows:,} rows by {columns:,} columns",
        rows=marks.rows,
        columns=marks.columns,
    )
    hint = Message(
        "delete stray cells far below or right of the table (at most {most_cells:,} cells), or save it as CSV",
        most_cells=MOST_CELLS,
    )
    return DataError(Diagnostic("K509", message, place, hint))


class _Reader:
    """The state of the parser: the current cell, and the marks so far."""

    def __init__(self, styles: Mapping[str, NumberFormat]) -> None:
        self.marks = Marks()
        self.styles = styles
        self.row = self.column = -1
        self.cell: dict[str, str] = {}
        self.value: list[str] | None = None
        self.formula: list[str] | None = None
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartDoctypeDeclHandler = self.refuse

    def refuse(self, *_: object) -> None:
        """Reject document types: worksheets have none, attacks on parsers do."""
        raise expat.ExpatError(Message("it declares a document type"))

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        name = tag.rpartition(":")[2]
        if name == "c":
            self.cell = attributes
            if reference := attributes.get("r"):
                self.row, self.column = position(reference)
            else:
                self.column += 1
            self.value = self.formula = None
        elif name == "v":
            self.value = []
            if self.formula is not None or self.cell.get("t") == "e":
                self.parser.CharacterDataHandler = self.value.append
        elif name == "f":
            self.formula = []
            self.parser.CharacterDataHandler = self.formula.append
        elif name == "row":
            self.row = int(attributes["r"]) - 1 if "r" in attributes else self.row + 1
            self.column = -1
            if attributes.get("hidden") in _TRUE:
                self.marks.hidden.add(self.row)
        elif name in _AROUND:
            self.start_around(name, attributes)

    def start_around(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element beside the cells."""
        if name == "mergeCell":
            first, _, last = attributes["ref"].partition(":")
            self.marks.merged.append((*position(first), *position(last or first)))
        elif name == "col" and attributes.get("hidden") in _TRUE:
            left, right = int(attributes["min"]), int(attributes["max"])
            self.marks.hidden_columns.update(range(left - 1, min(right, MOST_COLUMNS)))
        elif name == "pane" and attributes.get("state", "").startswith("frozen"):
            last_row = round(float(attributes.get("ySplit", "0"))) - 1
            self.marks.frozen = last_row if last_row >= 0 else None

    def end(self, tag: str) -> None:
        """Handle the end of an element; at the end of a cell its mark is added."""
        name = tag.rpartition(":")[2]
        if name in {"v", "f"}:
            self.parser.CharacterDataHandler = None
        elif name == "c" and (self.value is not None or self.formula is not None or self.cell.get("t") == "inlineStr"):
            kind = self.cell.get("t", "n")
            marks = self.marks
            marks.rows, marks.columns = max(marks.rows, self.row + 1), max(marks.columns, self.column + 1)
            if kind == "n":
                marks.last_number[self.column] = self.row
            elif kind in _TEXTS:
                marks.last_text[self.column] = self.row
            if kind == "e":
                marks.texts[self.row, self.column] = "".join(self.value or ["#VALUE!"])
            elif self.formula is not None and kind == "n" and not self.value:
                marks.texts[self.row, self.column] = "=" + "".join(self.formula)
            elif kind == "n" and (shown := self.styles.get(self.cell.get("s", ""))) is not None:
                marks.formats[self.row, self.column] = shown


def position(reference: str) -> tuple[int, int]:
    """Return the row and column, from 0, of a cell's name.

    >>> position("A1"), position("$AB$12")
    ((0, 0), (11, 27))
    """
    letters = reference.replace("$", "").rstrip("0123456789")
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    return int(reference.replace("$", "")[len(letters) :]) - 1, column - 1


def reference(row: int, column: int) -> str:
    """Return the name of a cell by its row and column, from 0.

    >>> reference(0, 0), reference(11, 27)
    ('A1', 'AB12')
    """
    letters, column = "", column + 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row + 1}"


def _local(tag: str) -> str:
    """Return an element's name without its namespace."""
    return tag.rpartition("}")[2]


def _tree(archive: zipfile.ZipFile, part: str) -> Element:
    """Return a small part of the archive as a tree."""
    from xml.etree.ElementTree import fromstring

    return fromstring(archive.read(part))  # noqa: S314 - expat limits the expansion of entities
