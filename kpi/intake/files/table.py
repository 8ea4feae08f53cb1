"""Tables of cells with the row numbers of a spreadsheet, and scratch files that are removed after use."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Place
from kpi.intake.files.remote import Remote
from kpi.process import atomic_files

#: The column that `Table.numbered` adds; no cleaned header can collide with it, as it holds a line break.
ROW = "row\n"

#: How many rows `Table.first_cells` has.
FIRST_ROWS = 1000

#: How many rows `Table.last_texts` has.
LAST_ROWS = 2000

#: The text of a filled cell of an unreadable column of figures, which are refused.
UNREADABLE = "(unreadable)"


class Scratch:
    """A temporary file, removed when this object is collected or the interpreter ends."""

    def __init__(self, suffix: str = ".csv") -> None:
        self.path = atomic_files.fresh(suffix)
        atomic_files.register(self.path)
        self._end = weakref.finalize(self, atomic_files.remove, self.path)
        self.path.touch(mode=0o600, exist_ok=False)


class Merged(Struct, frozen=True):
    """A merged cell among the rows of a table.

    Attributes:
        rows: the row numbers of the sheet that it spans, without rows that have no other cell.
        headers: the headers of the columns that it spans.
        cells: the range in the notation of the sheet, such as E2:E3.
        text: its content.
    """

    rows: tuple[int, ...]
    headers: tuple[str, ...]
    cells: str
    text: str


class Origin(Struct, frozen=True):
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


class Adjacent(Struct, frozen=True):
    """Where the rows of a table stand in the sheet that has it in blocks beside each other (see `kpi.intake.shapes`).

    Attributes:
        height: the number of rows of the sheet.
        columns: of each block the headings of the table, with those of the sheet.
        rows: of blocks that are joined by name, for each block the row of the sheet, from 0, of every row of the table,
            None where the block lacks the name. Of blocks one below the other, row *k* is row `k % height` of block
            `k // height`.
    """

    height: int
    columns: tuple[Mapping[str, str], ...]
    rows: tuple[tuple[int | None, ...], ...] = ()

    def cell(self, row: int, column: str | None) -> tuple[int, str | None]:
        """Return the row of the sheet, from 0, and the heading there of a cell."""
        if not self.rows:
            block, row = divmod(row, self.height)
            return row, None if column is None else self.columns[block].get(column, column)
        block = next((at for at, items in enumerate(self.columns) if column in items), 0)
        at = self.rows[block][row]
        if at is None:
            at = next(item for items in self.rows if (item := items[row]) is not None)
        return at, column


class Link(Scratch):
    """A temporary link under which libraries can open a file whose name is not UTF-8."""

    def __init__(self, path: Path) -> None:
        super().__init__("".join(suffix for suffix in path.suffixes if suffix.isascii()))
        self.path.unlink()
        self.path.symlink_to(path.absolute())


T = TypeVar("T")


class Pieces(Protocol):
    """The rows of a large file piece by piece, see `kpi.intake.files.pieces`."""

    @property
    def encoding(self) -> str:
        """Return the encoding of the file: utf-8 or gb18030."""

    def of(self, columns: Collection[str]) -> Pieces:
        """Return the pieces with some of the columns only."""

    def map(self, work: Callable[[Any], T]) -> Iterator[T]:
        """Yield the result of a function for every piece, in order."""


def without_blanks(cells: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows with null in place of blank texts."""
    texts = [name for name, dtype in cells.collect_schema().items() if dtype == pl.String]
    # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
    columns = (pl.selectors.by_name(name) for name in texts)
    return cells.with_columns(pl.when(column.str.strip_chars() != "").then(column) for column in columns)


