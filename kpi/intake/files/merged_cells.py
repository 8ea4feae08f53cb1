"""Merged cells among the rows of a sheet: a merged key applies to every row of its range, a merged figure to none.

Spreadsheets keep the content of a merged range in its first cell and leave the others blank. A name, code, period or
measure that is merged downwards applies to each of the rows. One figure merged over several rows, or over the columns
of several figures, belongs to none of them: it is refused for all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import polars as pl
from msgspec.structs import replace

from kpi.errors import Message
from kpi.intake.cells.numbers import read_number
from kpi.intake.files.headers import role
from kpi.intake.files.table import Merged, Table
from kpi.intake.files.table_layout import Merged as Range
from kpi.intake.files.workbook_xml import reference

#: The text between a refused figure and the range of its cell.
_OVER = " merged over "

#: The roles of columns over which a text may be repeated sideways.
_KEYS = {"entity", "code", "period", "measure", "unit"}


def spread(
    body: pl.DataFrame, names: Mapping[int, str], first: int, merged: Sequence[Range]
) -> tuple[pl.DataFrame, tuple[Merged, ...]]:
    """Repeat the text of merged cells in each of their rows, and return the columns and the merged cells.

    Rows with nothing but merged cells of rows above stay blank: there one row of data spans several of the sheet. A
    text is repeated sideways only if all columns of the range are keys by their headers: a heading over the complete
    table is no figure.

    Args:
        body: the rows of the sheet, a column of text for each of its columns.
        names: the columns of the table, by position.
        first: the row of the sheet, from 0, that `body` begins with.
        merged: the merged ranges of the sheet.
    """
    filled = body.select(pl.any_horizontal(pl.all().is_not_null())).to_series().to_list()
    texts: dict[int, dict[int, str]] = {}
    results: list[Merged] = []
    for top, left, bottom, right in merged:
        if top < first or top - first >= body.height or left >= body.width or left not in names:
            continue
        text = body[top - first, left]
        rows = [at for at in range(top - first, min(bottom - first + 1, body.height)) if filled[at]]
        columns = [at for at in range(left, min(right + 1, body.width)) if at in names]
        if text is None or len(rows) * len(columns) < 2:
            continue
        headers = tuple(names[at] for at in columns)
        sideways = len(columns) < len(names) and all(role(header) in _KEYS for header in headers)
        for at in columns if sideways else columns[:1]:
            texts.setdefault(at, {}).update(dict.fromkeys(rows, text))
        cells = f"{reference(top, left)}:{reference(bottom, right)}"
        results.append(Merged(tuple(row + first + 1 for row in rows), headers, cells, text))
    series = [_with(body.to_series(at), texts.get(at, {})).alias(name) for at, name in names.items()]
    return pl.DataFrame(series), tuple(results)


def apart(table: Table, figures: Collection[str]) -> Table:
    """Return a table in which figures merged over several rows or columns cannot be read as numbers.

    Their cells have the figure and the range, see `range_of`.

    Args:
        table: the table.
        figures: the headers of columns of figures.
    """
    texts: dict[str, dict[int, str]] = {}
    for item in table.merged:
        headers = [header for header in item.headers if header in figures]
        # A column that no measure reads may be of figures, too, as 退款 beside 金额; keys and remarks are not.
        beside = [header for header in item.headers if header not in figures and role(header) is None]
        read = read_number(item.text)
        if headers and len([*headers, *beside]) * len(item.rows) > 1 and read.status == "ok" and read.problem is None:
            for header in headers:
                rows = dict.fromkeys((row - table.first_row for row in item.rows), f"{item.text}{_OVER}{item.cells}")
                texts.setdefault(header, {}).update(rows)
    if not texts:
        return table
    frame = table.frame.collect()
    frame = frame.with_columns(_with(frame[header], items) for header, items in texts.items())
    return replace(table, frame=frame.lazy())


def range_of(text: str) -> tuple[str, str] | None:
    """Return the figure and the range in the text of a cell that `apart` made, None for any other text.

    >>> range_of("12 merged over E2:E3"), range_of("12")
    (('12', 'E2:E3'), None)
    """
    match = re.fullmatch(f"(.*){_OVER}([A-Z]+[0-9]+:[A-Z]+[0-9]+)", text, re.DOTALL)
    return None if match is None else (match[1], match[2])


def of_several(figure: object, cells: str) -> Message:
    """Return why a figure in a merged cell is refused."""
    return Message(
        "`{figure}` stands in the merged cell {cells}: one figure for several is none of them",
        figure=figure,
        cells=cells,
    )


#: What to do about a figure in a merged cell.
SPLIT = Message("split the cell, and write each figure into its own")


def _with(column: pl.Series, texts: Mapping[int, str]) -> pl.Series:
    """Replace texts of a column, by row."""
    if not texts:
        return column
    return column.clone().scatter(list(texts), pl.Series(list(texts.values()), dtype=pl.String))
