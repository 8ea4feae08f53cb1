"""A document as a workbook: a sheet for each section, ready to print, with the header of its table on every page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from rich.cells import cell_len

from kpi.report.encode import is_formula
from kpi.report.language import tr
from kpi.report.paper.model import Cell, Column, Paper, Paragraph, Same, Section, Table, inert
from kpi.report.xlsx import CHARACTERS, new_workbook, sheet_name

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

#: The width of the columns of a sheet together, in characters: of a page in portrait and in landscape.
_NARROW, _WIDE = 96, 140
#: The height of a line in points, and the greatest height of a row.
_LINE, _HIGHEST = 14.5, 400


@dataclass(frozen=True)
class _Styles:
    title: Format
    heading: Format
    text: Format
    remark: Format
    head: Format
    left: Format
    center: Format
    quoted: Format
    number: Format
    decimals: dict[int, Format]


def sheets(paper: Paper, /) -> bytes:
    """Return a document as an xlsx file; numbers are numeric cells, and no text is a formula.

    Raises:
        DataError: K510, xlsxwriter is not installed.
    """
    out = BytesIO()
    with new_workbook(out, {"title": inert(paper.title), "subject": inert(paper.subtitle)}) as book:
        styles = _styles(book, paper)
        taken: list[str] = []
        for number, (heading, section) in enumerate(paper.numbered):
            taken.append(sheet_name(inert(section.short or section.heading), taken))
            sheet = book.add_worksheet(taken[-1])
            _write(sheet, paper, heading, section, styles, first=number == 0)
        if not taken:
            book.add_worksheet().write_string(0, 0, inert(paper.title), styles.title)
    return out.getvalue()


def _styles(book: Workbook, paper: Paper) -> _Styles:
    wrapped = {"text_wrap": True, "valign": "vcenter"}
    cell = {**wrapped, "border": 1}
    decimals = {
        one.decimals: book.add_format({**cell, "align": "right", "num_format": "#,##0." + "0" * one.decimals})
        for _, section in paper.numbered
        for table in section.tables
        for one in table.columns
        if one.decimals is not None
    }
    return _Styles(
        title=book.add_format({**wrapped, "bold": True, "font_size": 16, "align": "center"}),
        heading=book.add_format({**wrapped, "bold": True, "font_size": 12}),
        text=book.add_format({**wrapped, "valign": "top"}),
        remark=book.add_format({**wrapped, "valign": "top", "font_size": 9, "font_color": "#595959"}),
        head=book.add_format({**cell, "bold": True, "align": "center", "bg_color": "#E8EEF7"}),
        left=book.add_format({**cell, "align": "left"}),
        center=book.add_format({**cell, "align": "center"}),
        quoted=book.add_format({**cell, "align": "left", "quote_prefix": True}),
        number=book.add_format({**cell, "align": "right", "num_format": "General"}),
        decimals=decimals,
    )


def _write(sheet: Worksheet, paper: Paper, heading: str, section: Section, styles: _Styles, *, first: bool) -> None:
    widths = _widths(section)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    line = 0
    if first:
        line = _across(sheet, line, inert(paper.title), widths, styles.title, high=1.6)
        if paper.subtitle:
            line = _across(sheet, line, inert(paper.subtitle), widths, styles.center)
    line = _across(sheet, line, heading, widths, styles.heading, high=1.3)
    for part in section.parts:
        if isinstance(part, Paragraph):
            line = _across(sheet, line, inert(part.text), widths, styles.remark if part.remark else styles.text)
            continue
        if part.caption:
            line = _across(sheet, line, inert(part.caption), widths, styles.heading)
        if part is section.tables[0]:
            sheet.repeat_rows(line)
            sheet.freeze_panes(line + 1, 0)
        line = _table(sheet, line, part, widths, styles) + 1
    _paginate(sheet, paper, section, rows=line, columns=len(widths))


def _widths(section: Section) -> list[float]:
    """Return the widths of the columns, those of the table with the most."""
    whole = _WIDE if section.wide else _NARROW
    widest: Sequence[Column] = max((one.columns for one in section.tables), key=len, default=[Column("")])
    shares = [one.width for one in widest]
    return [share / sum(shares) * whole for share in shares]


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
    heads = [_lines(inert(one.heading), width) for one, width in zip(table.columns, widths, strict=False)]
    sheet.set_row(line, max(heads) * _LINE + 4)
    top = line + 1
    merged = [dict(table.merged(place)) for place in range(len(table.columns))]
    heights = _heights(table, merged, widths)
    for place, column in enumerate(table.columns):
        for start, end in merged[place].items():
            sheet.merge_range(top + start, place, top + end, place, "", styles.left)
        for number, row in enumerate(table.rows):
            if not isinstance(row[place], Same):
                _put(sheet, (top + number, place), row[place], column, styles)
    for number, height in enumerate(heights):
        sheet.set_row(top + number, min(height, _HIGHEST))
    return top + len(table.rows)


def _put(sheet: Worksheet, place: tuple[int, int], cell: Cell, column: Column, styles: _Styles) -> None:
    """Write a cell by its type: `write` would take texts for formulas, links and numbers."""
    if cell is None or isinstance(cell, Same):
        sheet.write_blank(*place, None, styles.left)
    elif isinstance(cell, str):
        text = inert(cell)
        if len(text) > CHARACTERS:
            text = text[: CHARACTERS - 1] + "…"
        usual = styles.center if column.align == "center" else styles.left
        sheet.write_string(*place, text, styles.quoted if is_formula(text) else usual)
    else:
        sheet.write_number(*place, cell, styles.number if column.decimals is None else styles.decimals[column.decimals])


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


def _paginate(sheet: Worksheet, paper: Paper, section: Section, *, rows: int, columns: int) -> None:
    if section.wide:
        sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.6, right=0.6, top=0.7, bottom=0.7)
    sheet.fit_to_pages(1, 0)
    sheet.print_area(0, 0, max(rows - 1, 0), columns - 1)
    sheet.set_footer(tr("&L{origin}&RPage &P of &N", origin=inert(paper.margin)[:100].replace("&", "&&")))
