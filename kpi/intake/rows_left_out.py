"""Notes on rows that are about no entity: totals and the like, repeated headings, names without figures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import polars as pl

from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.intake.aggregate_rows import by_name, is_aggregate, listed
from kpi.intake.cells.cell_text import as_text
from kpi.intake.entities import BESIDE, Entities
from kpi.intake.files.table import ROW
from kpi.intake.files.unit_lines import other_unit
from kpi.intake.matching.datasets import Placed
from kpi.intake.matching.entity_codes import repeats_heading
from kpi.intake.shapes.other_headings import refuse_others
from kpi.values import period_texts
from kpi.values.periods import PeriodError

#: The most rows without a name of which the other cells are looked at.
_NAMELESS = 1000


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


class Nameless(NamedTuple):
    """The texts in rows that name no entity and say in another column that they are about none, by row."""

    totals: dict[int, str]
    remarks: dict[int, str]


def nameless(source: Placed, rows: Collection[int], figures: Collection[str]) -> Nameless:
    """Return what rows without a name are: totals and the like, or remarks, which have no other cell.

    A total is named before the column of the entity, as 合计 in that of numbers, or in the column of the period.

    Args:
        source: the table.
        rows: the rows, by `ROW`.
        figures: the headers of its figures.
    """
    table, result = source.table, Nameless({}, {})
    if table.origin is not None or source.who is None or not 0 < len(rows) <= _NAMELESS:
        return result
    keys = {*table.columns[: table.columns.index(source.who)], source.roles.get("period")}
    there = table.numbered().filter(pl.col(ROW).is_in([*rows])).collect()
    for row, *cells in there.select(ROW, *(as_text(header) for header in table.columns)).iter_rows():
        texts = {
            header: str(cell).strip() for header, cell in zip(table.columns, cells, strict=True)
            if cell is not None and str(cell).strip()
        }  # fmt: skip
        total = next((text for header, text in texts.items() if header in keys and is_aggregate(text)), None)
        only = next(iter(texts.items())) if len(texts) == 1 else None
        if only is not None and (is_aggregate(only[1]) or (only[0] not in figures and _is_said(only[1]))):
            result.remarks[row] = only[1]
        elif total is not None:
            result.totals[row] = total
    return result


def _is_said(text: str) -> bool:
    """Return whether a text is of words, neither a number nor a period."""
    try:
        period_texts.parse(text, year=2000)
    except PeriodError:
        return any(letter.isalpha() for letter in text)
    return False


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
