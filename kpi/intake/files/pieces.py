"""A large text file in pieces of complete rows, read and parsed by several threads, a few pieces at a time.

Only a few pieces are in memory, whatever the size and encoding of the file: there is no complete copy in UTF-8, and
readers do not run ahead. The byte of a line feed has no other meaning in UTF-8 and GB18030, so pieces end at one and
are decoded independently. A piece is accepted only if each of its lines is one row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import polars as pl
from msgspec import Struct
from msgspec.structs import replace
from polars.io.plugins import register_io_source

from kpi.intake.files.delimited import scan
from kpi.intake.files.table_layout import Layout
from kpi.process.prefetch import in_threads

#: The size of a piece in bytes: smaller for GB18030, of which two further copies are made in decoding.
SIZES = {"utf-8": 12 << 20, "gb18030": 8 << 20}

#: How many bytes are searched for the end of a row at a time.
_LOOK = 1 << 16

T = TypeVar("T")


class Pieces(Struct, frozen=True):
    """The rows of a file in pieces.

    Attributes:
        path: the file.
        encoding: `utf-8` or `gb18030`.
        layout: where the rows begin and how many columns there are.
        delimiter: the delimiter of cells.
        names: the kept columns, by position.
    """

    path: Path
    encoding: str
    layout: Layout
    delimiter: str
    names: Mapping[int, str]

    def of(self, columns: Collection[str]) -> Pieces:
        """Return the pieces restricted to some of the columns."""
        return replace(self, names={at: name for at, name in self.names.items() if name in columns})

    def map(self, work: Callable[[Piece], T]) -> Iterator[T]:
        """Yield the result of a function for every piece, in their order; it runs in several threads.

        Raises:
            ComputeError: the bytes are no text in the encoding, or a row has too many cells, or more than one line.
        """
        return in_threads(lambda span: work(self._piece(*span)), self._spans(), more=2)

    def frame(self) -> pl.LazyFrame:
        """Return the rows as texts; the file is read again at each use of the frame."""

        def rows(
            columns: list[str] | None, predicate: pl.Expr | None, most: int | None, _batch: int | None
        ) -> Iterator[pl.DataFrame]:
            for piece in self.map(lambda piece: piece.scan().select(columns or pl.all()).collect()):
                items = piece if most is None else piece.head(most)
                yield items if predicate is None else items.filter(predicate)
                most = None if most is None else most - items.height
                if most == 0:
                    return

        return register_io_source(rows, schema=dict.fromkeys(self.names.values(), pl.String()))

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Yield the first byte of every piece and the one after its last."""
        size, at, most = self.path.stat().st_size, 0, SIZES[self.encoding]
        with self.path.open("rb", buffering=0) as file:
            while at < size:
                end = at + most
                while end < size:
                    file.seek(end)
                    line_end = file.read(_LOOK).find(b"\n")
                    end += _LOOK if line_end < 0 else line_end + 1
                    if line_end >= 0:
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


class Piece(Struct, frozen=True):
    """Complete rows of a file as UTF-8, the layout they are read with, and whether they have quotation marks."""

    content: bytes
    of: Pieces
    quoted: bool = True

    def scan(self, types: Mapping[str, pl.DataType] | None = None) -> pl.LazyFrame:
        """Return the scan of the rows; `types` has the columns that are not read as String."""
        of = self.of
        return scan(self.content, of.layout, of.delimiter, of.names, types, quoted=self.quoted)

    def zeros_are_zero(self) -> bool:
        """Return whether no figure can underflow to zero, as 1e-400 or one with hundreds of digits would."""
        # One byte is searched for at the speed of memory, two bytes at a tenth of it. A run of zeros shows in every
        # 32nd byte.
        text = self.content
        if b"0" * 9 in text[::32] and b"0" * 300 in text:
            return False
        return not any(mark in text and mark + b"-" in text for mark in (b"e", b"E"))


def _paired(content: bytes) -> bool:
    """Return whether every line has an even number of quotation marks, so that no cell spans lines."""
    lines = pl.scan_csv(content, has_header=False, schema={"line": pl.String}, separator="\x01", quote_char=None)
    odd = pl.col("line").str.count_matches('"', literal=True) % 2
    return not lines.select(odd.sum()).collect().item()
