"""Blocks: several tables one below the other on a sheet, each under a line such as 地区：北京 that names one key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.intake.files.headers import clean, role
from kpi.intake.files.table import Table
from kpi.intake.shapes.labels import labelled
from kpi.intake.shapes.table_keys import KEYS
from kpi.intake.shapes.turning import ADDED, new_name

_UNIT = re.compile(r"(?:计量|数据|金额)?单位:\s*(\S+)")

#: The keys that a line above a block can name.
_KEYS = ("entity", "measure", "period")


def has_lines(table: Table) -> bool:
    """Return whether a line above a table names a key that no column does, so that further blocks may follow."""
    return bool(_open_keys(table))


def _open_keys(table: Table) -> list[str]:
    columns = {role(header) for header in table.columns}
    return [
        key for key in _KEYS if labelled(table.titles, key) is not None and (key == "measure" or key not in columns)
    ]


def joined(table: Table) -> tuple[Table, list[Diagnostic]]:
    """Return a table of blocks with a column for each key that their lines name, and the note on it (K565).

    The lines and the headers that are repeated below them become blank. A table of one block stays as it is.

    Raises:
        DataError: K563 the block below such a line has other column names.
    """
    keys = _open_keys(table)
    frame = table.frame.collect() if keys else pl.DataFrame()
    lines: dict[str, dict[int, str]] = {key: {} for key in keys}
    for at, text in _single(frame):
        for key in keys:
            if (line := labelled([text], key)) is not None:
                lines[key][at] = line[0]
    lines = {key: some for key, some in lines.items() if some}
    if not lines:
        return table, []
    rows = sorted({at for some in lines.values() for at in some})
    blank = {*rows, *_headers(table, frame, rows), *_units(table, frame)}
    filled = pl.Series([at not in blank for at in range(frame.height)])
    frame = frame.select(pl.when(filled).then(pl.all()))
    notes, added = [], dict(table.roles)
    for key, some in lines.items():
        first = labelled(table.titles, key)
        assert first is not None  # noqa: S101 - only keys of a title are looked for
        texts = [some.get(at, first[0] if at == 0 else None) for at in range(frame.height)]
        name = new_name(ADDED[key], frame.columns)
        column = pl.Series(name, texts, dtype=pl.String).fill_null(strategy="forward")
        frame = frame.with_columns(pl.when(~pl.all_horizontal(pl.all().is_null())).then(column).alias(name))
        added[key] = name
        message = Message(
            "blocks below each other, with the {key} of each in the line above it: row {row} begins that of `{text}`",
            key=KEYS[key], row=table.first_row + next(iter(some)), text=next(iter(some.values())),
        )  # fmt: skip
        notes.append(Diagnostic("K565", message, table.place(), None, Severity.INFO))
    return replace(
        table, frame=frame.lazy(), columns=tuple(frame.columns), cells=None, numbered_cells=None, scan=None, roles=added
    ), notes


def _single(frame: pl.DataFrame) -> list[tuple[int, str]]:
    """Return the rows with one text, in one cell or merged over several, and a colon in it."""
    if not frame.width or frame.schema[frame.columns[0]] != pl.String:
        return []
    first = frame.to_series(0)
    rows = first.str.contains("[:：]").fill_null(value=False).arg_true().to_list()
    return [(at, clean(str(first[at]))) for at in rows if {cell for cell in frame.row(at) if cell} == {first[at]}]


def _headers(table: Table, frame: pl.DataFrame, rows: Sequence[int]) -> set[int]:
    """Return the rows of the headers that are repeated below the lines of blocks.

    Raises:
        DataError: K563 one of them has other names.
    """
    own = [clean(header) for header in table.columns]
    found = set()
    for at in rows:
        further = (one for one in range(at + 1, frame.height) if len({cell for cell in frame.row(one) if cell}) > 1)
        if (below := next(further, None)) is None:
            continue
        cells = [clean(str(cell)) if cell is not None else "" for cell in frame.row(below)]
        if cells == own:
            found.add(below)
        elif cells[0] == own[0]:
            message = Message(
                "row {row} begins another table, `{line}`, whose column names are not those in row {header}",
                row=table.row_of(table.first_row + at), line=str(frame.row(at)[0]).strip(),
                header=table.header_row or 1,
            )  # fmt: skip
            hint = Message("put every table into a sheet or file of its own")
            raise DataError(Diagnostic("K563", message, table.place(table.first_row + at), hint))
    return found


def _units(table: Table, frame: pl.DataFrame) -> set[int]:
    """Return the rows of blocks that repeat the line 单位：万元 above the table.

    Raises:
        DataError: K563 one of them names another unit.
    """
    found = set()
    for at, text in _single(frame):
        if (unit := _UNIT.fullmatch(text)) is None:
            continue
        if unit[1] != table.unit:
            message = Message(
                "row {row} gives another unit than the line above the table: {unit}", row=table.first_row + at,
                unit=unit[1],
            )  # fmt: skip
            hint = Message("write the units into the names of the figures, like GDP(亿元)")
            raise DataError(Diagnostic("K563", message, table.place(table.first_row + at), hint))
        found.add(at)
    return found
