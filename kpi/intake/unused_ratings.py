"""Report raters' scores that do not count: of a group without a weight, a grade without points, or beyond the scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, commas, first_names
from kpi.intake.cells.cell_text import as_text
from kpi.intake.entities import Entities
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed, column_of
from kpi.language.datasets import Records
from kpi.language.indicators.base import Unused
from kpi.language.system import System


def unused_ratings(
    frame: pl.DataFrame, system: System, entities: Entities, sources: Sequence[Placed] = ()
) -> Iterator[Diagnostic]:
    """Yield a finding for each rating of which rows do not count.

    Args:
        frame: the panel, with the measures that the ratings stand for.
        system: gives the ratings.
        entities: the entities, in the order of their places.
        sources: the tables, of which the finding names the first cell that does not count.
    """
    for name, indicator in system.indicators.items():
        unused = indicator.unused_rows(name)
        if unused is None or unused.measure not in frame.columns:
            continue
        rows = frame.filter(pl.col(unused.measure) > 0)
        if not rows.height:
            continue
        units = [entities.names[place] for place in rows["entity"].unique(maintain_order=True)]
        many = int(rows[unused.measure].sum())
        why = [
            *(
                Message("`{column}` is none of {values}", column=column, values=tuple(values))
                for column, values in unused.columns.items()
            ),
            *(
                Message("`{column}` is not from {low:g} to {high:g}", column=column, low=low, high=high)
                for column, (low, high) in unused.scales.items()
            ),
        ]
        fields = {"title": system.symbols[name].title, "names": first_names(units), "columns": commas(why)}
        message = Message("1 row does not count for {title} ({names}): {columns}", **fields)
        if many > 1:
            message = Message("{rows:,} rows do not count for {title} ({names}): {columns}", rows=many, **fields)
        place, text = _first_cell(unused, system.measures[unused.measure].source, sources)
        if text is not None:
            message = Message("{message}; the first is `{text}`", message=message, text=text)
        hint = Message("correct the cells, or give the group a weight, the grade its points, or the scores their scale")
        yield Diagnostic("K861", message, place, hint, Severity.WARNING)


def _first_cell(unused: Unused, dataset: str | None, sources: Sequence[Placed]) -> tuple[Place, str | None]:
    """Return the place and the text of the first cell that is none of the values of its column, or beyond its scale."""
    text, number = pl.col("text"), pl.col("text").cast(pl.Float64, strict=False)
    strange = {column: ~text.is_in(list(values)) for column, values in unused.columns.items()}
    strange |= {column: ~number.is_between(low, high) for column, (low, high) in unused.scales.items()}
    for source in sources:
        if not isinstance(source.dataset, Records) or dataset not in (None, source.name):
            continue
        for column, beyond in strange.items():
            known = column_of(source.table, column)
            if known is None:
                continue
            texts = source.table.numbered().select(ROW, text=as_text(known[0]).str.strip_chars())
            first = texts.filter(text.is_not_null() & beyond).head(1).collect()
            if first.height:
                row, shown = first.row(0)
                return source.table.place(row, known[0]), shown
    return Place(), None
