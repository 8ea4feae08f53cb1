"""Grids of cells to tables: the sheets of workbooks of every kind, and the tables of web pages.

A reader yields its sheets as `SheetCells`; here it is decided which of them are tables, where these begin and end, and
what is reported about the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, count
from kpi.intake.cells.numbers import YES_NO, read_number
from kpi.intake.files.choice import Selection, is_about
from kpi.intake.files.delimited import below_note, name_columns, only_header, repeats_of
from kpi.intake.files.merged_cells import spread
from kpi.intake.files.table import Table
from kpi.intake.files.table_layout import SEARCHED, find_layout, trailing_notes
from kpi.intake.files.unit_lines import unit_below
from kpi.intake.files.workbook_xml import Marks, reference

#: The errors of a sheet without a table, which are no errors if other sheets are read.
_NO_TABLE = {"K504", "K505", "K516"}


class SheetCells(Struct, frozen=True):
    """One sheet.

    Attributes:
        name: the name of the sheet, None for the only table of a file without sheets.
        visible: whether it is shown.
        cells: all its cells as text, columns from A; None if it has none, or is not read.
        marks: what is known of cells beside their text.
        titles: the last row, from 0, that is printed on every page.
    """

    name: str | None
    visible: bool
    cells: pl.DataFrame | None
    marks: Marks
    titles: int | None = None


def selected(sheets: Iterable[SheetCells], selection: Selection) -> Iterator[SheetCells]:
    """Yield the sheets that a selection does not exclude, without cells those that are not read."""
    for sheet in sheets:
        if selection.sheet is not None and sheet.name != selection.sheet:
            continue
        read = selection.reads(sheet.name or "", visible=sheet.visible)
        yield sheet if read else SheetCells(sheet.name, sheet.visible, None, sheet.marks)


def tables_of(sheets: Iterable[SheetCells], place: Place, selection: Selection) -> tuple[Table, ...]:
    """Return one table for each sheet that is read and has one.

    Hidden, blank and unselected sheets are skipped with a note, as are sheets without a table if others have one. The
    error of a sheet that may continue another, without its header, is among the notes of the first table.

    Raises:
        DataError: K502 no sheet with cells, and as `find_layout` if no sheet is readable.
    """
    tables: list[Table] = []
    failed: list[tuple[SheetCells, DataError]] = []
    notes: list[Diagnostic] = []
    widths: dict[str | None, int] = {}
    for sheet in sheets:
        where = replace(place, sheet=sheet.name)
        if sheet.cells is None:
            notes.append(_left_out(sheet, where, selection))
            continue
        widths[sheet.name] = sheet.cells.width
        try:
            table = _table(sheet, where, selection.header(sheet.name))
        except DataError as error:
            failed.append((sheet, error))
            continue
        if not sheet.visible:
            message = Message("the sheet is hidden, and is read because it is named")
            notes.append(Diagnostic("K524", message, where, severity=Severity.INFO))
        tables.append(replace(table, datasets=selection.datasets(sheet.name)))
    if not tables:
        findings = [finding for _, error in failed for finding in error.diagnostics]
        raise DataError(findings or [Diagnostic("K502", Message("no visible sheet of the workbook has cells"), place)])
    notes += [
        _without_table(sheet, finding, widths, tables) for sheet, error in failed for finding in error.diagnostics
    ]
    return (replace(tables[0], notes=(*notes, *tables[0].notes)), *tables[1:])


def _left_out(sheet: SheetCells, place: Place, selection: Selection) -> Diagnostic:
    """Return the note on a sheet that was not read."""
    message = Message("the sheet has no cells and was left out")
    if selection.sheet is None and selection.of(sheet.name) == ():
        message = Message("the sheet is none of those that `sheet:` names and was left out")
    elif not sheet.visible:
        message = Message("the sheet is hidden and was left out")
    return Diagnostic("K524", message, place, severity=Severity.INFO)


def _without_table(
    sheet: SheetCells, finding: Diagnostic, widths: dict[str | None, int], tables: list[Table]
) -> Diagnostic:
    """Return the finding about a sheet without a table beside others: a note unless it may hold figures."""
    goes_on = (
        finding.code == "K504"
        and finding.place.row == 1
        and widths[sheet.name] in [widths[table.sheet] for table in tables]
    )
    if finding.code not in _NO_TABLE or (goes_on and not is_about(sheet.name)):
        return finding
    prose = finding.code != "K505" and sheet.cells is not None and not has_figures(sheet.cells)
    severity = Severity.INFO if prose or is_about(sheet.name) else Severity.WARNING
    message = Message("the sheet was left out: {reason}", reason=finding.message)
    return replace(
        finding, message=message, hint=None if severity is Severity.INFO else finding.hint, severity=severity
    )


def has_figures(cells: pl.DataFrame) -> bool:
    """Return whether some cell of text is a figure."""
    return any(
        read.status == "ok" and read.unit != YES_NO
        # Polars takes the name of a column, such as ^a$, for a pattern where it evaluates a method of a series.
        for column in cells
        for text in column.alias("").unique().drop_nulls()
        for read in [read_number(text)]
    )


def _table(sheet: SheetCells, place: Place, declared: tuple[int, ...]) -> Table:
    """Return the table of one sheet; `declared` are the rows of its header, from 1, none where it is to be found."""
    grid, marks = sheet.cells, sheet.marks
    assert grid is not None  # noqa: S101 - sheets without cells are left out before
    hints = marks.hints(sheet.titles)
    layout = find_layout(grid.head(SEARCHED).rows(), place, marks.merged, declared=declared, hints=hints)
    body = grid.slice(layout.body)
    tail = body.tail(SEARCHED).rows()
    dropped = trailing_notes(tail)
    below = ["; ".join(cell for cell in row if cell) for row in tail[len(tail) - dropped :] if any(row)]
    notes = list(layout.notes)
    if below:
        notes += [below_note(below, place), *unit_below(below, layout.unit, place)]
    body = body.head(len(body) - dropped)
    if body.is_empty():
        raise only_header(place, layout)
    names = name_columns(layout, [len(body) - column.null_count() for column in body], place, notes)
    notes += _hidden(body, names, layout.body, marks, place)
    notes += _look(body, names, layout.body, marks, place)
    beside = {at: [last.get(at, -1) >= layout.body for last in (marks.last_text, marks.last_number)] for at in names}
    frame, merged = spread(body, names, layout.body, marks.merged)
    return Table(
        file=place.file or "",
        sheet=place.sheet,
        frame=frame.lazy(),
        columns=tuple(names.values()),
        numbers=frozenset(name for at, name in names.items() if not beside[at][0]),
        mixed=frozenset(name for at, name in names.items() if all(beside[at])),
        first_row=layout.body + 1,
        unit=layout.unit,
        titles=layout.titles,
        below=tuple(below),
        depth=layout.depth,
        header_row=layout.header + 1,
        repeats=repeats_of(layout, names),
        merged=merged,
        labels={column: label for column, label in layout.labels.items() if column in names.values()},
        notes=tuple(notes),
    )


def _look(body: pl.DataFrame, names: dict[int, str], first: int, marks: Marks, place: Place) -> list[Diagnostic]:
    """Return the findings (K580) that number formats show other figures than are stored, or the sign of a currency.

    A format that shows a unit is not among them: its cells are read as displayed. Arguments as of `_hidden`.
    """
    scaled: dict[int, tuple[int, str, str]] = {}
    signs: dict[str, list[int]] = {}
    for (row, at), shown in marks.formats.items():
        if at in names and 0 <= row - first < body.height:
            if at not in scaled and (cell := body[row - first, at]) and shown.scale(cell):
                scaled[at] = row, cell, shown.code
            if shown.currency and at not in (columns := signs.setdefault(shown.currency, [])):
                columns.append(at)
    notes = []
    for at, (row, cell, code) in scaled.items():
        message = Message(
            "the format `{code}` shows another figure than is stored, without a unit: {cell} in row {row} is read as "
            "stored",
            code=code,
            cell=cell,
            row=row + 1,
        )
        hint = Message(
            "where the unit of the column is that of the figures that are shown, enter these, or write the unit into "
            'the format, like `0.0,"千元"`'
        )
        notes.append(Diagnostic("K580", message, replace(place, row=row + 1, field=names[at]), hint, Severity.WARNING))
    for sign, columns in sorted(signs.items()):
        message = Message(
            "figures are shown with {sign}, which is taken for their look: their unit is that of the column: {columns}",
            sign=sign,
            columns=tuple(f"`{names[at]}`" for at in sorted(columns)[:12]),
        )
        yuan = sign in {"¥", "￥"}
        remedy = None if yuan else Message("write the currency into the headers, like 出口额(万美元)")
        notes.append(Diagnostic("K580", message, place, remedy, Severity.INFO if yuan else Severity.WARNING))
    return notes


def _hidden(body: pl.DataFrame, names: dict[int, str], first: int, marks: Marks, place: Place) -> list[Diagnostic]:
    """Return the note that rows or columns of data that the sheet hides, such as by a filter, are read.

    Args:
        body: the rows of data.
        names: the columns of the table, by position.
        first: the row of the sheet, from 0, that `body` begins with.
        marks: the marks of the sheet.
        place: the file and the sheet.
    """
    notes = []
    rows = [row for row in sorted(marks.hidden) if 0 <= row - first < body.height and any(body.row(row - first))]
    if rows:
        message = Message(
            "read as the others: {rows} hidden in the sheet, perhaps by a filter, the first of them row {first}",
            rows=count(len(rows), "row"),
            first=rows[0] + 1,
        )
        hint = Message("delete them in the sheet if they should not count")
        notes.append(Diagnostic("K514", message, place, hint, Severity.INFO))
    columns = [at for at in sorted(marks.hidden_columns) if at in names]
    if columns:
        named = tuple(f"{names[at]} ({reference(0, at)[:-1]})" for at in columns[:12])
        message = Message("hidden columns are read as the others: {columns}", columns=named)
        notes.append(Diagnostic("K514", message, place, None, Severity.INFO))
    return notes
