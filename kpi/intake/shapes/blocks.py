"""Blocks: several tables one below the other on a sheet, each under a line such as 地区：北京 that names one key."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.intake.files.headers import clean, role
from kpi.intake.files.table import ROW, Table
from kpi.intake.files.unit_lines import is_unit_line, other_unit
from kpi.intake.shapes.labels import labelled, named_inside, period_in
from kpi.intake.shapes.table_keys import KEYS, period_of_table
from kpi.intake.shapes.turning import ADDED, new_name
from kpi.values.timelines import Timeline

#: The keys that a line above a block can name.
_KEYS = ("entity", "measure", "period")


def has_lines(table: Table, timeline: Timeline) -> bool:
    """Return whether a line above a table names a key that no column does, so that further blocks may follow."""
    return bool(_open_keys(table)) or (
        _may_have_periods(table, timeline) and _period_of_titles(table, timeline) is not None
    )


def _open_keys(table: Table) -> list[str]:
    columns = {role(header) for header in table.columns}
    return [
        key for key in _KEYS if labelled(table.titles, key) is not None and (key == "measure" or key not in columns)
    ]


def _may_have_periods(table: Table, timeline: Timeline) -> bool:
    """Return whether lines without a label may be periods: no column or heading has them, and no line with a label."""
    return labelled(table.titles, "period") is None and not any(
        role(header) == "period" or period_in(header, timeline=timeline) is not None for header in table.columns
    )


def _period_of_titles(table: Table, timeline: Timeline) -> str | None:
    """Return the period that a line above a table is or, where none is, names; None without one."""
    bare = [title for title in table.titles if period_in(title, timeline=timeline) is not None]
    named = [text for title in table.titles if (text := named_inside(title, timeline)) is not None]
    return next(iter([*bare, *named]), None)


def joined(table: Table, timeline: Timeline, *, bare: bool = True) -> tuple[Table, list[Diagnostic]]:
    """Return a table of blocks with a column for each key that their lines name, and the note on it (K565).

    The lines and the headers that are repeated below them become blank. A table of one block stays as it is.

    Args:
        table: the table.
        timeline: what its periods count.
        bare: whether lines of a period without a label, such as 2023年, count, too.

    Raises:
        DataError: K563 the block below such a line has other column names.
    """
    keys = _open_keys(table)
    bare = bare and table.pieces is None and _may_have_periods(table, timeline)
    frame = table.frame.collect() if keys else pl.DataFrame()
    lines: dict[str, dict[int, str]] = {key: {} for key in keys}
    if bare and (periods := _lines_of_periods(table, timeline)):
        frame = table.frame.collect()
        lines["period"] = periods
    for at, text in _single(frame):
        for key in keys:
            if (line := labelled([text], key)) is not None:
                lines[key][at] = line[0]
    lines = {key: group for key, group in lines.items() if group}
    if not lines:
        return table, []
    rows = sorted({at for group in lines.values() for at in group})
    blank = {*rows, *_headers(table, frame, rows), *_units(table, frame, rows)}
    filled = pl.Series([at not in blank for at in range(frame.height)])
    frame = frame.select(pl.when(filled).then(pl.all()))
    notes, added = [], dict(table.roles)
    for key, items in lines.items():
        line = labelled(table.titles, key)
        first = line[0] if line is not None else _period_before(table, timeline)
        texts = [items.get(at, first if at == 0 else None) for at in range(frame.height)]
        name = new_name(ADDED[key], frame.columns)
        column = pl.Series(name, texts, dtype=pl.String).fill_null(strategy="forward")
        frame = frame.with_columns(pl.when(~pl.all_horizontal(pl.all().is_null())).then(column).alias(name))
        added[key] = name
        message = Message(
            "blocks below each other, with the {key} of each in the line above it: row {row} begins that of `{text}`",
            key=KEYS[key], row=table.first_row + next(iter(items)), text=next(iter(items.values())),
        )  # fmt: skip
        notes.append(Diagnostic("K565", message, table.place(), None, Severity.INFO))
    return replace(
        table, frame=frame.lazy(), columns=tuple(frame.columns), cells=None, numbered_cells=None, scan=None, roles=added
    ), notes


def _period_before(table: Table, timeline: Timeline) -> str | None:
    """Return the period of the rows before the first line of a period: that of the titles, else of sheet or file."""
    if (text := _period_of_titles(table, timeline)) is not None:
        return text
    surrounding = period_of_table(table, timeline)
    return None if surrounding is None else surrounding[0]


def _lines_of_periods(table: Table, timeline: Timeline) -> dict[int, str]:
    """Return the periods that stand alone in rows, such as 2023年, by the row, from 0; only where rows follow.

    A line that names its period among other words, such as 各县指标（2023年）, counts where the heading follows it. A
    bare number counts where the line above the table is a period.
    """
    schema = table.frame.collect_schema()
    texts = [header for header in table.columns[:2] if schema[header] == pl.String]
    if len(table.columns) < 2 or not texts:
        return {}
    column = pl.coalesce(pl.selectors.by_name(header) for header in texts).alias("cell")
    alone = pl.all_horizontal(_blank_or_same(header, column) for header in table.columns)
    numbered = table.frame.with_row_index(ROW)
    rows = numbered.filter(alone & column.str.contains(r"\d")).select(ROW, column).collect()
    if rows.is_empty():
        return {}
    if any(_has_periods(numbered.filter(~alone), header, timeline) for header in texts):
        return {}  # one of the periods has no figure
    numbers = _period_of_titles(table, timeline) is not None
    periods: dict[int, str] = {}
    frame: pl.DataFrame | None = None
    for at, cell in rows.rows():
        text = clean(cell)
        named = None
        if period_in(text, timeline=timeline) is not None and (numbers or not text.isdigit()):
            named = text
        elif (inside := named_inside(text, timeline)) is not None and not text.isdigit():
            frame = table.frame.collect() if frame is None else frame
            named = inside if _headers(table, frame, [at]) else None
        if named is not None:
            periods[at] = named
    if periods:
        below = table.frame.slice(max(periods) + 1).select(pl.any_horizontal(pl.all().is_not_null()).any())
        if not below.collect().item():
            del periods[max(periods)]
    return periods


def _has_periods(rows: pl.LazyFrame, header: str, timeline: Timeline) -> bool:
    cells = rows.select(pl.selectors.by_name(header).as_expr().unique()).collect().to_series().drop_nulls()
    return any(period_in(clean(text), timeline=timeline) is not None for text in cells)


def _blank_or_same(header: str, column: pl.Expr) -> pl.Expr:
    cell = pl.selectors.by_name(header).as_expr()
    return cell.is_null() | (cell.cast(pl.String) == column)


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
    result = set()
    for at in rows:
        further = (item for item in range(at + 1, frame.height) if len({cell for cell in frame.row(item) if cell}) > 1)
        if (below := next(further, None)) is None:
            continue
        cells = [clean(str(cell)) if cell is not None else "" for cell in frame.row(below)]
        if cells == own:
            result.add(below)
        elif cells[0] == own[0]:
            message = Message(
                "row {row} begins another table, `{line}`, whose column names are not those in row {header}",
                row=table.row_of(table.first_row + at), line=str(frame.row(at)[0]).strip(),
                header=table.header_row or 1,
            )  # fmt: skip
            hint = Message("put every table into a sheet or file of its own")
            raise DataError(Diagnostic("K563", message, table.place(table.first_row + at), hint))
    return result


def _units(table: Table, frame: pl.DataFrame, lines: Sequence[int]) -> set[int]:
    """Return the rows of blocks that repeat the line 单位：万元 above the table.

    Args:
        table: the table.
        frame: its rows.
        lines: the rows with the lines above blocks.

    Raises:
        DataError: K563 one of them names another unit.
    """
    result = set()
    first = frame.to_series(0)
    for at, text in [*_single(frame), *((line, clean(str(first[line]))) for line in lines)]:
        if (unit := other_unit(text, table.unit)) is not None:
            raise DataError(Diagnostic("K563", unit[0], table.place(table.first_row + at), unit[1]))
        if is_unit_line(text):
            result.add(at)
    return result
