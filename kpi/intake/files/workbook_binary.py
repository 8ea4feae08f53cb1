"""Parse from the parts of a binary workbook (.xlsb) what fast readers of values omit, as `workbook_xml` does of XML.

The records are those of [MS-XLSB]: a number and a length of seven bits a byte, then the content in little endian.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO
from xml.etree import ElementTree as ET

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.encoding import MOST_UNPACKED, check_growth
from kpi.intake.files.number_formats import BUILT_IN, NumberFormat, number_format
from kpi.intake.files.workbook_xml import (
    MOST_CELLS,
    MOST_COLUMNS,
    Marks,
    Sheet,
    too_large,
)

# The numbers of the records that are read.
_ROW, _CELL_ERROR, _FORMULA_ERROR, _COLUMNS, _PANE, _SHEET, _MERGED = 0, 3, 11, 60, 151, 156, 176
_FORMAT, _CELL_STYLE, _CELL_STYLES_BEGIN, _CELL_STYLES_END = 44, 47, 617, 618
#: Records of cells with a number (as an integer or fraction, in full, of a formula) and with a text.
_NUMBERS, _TEXTS, _BOOLEANS = {2, 5, 9}, {6, 7, 8}, {4, 10}
_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
}  # fmt: skip
#: The longest record; a longer one is damage.
_LONGEST = 1 << 26


def records(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the records of a part: their number and content.

    Raises:
        EOFError: the part ends inside a record.
    """
    while first := stream.read(1):
        kind = first[0]
        if kind & 0x80:
            kind = kind & 0x7F | (_byte(stream) & 0x7F) << 7
        length = 0
        for shift in (0, 7, 14, 21):
            byte = _byte(stream)
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
        if length > _LONGEST:
            raise EOFError(Message("a record is longer than its part"))
        content = stream.read(length)
        if len(content) < length:
            raise EOFError(Message("the part ends inside a record"))
        yield kind, content


def _byte(stream: IO[bytes]) -> int:
    if not (item := stream.read(1)):
        raise EOFError(Message("the part ends inside a record"))
    return item[0]


def _text(content: bytes, at: int) -> tuple[str, int]:
    """Return a text, and where it ends: its length in 4 bytes, then UTF-16."""
    (length,) = struct.unpack_from("<I", content, at)
    if length == 0xFFFFFFFF:  # no text
        return "", at + 4
    end = at + 4 + 2 * length
    return content[at + 4 : end].decode("utf-16-le"), end


def sheets_of(archive: zipfile.ZipFile, place: Place) -> list[Sheet]:
    """Return the worksheets of a binary workbook in the order of their tabs.

    Raises:
        DataError: K509 the archive claims to unpack to more than the limits.
    """
    parts = archive.infolist()
    check_growth(sum(item.file_size for item in parts), sum(item.compress_size for item in parts), place)
    relations = ET.fromstring(archive.read("xl/_rels/workbook.bin.rels"))  # noqa: S314 - expat limits entities
    targets = {
        item.get("Id"): posixpath.normpath(posixpath.join("xl", item.get("Target", ""))).removeprefix("/")
        for item in relations
        if item.get("Type", "").endswith("/worksheet")
    }
    sheets = []
    with archive.open("xl/workbook.bin") as stream:
        for kind, content in records(stream):
            if kind == _SHEET:
                relation, end = _text(content, 8)
                name, _ = _text(content, end)
                if part := targets.get(relation):
                    sheets.append(Sheet(name, part, content[0] == 0))
    return sheets


def styles_of(archive: zipfile.ZipFile) -> dict[int, NumberFormat]:
    """Return the cell styles, by number, that display more than the number of a cell."""
    if "xl/styles.bin" not in archive.namelist():
        return {}
    codes, styles, at = dict(BUILT_IN), dict[int, NumberFormat](), None
    with archive.open("xl/styles.bin") as stream:
        for kind, content in records(stream):
            if kind == _FORMAT:
                codes[struct.unpack_from("<H", content)[0]] = _text(content, 2)[0]
            elif kind == _CELL_STYLES_BEGIN:
                at = 0
            elif kind == _CELL_STYLES_END:
                at = None
            elif kind == _CELL_STYLE and at is not None:
                shown = number_format(codes.get(struct.unpack_from("<H", content, 2)[0], ""))
                if shown is not None:
                    styles[at] = shown
                at += 1
    return styles


def marks_of(stream: IO[bytes], styles: Mapping[int, NumberFormat], place: Place) -> Marks:
    """Return the marks of a sheet of binary records; `styles` are those of `styles_of`.

    Raises:
        DataError: K509 a sheet beyond the limits, K503 a part that is damaged.
    """
    marks = Marks()
    total, row = 0, -1
    try:
        for kind, content in records(stream):
            total += len(content)
            if kind == _ROW:
                (row,) = struct.unpack_from("<I", content)
                if len(content) > 11 and content[11] & 0x10:
                    marks.hidden.add(row)
            elif 2 <= kind <= _FORMULA_ERROR:
                _cell(marks, row, kind, content, styles)
            elif kind == _MERGED:
                top, bottom, left, right = struct.unpack_from("<4I", content)
                marks.merged.append((top, left, bottom, right))
            elif kind == _COLUMNS and struct.unpack_from("<H", content, 16)[0] & 1:
                first, last = struct.unpack_from("<2I", content)
                marks.hidden_columns.update(range(first, min(last + 1, MOST_COLUMNS)))
            elif kind == _PANE and content[28] & 3:
                (frozen,) = struct.unpack_from("<d", content, 8)
                marks.frozen = int(frozen) - 1 if 1 <= frozen <= 1 << 20 else None
            if total > MOST_UNPACKED or marks.rows * marks.columns > MOST_CELLS:
                raise too_large(marks, place)
    except (EOFError, struct.error, IndexError, zipfile.BadZipFile) as error:
        hint = Message("save it again in Excel")
        message = Message("the sheet is damaged ({error})", error=str(error) or type(error).__name__)
        raise DataError(Diagnostic("K503", message, place, hint)) from None
    return marks


def _cell(marks: Marks, row: int, kind: int, content: bytes, styles: Mapping[int, NumberFormat]) -> None:
    """Add the mark of a cell: its column and style in 4 bytes each, then its value."""
    column, style = struct.unpack_from("<2I", content)
    marks.rows, marks.columns = max(marks.rows, row + 1), max(marks.columns, column + 1)
    if kind in _NUMBERS:
        marks.last_number[column] = row
        if (shown := styles.get(style & 0xFFFFFF)) is not None:
            marks.formats[row, column] = shown
    elif kind in _TEXTS:
        marks.last_text[column] = row
    elif kind not in _BOOLEANS:
        marks.texts[row, column] = _ERRORS.get(content[8], "#VALUE!")
