"""Cells as they lie on the page: rows of texts, with merged cells repeated and marked.

An annex is a text in the form of a table: forms stand above its header, and notes, totals and further blocks below. So
the cells are read without a header of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Place

#: A merged range: the first row and column, the last row and column, from 0.
Range = tuple[int, int, int, int]

#: The most rows of a file that is read as an annex; the longest known has a few hundred.
MOST_ROWS = 20_000


class Grid(Struct, frozen=True):
    """The cells of one sheet or of one table of a document.

    Attributes:
        place: the file, and the sheet of a workbook.
        rows: texts, "" for blank cells; all rows have the same width. A merged cell is repeated in its range.
        repeated: the cells (row, column) that repeat the first cell of a merged range.
        around: the texts before and after the table.
    """

    place: Place
    rows: tuple[tuple[str, ...], ...]
    repeated: frozenset[tuple[int, int]] = frozenset()
    around: tuple[str, ...] = ()

    def at(self, row: int, field: str | None = None) -> Place:
        """Return the place of a row, counted from 0."""
        return replace(self.place, row=row + 1, field=field)

    def own(self, row: int, column: int) -> str:
        """Return the text of a cell unless it repeats another."""
        return "" if (row, column) in self.repeated else self.rows[row][column]


def grid_of(
    place: Place, cells: Sequence[Sequence[str | None]], merged: Iterable[Range] = (), around: Sequence[str] = ()
) -> Grid:
    """Return the grid of rows of cells, with the text of merged ranges in each of their cells.

    >>> grid = grid_of(Place("a.csv"), [["甲", None], [None, "1"]], [(0, 0, 1, 0)])
    >>> grid.rows, sorted(grid.repeated)
    ((('甲', ''), ('甲', '1')), [(1, 0)])
    """
    width = max((len(row) for row in cells), default=0)
    rows = [[(cell or "").strip() for cell in row] + [""] * (width - len(row)) for row in cells]
    repeated = set()
    for top, left, bottom, right in merged:
        if top >= len(rows) or left >= width:
            continue
        for row in range(top, min(bottom + 1, len(rows))):
            for column in range(left, min(right + 1, width)):
                if (row, column) != (top, left):
                    rows[row][column] = rows[top][left]
                    repeated.add((row, column))
    return Grid(place, tuple(map(tuple, rows)), frozenset(repeated), tuple(around))
