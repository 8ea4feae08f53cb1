"""A large text file in pieces of whole rows, read and parsed by several threads, a few pieces at a time.

What is in memory of the file is a few pieces, whatever its size and encoding: neither a whole copy in UTF-8 is made,
nor does a reader run ahead. A line feed is a line feed in UTF-8 and GB18030 wherever it stands, so pieces end at one
and are decoded each for itself. A piece is only taken where every one of its lines is one row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import polars as pl
from polars.io.plugins import register_io_source

from kpi.intake.files.delimited import scan
from kpi.intake.files.table_layout import Layout
from kpi.process.prefetch import in_threads

#: How many bytes of the file a piece has: of two that are decoded from it and encoded, fewer.
SIZES = {"utf-8": 12 << 20, "gb18030": 8 << 20}

#: How many bytes are looked at for the end of a row.
_LOOK = 1 << 16

T = TypeVar("T")


@dataclass(frozen=True)
class Pieces:
    """The rows of a file in pieces.

    Attributes:
        path: the file.
        encoding: `utf-8` or `gb18030`.
        layout: where the rows begin and how many columns there are.
        delimiter: what parts the cells.
        names: the columns that are kept, by position.
    """

    path: Path
    encoding: str
    layout: Layout
    delimiter: str
    names: Mapping[int, str]

    def of(self, columns: Collection[str]) -> Pieces:
        """Returns the pieces with some of the columns only."""
        return replace(self, names={at: name for at, name in self.names.items() if name in columns})

    def map(self, work: Callable[[Piece], T]) -> Iterator[T]:
        """Yields what some work makes of every piece, in their order; it runs in several threads.

        Raises:
            ComputeError: the bytes are no text in the encoding, or a row has too many cells, or more than one line.
        """
        return in_threads(lambda span: work(self._piece(*span)), self._spans(), more=2)

    def frame(self) -> pl.LazyFrame:
        """Returns the rows as texts, read anew wherever the frame is used."""

        def rows(
            columns: list[str] | None, predicate: pl.Expr | None, most: int | None, _batch: int | None
        ) -> Iterator[pl.DataFrame]:
            for piece in self.map(lambda piece: piece.scan().select(columns or pl.all()).collect()):
                some = piece if most is None else piece.head(most)
                yield some if predicate is None else some.filter(predicate)
                most = None if most is None else most - some.height
                if most == 0:
                    return

        return register_io_source(rows, schema=dict.fromkeys(self.names.values(), pl.String()))

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Yields where pieces begin and end."""
        size, at, most = self.path.stat().st_size, 0, SIZES[self.encoding]
        with self.path.open("rb", buffering=0) as file:
            while at < size:
                end = at + most
                while end < size:
                    file.seek(end)
                    found = file.read(_LOOK).find(b"\n")
                    end += _LOOK if found < 0 else found + 1
                    if found >= 0:
                        break
                yield at, min(end, size)
                at = end

    def _piece(self, first: int, after: int) -> Piece:
        with self.path.open("rb", buffering=0) as file:
            file.seek(first)
            content = file.read(after - first)
        if self.encoding != "utf-8":
            try:
                content = content.decode(self.encoding).encode()
            except UnicodeDecodeError as error:
                raise pl.exceptions.ComputeError(f"the bytes are no {self.encoding}: {error}") from error
        quoted = b'"' in content
        if quoted and not _paired(content):
            raise pl.exceptions.ComputeError("a row may have more than one line")
        return Piece(content, self if first == 0 else replace(self, layout=replace(self.layout, body=0)), quoted)


@dataclass(frozen=True)
class Piece:
    """Whole rows of a file as UTF-8, how they are read, and whether there are quotation marks among them."""

    content: bytes
    of: Pieces
    quoted: bool = True

    def scan(self, types: Mapping[str, pl.DataType] | None = None) -> pl.LazyFrame:
        """Returns the scan of the rows; `types` of columns that are not read as String."""
        of = self.of
        return scan(self.content, of.layout, of.delimiter, of.names, types, quoted=self.quoted)

    def zeros_are_zero(self) -> bool:
        """Returns whether no figure can be so small that it is read as zero: 1e-400, or hundreds of digits."""
        # A mark of one byte is found at the speed of memory, one of two at a tenth of it. A run of zeros is seen by
        # looking at every 32nd byte.
        text = self.content
        if b"0" * 9 in text[::32] and b"0" * 300 in text:
            return False
        return not any(mark in text and mark + b"-" in text for mark in (b"e", b"E"))


def _paired(content: bytes) -> bool:
    """Returns whether every line has an even number of quotation marks, so that none goes on in the next."""
    lines = pl.scan_csv(content, has_header=False, schema={"line": pl.String}, separator="\x01", quote_char=None)
    odd = pl.col("line").str.count_matches('"', literal=True) % 2
    return not lines.select(odd.sum()).collect().item()
