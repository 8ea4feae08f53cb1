"""Tables of web pages (HTML), which many sites hand out under the suffix .xls.

A page may have several tables, each of which is like a sheet. What is read is the text that the page shows; where the
program that wrote it kept all digits of a figure beside the rounded text (Excel `x:num`, LibreOffice `sdval`), these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, count
from kpi.intake.cells.numbers import read_number
from kpi.intake.files.choice import Selection
from kpi.intake.files.packages import imported
from kpi.intake.files.sheets import SheetCells, tables_of
from kpi.intake.files.table import Table, cause
from kpi.intake.files.table_layout import Merged
from kpi.intake.files.workbook import plain_number
from kpi.intake.files.workbook_xml import MOST_CELLS, MOST_COLUMNS, Marks, too_large
from kpi.process.limits import make_sure
from kpi.values.patterns import regex

_PAGE = regex(
    r"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body|meta|title|link|style|script|table|tbody|thead|tr|caption|div"
    r"|p|br|hr|h[1-6]|center|font|span|form|b|strong)\b",
    re.IGNORECASE | re.DOTALL,
)
#: The most bytes of memory per byte of a page while it is read.
_GROWTH = 16


def is_page(beginning: str) -> bool:
    """Return whether text begins like a web page, also one with an XML declaration (XHTML).

    >>> is_page("<TABLE><tr>"), is_page('<?xml version="1.0"?><html>'), is_page("<?xml version='1.0'?><Workbook>")
    (True, True, False)
    """
    return _PAGE.match(re.sub(r"^\s*<\?xml.*?\?>", "", beginning.removeprefix("\ufeff"), flags=re.DOTALL)) is not None


def read_page(path: Path, place: Place, selection: Selection) -> tuple[Table, ...]:
    """Read the tables of a web page in UTF-8: one table for each that is read, see `sheets.tables_of`.

    Raises:
        DataError: K503 no table, K509 too large, K510 lxml is missing, and as `find_layout`.
    """
    html = imported("lxml.html", "html", Message("a web page (HTML)"), place)
    etree = imported("lxml.etree", "html", Message("a web page (HTML)"), place)
    make_sure(path.stat().st_size * _GROWTH, Message("the web page {file}", file=place.file))
    try:
        parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        root = etree.parse(str(path), parser).getroot()
    except (etree.LxmlError, ValueError) as error:
        message = Message("the file is damaged: {error}", error=cause(error))
        raise DataError(Diagnostic("K503", message, place, Message("write or download it again"))) from None
    # Tables that hold others only arrange the page.
    tables = (
        []
        if root is None
        else [item for item in root.iter("table") if next(item.iterdescendants("table"), None) is None]
    )
    sheets = [*_sheets(tables, place)]
    if not sheets:
        hint = Message("open it in a browser: where it shows a table, save that as .xlsx or .csv")
        raise DataError(Diagnostic("K503", Message("the web page has no table"), place, hint))
    selection.check([sheet.name for sheet in sheets if sheet.name is not None], place)
    items = [item for item in sheets if selection.sheet in (None, item.name)]
    read = tables_of((_chosen(item, selection) for item in items), place, selection)
    message = Message("the file is a web page (HTML); read: {tables}", tables=count(len(read), "table"))
    note = Diagnostic("K529", message, place, severity=Severity.INFO)
    return (replace(read[0], notes=(note, *read[0].notes)), *read[1:])


def _chosen(sheet: SheetCells, selection: Selection) -> SheetCells:
    """Return a table as it is read: without cells if it is not selected."""
    read = sheet.name is None or selection.reads(sheet.name, visible=True)
    return sheet if read else replace(sheet, cells=None)


def _sheets(tables: list[Any], place: Place) -> Iterator[SheetCells]:
    """Yield the tables of two rows or more; tables of one row, such as a title, stand above the next one."""
    results: list[tuple[str | None, list[dict[int, str]], Marks]] = []
    above: list[dict[int, str]] = []
    for table in tables:
        rows, marks = _cells(table, place)
        caption = next((_text(item) for item in table.iterchildren("caption")), None)
        start = [*above, *([{0: caption}] if caption else [])]
        if sum(map(bool, rows)) < 2:
            above = [*start, *rows]
            continue
        shift = len(start)
        moved = [(top + shift, left, bottom + shift, right) for top, left, bottom, right in marks.merged]
        results.append(
            (caption, [*start, *rows], replace(marks, merged=moved, hidden={at + shift for at in marks.hidden}))
        )
        above = []
    for number, (caption, rows, marks) in enumerate(results, 1):
        width = max(max(row, default=-1) for row in rows) + 1
        cells = pl.DataFrame(
            [pl.Series(str(at), [row.get(at) for row in rows], dtype=pl.String) for at in range(width)]
        )
        marks.rows, marks.columns = len(rows), width
        # Cells have no types, so that every column may hold texts, as in a text file.
        marks.last_text = dict.fromkeys(range(width), len(rows))
        name = None if len(results) == 1 else (caption or f"table {number}")
        yield SheetCells(name, visible=True, cells=cells, marks=marks)


def _cells(table: Any, place: Place) -> tuple[list[dict[int, str]], Marks]:
    """Return the filled cells of the rows of a table, by their columns, and its marks."""
    rows: list[dict[int, str]] = []
    marks = Marks()
    merged: list[Merged] = []
    spanned: dict[int, int] = {}  # how many more rows the cells of rows above cover, by column
    area = 0
    for at, row in enumerate(table.iter("tr")):
        filled: dict[int, str] = {}
        column = 0
        if re.search(r"display\s*:\s*none", row.get("style", ""), re.IGNORECASE):
            marks.hidden.add(at)
        covered = set(spanned)
        spanned = {item: more - 1 for item, more in spanned.items() if more > 1}
        for cell in row.iterchildren("td", "th"):
            while column in covered:
                column += 1
            right, down = _span(cell, "colspan", MOST_COLUMNS), _span(cell, "rowspan", 1 << 20)
            if text := _shown(cell):
                filled[column] = text
                if right > 1 or down > 1:
                    merged.append((at, column, at + down - 1, column + right - 1))
            if down > 1:
                spanned |= dict.fromkeys(range(column, column + right), down - 1)
            column += right
            area += right
        rows.append(filled)
        if column > MOST_COLUMNS or area > MOST_CELLS:
            marks.rows, marks.columns = at + 1, column
            raise too_large(marks, place)
    marks.merged = [(top, left, min(bottom, len(rows) - 1), right) for top, left, bottom, right in merged]
    return rows, marks


def _span(cell: Any, key: str, most: int) -> int:
    text = (cell.get(key) or "1").strip()
    return max(min(int(text), most), 1) if re.fullmatch(r"\d{1,9}", text) else 1


def _shown(cell: Any) -> str:
    """Return the text of a cell; a figure with all the digits that are kept beside it."""
    text = _text(cell)
    kept = cell.get("x:num") or cell.get("num") or cell.get("sdval")
    if kept and text:
        read = read_number(text)
        if read.status == "ok" and read.unit is None:
            try:
                return plain_number(float(kept))
            except ValueError:
                return text
    return text


def _text(element: Any) -> str:
    """Return the text of an element on one line, line breaks as blanks."""
    for item in element.iter("br"):
        item.tail = "\n" + (item.tail or "")
    return " ".join("".join(element.itertext()).split())
