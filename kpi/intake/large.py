"""Large text files: their rows are checked while they are used rather than in a pass of its own beforehand.

A file of many million rows is nearly always as it should be: UTF-8, one row a line, no row with too many cells. So it
is taken for that after a look at its beginning and end and a count of its lines. Whoever reads it all finds out, raises
`Unfit` where it is otherwise, and the file is read anew by `kpi.intake.delimited`, which says what is wrong or mends
it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from kpi.errors import Place
from kpi.intake.delimited import delimiter_of, encoding_note, head_rows, scan
from kpi.intake.encoding import Text
from kpi.intake.layout import SEARCHED, find_layout, trailing_notes
from kpi.intake.table import Table

#: The size in bytes from which a text file is large.
LARGE = 64 * 1024**2

#: How many bytes are looked at, at the beginning and at the end.
LOOK = 1 << 20


class Unfit(Exception):  # noqa: N818 - a turn of the way, not an error that leaves the package
    """A large file is not as it was taken for."""


def read_large(path: Path, place: Place, made: Text | None = None) -> Table | None:
    """Returns the table of a large UTF-8 file, its rows unchecked (`Table.expected`), or None for any other file.

    Args:
        path: the file.
        place: the name to show.
        made: how the file was made of one in another encoding.

    Raises:
        DataError: K504 and K508 as `find_layout`.
    """
    size = path.stat().st_size
    if size < LARGE:
        return None
    with path.open("rb") as file:
        beginning = file.read(LOOK)
        file.seek(max(size - LOOK, 0))
        end = file.read()
    # What is quoted at the end may have begun before it; a null byte belongs to UTF-16.
    if len(beginning) == size or b"\0" in beginning or b'"' in end:
        return None
    try:
        text = beginning[: beginning.rfind(b"\n") + 1].decode("utf-8-sig")
        tail = end[end.find(b"\n") + 1 :].decode()
    except UnicodeDecodeError:
        return None
    delimiter = delimiter_of(text)
    head = head_rows(io.StringIO(text, newline=""), delimiter, place, whole=False)
    last = [[cell or None for cell in row] for row in csv.reader(io.StringIO(tail, newline=""), delimiter=delimiter)]
    if len(head) < SEARCHED or len(last) < SEARCHED or trailing_notes(last[-SEARCHED:]):
        return None
    layout = find_layout(head, place)
    if not all(layout.columns):
        return None
    names = dict(enumerate(layout.columns))
    return Table(
        file=place.file or "",
        sheet=place.sheet,
        frame=scan(path, layout, delimiter, names),
        columns=layout.columns,
        first_row=layout.body + 1,
        unit=layout.unit,
        titles=layout.titles,
        notes=layout.notes if made is None else (encoding_note(made, place), *layout.notes),
        scratch=None if made is None else made.scratch,
        scan=lambda types: scan(path, layout, delimiter, names, types),
        expected=_beside(path, layout.body),
    )


def _beside(path: Path, above: int) -> Callable[[], int]:
    """Returns what gives the number of lines of a file below the first, which are counted while it is read."""
    pool = ThreadPoolExecutor(1, "lines")
    lines = pool.submit(_lines, path)
    pool.shutdown(wait=False)
    return lambda: lines.result() - above


def _lines(path: Path) -> int:
    """Returns the number of lines of a file, the last one with or without a break.

    Polars counts them faster than `bytes.count`. A path it would map whole into memory, so it gets piece by piece.
    """
    lines, ended = 0, True
    with path.open("rb", buffering=0) as file:
        while piece := file.read(4 * LOOK):
            frame = pl.scan_csv(piece, has_header=False, schema={"line": pl.String}, separator="\x01", quote_char=None)
            ended = piece.endswith(b"\n")
            lines += int(frame.select(pl.len()).collect().item()) - (not ended)
    return lines + (not ended)
