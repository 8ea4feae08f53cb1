"""Large text files, whose rows are checked while they are used rather than in a separate pass.

A file of many million rows is nearly always well-formed: UTF-8 or GB18030, one row a line, no row with too many cells.
That is assumed after a look at its beginning and end. Reading its rows fails otherwise
(`kpi.intake.reported.read_plan`), and the file is then read again by `kpi.intake.files.delimited`, which reports or
repairs malformed rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from kpi.errors import Place
from kpi.intake.files.delimited import delimiter_of, encoding_note, head_rows, long_cells, scan
from kpi.intake.files.encoding import Text, encoding_of_sample
from kpi.intake.files.pieces import Pieces
from kpi.intake.files.table import FIRST_ROWS, Table
from kpi.intake.files.table_layout import SEARCHED, find_layout, trailing_notes

#: The size in bytes from which a text file is large.
LARGE = 64 * 1024**2

#: How many bytes are inspected at the beginning and at the end.
LOOK = 1 << 20


@long_cells()
def read_large(path: Path, place: Place, decoded: Text | None = None, *, declared: Sequence[int] = ()) -> Table | None:
    """Return the table of a large file in UTF-8 or GB18030, its rows unchecked, or None for any other file.

    Args:
        path: the file.
        place: the place of the file in messages.
        decoded: the decoded copy, where the file had another encoding.
        declared: the rows of the header, from 1, that a definition names.

    Raises:
        DataError: K504 as `find_layout`.
    """
    size = path.stat().st_size
    if size < LARGE:
        return None
    with path.open("rb") as file:
        beginning = file.read(LOOK)
        file.seek(max(size - LOOK, 0))
        end = file.read()
    # A quoted cell at the end may have begun before it; a null byte belongs to UTF-16.
    if len(beginning) == size or b"\0" in beginning or b'"' in end:
        return None
    beginning = beginning[: beginning.rfind(b"\n") + 1]
    encoding = encoding_of_sample(beginning)
    try:
        text = beginning.decode(encoding).removeprefix("\ufeff")
        # Without quotation marks a row is a line.
        tail = b"".join(end.splitlines(keepends=True)[1:][-SEARCHED:]).decode(encoding)
    except UnicodeDecodeError:
        return None
    delimiter = delimiter_of(text)
    head = head_rows(io.StringIO(text, newline=""), delimiter, place, whole=False)
    last = [[cell or None for cell in row] for row in csv.reader(io.StringIO(tail, newline=""), delimiter=delimiter)]
    if len(head) < SEARCHED or len(last) < SEARCHED or trailing_notes(last):
        return None
    layout = find_layout(head, place, declared=declared)
    if not all(layout.columns):
        return None
    names = dict(enumerate(layout.columns))
    pieces = Pieces(path, encoding, layout, delimiter, names)
    if decoded is None and encoding != "utf-8":
        decoded = Text(path, encoding.upper(), 0)
    frame = scan(path, layout, delimiter, names) if encoding == "utf-8" else pieces.frame()
    first_rows = None
    if '"' not in text:  # a quoted cell may go on behind what was read
        sample = text.removesuffix("\n").encode()
        first_rows = frame, scan(sample, layout, delimiter, names).head(FIRST_ROWS).collect(engine="in-memory")
    return Table(
        file=place.file or "",
        sheet=place.sheet,
        frame=frame,
        columns=layout.columns,
        first_row=layout.body + 1,
        unit=layout.unit,
        about=_about(size, beginning, end),
        titles=layout.titles,
        depth=layout.depth,
        header_row=layout.header + 1,
        repeats=layout.repeats,
        labels=layout.labels,
        notes=layout.notes if decoded is None else (encoding_note(decoded, place), *layout.notes),
        scratch=None if decoded is None else decoded.scratch,
        pieces=pieces,
        first_rows=first_rows,
    )


def _about(size: int, *parts: bytes) -> int:
    r"""Estimate the number of lines of a file, to two digits, from its size (bytes) and samples of it.

    >>> _about(100_000_000, b"2023-01,a,1\n" * 100, b"2023-12,b,12\n" * 100)
    8000000
    """
    lines = size * sum(part.count(b"\n") for part in parts) / sum(map(len, parts))
    return int(float(f"{lines:.1e}"))
