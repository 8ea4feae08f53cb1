"""What a file gives: tables of cells with the row numbers a spreadsheet shows, and scratch files that clean up."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import polars as pl

from kpi import temporary
from kpi.errors import Diagnostic, Place

#: The column that `Table.numbered` adds; no cleaned header can collide with it, as it holds a line break.
ROW = "row\n"


class Scratch:
    """A temporary file, removed when this object is collected or the interpreter ends."""

    def __init__(self, suffix: str = ".csv") -> None:
        self.path = temporary.fresh(suffix)
        temporary.register(self.path)
        self._end = weakref.finalize(self, temporary.remove, self.path)
        self.path.touch(mode=0o600, exist_ok=False)


T = TypeVar("T")


class Pieces(Protocol):
    """The rows of a large file piece by piece, see `kpi.intake.pieces`."""

    def of(self, columns: Collection[str]) -> Pieces:
        """Returns the pieces with some of the columns only."""

    def map(self, work: Callable[[Any], T]) -> Iterator[T]:
        """Yields what some work makes of every piece, in their order."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of one file or sheet: cells as the file has them, headers cleaned.

    `frame` holds exactly `columns`, String throughout unless `typed`. Row *i* of the frame (from 0) is row
    `first_row + i` of the sheet; blank rows stay, so that this holds. A file that had to be transcoded is read from a
    scratch file, which lives as long as the table: collect frames derived from it while the table is at hand.

    Attributes:
        file: the name to show.
        sheet: the sheet's name, None for files that have none.
        frame: the rows, lazily.
        columns: the headers, cleaned (`kpi.intake.headers.clean`), distinct.
        typed: whether columns have native types (Parquet, Arrow, JSON lines) rather than text.
        first_row: the number that a spreadsheet shows beside the first data row; 2 for a plain CSV.
        unit: the text after 单位： above the header, None when there is none or it names several units.
        titles: the texts above the header, which often name the period.
        depth: how many rows name the columns; where there are several, `columns` are their levels, joined.
        notes: findings that stop nothing: the encoding found, rows skipped, columns without a header.
        size: the number of rows, blank ones included, where the reader knows it.
        about: nearly how many rows there are, for whoever waits; where the reader does not know it.
        refused: how many rows are blank here as their cells did not fit the columns; errors in `notes` tell which.
        cells: the rows with texts of blanks as they are, which `frame` has as null; None where that is all the same.
        pieces: the rows piece by piece, where they have not been checked (see `kpi.intake.large`).
        scan: gives the frame with some columns read as other types than String, where the file can be read so.
    """

    file: str
    sheet: str | None
    frame: pl.LazyFrame
    columns: tuple[str, ...]
    typed: bool = False
    first_row: int = 2
    unit: str | None = None
    titles: tuple[str, ...] = ()
    depth: int = 1
    notes: tuple[Diagnostic, ...] = ()
    size: int | None = None
    about: int | None = None
    refused: int = 0
    cells: pl.LazyFrame | None = field(default=None, repr=False, compare=False)
    scratch: Scratch | None = field(default=None, repr=False, compare=False)
    pieces: Pieces | None = field(default=None, repr=False, compare=False)
    scan: Callable[[Mapping[str, pl.DataType]], pl.LazyFrame] | None = field(default=None, repr=False, compare=False)

    @property
    def rows(self) -> int:
        """Returns the number of rows, blank ones included; this runs the frame."""
        return int(self.frame.select(pl.len()).collect().item())

    def numbered(self) -> pl.LazyFrame:
        """Returns the rows that are not blank, with their sheet row numbers in the first column, `ROW` (UInt32)."""
        filled = pl.any_horizontal(pl.exclude(ROW).is_not_null())
        return self.frame.with_row_index(ROW, offset=self.first_row).filter(filled)

    def place(self, row: int | None = None, column: str | None = None) -> Place:
        """Returns the place of a cell, a row or the whole table."""
        return Place(self.file, sheet=self.sheet, row=row, field=column)
