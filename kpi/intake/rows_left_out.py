"""The notes on rows that are about no unit: totals and the like, repeated headings, names without figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.aggregate_rows import by_name, listed
from kpi.intake.entities import BESIDE, Entities
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed
from kpi.intake.matching.entity_codes import repeats_heading


def left_out_notes(source: Placed, rows: pl.DataFrame, entities: Entities) -> list[Diagnostic]:
    """Returns the notes on rows that are left out for what they are called: one on totals, one on headings.

    Args:
        source: the table.
        rows: the rows: `ROW` and the text that says who they are about.
        entities: tells which names denote no unit.
    """
    totals: list[tuple[str, int]] = []
    headings: list[int] = []
    for row, text in rows.select(ROW, "text").rows():
        code, _, name = str(text).rpartition(BESIDE)
        if name and entities.excluded(name):
            totals.append((name, source.table.row_of(row)))
        elif repeats_heading(source, name or code):
            headings.append(source.table.row_of(row))
    notes = []
    if totals:
        message = Message("left out, as totals and the like are no units: {totals}", totals=listed(by_name(totals)))
        way = "name it in the roster" if entities.closed else "write `entities: {keep: [...]}`"
        notes.append(
            Diagnostic(
                "K612",
                message,
                source.table.place(None, source.who),
                Message("if one is a unit, {way}", way=way),
                Severity.INFO,
            )
        )
    if headings:
        place = source.table.place(min(headings), source.who)
        words = count(len(set(headings)), "row")
        message = Message(
            "{words} left out that {verb} the heading",
            words=words,
            verb=Message("repeats") if len(set(headings)) == 1 else Message("repeat"),
        )
        notes.append(Diagnostic("K615", message, place, None, Severity.INFO))
    return notes


def figureless_note(source: Placed, rows: Mapping[str, Iterable[int]], *, closed: bool) -> Diagnostic:
    """Returns the note on names that have no figure in a table, and are taken for headings or remarks.

    Args:
        source: the table.
        rows: the rows of each name.
        closed: whether a roster says who there is, which does not name them.
    """
    message = Message(
        "no figure, so not taken as {verb}: {rows}",
        verb=Message("a unit") if len(rows) == 1 else Message("units"),
        rows=listed({name: [source.table.row_of(row) for row in some] for name, some in rows.items()}),
    )
    hint = Message("if one is a unit, name it in the roster")
    if not closed:
        hint = Message("if one is a unit, mark what is missing with —, or use a roster or `entities: {{keep: [...]}}`")
    return Diagnostic("K614", message, source.table.place(None, source.who), hint, Severity.INFO)
