"""Tables beside a definition, read as data are: rows of definitions, and the headings of figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import read_numbers
from kpi.intake.files.headers import clean, role, split_unit
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW, Table
from kpi.intake.matching.datasets import is_unit
from kpi.language.loading.beside import Cells, Headings

#: How many rows show whether a column holds figures.
_HEAD = 1000


def rows(path: Path, sheet: str | None) -> list[Cells]:
    """Return the tables of a file as texts, without blank rows.

    Raises:
        DataError: the file cannot be read.
    """
    return [_cells(table) for table in read(path, sheet=sheet)]


def _cells(table: Table) -> Cells:
    texts = [
        pl.when((text := as_text(column).str.strip_chars()) != "").then(text).alias(column) for column in table.columns
    ]
    frame = table.numbered().select(ROW, *texts).collect()
    filled = tuple(
        (int(row[ROW]), {key: cell for key, cell in row.items() if key != ROW and cell is not None})
        for row in frame.iter_rows(named=True)
    )
    notes = tuple(note for note in table.notes if note.code != "K520")
    return Cells(table.file, table.sheet, table.columns, table.header_row, filled, notes)


def headings(path: Path, sheet: str | None, keys: Sequence[str]) -> list[Headings]:
    """Return the headings of the tables of a file: those of figures, and those that nothing is said of.

    Args:
        path: the file; a row of figures is enough, and none too.
        sheet: the sheet of a workbook.
        keys: headings of columns that hold no figures, whatever stands in them.

    Raises:
        DataError: the file cannot be read.
    """
    return [_headings(table, {clean(key) for key in keys}) for table in read(path, sheet=sheet)]


def _headings(table: Table, keys: set[str]) -> Headings:
    further = {item for items in table.repeats.values() for item in items}
    columns = [column for column in table.columns if column not in keys | further and role(column) is None]
    head = table.frame.head(_HEAD).select(pl.selectors.by_name(*columns)).collect()
    figures, others = [], []
    for header in columns:
        if header in table.unreadable or not _holds_figures(head[header]):
            others.append(header)
            continue
        text, unit = split_unit(header, is_unit)
        figures.append((header, text, unit or table.unit))
    return Headings(table.file, table.sheet, table.header_row, tuple(figures), tuple(others))


def _holds_figures(cells: pl.Series) -> bool:
    """Return whether a column has a figure, or nothing at all."""
    if cells.dtype.is_numeric() or cells.null_count() == len(cells):
        return True
    return cells.dtype == pl.String and bool(read_numbers(cells.drop_nulls().unique())["value"].count())
