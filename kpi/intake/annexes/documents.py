"""Tables of Word documents, with merged cells, and the paragraphs around them (`.docx`, by the package python-docx)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.annexes.grids import MOST_ROWS, Grid, grid_of
from kpi.intake.files.table import cause


def read_document(path: Path, place: Place) -> list[Grid]:
    """Return the tables of a document, in their order; each has all paragraphs of the document around it.

    Raises:
        DataError: K503 the document is damaged, K510 python-docx is missing.
    """
    try:
        import docx
        from docx.opc.exceptions import PackageNotFoundError
    except ImportError:
        message = Message("reading a Word document needs the package `{name}`", name="python-docx")
        hint = Message("pip install {name}, or copy the table into a workbook", name="python-docx")
        raise DataError(Diagnostic("K510", message, place, hint)) from None
    try:
        document = docx.Document(str(path))
        around = [paragraph.text.strip() for paragraph in document.paragraphs if paragraph.text.strip()]
        return [_table(table, place, number, around) for number, table in enumerate(document.tables, 1)]
    except (KeyError, ValueError, zipfile.BadZipFile, SyntaxError, AttributeError, PackageNotFoundError) as error:
        message = Message("the document is damaged: {error}", error=cause(error))
        raise DataError(Diagnostic("K503", message, place, Message("save it again in Word or WPS, as .docx"))) from None


def _table(table: Any, place: Place, number: int, around: list[str]) -> Grid:
    """Return one table; python-docx gives a merged cell in each place of its range."""
    texts: list[list[str]] = []
    repeated: set[tuple[int, int]] = set()
    # The elements are kept, as the identity of one that is dropped may be given to another.
    seen: dict[int, Any] = {}
    for at, row in enumerate(table.rows):
        if at == MOST_ROWS:
            break
        line = [""] * row.grid_cols_before
        for cell in row.cells:
            element = cell._tc  # noqa: SLF001 - no public name for the element of a cell
            if id(element) in seen:
                repeated.add((at, len(line)))
            seen[id(element)] = element
            line.append(cell.text.strip())
        texts.append(line)
    grid = grid_of(Place(place.file, sheet=f"table {number}"), texts, around=around)
    return Grid(grid.place, grid.rows, frozenset(repeated), grid.around)
