"""Notes on rows that are about no entity: totals and the like, repeated headings, names without figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.intake.aggregate_rows import by_name, listed
from kpi.intake.entities import BESIDE, Entities
from kpi.intake.files.table import ROW
from kpi.intake.files.unit_lines import other_unit
from kpi.intake.matching.datasets import Placed
from kpi.intake.matching.entity_codes import repeats_heading
from kpi.intake.shapes.other_headings import refuse_others


def left_out_notes(source: Placed, rows: pl.DataFrame, entities: Entities) -> list[Diagnostic]:
    """Return the notes on rows that are left out because of their name: one on totals, one on headings.

    Args:
        source: the table.
        rows: the rows: `ROW` and `text`, the name or code in each.
        entities: the entities, which decide on names of totals.

    Raises:
        DataError: K563 a heading is not that of the table.
    """
    totals: list[tuple[str, int]] = []
    headings: list[tuple[int, int]] = []
    for row, text in rows.select(ROW, "text").rows():
        code, _, name = str(text).rpartition(BESIDE)
        if name and entities.excluded(name):
            totals.append((name, source.table.row_of(row)))
        elif repeats_heading(source, name or code):
            headings.append((source.table.row_of(row), row))
    notes = []
    if totals:
        message = Message("left out, as totals and the like are no units: {totals}", totals=listed(by_name(totals)))
        hint = Message("if one is a unit, name it in the roster")
        if not entities.closed:
            hint = Message("if one is a unit, write `entities: {{keep: [...]}}`")
        notes.append(Diagnostic("K612", message, source.table.place(None, source.who), hint, Severity.INFO))
    if headings:
        if source.table.origin is None and source.who is not None:
            # Of a table in pieces this is the first look at the rows.
            there = pl.col(ROW).is_in([row for _, row in headings])
            refuse_others(source.table, source.table.numbered().filter(there).collect(), source.who)
        place = source.table.place(min(headings)[0], source.who)
        message = Message("1 row left out that repeats the heading")
        if (number := len({shown for shown, _ in headings})) > 1:
            message = Message("{number:,} rows left out that repeat the heading", number=number)
        notes.append(Diagnostic("K615", message, place, None, Severity.INFO))
    return notes


def figureless_note(source: Placed, rows: Mapping[str, Iterable[int]], *, closed: bool) -> Diagnostic:
    """Return the note on names without any figure in a table, which are taken for headings or remarks.

    Args:
        source: the table.
        rows: the rows of each name.
        closed: whether a roster lists all entities.

    Raises:
        DataError: K563 one of them gives the rows below it another unit.
    """
    for name, items in rows.items():
        if (unit := other_unit(name, source.table.unit)) is not None:
            place = source.table.place(source.table.row_of(min(items)), source.who)
            raise DataError(Diagnostic("K563", unit[0], place, unit[1]))
    named = listed({name: [source.table.row_of(row) for row in items] for name, items in rows.items()})
    message = Message("no figure, so not taken as a unit: {name}", name=named)
    if len(rows) > 1:
        message = Message("no figure, so not taken as units: {names}", names=named)
    hint = Message("if one is a unit, name it in the roster")
    if not closed:
        hint = Message("if one is a unit, mark what is missing with —, or use a roster or `entities: {{keep: [...]}}`")
    return Diagnostic("K614", message, source.table.place(None, source.who), hint, Severity.INFO)
