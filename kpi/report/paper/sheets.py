"""A document as a workbook: a sheet for each table, ready to print, with the header of the table on every page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from msgspec import Struct
from rich.cells import cell_len

from kpi.report.encode import is_formula
from kpi.report.language import tr
from kpi.report.paper.model import Cell, Column, Paper, Paragraph, Picture, Same, Table, inert
from kpi.report.xlsx import CHARACTERS, new_workbook, sheet_name

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

#: The width of the columns of a sheet together, in characters: of a page in portrait and in landscape.
_NARROW, _WIDE = 96, 140
#: The height of a line in points, and the greatest height of a row.
_LINE, _HIGHEST = 14.5, 400
#: How much higher lines of larger type are.
_HIGH = {"title": 1.6, "heading": 1.3}


class _Styles(Struct, frozen=True):
    title: Format
    heading: Format
    text: Format
    remark: Format
    head: Format
    centered: Format
    left: Format
    center: Format
    right: Format
    quoted: Format
    number: Format
    decimals: dict[tuple[int, bool], Format]


def sheets(paper: Paper, /) -> bytes:
    """Return a document as an xlsx file; numbers are numeric cells, and no text is a formula.

    Raises:
        DataError: K510, xlsxwriter is not installed.
    """
    out = BytesIO()
    with new_workbook(out, {"title": inert(paper.title), "subject": inert(paper.subtitle)}) as book:
        add_sheets(book, paper)
    return out.getvalue()


def add_sheets(book: Workbook, paper: Paper, taken: Sequence[str] = ()) -> None:
    """Append the sheets of a document to a workbook.

    Args:
        book: the workbook.
        paper: the document.
        taken: names of sheets that others have.
    """
    styles = _styles(book, paper)
    names = list(taken)
    for page in _pages(paper):
        names.append(sheet_name(inert(page.name), names))
        _write(book.add_worksheet(names[-1]), paper, page, styles)


class _Page(Struct):
    """A sheet: lines of text, each with the name of its style, and at most one table, to whose columns it is fitted."""

    name: str
    wide: bool
    parts: list[tuple[str, str] | Table]

    @property
    def table(self) -> Table | None:
        return next((part for part in self.parts if isinstance(part, Table)), None)

    @property
    def widths(self) -> list[float]:
        whole, table = _WIDE if self.wide else _NARROW, self.table
        return [whole] if table is None else [share * whole for share in table.widths]


def _pages(paper: Paper) -> list[_Page]:
    """Return the sheets: one for each table; a section without one stands on the sheet before it."""
    pages = [_Page(paper.title, wide=False, parts=[("title", paper.title)])]
    if paper.subtitle:
        pages[0].parts.append(("centered", paper.subtitle))
    for heading, section in paper.numbered:
        opened = pages[-1]
        if section.tables and (opened.table is not None):
            opened = _Page(section.short or section.heading, wide=section.wide, parts=[])
            pages.append(opened)
        elif section.tables:
            opened.name, opened.wide = section.short or section.heading, section.wide
        opened.parts.append(("heading", heading))
        for part in section.parts:
            if isinstance(part, Paragraph):
                opened.parts.append(("remark" if part.remark else "text", part.text))
                continue
            if opened.table is not None:
                opened = _Page(part.caption or section.short or section.heading, wide=section.wide, parts=[])
                pages.append(opened)
            if part.caption:
                opened.parts.append(("heading", part.caption))
            opened.parts.append(part)
    return pages


def _styles(book: Workbook, paper: Paper) -> _Styles:
    wrapped = {"text_wrap": True, "valign": "vcenter"}
    cell = {**wrapped, "border": 1}
    decimals = {
        (item.decimals, item.signed): book.add_format(
            {**cell, "align": "right", "num_format": _code(item.decimals, signed=item.signed)}
        )
        for _, section in paper.numbered
        for table in section.tables
        for item in table.columns
        if item.decimals is not None
    }
    return _Styles(
        title=book.add_format({**wrapped, "bold": True, "font_size": 16, "align": "center"}),
        heading=book.add_format({**wrapped, "bold": True, "font_size": 12}),
        text=book.add_format({**wrapped, "valign": "top"}),
        remark=book.add_format({**wrapped, "valign": "top", "font_size": 9, "font_color": "#595959"}),
        head=book.add_format({**cell, "bold": True, "align": "center", "bg_color": "#E8EEF7"}),
        centered=book.add_format({**wrapped, "align": "center"}),
        left=book.add_format({**cell, "align": "left"}),
        center=book.add_format({**cell, "align": "center"}),
        right=book.add_format({**cell, "align": "right"}),
        quoted=book.add_format({**cell, "align": "left", "quote_prefix": True}),
        number=book.add_format({**cell, "align": "right", "num_format": "General"}),
        decimals=decimals,
    )


def _write(sheet: Worksheet, paper: Paper, page: _Page, styles: _Styles) -> None:
    widths = page.widths
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    line = 0
    for part in page.parts:
        if isinstance(part, Table):
            sheet.repeat_rows(line)
            sheet.freeze_panes(line + 1, 0)
            line = _table(sheet, line, part, widths, styles)
        else:
            kind, text = part
            line = _across(sheet, line, inert(text), widths, getattr(styles, kind), high=_HIGH.get(kind, 1))
    _paginate(sheet, paper, page, rows=line, columns=len(widths))


def _across(sheet: Worksheet, line: int, text: str, widths: list[float], style: Format, *, high: float = 1) -> int:
    """Write a text across all columns, in rows as high as it needs; return the next row."""
    for part in _pieces(text, sum(widths)):
        if len(widths) > 1:
            sheet.merge_range(line, 0, line, len(widths) - 1, "", style)
        sheet.write_string(line, 0, part, style)
        sheet.set_row(line, _lines(part, sum(widths)) * _LINE * high + 2)
        line += 1
    return line


def _pieces(text: str, width: float) -> list[str]:
    """Return a text in pieces that fit into a row of the greatest height."""
    most = max(int(width / 2) * int(_HIGHEST / _LINE / 2), 1)
    return [text[start : start + most] for start in range(0, len(text), most)] or [""]


def _table(sheet: Worksheet, line: int, table: Table, widths: list[float], styles: _Styles) -> int:
    """Write a table from a row on; return the row below it."""
    for place, column in enumerate(table.columns):
        sheet.write_string(line, place, inert(column.heading), styles.head)
    heads = [_lines(inert(item.heading), width) for item, width in zip(table.columns, widths, strict=False)]
    sheet.set_row(line, max(heads) * _LINE + 4)
    top = line + 1
    merged = [dict(table.merged(place)) for place in range(len(table.columns))]
    heights = _heights(table, merged, widths)
    for place in range(len(table.columns)):
        for start, end in merged[place].items():
            sheet.merge_range(top + start, place, top + end, place, "", styles.left)
    # NOTE: row by row, as a workbook in constant memory keeps only the last one.
    for number, row in enumerate(table.rows):
        sheet.set_row(top + number, min(heights[number], _HIGHEST))
        for place, column in enumerate(table.columns):
            if not isinstance(row[place], Same):
                _put(sheet, (top + number, place), row[place], column, styles)
    return top + len(table.rows)


def _put(sheet: Worksheet, place: tuple[int, int], cell: Cell, column: Column, styles: _Styles) -> None:
    """Write a cell by its type: `write` would take texts for formulas, links and numbers."""
    if cell is None or isinstance(cell, Same | Picture):
        sheet.write_blank(*place, None, styles.left)
    elif isinstance(cell, str):
        text = inert(cell)
        if len(text) > CHARACTERS:
            text = text[: CHARACTERS - 1] + "…"
        usual: Format = getattr(styles, column.align)
        sheet.write_string(*place, text, styles.quoted if is_formula(text) else usual)
    else:
        usual = styles.number if column.decimals is None else styles.decimals[column.decimals, column.signed]
        sheet.write_number(*place, cell, usual)


def _code(decimals: int, *, signed: bool) -> str:
    """Return the number format of a column.

    >>> _code(2, signed=False), _code(1, signed=True), _code(0, signed=False)
    ('#,##0.00', '+#,##0.0;-#,##0.0;0.0', '#,##0')
    """
    fraction = "." + "0" * decimals if decimals else ""
    return f"+#,##0{fraction};-#,##0{fraction};0{fraction}" if signed else f"#,##0{fraction}"


def _heights(table: Table, merged: Sequence[dict[int, int]], widths: list[float]) -> list[float]:
    """Return the heights of the rows, in which a cell over several rows takes what it needs of all of them."""
    heights = [_LINE + 3] * len(table.rows)
    for place, column in enumerate(table.columns):
        for number, row in enumerate(table.rows):
            end = merged[place].get(number, number)
            if isinstance(row[place], Same):
                continue
            lacking = _lines(column.shown(row[place]), widths[place]) * _LINE + 3 - sum(heights[number : end + 1])
            for at in range(number, end + 1):
                heights[at] += max(lacking, 0) / (end - number + 1)
    return heights


def _lines(text: str, width: float) -> int:
    """Return how many lines a text takes in a column; a word may leave part of each line empty."""
    return max(math.ceil(cell_len(text) * 1.12 / max(width - 1, 1)), 1)


def _paginate(sheet: Worksheet, paper: Paper, page: _Page, *, rows: int, columns: int) -> None:
    if page.wide:
        sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.6, right=0.6, top=0.7, bottom=0.7)
    sheet.fit_to_pages(1, 0)
    sheet.print_area(0, 0, max(rows - 1, 0), columns - 1)
    sheet.set_footer(tr("&L{origin}&RPage &P of &N", origin=inert(paper.margin)[:100].replace("&", "&&")))
