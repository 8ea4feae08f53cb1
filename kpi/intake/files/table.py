"""What a file gives: tables of cells with the row numbers a spreadsheet shows, and scratch files that clean up."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import polars as pl

from kpi.errors import Diagnostic, Message, Place, count
from kpi.process import atomic_files

#: The column that `Table.numbered` adds; no cleaned header can collide with it, as it holds a line break.
ROW = "row\n"


class Scratch:
    """A temporary file, removed when this object is collected or the interpreter ends."""

    def __init__(self, suffix: str = ".csv") -> None:
        self.path = atomic_files.fresh(suffix)
        atomic_files.register(self.path)
        self._end = weakref.finalize(self, atomic_files.remove, self.path)
        self.path.touch(mode=0o600, exist_ok=False)


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged cell among the rows of a table.

    Attributes:
        rows: the numbers, as the sheet shows them, of the rows that it spans, without rows that hold nothing else.
        headers: of the columns that it spans.
        cells: the range as the sheet calls it, such as E2:E3.
        text: what it holds.
    """

    rows: tuple[int, ...]
    headers: tuple[str, ...]
    cells: str
    text: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows of a table stand in the sheet that it was turned from (see `kpi.intake.shapes`).

    Row *k* of the turned table, from 0, is the cell in row `k % height` of the sheet's rows and under
    `headers[k // height]`.

    Attributes:
        height: the number of rows of the sheet.
        headers: the headers of the columns of figures, in their order.
        added: the headers of the turned table that the sheet does not have.
    """

    height: int
    headers: tuple[str, ...]
    added: frozenset[str]


class Link(Scratch):
    """A temporary link to a file whose name is not UTF-8, by which libraries can open it."""

    def __init__(self, path: Path) -> None:
        super().__init__("".join(one for one in path.suffixes if one.isascii()))
        self.path.unlink()
        self.path.symlink_to(path.absolute())


T = TypeVar("T")


class Pieces(Protocol):
    """The rows of a large file piece by piece, see `kpi.intake.files.pieces`."""

    @property
    def encoding(self) -> str:
        """Returns the encoding of the file: utf-8 or gb18030."""

    def of(self, columns: Collection[str]) -> Pieces:
        """Returns the pieces with some of the columns only."""

    def map(self, work: Callable[[Any], T]) -> Iterator[T]:
        """Yields what some work makes of every piece, in their order."""


def without_blanks(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Returns the rows with null for texts of blanks."""
    texts = [name for name, dtype in cells.collect_schema().items() if dtype == pl.String]
    # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
    found = (pl.selectors.by_name(name) for name in texts)
    return cells.with_columns(pl.when(one.str.strip_chars() != "").then(one) for one in found)


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
        columns: the headers, cleaned (`kpi.intake.files.headers.clean`), distinct.
        numbers: the columns of a workbook or query in which all cells are numbers, none a text.
        mixed: the columns of a workbook or query in which some cells are numbers, others texts.
        typed: whether columns have native types (Parquet, Arrow, JSON lines) rather than text.
        unreadable: typed columns that hold neither figures nor texts, which are empty here, and what they hold.
        first_row: the number that a spreadsheet shows beside the first data row; 2 for a plain CSV.
        unit: the text after 单位： above the header, None when there is none or it names several units.
        titles: the texts above the header, which often name the period.
        depth: how many rows name the columns; where there are several, `columns` are their levels, joined.
        header_row: the number of the first row that names the columns, None where there is none (Parquet, frames).
        repeats: headers that occur more than once, with the names that `columns` has for the further ones.
        merged: the merged cells among the rows; `frame` has their text in each of their rows (see `merged_cells`).
        notes: findings that stop nothing: the encoding found, rows skipped, columns without a header.
        size: the number of rows, blank ones included, where the reader knows it.
        about: nearly how many rows there are, for whoever waits; where the reader does not know it.
        refused: how many rows are blank here as their cells did not fit the columns; errors in `notes` tell which.
        cells: the rows with texts of blanks as they are, which `frame` has as null; None where that is all the same.
        numbered_cells: `cells` with the rows' numbers in the column `ROW`, as the reader of the file itself gives them.
        pieces: the rows piece by piece, where they have not been checked (see `kpi.intake.files.chunks`).
        scan: gives the frame with some columns read as other types than String, where the file can be read so.
        whole: the table that this is a part of (see `part`), None for one that is whole.
        only: which rows of `whole` are in the part.
        roles: the roles of columns that are known from the shape of the table, None for those that none has.
        origin: where the cells of a turned table stand in its file, None for a table as it is there.
        of_one: the one entity that all rows are about, None where a column names entities.
    """

    file: str
    sheet: str | None
    frame: pl.LazyFrame
    columns: tuple[str, ...]
    typed: bool = False
    numbers: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    first_row: int = 2
    unit: str | None = None
    titles: tuple[str, ...] = ()
    depth: int = 1
    header_row: int | None = None
    repeats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    merged: tuple[Merged, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    size: int | None = None
    about: int | None = None
    refused: int = 0
    cells: pl.LazyFrame | None = field(default=None, repr=False, compare=False)
    numbered_cells: pl.LazyFrame | None = field(default=None, repr=False, compare=False)
    scratch: Scratch | None = field(default=None, repr=False, compare=False)
    pieces: Pieces | None = field(default=None, repr=False, compare=False)
    scan: Callable[[Mapping[str, pl.DataType]], pl.LazyFrame] | None = field(default=None, repr=False, compare=False)
    whole: Table | None = field(default=None, repr=False, compare=False)
    only: pl.Expr | None = field(default=None, repr=False, compare=False)
    roles: Mapping[str, str | None] = field(default_factory=dict)
    origin: Origin | None = None
    of_one: str | None = None

    @property
    def rows(self) -> int:
        """Returns the number of rows, blank ones included; this runs the frame."""
        return int(self.frame.select(pl.len()).collect().item())

    @property
    def raw(self) -> pl.LazyFrame:
        """The rows as the file has them, with texts of blanks."""
        return self.frame if self.cells is None else self.cells

    def numbered(self, *, blank: bool = False) -> pl.LazyFrame:
        """Returns the rows with their sheet row numbers in the first column, `ROW` (UInt32).

        Rows that are blank are left out unless they are asked for.
        """
        whole = self.whole or self
        rows = whole.frame.with_row_index(ROW, offset=self.first_row)
        if whole.numbered_cells is not None:
            rows = without_blanks(whole.numbered_cells)
        filled = pl.lit(value=True) if blank else pl.any_horizontal(pl.exclude(ROW).is_not_null())
        return rows.filter(filled if self.only is None else self.only & filled)

    def part(self, only: pl.Expr, size: int | None = None) -> Table:
        """Returns the table with some of its rows, which keep their numbers.

        Args:
            only: which, from the cells.
            size: how many these are, where that is known.
        """
        cells = None if self.cells is None else self.cells.filter(only)
        frame = self.frame.filter(only) if cells is None else without_blanks(cells)
        known = None if self.size is None else size
        return replace(
            self, frame=frame, cells=cells, size=known, about=size or self.about, scan=None, whole=self, only=only
        )

    def with_column(self, name: str, made: pl.Expr) -> Table:
        """Return the table with a further column of text, made of its cells; not of one that is read in pieces."""

        def added(rows: pl.LazyFrame | None) -> pl.LazyFrame | None:
            return None if rows is None else rows.with_columns(made.alias(name))

        return replace(
            self, frame=self.frame.with_columns(made.alias(name)), columns=(*self.columns, name), scan=None,
            cells=added(self.cells), numbered_cells=added(self.numbered_cells),
        )  # fmt: skip

    @property
    def file_columns(self) -> tuple[str, ...]:
        """The headers that the file has, of a turned table, too."""
        if self.origin is None:
            return self.columns
        return (*(one for one in self.columns if one not in self.origin.added), *self.origin.headers)

    def all_read(self, rows: int) -> None:
        """Checks that as many rows were read as there are.

        Polars 2.1 takes a panic of its reader for the end of the batches, and believes statistics that are damaged.

        Raises:
            ComputeError: rows are lost.
        """
        if self.size not in (None, rows):
            raise pl.exceptions.ComputeError(f"{self.size:,} rows are in the file, {rows:,} could be read")

    def repeated(self, headers: Collection[str] | None = None) -> Diagnostic | None:
        """Return the error (K508) that headers, all or some, occur more than once, None where none does."""
        twice = [header for header in self.repeats if headers is None or header in headers]
        if not twice:
            return None
        quoted = ", ".join(f"`{name}`" for name in twice)
        message = Message(
            "{twice} more than once: {quoted}",
            twice=count(len(twice), "column name occurs", "column names occur"),
            quoted=quoted,
        )
        return Diagnostic("K508", message, self.place(self.header_row), Message("give every column its own name"))

    def place(self, row: int | None = None, column: str | None = None) -> Place:
        """Return the place of a cell, a row or the whole table, as the file has it."""
        if self.origin is not None:
            added = column is None or column in self.origin.added
            if row is not None and row >= self.first_row:
                block = (row - self.first_row) // self.origin.height
                column = self.origin.headers[block] if added else column
                row = self.row_of(row)
            elif added:
                column = None
        return Place(self.file, sheet=self.sheet, row=row, field=column)

    def row_of(self, row: int) -> int:
        """Return the number that a spreadsheet shows beside a row."""
        if self.origin is None or row < self.first_row:
            return row
        return self.first_row + (row - self.first_row) % self.origin.height

    def in_order(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return numbered rows in the order of the file."""
        if self.origin is None:
            return rows.sort(ROW)
        at = pl.col(ROW).cast(pl.Int64) - self.first_row
        return rows.sort(at % self.origin.height, at)