class Table(Struct, frozen=True, eq=False):
    """One table of one file or sheet: cells as the file has them, headers cleaned.

    `frame` has exactly `columns`, all String unless `typed`. Row *i* of the frame (from 0) is row `first_row + i` of
    the sheet; blank rows are kept for that. A transcoded file is read from a scratch file that lives as long as the
    table: collect frames derived from it while the table is referenced.

    Attributes:
        file: the name of the file in messages.
        sheet: the sheet's name, None for files that have none.
        frame: the rows, lazily.
        columns: the headers, cleaned (`kpi.intake.files.headers.clean`), distinct.
        numbers: the columns of a workbook or query in which all cells are numbers, none a text.
        mixed: the columns of a workbook or query in which some cells are numbers, others texts.
        typed: whether columns have native types (Parquet, Arrow, JSON lines) rather than text.
        unreadable: typed columns of neither figures nor texts, with what they contain; they are empty here, and in
            `cells` filled cells are texts without letters.
        first_row: the row number of the first data row in a spreadsheet; 2 for a plain CSV.
        unit: the text after 单位： above the header, None when there is none or it names several units.
        titles: the texts above the header, which often name the period.
        below: the notes below the rows.
        depth: the number of header rows; with several, `columns` are their levels, joined.
        header_row: the number of the first header row, None where there is none (Parquet, frames).
        repeats: headers that occur more than once, with the names that `columns` has for the further ones.
        merged: the merged cells among the rows; `frame` has their text in each of their rows (see `merged_cells`).
        notes: findings that do not stop the reading: the encoding, skipped rows, columns without a header.
        size: the number of rows, blank ones included, where the reader knows it.
        about: an estimate of the number of rows for the progress display, where `size` is unknown.
        refused: the number of malformed rows, which are blank here; errors in `notes` locate them.
        cells: the rows with blank texts as they are, which are null in `frame`; None where the two are the same.
        numbered_cells: `cells` with the row numbers of the file's own reader in the column `ROW`.
        pieces: the rows piece by piece, where they have not been checked (see `kpi.intake.files.chunks`).
        scan: returns the frame with some columns of other types than String, where the file can be read so.
        first_rows: a lazy frame and its first rows (at most `FIRST_ROWS`), where the reader has them at hand.
        last_rows: the same for its last rows (at most `LAST_ROWS`).
        remote: a lazy frame and the table elsewhere whose rows it fetches, for rows that stay where they are.
        whole: the table that this is a part of (see `part`), None for a complete one.
        only: the condition by which rows of `whole` are in the part.
        roles: the roles of columns that are known from the shape of the table, None for those that none has.
        origin: where the cells of a turned table stand in its file, None for a table as it is there.
        adjacent: where they stand in a sheet of blocks beside each other, None for any other; `origin` leads there.
        of_one: the one entity that all rows are about, None where a column names entities.
        labels: second names of columns: of a header in two languages, or of the variables of a statistics package.
        value_labels: the texts that the values of a column stand for, in files of statistics packages.
        datasets: those that the table may belong to, None for any.
    """

    file: str
    sheet: str | None
    frame: pl.LazyFrame
    columns: tuple[str, ...]
    typed: bool = False
    numbers: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()
    unreadable: Mapping[str, Message] = field(default_factory=dict)
    first_row: int = 2
    unit: str | None = None
    titles: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    depth: int = 1
    header_row: int | None = None
    repeats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    merged: tuple[Merged, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    size: int | None = None
    about: int | None = None
    refused: int = 0
    cells: pl.LazyFrame | None = None
    numbered_cells: pl.LazyFrame | None = None
    scratch: Scratch | None = None
    pieces: Pieces | None = None
    scan: Callable[[Mapping[str, pl.DataType]], pl.LazyFrame] | None = None
    first_rows: tuple[pl.LazyFrame, pl.DataFrame] | None = None
    last_rows: tuple[pl.LazyFrame, pl.DataFrame] | None = None
    remote: tuple[pl.LazyFrame, Remote] | None = None
    whole: Table | None = None
    only: pl.Expr | None = None
    roles: Mapping[str, str | None] = field(default_factory=dict)
    origin: Origin | None = None
    adjacent: Adjacent | None = None
    of_one: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    value_labels: Mapping[str, Mapping[float | str, str]] = field(default_factory=dict)
    datasets: tuple[str, ...] | None = None

    @property
    def rows(self) -> int:
        """Count the rows, blank ones included; this collects the frame."""
        return int(self.frame.select(pl.len()).collect().item())

    @property
    def raw(self) -> pl.LazyFrame:
        """The rows as the file has them, blank texts included."""
        return self.frame if self.cells is None else self.cells

    @property
    def elsewhere(self) -> Remote | None:
        """The table elsewhere that has exactly these rows, with its columns in the same order; None for any other."""
        return self.remote[1] if self.remote is not None and self.remote[0] is self.raw else None

    def mapped(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return what a plan makes of the rows of this table; of rows elsewhere it is made there.

        The plan is of single rows, or is applied to parts of the rows and its results are merged by the caller.
        """
        remote = None if self.remote is None else self.remote[1]
        return rows if remote is None else remote.mapped(rows)

    def distinct(self, cells: pl.LazyFrame) -> pl.LazyFrame:
        """Return the distinct rows of a plan of single rows of this table, in no order."""
        return self.mapped(cells.unique()).unique()

    def first_cells(self, header: str) -> pl.Series:
        """Return the cells of a column in the first rows of `raw`, at most `FIRST_ROWS`."""
        if self.first_rows is not None and self.first_rows[0] is self.raw:
            return self.first_rows[1][header].alias("cells")
        # NOTE: methods of Series take a name such as ^a$ for a pattern, and find none (Polars 2.1).
        return self.raw.head(FIRST_ROWS).select(pl.selectors.by_name(header)).collect().to_series().alias("cells")

    def last_texts(self, headers: Sequence[str]) -> pl.DataFrame:
        """Return some columns of the last rows of `raw`, at most `LAST_ROWS`."""
        columns = pl.selectors.by_name(*headers)
        if self.last_rows is not None and self.last_rows[0] is self.raw:
            return self.last_rows[1].select(columns)
        return self.raw.select(columns).tail(LAST_ROWS).collect()

    def numbered(self, *, blank: bool = False) -> pl.LazyFrame:
        """Return the rows with their sheet row numbers in the first column, `ROW` (UInt32).

        Blank rows are dropped unless `blank` keeps them.
        """
        complete = self.whole or self
        rows = complete.frame.with_row_index(ROW, offset=self.first_row)
        if complete.numbered_cells is not None:
            rows = without_blanks(complete.numbered_cells)
        filled = pl.lit(value=True) if blank else pl.any_horizontal(pl.exclude(ROW).is_not_null())
        return rows.filter(filled if self.only is None else self.only & filled)

    def part(self, only: pl.Expr, size: int | None = None) -> Table:
        """Return the table restricted to some of its rows, which keep their numbers.

        Args:
            only: the condition, over the cells.
            size: the number of these rows, where it is known.
        """
        cells = None if self.cells is None else self.cells.filter(only)
        frame = self.frame.filter(only) if cells is None else without_blanks(cells)
        known = None if self.size is None else size
        return replace(
            self, frame=frame, cells=cells, size=known, about=size or self.about, scan=None, whole=self, only=only
        )

    def with_column(self, name: str, expression: pl.Expr) -> Table:
        """Return the table with a further column of text, computed of its cells; not for one that is read in pieces."""

        def added(rows: pl.LazyFrame | None) -> pl.LazyFrame | None:
            return None if rows is None else rows.with_columns(expression.alias(name))

        return replace(
            self, frame=self.frame.with_columns(expression.alias(name)), columns=(*self.columns, name), scan=None,
            cells=added(self.cells), numbered_cells=added(self.numbered_cells),
        )  # fmt: skip

    def with_unreadable(self, headers: Collection[str]) -> Table:
        """Return the table with the text `UNREADABLE` in the filled cells of unreadable columns."""
        marks = [
            pl.when(pl.selectors.by_name(header) == "").then(pl.lit(UNREADABLE)).alias(header)
            for header in headers if header in self.unreadable
        ]  # fmt: skip
        if not marks or self.cells is None:
            return self
        cells = self.cells.with_columns(marks)
        return replace(
            self, cells=cells, frame=without_blanks(cells), scan=None,
            numbered_cells=None if self.numbered_cells is None else self.numbered_cells.with_columns(marks),
            whole=None if self.whole is None else self.whole.with_unreadable(headers),
        )  # fmt: skip

    def renamed(self, names: Mapping[str, str]) -> Table:
        """Return the table with other names of columns; not for one that is read in pieces."""
        if not names:
            return self

        def moved(rows: pl.LazyFrame | None) -> pl.LazyFrame | None:
            return None if rows is None else rows.rename(dict(names))

        def now(columns: Collection[str]) -> tuple[str, ...]:
            return tuple(names.get(column, column) for column in columns)

        back = {new: old for old, new in names.items()}
        scan = self.scan
        return replace(
            self, frame=self.frame.rename(dict(names)), columns=now(self.columns), cells=moved(self.cells),
            numbered_cells=moved(self.numbered_cells), numbers=frozenset(now(self.numbers)),
            mixed=frozenset(now(self.mixed)),
            unreadable={names.get(name, name): words for name, words in self.unreadable.items()},
            repeats={names.get(item, item): now(items) for item, items in self.repeats.items()},
            merged=tuple(replace(item, headers=now(item.headers)) for item in self.merged),
            labels={names.get(item, item): back.get(label, label) for item, label in self.labels.items()},
            value_labels={names.get(item, item): items for item, items in self.value_labels.items()},
            scan=scan and (lambda types: scan({back.get(k, k): v for k, v in types.items()}).rename(dict(names))),
        )  # fmt: skip

    @property
    def file_columns(self) -> tuple[str, ...]:
        """The headers that the file has, of a turned table, too."""
        if self.origin is None:
            return self.columns
        return (*(column for column in self.columns if column not in self.origin.added), *self.origin.headers)

    def all_read(self, rows: int) -> None:
        """Check that all rows were read.

        Polars 2.1 takes a panic of its reader for the end of the batches, and trusts damaged statistics.

        Raises:
            ComputeError: rows are lost.
        """
        if self.size not in (None, rows):
            message = Message("{rows:,} rows are in the file, {read:,} could be read", rows=self.size, read=rows)
            raise pl.exceptions.ComputeError(message)

    def repeated(self, headers: Collection[str] | None = None) -> Diagnostic | None:
        """Return the error (K508) that headers, all or some, occur more than once, None where none does."""
        repeated = [header for header in self.repeats if headers is None or header in headers]
        if not repeated:
            return None
        names = tuple(f"`{name}`" for name in repeated)
        message = Message("1 column name occurs more than once: {name}", name=names[0])
        if len(names) > 1:
            message = Message("{number:,} column names occur more than once: {names}", number=len(names), names=names)
        return Diagnostic("K508", message, self.place(self.header_row), Message("give every column its own name"))

    def place(self, row: int | None = None, column: str | None = None) -> Place:
        """Return the place of a cell, a row or the whole table, as the file has it."""
        if self.origin is not None:
            added = column is None or column in self.origin.added
            if row is not None and row >= self.first_row:
                block = (row - self.first_row) // self.origin.height
                column = self.origin.headers[block] if added else column
                row = self._row_before_turning(row)
            elif added:
                column = None
        if self.adjacent is not None and row is not None and row >= self.first_row:
            at, column = self.adjacent.cell(row - self.first_row, column)
            row = self.first_row + at
        return Place(self.file, sheet=self.sheet, row=row, field=column)

    def row_of(self, row: int) -> int:
        """Return the number that a spreadsheet shows beside a row."""
        row = self._row_before_turning(row)
        if self.adjacent is None or row < self.first_row:
            return row
        return self.first_row + self.adjacent.cell(row - self.first_row, None)[0]

    def _row_before_turning(self, row: int) -> int:
        if self.origin is None or row < self.first_row:
            return row
        return self.first_row + (row - self.first_row) % self.origin.height

    def in_order(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return numbered rows in the order of the file."""
        at = pl.col(ROW).cast(pl.Int64) - self.first_row
        keys = [at]
        if self.origin is not None:
            at = at % self.origin.height
            keys.insert(0, at)
        if self.adjacent is not None and not self.adjacent.rows:
            keys.insert(0, at % self.adjacent.height)
        return rows.sort(keys)


def cause(error: BaseException) -> str:
    """Return the reason in an error of a reader: its message, else the first line of its text, else its type.

    >>> cause(ValueError(Message("a part lies outside the file"))), cause(EOFError())
    ('a part lies outside the file', 'EOFError')
    """
    if error.args and isinstance(error.args[0], Message):
        return error.args[0]
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
