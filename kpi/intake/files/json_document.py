"""JSON documents: an array of objects is a table, alone or as the only one within an object; also an array of rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake.files.choice import Selection
from kpi.intake.files.sheets import SheetCells, tables_of
from kpi.intake.files.table import Scratch, Table
from kpi.intake.files.workbook_xml import MOST_COLUMNS, Marks, too_large
from kpi.process.limits import make_sure

#: The most bytes of memory per byte of a document while it is read.
_GROWTH = 12
#: How deep in a document arrays are looked for.
_DEEPEST = 5

_HINT = Message(
    "write an array of objects, [{{...}}, {{...}}], or one object a line, without brackets or commas between them "
    "(JSON lines)"
)


def document_of(path: Path, place: Place) -> Any:
    """Return the content of a JSON document in UTF-8.

    Raises:
        DataError: K503 no JSON, K570 too large.
    """
    make_sure(path.stat().st_size * _GROWTH, Message("the JSON document {file}", file=place.file))
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except RecursionError:
        raise _refused(Message("the JSON document is nested too deeply"), place) from None
    except ValueError as error:
        raise _refused(Message("the JSON document is damaged: {error}", error=str(error)), place) from None


def found_array(document: Any, place: Place) -> tuple[list[Any], list[Diagnostic]]:
    """Return the only array of objects, or of rows, in a JSON document, and the note on where it is.

    Raises:
        DataError: K503 no array or several.
    """
    arrays = [*_arrays(document, ())]
    if not arrays:
        raise _refused(Message("the file is a JSON document, not a table"), place)
    if len(arrays) > 1:
        named = tuple(f"`{'.'.join(keys)}`" for keys, _ in arrays[:12])
        raise _refused(Message("the JSON document holds several tables: {arrays}", arrays=named), place)
    ((keys, array),) = arrays
    if not keys:
        return array, []
    message = Message("the table is `{array}` of the JSON document; all else in it is left out", array=".".join(keys))
    return array, [Diagnostic("K532", message, place, severity=Severity.INFO)]


def lines_of(array: list[dict[str, Any]]) -> Scratch:
    """Return objects as JSON lines."""
    scratch = Scratch(".jsonl")
    with scratch.path.open("w", encoding="utf-8") as lines:
        for row in array:
            json.dump(row, lines)
            lines.write("\n")
    return scratch


def read_rows(rows: list[list[Any]], place: Place, notes: list[Diagnostic], selection: Selection) -> tuple[Table, ...]:
    """Return the table of an array of rows, the first of which are its header.

    Raises:
        DataError: as `find_layout`.
    """
    width = max(map(len, rows))
    if width > MOST_COLUMNS:
        raise too_large(Marks(rows=len(rows), columns=width), place)
    texts = [[_as_text(cell) for cell in row] + [None] * (width - len(row)) for row in rows]
    cells = pl.DataFrame([pl.Series(str(at), [row[at] for row in texts], dtype=pl.String) for at in range(width)])
    marks = Marks(rows=len(rows), columns=width, last_text=dict.fromkeys(range(width), len(rows)))
    first, *others = tables_of([SheetCells(None, visible=True, cells=cells, marks=marks)], place, selection)
    return (replace(first, notes=(*notes, *first.notes)), *others)


def _refused(message: Message, place: Place) -> DataError:
    return DataError(Diagnostic("K503", message, place, _HINT))


def _arrays(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield the arrays that are tables, each with the keys that lead to it; none within another."""
    rows = isinstance(value, list) and bool(value)
    if rows and (all(isinstance(item, dict) for item in value) or all(map(_is_row, value))):
        yield keys, value
        return
    if len(keys) < _DEEPEST:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in inner:
            yield from _arrays(item, (*keys, str(key)))


def _is_row(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and not any(isinstance(item, list | dict) for item in value)


def _as_text(cell: Any) -> str | None:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    return cell if isinstance(cell, str) else str(cell).lower() if isinstance(cell, bool) else repr(cell)
