"""Report raters' scores that do not count: of a group without a weight, or with a grade without points."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from kpi.errors import Diagnostic, Message, Place, Severity, commas
from kpi.intake.entities import Entities
from kpi.intake.reported.roster_targets import named
from kpi.language.system import System


def unused_ratings(frame: pl.DataFrame, system: System, entities: Entities) -> Iterator[Diagnostic]:
    """Yield a finding for each rating of which rows do not count.

    Args:
        frame: the panel, with the measures that the ratings stand for.
        system: gives the ratings.
        entities: the entities, in the order of their places.
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
        fields = {
            "title": system.symbols[name].title, "names": named(units),
            "columns": commas(
                Message("`{column}` is none of {values}", column=column, values=tuple(values))
                for column, values in unused.columns.items()
            ),
        }  # fmt: skip
        message = Message("1 row does not count for {title} ({names}): {columns}", **fields)
        if many > 1:
            message = Message("{rows:,} rows do not count for {title} ({names}): {columns}", rows=many, **fields)
        hint = Message("correct the cells, or give the group a weight or the grade its points")
        yield Diagnostic("K861", message, Place(), hint, Severity.WARNING)
